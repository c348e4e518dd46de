"""Twenty-one checks over the events of gen_events.py, by the tools a team would otherwise use; for `checks`.

usage: check_frames.py EVENTS.parquet duckdb|polars|polars_file|pandera|pandera_polars|gx [--repeats 3] [--threads 2]

5 columns without nulls, 3 ranges, 3 lists, 3 patterns, 3 lengths, one condition across columns, the row count, a mean, and no two rows alike in four columns. `duckdb` is one
SELECT with a filter a check and one for the uniqueness, straight from the file; `polars` one lazy select over a frame in memory and one for the uniqueness, `polars_file` the same
from the file; `pandera` (over pandas and over Polars) and `gx` (Great Expectations 1.x, pandas) judge a frame in memory. Prints one JSON line: seconds to load, seconds to check, peak memory.
"""
import argparse
import datetime as dt
import json
import os
import resource
import statistics
import time

ap = argparse.ArgumentParser()
ap.add_argument("file")
ap.add_argument("engine")
ap.add_argument("--repeats", type=int, default=3)
ap.add_argument("--threads", type=int, default=2)
ap = ap.parse_args()
os.environ["POLARS_MAX_THREADS"] = str(ap.threads)

COLUMNS = ["customer_id", "ts", "event_type", "category", "amount", "channel"]
KEY = COLUMNS[:4]
TYPES = ["view", "click", "add_to_cart", "purchase", "refund", "email_open"]
CATEGORIES = [f"cat_{c}" for c in "abcdefghijkl"]
CHANNELS = ["web", "app", "email", "store", "ads"]
LOW, HIGH = dt.datetime(2026, 3, 1), dt.datetime(2026, 6, 2)
SETS = {"event_type": TYPES, "category": CATEGORIES, "channel": CHANNELS}
PATTERNS = {"category": "^cat_[a-l]$", "event_type": "^[a-z_]+$", "channel": "^[a-z]+$"}
LENGTHS = {"event_type": (3, 20), "category": (5, 5), "channel": (3, 10)}


def duckdb():
    import duckdb as engine
    connection = engine.connect()
    connection.execute(f"set threads={ap.threads}")
    listed = lambda values: ", ".join(f"'{v}'" for v in values)
    holds = [f"{c} is not null" for c in COLUMNS if c != "amount"]
    holds += ["customer_id between 0 and 100000000", f"ts between timestamp '{LOW}' and timestamp '{HIGH}'", "amount is null or (amount >= 0 and amount <= 100000)"]
    holds += [f"{c} in ({listed(v)})" for c, v in SETS.items()] + [f"regexp_matches({c}, '{v}')" for c, v in PATTERNS.items()]
    holds += [f"length({c}) between {low} and {high}" for c, (low, high) in LENGTHS.items()] + ["(amount is not null) = (event_type in ('purchase', 'refund'))"]
    table = f"read_parquet('{ap.file}')"

    def check():
        row = connection.execute(f"select {', '.join(f'count(*) filter (where not coalesce({p}, false))' for p in holds)}, count(*), avg(amount) from {table}").fetchone()
        twice = connection.execute(f"select (select count(*) from {table}) - (select count(*) from (select distinct {', '.join(KEY)} from {table}))").fetchone()[0]
        return sum(1 for count in row[:-2] if count) + (twice > 0) + (row[-2] < 1) + (not 0 <= row[-1] <= 1e4)

    return 0.0, check


def polars(from_file):
    import polars as pl
    begun = time.perf_counter()
    frame = None if from_file else pl.read_parquet(ap.file)
    load = time.perf_counter() - begun
    column = pl.col
    holds = [column(c).is_not_null() for c in COLUMNS if c != "amount"]
    holds += [column("customer_id").is_between(0, 10**8), column("ts").is_between(LOW, HIGH), column("amount").is_null() | column("amount").is_between(0, 1e5)]
    holds += [column(c).is_in(v) for c, v in SETS.items()] + [column(c).str.contains(v) for c, v in PATTERNS.items()]
    holds += [column(c).str.len_chars().is_between(low, high) for c, (low, high) in LENGTHS.items()]
    holds += [column("amount").is_not_null() == column("event_type").is_in(["purchase", "refund"])]

    def check():
        lazy = pl.scan_parquet(ap.file) if from_file else frame.lazy()
        row = lazy.select([(~p.fill_null(False)).sum().alias(str(k)) for k, p in enumerate(holds)] + [pl.len().alias("rows"), column("amount").mean().alias("mean")]).collect().row(0)
        different = lazy.select(KEY).unique().select(pl.len()).collect().item()
        return sum(1 for count in row[:-2] if count) + (different < row[-2]) + (row[-2] < 1) + (not 0 <= row[-1] <= 1e4)

    return load, check


def pandera(over):
    begun = time.perf_counter()
    if over == "polars":
        import pandera.polars as pa
        import polars as pl
        frame = pl.read_parquet(ap.file)
        types = [pl.Int64, pl.Datetime("us"), pl.String, pl.String, pl.Float64, pl.String]
    else:
        import pandas as pd
        import pandera.pandas as pa
        frame = pd.read_parquet(ap.file)
        types = ["int64", "datetime64[us]", None, None, "float64", None]
    load = time.perf_counter() - begun
    of_text = lambda c: [pa.Check.isin(SETS[c]), pa.Check.str_matches(PATTERNS[c]), pa.Check.str_length(*LENGTHS[c])]
    rules = {"customer_id": pa.Check.in_range(0, 10**8), "ts": pa.Check.in_range(LOW, HIGH), "event_type": of_text("event_type"), "category": of_text("category"),
             "amount": pa.Check.in_range(0, 1e5), "channel": of_text("channel")}
    columns = {c: pa.Column(t, rules[c], nullable=c == "amount") for c, t in zip(COLUMNS, types)}
    whole = [] if over == "polars" else [pa.Check(lambda d: d.amount.notna() == d.event_type.isin(["purchase", "refund"])), pa.Check(lambda d: 0 <= d.amount.mean() <= 1e4), pa.Check(lambda d: len(d) > 0)]

    def check():
        try:
            pa.DataFrameSchema(columns, checks=whole, unique=KEY).validate(frame, lazy=True)
            return 0
        except pa.errors.SchemaErrors as error:
            return len(error.schema_errors)

    return load, check


def gx():
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import logging

    import great_expectations as gx
    import great_expectations.expectations as E
    import pandas as pd
    logging.disable(logging.CRITICAL)
    begun = time.perf_counter()
    frame = pd.read_parquet(ap.file)
    load = time.perf_counter() - begun
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = None
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    wanted = [E.ExpectColumnValuesToNotBeNull(column=c) for c in COLUMNS if c != "amount"]
    wanted += [E.ExpectColumnValuesToBeBetween(column=c, min_value=low, max_value=high) for c, low, high in (("customer_id", 0, 10**8), ("ts", pd.Timestamp(LOW), pd.Timestamp(HIGH)), ("amount", 0, 1e5))]
    wanted += [E.ExpectColumnValuesToBeInSet(column=c, value_set=v) for c, v in SETS.items()] + [E.ExpectColumnValuesToMatchRegex(column=c, regex=v) for c, v in PATTERNS.items()]
    wanted += [E.ExpectColumnValueLengthsToBeBetween(column=c, min_value=low, max_value=high) for c, (low, high) in LENGTHS.items()]
    wanted += [E.ExpectTableRowCountToBeBetween(min_value=1), E.ExpectColumnMeanToBeBetween(column="amount", min_value=0, max_value=1e4), E.ExpectCompoundColumnsToBeUnique(column_list=KEY)]
    suite = gx.ExpectationSuite(name="s", expectations=wanted)
    return load, lambda: sum(1 for result in batch.validate(suite).results if not result.success)


load, check = {"duckdb": duckdb, "polars": lambda: polars(False), "polars_file": lambda: polars(True), "pandera": lambda: pandera("pandas"),
               "pandera_polars": lambda: pandera("polars"), "gx": gx}[ap.engine]()
seconds, failed = [], 0
begun = time.perf_counter()
for _ in range(ap.repeats):
    t = time.perf_counter()
    failed = check()
    seconds.append(time.perf_counter() - t)
    if time.perf_counter() - begun > 60:
        break
print(json.dumps({"engine": ap.engine, "load_s": round(load, 3), "check_s_min": round(min(seconds), 4), "check_s_median": round(statistics.median(seconds), 4),
                  "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "failed": failed}))

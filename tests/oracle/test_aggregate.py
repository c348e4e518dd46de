"""`aggregate` against DuckDB's SQL on random events: every function, nulls, ties of time, text and int entities, dates and timestamps, both kinds of datasets of dates, labels.

Counts, sums of ints, minima and maxima and distinct counts must be equal; sums of doubles and what is made of them within 1e-9 of the largest value (DuckDB adds in another order).
"""

import os
import pathlib
import subprocess

import duckdb
import numpy as np
import pandas as pd
import pytest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")

# name -> (entry of `of`, SQL over the events `e` of a window, which has t = days from the date)
FEATURES = {
    "n": ("count", "count(*)"),
    "odd": ("count where number % 2 = 1 and amount > 0", "count(*) filter (where number % 2 = 1 and amount > 0)"),
    "some": ("any where kind = 'a'", "coalesce(bool_or(kind = 'a'), false)"),
    "values": ("count(amount)", "count(amount)"),
    "kinds": ("count(distinct kind)", "count(distinct kind)"),
    "amounts": ("count(distinct amount)", "count(distinct amount)"),
    "numbers": ("count(distinct number) where kind <> 'b'", "count(distinct number) filter (where kind <> 'b')"),
    "total": ("sum(amount)", "coalesce(sum(amount), 0)"),
    "whole": ("sum(number)", "coalesce(sum(number), 0)"),
    "flags": ("sum(flag)", "coalesce(sum(flag::int), 0)"),
    "mean": ("mean(amount * 2)", "avg(amount * 2)"),
    "mean_number": ("avg(number)", "avg(number)"),
    "low": ("min(amount)", "min(amount)"),
    "high": ("max(amount) where kind = 'c'", "max(amount) filter (where kind = 'c')"),
    "newest": ("max(day)", "max(day)"),
    "least": ("min(number)", "min(number)"),
    "spread": ("std(amount)", "stddev_samp(amount)"),
    "slope": ("trend(amount)", "regr_slope(amount, t)"),
    "slope_flag": ("trend(flag)", "regr_slope(flag::int, t)"),
    "gap": ("mean_gap", "(max(t) - min(t)) / nullif(count(*) - 1, 0)"),
    "gaps": ("std_gap", "stddev_samp(gap)"),
    "gap_a": ("mean_gap where kind = 'a'", "(max(t) filter (where kind = 'a') - min(t) filter (where kind = 'a')) / nullif(count(*) filter (where kind = 'a') - 1, 0)"),
}
WINDOWS = {"1d": 1, "7d": 7, "30d": 30, "": None}
EXACT = {"n", "odd", "some", "values", "kinds", "amounts", "numbers", "whole", "flags", "low", "high", "newest", "least"}


def events_of(seed, n, text_entity, dates):
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, 60, n)
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 60 * 8, n) * 3, unit="h")    # many at the same moment
    amount = np.where(rng.random(n) < 0.1, np.nan, np.round(rng.normal(20, 30, n), 1))
    table = pd.DataFrame({
        "customer": [f"c{c}ü" for c in customer] if text_entity else pd.array(customer, "Int64"),
        "ts": at.normalize() if dates else at,
        "amount": pd.array(amount, "Float64"),
        "number": pd.array(rng.integers(-5, 6, n), "Int64"),
        "kind": pd.Series(rng.choice(["a", "b", "c", "a b"], n)).where(pd.Series(rng.random(n) > 0.05), None),
        "flag": rng.random(n) < 0.5,
        "day": at.normalize(),
    })
    table.loc[rng.random(n) < 0.02, "customer"] = None
    table["number"] = table["number"].where(pd.Series(rng.random(n) > 0.1), pd.NA)
    return table


def of(features):
    lines = [f"        {name}: \"{entry}\"" for name, (entry, _) in features.items()]
    lines += ["        by: {of: sum(amount), by: kind, levels: [a, \"a b\"]}", "        last: recency", "        last_b: recency where kind = 'b'", "        age: tenure",
              "        ratio: total_7d / nullif(total_30d, 0)"]
    return "\n".join(lines)


def run(folder, as_of, extra=""):
    (folder / "pipelines").mkdir(exist_ok=True)
    (folder / "headrace.yaml").write_text("")
    (folder / "pipelines" / "p.yaml").write_text(f"""name: p
steps:
  events: {{extract: {{file: events.parquet}}}}
{extra}
  features:
    aggregate:
      events: events
      entity: customer
      time: ts
      as_of: {as_of}
      windows: [1d, 7d, 30d, all]
      of:
{of(FEATURES)}
  labels:
    aggregate: {{events: events, entity: customer, time: ts, as_of: features, label: {{l_any: any where kind = 'b', l_sum: sum(amount), l_n: count, l_max: max(number)}}, within: 10d}}
  out: {{deliver: {{data: labels, file: out.parquet}}}}
""")
    done = subprocess.run([HEADRACE, "--quiet", "run", "p"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return duckdb.sql(f"select * from '{folder / 'out.parquet'}'").df()


def expected(events, rows):
    """The same by SQL: one join of rows and events for each window."""
    con = duckdb.connect()
    con.register("events_df", events)
    con.register("rows_df", rows)
    con.execute("create table events as select * replace (ts::timestamp as ts, day::date as day) from events_df where customer is not null")
    con.execute("create table dates as select row_number() over () as r, customer, as_of::timestamp as as_of from rows_df")
    joined = "dates d left join events x on x.customer = d.customer and x.ts < d.as_of"
    parts = {}
    for window, days in WINDOWS.items():
        inside = "" if days is None else f" and x.ts >= d.as_of - interval {days} day"
        con.execute(f"create or replace temp view e as select d.r, x.*, -epoch(d.as_of - x.ts) / 86400 as t, epoch(x.ts - lag(x.ts) over (partition by d.r order by x.ts)) / 86400 as gap "
                    f"from {joined}{inside}")
        sql = ", ".join(f"{by.replace('count(*)', 'count(ts)')} as \"{name}{'_' + window if window else ''}\"" for name, (_, by) in FEATURES.items())
        levels = ", ".join(f"coalesce(sum(amount) filter (where kind = '{level}'), 0) as \"by_{level}{'_' + window if window else ''}\"" for level in ("a", "a b"))
        parts[window] = con.execute(f"select r, {sql}, {levels} from e group by r order by r").df()
    ends = con.execute("select r, min(-t) as last, min(-t) filter (where kind = 'b') as last_b, max(-t) as age from e group by r order by r").df()
    labels = con.execute("select r, coalesce(bool_or(kind = 'b'), false) as l_any, coalesce(sum(amount), 0) as l_sum, count(ts) as l_n, max(number) as l_max from "
                         "(select d.r, x.* from dates d left join events x on x.customer = d.customer and x.ts >= d.as_of and x.ts < d.as_of + interval 10 day) group by r order by r").df()
    table = pd.concat([part.drop(columns="r") for part in [*parts.values(), ends, labels]], axis=1)
    table["ratio"] = table["total_7d"] / table["total_30d"].where(table["total_30d"] != 0)
    return table


def compare(ours, theirs):
    assert len(ours) == len(theirs) > 0
    checked = 0
    for column in theirs.columns:
        mine, other = ours[column], theirs[column]
        assert list(mine.isna()) == list(other.isna()), column
        a, b = mine[mine.notna()], other[other.notna()]
        name = column.rsplit("_", 1)[0] if column.rsplit("_", 1)[-1] in WINDOWS else column
        if name in EXACT or column in ("l_any", "l_n", "l_max"):
            assert list(a) == list(b), column
        else:
            scale = max(1.0, float(np.abs(b.astype(float)).max())) if len(b) else 1.0
            np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=1e-9, atol=1e-9 * scale, err_msg=column)
        checked += len(a)
    return checked


@pytest.mark.parametrize("text_entity", [False, True])
@pytest.mark.parametrize("dates", [False, True])
def test_one_date(tmp_path, text_entity, dates):
    events = events_of(1, 4000, text_entity, dates)
    duckdb.from_df(events).write_parquet(str(tmp_path / "events.parquet"))
    ours = run(tmp_path, "2026-02-10")
    late = events[events.customer.notna() & (events["ts"] < "2026-02-10")]
    assert list(ours.customer) == sorted(late.customer.unique(), key=lambda c: c.encode() if text_entity else c)
    assert compare(ours, expected(events, ours[["customer", "as_of"]])) > 5000


@pytest.mark.parametrize("seed", [2, 3])
def test_dates_alone_meet_every_entity_that_was_there(tmp_path, seed):
    events = events_of(seed, 600, seed == 3, False)
    duckdb.from_df(events).write_parquet(str(tmp_path / "events.parquet"))
    query = "select unnest(['2026-02-01'::timestamp, '2026-01-03 06:00:00'::timestamp, '2026-03-20'::timestamp]) as as_of"
    ours = run(tmp_path, "dates", f"  dates: {{sql: {{query: \"{query}\"}}}}")
    firsts = events[events.customer.notna()].groupby("customer")["ts"].min()
    wanted = sorted(((c, d) for c, first in firsts.items() for d in pd.to_datetime(["2026-01-03 06:00:00", "2026-02-01", "2026-03-20"], format="ISO8601") if first < d), key=lambda cd: (str(cd[0]).encode() if seed == 3 else cd[0], cd[1]))
    assert list(zip(ours.customer, ours.as_of, strict=True)) == wanted
    compare(ours, expected(events, ours[["customer", "as_of"]]))


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_given_entities_and_dates(tmp_path, seed):
    events = events_of(seed, 3000, seed == 5, seed == 6)
    duckdb.from_df(events).write_parquet(str(tmp_path / "events.parquet"))
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"customer": rng.integers(0, 70, 300), "as_of": pd.Timestamp("2025-12-30") + pd.to_timedelta(rng.integers(0, 80, 300), unit="D")}).drop_duplicates().reset_index(drop=True)
    rows["note"] = np.arange(len(rows))
    if seed == 5:
        rows["customer"] = [f"c{c}ü" for c in rows.customer]
    duckdb.from_df(rows).write_parquet(str(tmp_path / "rows.parquet"))
    ours = run(tmp_path, "rows", "  rows: {extract: {file: rows.parquet}}")
    assert list(ours.note) == list(rows.note) and list(ours.customer) == list(rows.customer)
    compare(ours, expected(events, rows))

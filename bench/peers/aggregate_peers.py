"""The peers' side of `aggregate`: the same 84 features by DuckDB, Polars or pandas, from a Parquet file to a Parquet file.

usage: aggregate_peers.py duckdb|polars|pandas EVENTS OUT

Prints one JSON line: seconds from the first read to the file written (imports apart), processor seconds of the same.
"""
import datetime
import json
import os
import sys
import time

TYPES = ["view", "click", "add_to_cart", "purchase", "refund", "email_open"]
CATEGORIES = [f"cat_{letter}" for letter in "abcdefghijkl"]
CHANNELS = ["web", "app", "email", "store", "ads"]
END = datetime.datetime(2026, 6, 1)


def features():
    """(name, n | sum | max, days, column, level)"""
    for days in (7, 30, 90):
        yield f"n_{days}d", "n", days, None, None
        yield f"amount_{days}d", "sum", days, None, None
        yield f"amount_max_{days}d", "max", days, None, None
        for level in TYPES:
            yield f"n_type_{level}_{days}d", "n", days, "event_type", level
        for level in CATEGORIES if days != 90 else []:
            yield f"n_cat_{level}_{days}d", "n", days, "category", level
            yield f"amount_cat_{level}_{days}d", "sum", days, "category", level
    for level in CHANNELS:
        yield f"n_channel_{level}_90d", "n", 90, "channel", level


def by_duckdb(events, out):
    import duckdb
    connection = duckdb.connect()
    connection.execute(f"set threads = {os.cpu_count()}")

    def work():
        made = []
        for name, what, days, column, level in features():
            inside = f"ts >= timestamp '{END}' - interval {days} day" + (f" and {column} = '{level}'" if column else "")
            made.append({"n": "count(*)", "sum": "sum(amount)", "max": "max(amount)"}[what] + f" filter (where {inside}) as {name}")
        made.append(f"epoch(timestamp '{END}' - max(ts)) / 86400 as recency")
        made.append(f"epoch(timestamp '{END}' - max(ts) filter (where event_type = 'purchase')) / 86400 as recency_purchase")
        connection.execute(f"copy (select customer_id, {', '.join(made)} from read_parquet('{events}') where ts < timestamp '{END}' group by 1) to '{out}' (format parquet, compression zstd)")
    return work


def by_polars(events, out):
    import polars as pl

    def work():
        made = []
        for name, what, days, column, level in features():
            inside = pl.col("ts") >= END - datetime.timedelta(days=days)
            if column:
                inside = inside & (pl.col(column) == level)
            of = {"n": lambda i: i.sum(), "sum": lambda i: pl.col("amount").filter(i).sum(), "max": lambda i: pl.col("amount").filter(i).max()}[what]
            made.append(of(inside).alias(name))
        made.append(((END - pl.col("ts").max()).dt.total_microseconds() / 86400e6).alias("recency"))
        made.append(((END - pl.col("ts").filter(pl.col("event_type") == "purchase").max()).dt.total_microseconds() / 86400e6).alias("recency_purchase"))
        pl.scan_parquet(events).filter(pl.col("ts") < END).group_by("customer_id").agg(made).collect().write_parquet(out, compression="zstd")
    return work


def by_pandas(events, out):
    import pandas as pd

    def work():
        table = pd.read_parquet(events)
        for column in ("event_type", "category", "channel"):
            table[column] = table[column].astype("category")
        table = table[table.ts < END]
        end, parts = pd.Timestamp(END), []
        for days in (7, 30, 90):
            window = table[table.ts >= end - pd.Timedelta(days=days)]
            parts.append(window.groupby("customer_id").agg(**{f"n_{days}d": ("ts", "size"), f"amount_{days}d": ("amount", "sum"), f"amount_max_{days}d": ("amount", "max")}))
            for name, column in [("type", "event_type")] + ([("cat", "category")] if days != 90 else [("channel", "channel")]):
                counts = window.groupby(["customer_id", column], observed=True).size().unstack(fill_value=0)
                parts.append(counts.rename(columns=lambda level, name=name, days=days: f"n_{name}_{level}_{days}d"))
            if days != 90:
                sums = window.groupby(["customer_id", "category"], observed=True).amount.sum().unstack(fill_value=0)
                parts.append(sums.rename(columns=lambda level, days=days: f"amount_cat_{level}_{days}d"))
        parts.append(((end - table.groupby("customer_id").ts.max()).dt.total_seconds() / 86400).rename("recency"))
        parts.append(((end - table[table.event_type == "purchase"].groupby("customer_id").ts.max()).dt.total_seconds() / 86400).rename("recency_purchase"))
        pd.concat([part.rename(columns=str) if hasattr(part, "columns") else part for part in parts], axis=1).reset_index().to_parquet(out, compression="zstd")
    return work


if __name__ == "__main__":
    act = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas}[sys.argv[1]](*sys.argv[2:])
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    print(json.dumps({"s": round(time.perf_counter() - wall, 3), "cpu": round(time.process_time() - cpu, 3)}))

"""Ten million events become 84 features of 500,000 customers: Headrace's `aggregate` against DuckDB, Polars and pandas.

usage: aggregate.py [--events 10000000] [--customers 500000] [--repeats 2] [--peers duckdb,polars,pandas]        (`make bench-aggregate`)

Everybody reads the same Parquet file, makes the same features as of the same date and writes a Parquet file (zstd), each in a process of its own, on all cores, one after the other: counts, sums and
maxima over 7, 30 and 90 days, by event type, category and channel, days since the last event and purchase (peers/aggregate_peers.py). Ours is one `headrace run` whose input is in the store
already; its time is that of the step, its memory and processor time those of the process. The features must be equal: counts exactly, sums within 1e-9.

A peer that is not installed is said so. Floor: reading the columns of the events once from the page cache, decompressed, by pyarrow on all cores.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow.parquet as pq

from figures import HEADRACE, ROOT, figure, finish, timed
from peers import gen_events
from peers.aggregate_peers import CATEGORIES, CHANNELS, TYPES

PIPELINE = """name: features
params: {as_of: {type: date, default: 2026-06-01}}
steps:
  events: {extract: {file: data/events.parquet, unchanged: allow}}
  features:
    aggregate:
      events: events
      entity: customer_id
      as_of: "${params.as_of}"
      windows: [7d, 30d, 90d]
      of:
        n: count
        amount: sum(amount)
        amount_max: max(amount)
        n_type: {of: count, by: event_type, levels: [%s]}
        n_cat: {of: count, by: category, levels: [%s], windows: [7d, 30d]}
        amount_cat: {of: sum(amount), by: category, levels: [%s], windows: [7d, 30d]}
        n_channel: {of: count, by: channel, levels: [%s], windows: [90d]}
        recency: recency
        recency_purchase: recency where event_type = 'purchase'
""" % (", ".join(TYPES), ", ".join(CATEGORIES), ", ".join(CATEGORIES), ", ".join(CHANNELS))


def ours(folder, repeats):
    """The step alone: a first run takes the events into the store, then the step is asked for by name."""
    os.makedirs(os.path.join(folder, "pipelines"))
    open(os.path.join(folder, "headrace.yaml"), "w").close()
    with open(os.path.join(folder, "pipelines", "features.yaml"), "w") as file:
        file.write(PIPELINE)
    timed([HEADRACE, "--quiet", "run", "features"], folder, "headrace run")
    best = None
    for _ in range(repeats):
        text, cost = timed([HEADRACE, "--json", "run", "features", "--only", "features"], folder, "headrace run")
        run = json.loads(text)
        step = next(s for s in run["steps"] if s["step"] == "features")
        if best is None or step["seconds"] < best["s"]:
            best = {"s": step["seconds"], "cpu": cost["cpu s"], "MB": cost["MB"]}
    subprocess.run([HEADRACE, "--quiet", "data", run["run"], "features", "-o", "ours.parquet"], cwd=folder, check=True)
    return best, pq.read_table(os.path.join(folder, "ours.parquet"))


def theirs(name, folder, repeats):
    best = None
    for _ in range(repeats):
        text, cost = timed([sys.executable, os.path.join(ROOT, "peers", "aggregate_peers.py"), name, "data/events.parquet", f"{name}.parquet"], folder, name)
        said = json.loads(text.splitlines()[-1])
        if best is None or said["s"] < best["s"]:
            best = {"s": said["s"], "cpu": said["cpu"], "MB": cost["MB"]}
    return best, pq.read_table(os.path.join(folder, f"{name}.parquet"))


def check(ours_table, other, name):
    """Every number of every customer, null being 0 where a peer leaves nothing."""
    left, right = ours_table.sort_by("customer_id"), other.sort_by("customer_id")
    if not left["customer_id"].equals(right["customer_id"].cast(left["customer_id"].type)):
        sys.exit(f"{name} has other customers than Headrace")
    columns = [c for c in left.column_names if c not in ("customer_id", "as_of")]
    if sorted(columns) != sorted(c for c in right.column_names if c != "customer_id"):
        sys.exit(f"{name} has other columns: {sorted(set(columns) ^ set(right.column_names))}")
    for column in columns:
        a, b = (np.nan_to_num(t[column].to_numpy(zero_copy_only=False).astype(float)) for t in (left, right))
        if not np.allclose(a, b, rtol=1e-9, atol=0 if column.startswith("n_") else 1e-9):
            sys.exit(f"{name}: {column} differs by up to {np.abs(a - b).max()}")
    return len(columns)


def floor(folder):
    begun = time.perf_counter()
    pq.read_table(os.path.join(folder, "data", "events.parquet"), read_dictionary=["event_type", "category", "channel"])
    return time.perf_counter() - begun


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--customers", type=int, default=500_000)
    options.add_argument("--repeats", type=int, default=2)
    options.add_argument("--peers", default="duckdb,polars,pandas")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gen_events.generate(os.path.join(folder, "data"), options.events, options.customers)
        physics = min(floor(folder) for _ in range(2))
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; floor (read the columns once): {physics:.2f} s", flush=True)
        mine, table = ours(folder, options.repeats)
        for name in options.peers.split(","):
            if importlib.util.find_spec(name) is None:
                print(f"aggregate: {name} is not installed here")
                continue
            other, result = theirs(name, folder, options.repeats)
            count = check(table, result, name)
            case = f"{options.events} events, {count} features"
            goal = "faster" if name in ("duckdb", "polars") else None
            figure("aggregate", f"{case}, time", "s", round(mine["s"], 3), round(other["s"], 3), name, round(other["s"] / mine["s"], 3), goal, goal is None or mine["s"] < other["s"], floor=round(physics, 3))
            figure("aggregate", f"{case}, processor time", "s", round(mine["cpu"], 3), round(other["cpu"], 3), name, round(other["cpu"] / mine["cpu"], 3))
            figure("aggregate", f"{case}, peak memory", "MB", round(mine["MB"]), round(other["MB"]), name, round(other["MB"] / mine["MB"], 3))
    finish()


if __name__ == "__main__":
    main()

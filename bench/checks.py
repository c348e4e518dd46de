"""The same 21 checks over ten million events: Headrace against DuckDB SQL, Polars, pandera and Great Expectations.

usage: checks.py [--rows 10000000] [--repeats 3] [--columns 1000] [--wide-rows 20000] [--data FOLDER]        (`make bench-checks`)

PEERS names the peers (duckdb,polars,polars_file,pandera,pandera_polars,gx; all when not given, `PEERS=` for none); PEERS_PYTHON a Python that has them, else they are installed from PyPI
into a virtual environment that is thrown away. Each runs in a process of its own, one after the other, on two threads: once over rows in memory, where reading is not counted, and once
straight from the Parquet file, where it is. A peer counts in the goal when it does all 21 checks and finds no fault.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from figures import HEADRACE, ROOT, figure, finish
from peers import gen_events

SUITE = os.path.join(os.environ.get("HEADRACE_BIN_DIR", os.path.dirname(HEADRACE)), "check_suite")
PACKAGES = ["duckdb", "polars", "pandas", "pyarrow", "pandera", "great_expectations"]
FROM_FILE = {"duckdb", "polars_file"}
PARTLY = {"pandera_polars"}                # no checks across columns


def said(argv):
    """The JSON line a process ends with, or None with a reason said."""
    done = subprocess.run(argv, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    print(f"checks: {' '.join(argv[-4:])} ended with {done.returncode}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", file=sys.stderr)
    return None


def peers_python(folder):
    if os.environ.get("PEERS_PYTHON"):
        return os.environ["PEERS_PYTHON"]
    venv.create(os.path.join(folder, "venv"), with_pip=True)
    python = os.path.join(folder, "venv", "bin", "python")
    for package in PACKAGES:
        if subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package], capture_output=True).returncode != 0:
            print(f"checks: {package} did not install", file=sys.stderr)
    return python


def suite(*arguments):
    result = said([SUITE, *map(str, arguments)])
    if result is None or result["failed"]:
        sys.exit(f"our own suite failed: {result}")
    return result


def events(options, folder):
    path = os.path.join(options.data or folder, f"events-{options.rows}")
    if not os.path.exists(path):
        gen_events.generate(path, options.rows, max(1000, options.rows // 20))
    return os.path.join(path, "events.parquet")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--columns", type=int, default=1000)
    options.add_argument("--wide-rows", type=int, default=20_000)
    options.add_argument("--data")
    options = options.parse_args()
    names = os.environ.get("PEERS", "duckdb,polars,polars_file,pandera,pandera_polars,gx")
    with tempfile.TemporaryDirectory() as folder:
        file = events(options, folder)
        memory = suite(file, "events", 2, options.repeats, "memory")
        from_file = suite(file, "events", 2, options.repeats)
        python = peers_python(folder) if names else None
        best = {False: None, True: None}
        for name in filter(None, names.split(",")):
            peer = said([python, "-W", "ignore", os.path.join(ROOT, "peers", "check_frames.py"), file, name, "--repeats", str(options.repeats)])
            if peer is None:
                continue
            ours = from_file if name in FROM_FILE else memory
            where = "from the file" if name in FROM_FILE else "in memory"
            figure("checks", f"21 checks {where}, {name}", "s", ours["check_s_min"], peer["check_s_min"], name, round(peer["check_s_min"] / ours["check_s_min"], 3))
            figure("checks", f"peak memory {where}, {name}", "MB", ours["peak_rss_mb"], peer["peak_rss_mb"], name, round(peer["peak_rss_mb"] / ours["peak_rss_mb"], 3))
            if name not in PARTLY and peer["failed"] == 0 and (best[name in FROM_FILE] is None or peer["check_s_min"] < best[name in FROM_FILE][1]):
                best[name in FROM_FILE] = (name, peer["check_s_min"])
        for in_file, ours in ((False, memory), (True, from_file)):
            if best[in_file]:
                name, seconds = best[in_file]
                ratio = seconds / ours["check_s_min"]
                figure("checks", f"21 checks {'from the file' if in_file else 'in memory'}, the fastest peer", "s", ours["check_s_min"], seconds, name, round(ratio, 3), "2 x the fastest peer", ratio >= 2)
        wide = os.path.join(folder, "wide.parquet")
        rng = np.random.default_rng(7)
        pq.write_table(pa.table({f"c{k}": rng.normal(size=options.wide_rows) for k in range(options.columns)}), wide)
        result = suite(wide, "wide", 2, options.repeats)
        figure("checks", f"{options.columns} columns x 5 checks, {options.wide_rows} rows, from the file", "s", result["check_s_min"], None, None, None)
        figure("checks", f"{options.columns} columns x 5 checks, peak memory", "MB", result["peak_rss_mb"], None, None, None)
    finish()


if __name__ == "__main__":
    main()

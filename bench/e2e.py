"""A million events become calibrated scores of 500,000 customers in a file and a database: Headrace against pandas.

usage: e2e.py [--events 1000000] [--customers 500000] [--trees 200] [--repeats 1]        (`make bench-e2e`)

Ours is the project e2e/, run by one `headrace run`; the peer is peers/pipeline_pandas.py with pandas, scikit-learn and
LightGBM. Both read the same Parquet files, make the same 84 numbers and 3 texts, train 200 trees of 63 leaves (with `--trees 1`: all but the trees, which are the same library on both sides) on 70 %
of the rows, calibrate on others, score everybody and write Parquet and SQLite, on two threads, one after the other.
Time and peak memory (ru_maxrss) are those of the whole process, the better of the repeats. Ours leaves more behind:
every step's output by digest, the run's record, the model file with its proof, the ledger of the deliveries.
"""
import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import pandas as pd
import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score

from figures import HEADRACE, ROOT, figure, finish, timed
from peers import gen_events

RUN = ["--json", "run", "propensity", "--interval", "2026-05-31/2026-06-01"]


def ours(data, folder, trees):
    shutil.copytree(os.path.join(ROOT, "e2e"), folder)
    pipeline = os.path.join(folder, "pipelines", "propensity.yaml")
    with open(pipeline) as file:
        text = file.read()
    with open(pipeline, "w") as file:
        file.write(text.replace("num_iterations: 200", f"num_iterations: {trees}"))
    os.symlink(data, os.path.join(folder, "data"))
    os.makedirs(os.path.join(folder, "out"))
    text, cost = timed([HEADRACE, *RUN], folder, "headrace run")
    run = json.loads(text)
    steps = {s["step"]: s["seconds"] for s in run["steps"]}
    subprocess.run([HEADRACE, "--quiet", "data", run["run"], "model.test_predictions", "-o", "test.csv"], cwd=folder, check=True,
                   stderr=subprocess.DEVNULL)
    test = pd.read_csv(os.path.join(folder, "test.csv"))
    return {"cost": cost, "auc": roc_auc_score(test.label, test.score),
            "rows": delivered(os.path.join(folder, "out", "scores.parquet"), os.path.join(folder, "out", "platform.sqlite")),
            "features": max(steps["events"], steps["profiles"] + steps["customers"]) + steps["features"], "model": steps["model"],
            "score": steps["scores"], "deliver": max(steps["to_file"], steps["to_platform"])}


def theirs(data, folder, trees):
    os.makedirs(folder)
    script = os.path.join(ROOT, "peers", "pipeline_pandas.py")
    text, cost = timed([sys.executable, "-W", "ignore", script, data, folder, "--threads", "2", "--trees", str(trees)], folder, "pipeline_pandas.py")
    said = json.loads(text.splitlines()[-1])
    took = said["seconds"]
    return {"cost": cost, "auc": said["auc"],
            "rows": delivered(os.path.join(folder, "scores.parquet"), os.path.join(folder, "scores.sqlite")),
            "features": took["read"] + took["aggregate"] + took["join"],
            "model": took["transform"] + took["trees"] + took["calibrate"] + took["evaluate"],
            "score": took["score"], "deliver": took["deliver"]}


def delivered(file, database):
    """Rows in the file, which must be as many as in the database."""
    rows = pq.ParquetFile(file).metadata.num_rows
    with sqlite3.connect(database) as connection:
        table = connection.execute("select count(*) from scores").fetchone()[0]
    if rows != table:
        sys.exit(f"{file} has {rows} rows, {database} has {table}")
    return rows


def best(results):
    """The fastest repeat, with the least peak memory of all."""
    first = min(results, key=lambda r: r["cost"]["s"])
    first["cost"]["MB"] = min(r["cost"]["MB"] for r in results)
    return first


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--customers", type=int, default=500_000)
    options.add_argument("--trees", type=int, default=200)
    options.add_argument("--repeats", type=int, default=1)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        gen_events.generate(data, options.events, options.customers)
        us, peer = [], []
        for repeat in range(options.repeats):
            us.append(ours(data, os.path.join(folder, f"ours-{repeat}"), options.trees))
            peer.append(theirs(data, os.path.join(folder, f"peer-{repeat}"), options.trees))
    us, peer = best(us), best(peer)
    if us["rows"] != options.customers or peer["rows"] != options.customers:
        sys.exit(f"{options.customers} customers, but {us['rows']} and {peer['rows']} rows were delivered")

    def compare(case, unit, mine, other):
        figure("e2e", case, unit, round(mine, 4), round(other, 4), "pandas + scikit-learn + LightGBM", round(other / mine, 3))

    compare("whole, time", "s", us["cost"]["s"], peer["cost"]["s"])
    compare("whole, processor time", "s", us["cost"]["cpu s"], peer["cost"]["cpu s"])
    compare("whole, peak memory", "MB", us["cost"]["MB"], peer["cost"]["MB"])
    compare("read, aggregate, join", "s", us["features"], peer["features"])
    compare("transform, train, calibrate, evaluate", "s", us["model"], peer["model"])
    compare("score", "s", us["score"], peer["score"])
    compare("deliver to file and database", "s", us["deliver"], peer["deliver"])
    figure("e2e", "test rows", "auc", round(us["auc"], 5), round(peer["auc"], 5), "pandas + scikit-learn + LightGBM",
           round(us["auc"] / peer["auc"], 4), "at most 0.005 below" if options.trees > 1 else None, options.trees == 1 or us["auc"] >= peer["auc"] - 0.005)
    finish()


if __name__ == "__main__":
    main()

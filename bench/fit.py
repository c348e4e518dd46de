"""Learners and calibrations fitted on 200,000 vectors of 30 numbers, beside scikit-learn, LightGBM and XGBoost in the same run.

usage: fit.py [--rows 200000] [--threads 2] [--repeats 3] [CASE...]        (`make bench-fit`)

Both sides start from the same row-major doubles in memory; LightGBM and XGBoost are the same libraries on both sides, so that their ratio says what we add. Every fit must reach
the peer's loss on the rows it learnt from, within 1e-4 of it (of clusters, which depend on where they begin, within 1 %), before its time counts. The floor is reading the vectors once on one thread.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from figures import HEADRACE, ROOT, figure, finish

FEATURES = 30
SPEED = os.path.join(os.environ.get("HEADRACE_BIN_DIR", os.path.dirname(HEADRACE)), "fit_speed")

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=200_000)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("cases", nargs="*")
args = parser.parse_args()


def write_data(folder):
    rng = np.random.default_rng(11)
    x = rng.standard_normal((args.rows, FEATURES))
    x[:, 1:] += 0.5 * x[:, :-1]                       # neighbours are related, as columns of real tables are
    weights = np.where(np.arange(FEATURES) % 3 == 0, rng.standard_normal(FEATURES), 0)
    margin = x @ weights * 0.5 + 0.3 * x[:, 0] * x[:, 1] - 1
    x.tofile(f"{folder}/vectors.f64")
    (rng.random(args.rows) < 1 / (1 + np.exp(-margin))).astype(float).tofile(f"{folder}/target.f64")


def lines(*command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {line["case"]: line for line in map(json.loads, done.stdout.splitlines())}


with tempfile.TemporaryDirectory() as folder:
    write_data(folder)
    common = [f"{folder}/vectors.f64", f"{folder}/target.f64", str(FEATURES), str(args.threads), str(args.repeats), *args.cases]
    ours = lines(SPEED, *common)
    peers = lines(sys.executable, os.path.join(ROOT, "peers", "learners.py"), *common)

floor = ours.pop("read")["seconds"]
for case, line in ours.items():
    peer = peers[case]
    good = line["loss"] <= peer["loss"] * (1.01 if case.startswith("kmeans") else 1) + 1e-4
    name = {"lightgbm": "LightGBM", "xgboost": "XGBoost"}.get(case.split()[0], "scikit-learn")
    if line["loss"]:
        print(f"fit {case}: loss {line['loss']:.6f}, {name} {peer['loss']:.6f}")
    figure("fit", case, "s", line["seconds"], peer["seconds"], name, peer["seconds"] / line["seconds"], goal="the peer's loss", ok=good, floor=floor)
finish()

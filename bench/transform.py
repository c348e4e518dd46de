"""Transforms on a million rows of 30 numbers, three texts or one text of words, beside scikit-learn in the same run.

usage: transform.py [--rows 1000000] [--threads 2] [--repeats 3] [--budget 20] [CASE...]

`fit` is fitting alone (of a target encoding with its cross-fitted values), `apply` what a fitted transform makes of the same rows, ours with counts of unseen levels and new nulls. The floor
of apply is copying the rows once with all threads, which must be read and written; an output that is wider is scaled up.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from figures import ROOT, figure, finish

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--budget", type=float, default=20)
parser.add_argument("cases", nargs="*")
args = parser.parse_args()
SUITE = os.path.join(os.environ.get("HEADRACE_BIN_DIR", os.path.join(ROOT, "..", "build", "bin")), "transform_suite")
NEAR_MEMORY = {"impute median", "impute mean", "clip 1%-99%", "scale standard", "scale minmax", "scale maxabs"}


def write_data(folder):
    rng = np.random.default_rng(5)
    n = args.rows
    numbers = rng.gamma(1.5, 10, (30, n))
    numbers.tofile(f"{folder}/numbers.bin")
    (rng.random(n) < 1 / (1 + np.exp(-(numbers[0] - numbers[1]) / 20))).astype(float).tofile(f"{folder}/target.bin")
    numbers[rng.random((30, n)) < 0.05] = np.nan
    numbers.tofile(f"{folder}/missing.bin")
    codes = [rng.integers(0, k, n) for k in (5, 20, 300)]
    with open(f"{folder}/texts.txt", "w") as file:
        file.writelines(f"value_{a:03d}\tvalue_{b:03d}\tvalue_{c:03d}\n" for a, b, c in zip(*codes))
    with open(f"{folder}/words.txt", "w") as file:
        file.writelines(" ".join(f"w{i}" for i in row) + "\n" for row in rng.integers(0, 5000, (n // 10, 12)))


def lines(*command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {line["case"]: line for line in map(json.loads, done.stdout.splitlines())}


with tempfile.TemporaryDirectory() as folder:
    write_data(folder)
    common = [folder, str(args.rows), str(args.threads), str(args.repeats)]
    ours = lines(SUITE, *common, *args.cases)
    peers = lines(sys.executable, os.path.join(ROOT, "peers", "transforms.py"), *common, str(args.budget), *args.cases)

copy = ours.pop("copy")["seconds"]
print(f"copying {args.rows * 240 / 1e6:,.0f} MB with {args.threads} threads: {copy * 1000:,.1f} ms, {args.rows * 480 / copy / 1e9:,.1f} GB/s read and written; load {os.getloadavg()[0]:.1f}")
for case, line in ours.items():
    peer = peers[case]
    for part in ("fit", "apply"):
        ratio = peer[part] / line[part]
        figure("transform", f"{part} {case}", "s", line[part], peer[part], "scikit-learn", ratio, goal="10 x" if line[part] > 1e-4 else None, ok=ratio >= 10,
               floor=copy * (30 + line["outputs"]) / 60 if part == "apply" else None)
    if case in NEAR_MEMORY:
        share = copy / line["apply"]
        figure("transform", f"apply {case}, share of memory bandwidth", "share", share, None, None, None, goal="0.5", ok=share >= 0.5, floor=1)
finish()

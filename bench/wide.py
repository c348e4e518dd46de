"""Texts of 5,000 words become columns that are nearly all zeros: what learning from them takes, beside scikit-learn.

usage: wide.py [--rows 200000] [--learners logistic,linear,naive_bayes,lightgbm,xgboost] [--no-peers]        (`make bench-wide`)

Ours are the pipelines of wide/, one `headrace run` each: read a Parquet file, tf-idf of the 5,000 words that come most often, learn, evaluate, measure every column, write the model file. The
peer (peers/wide_sklearn.py) reads the same file and does the same by TfidfVectorizer, whose rows are sparse, and the same learner; GaussianNB takes no sparse rows, and XGBoost takes an absent
word for a missing one, so these have no peer. Time and peak memory (ru_maxrss) are those of the whole process. Rows with their zeros would be rows x 5,000 doubles, before any library makes its own of
them: the goal is a quarter of that, and for XGBoost, which is given the zeros and keeps a byte or two of each, a half.
"""
import argparse
import os
import shutil
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from figures import HEADRACE, ROOT, figure, finish, timed

COLUMNS = 5000
VOCABULARY, WORDS = 20_000, 25
PEERS = {"logistic", "linear", "lightgbm"}


def generate(path, rows):
    """Texts of words drawn by Zipf's law, some of which lean one way or the other."""
    rng = np.random.default_rng(7)
    chance = 1 / np.arange(1, VOCABULARY + 1)
    words = rng.choice(VOCABULARY, (rows, WORDS), p=chance / chance.sum())
    leans = np.where(rng.random(VOCABULARY) < 0.1, rng.normal(0, 1, VOCABULARY), 0)
    stars = 3 + leans[words].sum(1) + rng.normal(0, 1, rows)
    names = np.array([f"word{i}" for i in range(VOCABULARY)])
    pq.write_table(pa.table({"id": np.arange(rows), "text": [" ".join(row) for row in names[words]], "stars": stars, "good": (stars > 3).astype(np.int64)}), path)


parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=200_000)
parser.add_argument("--learners", default="logistic,linear,naive_bayes,lightgbm,xgboost")
parser.add_argument("--no-peers", action="store_true")
args = parser.parse_args()
dense = args.rows * COLUMNS * 8 / 1e6
print(f"{args.rows:,} rows x {COLUMNS:,} columns of doubles: {dense:,.0f} MB; load {os.getloadavg()[0]:.1f}")
with tempfile.TemporaryDirectory() as folder:
    project = os.path.join(folder, "wide")
    shutil.copytree(os.path.join(ROOT, "wide"), project)
    os.makedirs(os.path.join(project, "data"))
    data = os.path.join(project, "data", "texts.parquet")
    generate(data, args.rows)
    for learner in args.learners.split(","):
        _, ours = timed([HEADRACE, "--quiet", "run", learner], project, f"headrace run {learner}")
        peer = {"s": None, "MB": None}
        goal = dense / (2 if learner == "xgboost" else 4)
        compared = learner in PEERS and not args.no_peers
        if compared:
            _, peer = timed([sys.executable, "-W", "ignore", os.path.join(ROOT, "peers", "wide_sklearn.py"), data, learner, str(COLUMNS)], folder, "wide_sklearn.py")
        name = "scikit-learn" if compared else None
        for unit in ("MB", "s"):
            figure("wide", f"{learner}, {'peak memory' if unit == 'MB' else 'time'}", unit, ours[unit], peer[unit], name, peer[unit] / ours[unit] if name else None,
                   goal=f"{goal:,.0f} MB" if unit == "MB" else None, ok=unit != "MB" or ours["MB"] <= goal)
finish()

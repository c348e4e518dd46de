"""Are models as good as scikit-learn's and LightGBM's on the same rows? Six public tables, two learners each, and `learner: auto`
with the default transforms, which is held against the better of both peers.

usage: quality.py [CASE...]        (HEADRACE names the program; `make bench-quality` sets it)

Each case takes its table from data/ and its pipeline from quality/, adds a column `is_test` after a rule on the row
number that any program can repeat, and runs the pipeline with `headrace run`. Predictions for the test rows of both
sides are judged by the same scikit-learn metrics. The peers' side is peers/reference.py.

hash25   row i, from 0, is a test row when (i * 2654435761) mod 2^32 < 2^30
day22    test rows are those with a day of the month of 22 or later
parts    the table comes in a training and a test part
"""
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

from figures import HEADRACE, ROOT, figure, finish
from peers import reference

# file(s), separator, target, columns that no model sees, split
CASES = {
    "bank_marketing": (["bank_additional_full.csv.gz"], ";", "y", ["duration"], "hash25"),
    "telco_churn": (["telco_churn.csv.gz"], ",", "Churn", ["customerID"], "hash25"),
    "penguins": (["penguins.csv.gz"], ",", "species", ["rownames"], "hash25"),
    "bike_hourly": (["bike_hourly.csv.gz"], ",", "cnt", ["casual", "registered", "instant", "dteday"], "day22"),
    "diamonds": (["diamonds.csv.gz"], ",", "price", [], "hash25"),
    "lightgbm_binary": (["binary.train.tsv.gz", "binary.test.tsv.gz"], "\t", "label", [], "parts"),
}
REGRESSION = ("bike_hourly", "diamonds")


def table(case):
    """The lines of the table, its header first, and whether each row is a test row."""
    files, separator, _, _, split = CASES[case]
    parts = []
    for name in files:
        with gzip.open(os.path.join(ROOT, "data", case, name), "rt", newline="") as file:
            parts.append(file.read().splitlines())
    if split == "parts":
        columns = parts[0][0].count(separator)
        header = separator.join(["label"] + [f"f{i}" for i in range(1, columns + 1)])
        return [header, *parts[0], *parts[1]], np.r_[np.zeros(len(parts[0]), bool), np.ones(len(parts[1]), bool)]
    lines = parts[0]
    if split == "hash25":
        row = np.arange(len(lines) - 1, dtype=np.uint64)
        return lines, (row * np.uint64(2654435761)) % np.uint64(2**32) < np.uint64(2**30)
    return lines, np.array([int(line.split(",")[1][8:10]) >= 22 for line in lines[1:]])


def ours(case, lines, is_test, learners):
    """Test predictions of each learner by `headrace run`, as tables."""
    separator = CASES[case][1]
    with tempfile.TemporaryDirectory() as folder:
        for name in (f"{case}.yaml", f"{case}_contract.yaml"):
            if os.path.exists(os.path.join(ROOT, "quality", name)):
                shutil.copy(os.path.join(ROOT, "quality", name), folder)
        with open(os.path.join(folder, "rows.tsv" if separator == "\t" else "rows.csv"), "w") as file:
            file.write(f"{lines[0]}{separator}is_test\n")
            file.writelines(f"{line}{separator}{'true' if t else 'false'}\n" for line, t in zip(lines[1:], is_test))
        done = subprocess.run([HEADRACE, "--json", "run", f"{case}.yaml"], cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"headrace run {case}.yaml ended with {done.returncode}:\n{done.stderr}")
        run, predictions = json.loads(done.stdout)["run"], {}
        for learner in learners:
            path = os.path.join(folder, f"{learner}.csv")
            subprocess.run([HEADRACE, "--quiet", "data", run, f"{learner}.test_predictions", "-o", path], cwd=folder,
                           check=True)
            predictions[learner] = pd.read_csv(path)
        return predictions


def judge(case, frame, predictions, target, classes):
    """The metrics of one learner: of ours from its table, or of the peer's predictions."""
    if case in REGRESSION:
        return {"rmse": float(np.sqrt(mean_squared_error(target, predictions if frame is None else frame["score"])))}
    if len(classes) > 2:
        values = predictions if frame is None else frame[[f"score_{c}" for c in classes]].to_numpy()
        return {"logloss": log_loss(target, values, labels=classes)}
    values = predictions[:, 1] if frame is None else frame["score"]
    return {"auc": roc_auc_score(target == classes[1], values), "logloss": log_loss(target == classes[1], values)}


def compare(case, learner, metric, value, peer):
    """AUC and log loss within 0.002 of the peer's or better, RMSE within 1 %."""
    if metric == "rmse":
        ok, goal = value <= peer * 1.01, "at most 1 % above"
    elif metric == "auc":
        ok, goal = value >= peer - 0.002, "at most 0.002 below"
    else:
        ok, goal = value <= peer + 0.002, "at most 0.002 above"
    name = {"lgbm": "LightGBM", "auto": "the better of both"}.get(learner, "scikit-learn")
    figure("quality", f"{case} {learner}", metric, round(value, 6), round(peer, 6), name,
           round(value / peer if metric == "auc" else peer / value, 4), goal, ok)


def measure(case):
    _, separator, target, hidden, _ = CASES[case]
    lines, is_test = table(case)
    learners = ["lgbm", "ridge" if case in REGRESSION else "logit"]
    rows = pd.read_csv(io.StringIO("\n".join(lines)), sep=separator)
    if len(rows) != len(is_test):
        sys.exit(f"{case}: {len(is_test)} lines make {len(rows)} rows")
    if case == "telco_churn":
        rows["TotalCharges"] = pd.to_numeric(rows["TotalCharges"], errors="coerce")
    wanted, features = rows[target], rows.drop(columns=[target, *hidden])
    classes = sorted(wanted.unique()) if case not in REGRESSION else []
    frames = ours(case, lines, is_test, [*learners, "auto"])
    peers = []
    for learner in learners:
        frame = frames[learner]
        if sorted(frame[target]) != sorted(wanted[is_test]):
            sys.exit(f"{case} {learner}: the test rows are not those of the split")
        theirs = reference.predict(learner, features[~is_test], wanted[~is_test], features[is_test], case in REGRESSION)
        peer = judge(case, None, theirs, wanted[is_test], classes)
        peers.append(peer)
        for metric, value in judge(case, frame, None, frame[target], classes).items():
            compare(case, learner, metric, value, peer[metric])
    for metric, value in judge(case, frames["auto"], None, frames["auto"][target], classes).items():
        compare(case, "auto", metric, value, (max if metric == "auc" else min)(peer[metric] for peer in peers))


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        measure(case)
    finish()

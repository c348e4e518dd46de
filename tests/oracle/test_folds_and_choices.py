"""Folds by time and by group, and a search over transforms, against scikit-learn."""

import csv
import json
import math
import os
import pathlib
import subprocess
import zipfile

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from oracle import BIN, ask

HEADRACE = os.environ.get("HEADRACE") or str(BIN / "headrace")
DAY_US = 86_400_000_000


def folds_by_time(days, count, gap_days):
    [answer] = ask([{"ask": "folds", "rows": len(days), "columns": [{"name": "t", "type": "date", "values": [int(day) for day in days]}],
                     "by": "t", "time": True, "count": count, "gap_us": gap_days * DAY_US}])
    return answer["folds"]


def test_folds_by_time_are_those_of_time_series_split():
    rng = np.random.default_rng(7)
    for _ in range(40):
        rows, count = int(rng.integers(12, 400)), int(rng.integers(2, 8))
        if rows < count + 1:
            continue
        gap = int(rng.integers(0, max(1, rows // (count + 1))))
        days = rng.permutation(rows)                       # one row a day, in any order
        order = np.argsort(days)
        # A gap of n days leaves out the n - 1 days between, which scikit-learn counts as samples.
        theirs = TimeSeriesSplit(n_splits=count, gap=max(0, gap - 1)).split(order)
        for ours, (train, test) in zip(folds_by_time(days, count, gap), theirs, strict=True):
            assert ours["train"] == sorted(order[train].tolist())
            assert ours["test"] == sorted(order[test].tolist())


def test_no_instant_and_no_row_within_the_gap_is_on_both_sides():
    rng = np.random.default_rng(8)
    for _ in range(40):
        days = np.sort(rng.integers(0, 60, 500))
        gap = int(rng.integers(0, 8))
        seen = []
        for fold in folds_by_time(days, 4, gap):
            assert fold["test"] and fold["train"]
            first = days[fold["test"]].min()
            assert days[fold["train"]].max() <= first - max(gap, 1)
            assert all(row in fold["train"] for row in np.flatnonzero(days <= first - max(gap, 1)))
            seen += fold["test"]
        assert seen == list(range(min(seen), 500))         # each later row once


def test_a_group_is_never_on_both_sides():
    rng = np.random.default_rng(9)
    groups = rng.integers(0, 90, 1000)
    [answer] = ask([{"ask": "folds", "rows": 1000, "columns": [{"name": "g", "type": "int", "values": [int(g) for g in groups]}],
                     "by": "g", "time": False, "count": 4, "gap_us": 0}])
    held = []
    for fold in answer["folds"]:
        assert not set(groups[fold["train"]]) & set(groups[fold["test"]])
        assert sorted(fold["train"] + fold["test"]) == list(range(1000))
        held += fold["test"]
    assert sorted(held) == list(range(1000))


PIPELINE = """
name: main
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      folds: {by: day, count: 4, gap: 3d}
      transform:
        - {columns: [visits], steps: [{scale: standard}]}
        - choose:
            spend:
              scaled: {columns: [spend], steps: [{scale: standard}]}
              logged: [{columns: [spend], steps: [log1p, {scale: minmax}]}]
              left_out: {drop: [spend]}
        - {columns: [city], steps: [{encode: onehot, handle_unknown: ignore}]}
      learner: logistic
      tune: {search: grid, trials: 9, metric: logloss, space: {l2: [0.1, 1, 10]}}
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """One row a day, so that no cut is moved."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(3)
    rows = 600
    visits = rng.poisson(4, rows)
    spend = np.exp(rng.normal(3, 1, rows))
    city = rng.choice(["Basel", "Bern", "Genf", "Zug"], rows, p=[0.4, 0.3, 0.25, 0.05])
    lean = 0.4 * (visits - 4) + 0.8 * (np.log1p(spend) - 3) + np.where(city == "Bern", 0.7, 0) + rng.normal(0, 1, rows)
    bought = (lean > 0).astype(int)
    with (folder / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "day", "visits", "spend", "city", "bought"])
        for i in range(rows):
            out.writerow([i, np.datetime64("2025-01-01") + i, visits[i], repr(float(spend[i])), city[i], bought[i]])
    (folder / "headrace.yaml").write_text("{}\n")
    (folder / "main.yaml").write_text(PIPELINE)
    return folder, visits.astype(float), spend, city, bought


def test_each_trial_has_the_loss_that_scikit_learn_finds_for_it(people):
    """Every alternative is fitted anew on what its fold may learn from: the figures are those of scikit-learn's pipelines under its TimeSeriesSplit."""
    folder, visits, spend, city, bought = people
    done = subprocess.run([HEADRACE, "run", "main.yaml"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [model] = pathlib.Path(folder / ".headrace" / "artifacts").rglob("*.model")
    trials = json.loads(zipfile.ZipFile(model).read("metrics.json"))["trials"]
    assert len(trials) == 9
    table = np.empty((len(visits), 3), dtype=object)
    table[:, 0], table[:, 1], table[:, 2] = visits, spend, city
    spends = {"scaled": StandardScaler(), "logged": make_pipeline(FunctionTransformer(lambda column: np.log1p(column.astype(float))), MinMaxScaler()), "left_out": "drop"}
    best = None
    for trial in trials:
        words = dict(word.split("=") for word in trial["name"].split()[1:])
        losses = []
        for train, test in TimeSeriesSplit(n_splits=4, gap=2).split(table):
            columns = ColumnTransformer([("visits", StandardScaler(), [0]), ("spend", spends[words["spend"]], [1]), ("city", OneHotEncoder(handle_unknown="ignore"), [2])])
            both = make_pipeline(columns, LogisticRegression(C=1 / float(words["l2"]), tol=1e-10, max_iter=10_000))
            both.fit(table[train], bought[train])
            losses.append(log_loss(bought[test], both.predict_proba(table[test])[:, 1]))
        mean, error = np.mean(losses), np.std(losses, ddof=1) / math.sqrt(len(losses))
        assert trial["mean"] == pytest.approx(mean, rel=1e-6), trial["name"]
        assert trial["error"] == pytest.approx(error, rel=1e-5), trial["name"]
        assert trial["folds"] == 4
        if best is None or mean < best[0]:
            best = (mean, trial["name"])
    assert [trial["name"] for trial in trials if trial["chosen"]] == [best[1]]
    kept = json.loads(zipfile.ZipFile(model).read("transform.json"))
    steps = {column["column"]: len(column["steps"]) for group in kept["groups"] for column in group["columns"]}
    chosen = dict(word.split("=") for word in best[1].split()[1:])["spend"]
    assert steps.get("spend") == {"scaled": 1, "logged": 2, "left_out": None}[chosen], steps

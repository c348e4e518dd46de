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
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, PredefinedSplit, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler, TargetEncoder

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


class CrossFitted(TargetEncoder):
    """TargetEncoder with the folds of docs/transforms.md: of each run of `cv` rows one in each, turned by a hash of the run."""

    def fit_transform(self, levels, y):
        row = np.arange(len(y), dtype=np.uint64)
        folds = (row + (row // np.uint64(5) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33))) % np.uint64(5)
        whole = clone(self).set_params(cv=PredefinedSplit(folds.astype(int)))
        made = TargetEncoder.fit_transform(whole, levels, y)
        self.__dict__.update({name: value for name, value in vars(whole).items() if name != "cv"})
        return made


OPEN = """
name: open
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      folds: {by: day, count: 4, gap: 3d}
      transform:
        - {columns: [city], steps: [{encode: target, smooth: [0.5, 200]}]}
        - {columns: [visits], steps: [{bins: quantile, count: {low: 2, high: 4}, output: onehot}]}
        - {columns: [spend], steps: [log1p, {scale: standard}]}
      learner: logistic
      tune: {search: grid, trials: 100, metric: logloss, space: {l2: [0.1, 10]}}
"""


def trials_of(folder, pipeline):
    """The trials of the one model, and the steps that it kept by column."""
    (folder / "headrace.yaml").write_text("{}\n")
    (folder / "main.yaml").write_text(pipeline)
    done = subprocess.run([HEADRACE, "run", "main.yaml"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [model] = pathlib.Path(folder / ".headrace" / "artifacts").rglob("*.model")
    with zipfile.ZipFile(model) as archive:
        kept = json.loads(archive.read("transform.json"))
        return json.loads(archive.read("metrics.json"))["trials"], {column["column"]: column["steps"] for group in kept["groups"] for column in group["columns"]}, kept


def agrees(trials, search, named):
    """Every trial has the losses of its candidate in GridSearchCV, and the best is the best. `named`: sklearn's parameters of a trial's words."""
    assert len(trials) == len(search.cv_results_["params"])
    theirs = {tuple(sorted(params.items())): i for i, params in enumerate(search.cv_results_["params"])}
    for trial in trials:
        at = theirs.pop(tuple(sorted(named(dict(word.split("=") for word in trial["name"].split()[1:])).items())))
        assert trial["mean"] == pytest.approx(-search.cv_results_["mean_test_score"][at], rel=1e-6), trial["name"]
        assert trial["chosen"] == (at == search.best_index_), trial["name"]
    assert not theirs


def test_a_grid_over_smoothing_bins_and_penalty_is_that_of_grid_search_cv(people, tmp_path):
    folder, visits, spend, city, bought = people
    (tmp_path / "people.csv").write_bytes((folder / "people.csv").read_bytes())
    trials, steps, _ = trials_of(tmp_path, OPEN)
    table = np.empty((len(visits), 3), dtype=object)
    table[:, 0], table[:, 1], table[:, 2] = visits, spend, city
    columns = ColumnTransformer([
        ("city", CrossFitted(), [2]),
        ("visits", KBinsDiscretizer(encode="onehot-dense", strategy="quantile", quantile_method="averaged_inverted_cdf", subsample=None), [0]),
        ("spend", make_pipeline(FunctionTransformer(lambda column: np.log1p(column.astype(float))), StandardScaler()), [1])])
    search = GridSearchCV(Pipeline([("columns", columns), ("logistic", LogisticRegression(tol=1e-10, max_iter=10_000))]),
                          {"columns__city__smooth": [0.5, 200], "columns__visits__n_bins": [2, 3, 4], "logistic__C": [10, 0.1]},
                          scoring="neg_log_loss", cv=TimeSeriesSplit(n_splits=4, gap=2)).fit(table, bought)
    agrees(trials, search, lambda words: {"columns__city__smooth": float(words["city.encode.smooth"]), "columns__visits__n_bins": int(words["visits.bins.count"]), "logistic__C": 1 / float(words["l2"])})
    best = search.best_estimator_.named_steps["columns"]
    assert steps["visits"][0]["edges"][0] == pytest.approx(best.named_transformers_["visits"].bin_edges_[0][1:-1].tolist())
    encoder = best.named_transformers_["city"]
    assert dict(zip(steps["city"][0]["levels"], steps["city"][0]["values"])) == pytest.approx(dict(zip(encoder.categories_[0].tolist(), encoder.encodings_[0].tolist())))


def test_a_grid_over_components_and_percentiles_is_that_of_grid_search_cv(tmp_path):
    rng = np.random.default_rng(11)
    rows = 500
    hidden = rng.normal(0, 1, (rows, 2))
    values = hidden @ rng.normal(0, 1, (2, 5)) + rng.normal(0, 0.6, (rows, 5))
    values[rng.random((rows, 5)) < 0.02] *= 30
    bought = (hidden[:, 0] + 0.5 * hidden[:, 1] + rng.normal(0, 0.5, rows) > 0).astype(int)
    with (tmp_path / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "day", *(f"f_{k}" for k in range(5)), "bought"])
        for i in range(rows):
            out.writerow([i, np.datetime64("2025-01-01") + i, *(repr(float(x)) for x in values[i]), bought[i]])
    trials, _, kept = trials_of(tmp_path, """
name: open
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      folds: {by: day, count: 3}
      transform:
        - {columns: ["f_*"], steps: [{clip: [[0%, 2.5%], {low: 97.5%, high: 100%}]}, {reduce: pca, components: {low: 1, high: 4}}]}
      learner: logistic
      tune: {search: grid, trials: 1000, metric: logloss, space: {l2: [1]}}
""")

    class Clip(FunctionTransformer):
        def __init__(self, lower=0.0, upper=100.0):
            super().__init__()
            self.lower, self.upper = lower, upper

        def fit(self, x, y=None):
            self.bounds_ = np.percentile(x, [self.lower, self.upper], axis=0)
            return self

        def transform(self, x):
            return np.clip(x, *self.bounds_)

    both = Pipeline([("clip", Clip()), ("pca", PCA(svd_solver="full")), ("logistic", LogisticRegression(tol=1e-10, max_iter=10_000))])
    uppers = sorted({float(trial["name"].split("clip.upper=")[1].split("%")[0]) for trial in trials})
    assert len(uppers) == 5 and uppers[0] == 97.5 and uppers[-1] == 100
    search = GridSearchCV(both, {"clip__lower": [0.0, 2.5], "clip__upper": uppers, "pca__n_components": [1, 2, 3, 4]}, scoring="neg_log_loss", cv=TimeSeriesSplit(n_splits=3)).fit(values, bought)
    agrees(trials, search, lambda words: {"clip__lower": float(words["f_*.clip.lower"][:-1]), "clip__upper": float(words["f_*.clip.upper"][:-1]), "pca__n_components": int(words["f_*.reduce.components"])})
    [group] = kept["groups"]
    clips = [column["steps"][0] for column in group["columns"]]
    assert [clip["upper"][0] for clip in clips] == pytest.approx(search.best_estimator_.named_steps["clip"].bounds_[1].tolist())
    assert search.best_params_["pca__n_components"] == len(search.best_estimator_.named_steps["pca"].components_)

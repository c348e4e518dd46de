"""Permutation importance and partial dependence of a trained model, beside scikit-learn's: on the model's own scores, and on a linear model of scikit-learn's."""

import datetime
import json
import os
import pathlib
import random
import sys
import zipfile

import numpy
import pandas
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from world import HEADRACE, SOURCE, World

sys.path.insert(0, str(SOURCE / "python"))
os.environ.setdefault("HEADRACE_LIBRARY", str(pathlib.Path(HEADRACE).parent.parent / "lib" / "libheadrace.so"))
import headrace  # noqa: E402

CONTRACT = """columns:
  - {name: id, type: int}
  - {name: visits, type: int}
  - {name: spend, type: double}
  - {name: noise, type: double}
  - {name: country, type: text}
  - {name: joined, type: date}
  - {name: is_test, type: bool}
  - {name: bought, type: int}
  - {name: amount, type: double}
  - {name: plan, type: text}
"""
TRAININGS = {
    "forest": ("bought", "amount, plan", "transform: [{columns: [joined], steps: [{date: [month, weekday]}]}], learner: {lightgbm: {num_iterations: 30, num_leaves: 8}}"),
    "linear": ("bought", "amount, plan, country, joined", "learner: logistic"),
    "number": ("amount", "bought, plan", "learner: {lightgbm: {num_iterations: 30, num_leaves: 8}}"),
    "classes": ("plan", "bought, amount", "learner: {lightgbm: {num_iterations: 10, num_leaves: 5}}"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("effects") / "shop")
    draw = random.Random(7)
    lines = ["id,visits,spend,noise,country,joined,is_test,bought,amount,plan"]
    for i in range(900):
        visits, country, spend = draw.randrange(12), draw.choice(["DE", "FR", "IT"]), round(draw.expovariate(0.02), 3)
        lean = visits / 3 - 2 + (1.2 if country == "IT" else 0) - spend / 60
        bought = int(draw.random() < 1 / (1 + numpy.exp(-lean)))
        amount = round(5 * visits + 0.3 * spend + draw.gauss(0, 3), 3)
        plan = "pro" if lean > 1 else "plus" if lean + draw.gauss(0, 1) > 0 else "basic"
        lines.append(f"{i},{visits},{spend},{draw.random():.5f},{country},2024-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02},{i % 3 == 0},{bought},{amount},{plan}")
    world.write("data/rows.csv", "\n".join(lines) + "\n")
    world.write("contracts/rows.yaml", CONTRACT)
    steps = "".join(f"""  {name}:
    train: {{data: rows, target: {target}, key: [id], ignore: [{ignore}], split: {{column: is_test}}, {learner}}}
""" for name, (target, ignore, learner) in TRAININGS.items())
    world.write("pipelines/main.yaml", f"name: main\nsteps:\n  rows:\n    extract: {{file: data/rows.csv}}\n    checks: [{{contract: contracts/rows.yaml}}]\n{steps}")
    steps = {step["step"]: step["digest"] for step in world.good()["steps"]}
    world.files = {name: world.folder / ".headrace" / "artifacts" / steps[name][:2] / f"{steps[name]}.model" for name in TRAININGS}
    rows = pandas.read_csv(world.folder / "data/rows.csv").astype({"visits": "float64"})
    rows["joined"] = [datetime.date.fromisoformat(day) for day in rows["joined"]]
    world.test_rows, world.train_rows = rows[rows["is_test"]].reset_index(drop=True), rows[~rows["is_test"]].reset_index(drop=True)
    return world


def metrics(world, name):
    with zipfile.ZipFile(world.files[name]) as archive:
        return json.loads(archive.read("metrics.json"))


def inputs(world, name):
    """The model's columns, in its order, and the target, of the test rows."""
    model = headrace.load(world.files[name])
    columns = [column["name"] for column in model.info["inputs"]]
    return model, world.test_rows[columns], world.test_rows[TRAININGS[name][0]]


class Scores(BaseEstimator):
    """A model file as scikit-learn sees an estimator."""

    def __init__(self, model=None):
        self.model = model
        self.classes_ = numpy.array(model.info["classes"]) if model else None

    def fit(self, rows, target):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def scored(self, rows):
        return self.model.predict(rows, keep=[])


class Classes(ClassifierMixin, Scores):
    def predict_proba(self, rows):
        scored = self.scored(rows)
        if len(self.classes_) == 2:
            return numpy.column_stack([1 - scored["score"], scored["score"]])
        return numpy.column_stack([scored[f"score_{name}"] for name in self.classes_])

    def predict(self, rows):
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


class Numbers(RegressorMixin, Scores):
    def predict(self, rows):
        return self.scored(rows)["score"].to_numpy()


def mix(z):
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) & (2**64 - 1)
    return z ^ (z >> 31)


def shuffled(rows, stream, seed=4):
    """The order that the program shuffles so many rows into: SplitMix64 and Fisher-Yates (column_effects.cc)."""
    state = mix((seed + 0x9E3779B97F4A7C15) % 2**64) ^ mix((stream + 0xD1B54A32D192ED03) % 2**64)
    order = list(range(rows))
    for i in range(rows, 1, -1):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        other = ((mix(state) >> 32) * i) >> 32
        order[i - 1], order[other] = order[other], order[i - 1]
    return order


def loss(name, estimator, rows, target):
    if name == "number":
        return root_mean_squared_error(target, estimator.predict(rows))
    return log_loss(target, estimator.predict_proba(rows), labels=estimator.classes_)


def estimator_of(name, model):
    if name == "number":
        return Numbers(model)
    estimator = Classes(model)
    if name != "classes":
        estimator.classes_ = numpy.array([0, 1])
    return estimator


@pytest.mark.parametrize("name", TRAININGS)
def test_importance_is_the_growth_of_the_loss_on_the_same_shuffles(world, name):
    model, rows, target = inputs(world, name)
    estimator = estimator_of(name, model)
    found = metrics(world, name)["permutation"]
    assert (found["of"], found["rows"], found["repeats"]) == ("test rows", len(rows), 5)
    assert found["metric"] == ("rmse" if name == "number" else "logloss")
    whole = loss(name, estimator, rows, target)
    means = {}
    for place, column in enumerate(rows.columns):
        grown = []
        for repeat in range(5):
            moved = rows.assign(**{column: rows[column].to_numpy()[shuffled(len(rows), place * 5 + repeat)]})
            grown.append(loss(name, estimator, moved, target) - whole)
        means[column] = (numpy.mean(grown), numpy.std(grown))
    assert [c["column"] for c in found["columns"]] == sorted(means, key=lambda column: -means[column][0])
    for c in found["columns"]:
        assert (c["mean"], c["deviation"]) == pytest.approx(means[c["column"]], abs=1e-10), c


@pytest.mark.parametrize("name", ["forest", "number"])
def test_importance_agrees_with_scikit_learns_own_shuffles(world, name):
    model, rows, target = inputs(world, name)
    theirs = permutation_importance(estimator_of(name, model), rows, target, scoring=lambda e, x, y: -loss(name, e, x, y), n_repeats=30, random_state=1)
    found = {c["column"]: c for c in metrics(world, name)["permutation"]["columns"]}
    for column, mean, deviation in zip(rows.columns, theirs.importances_mean, theirs.importances_std):
        ours = found[column]
        assert abs(ours["mean"] - mean) <= 4 * max(deviation, ours["deviation"]) * (1 / 5 + 1 / 30) ** 0.5 + 1e-12, (column, ours, mean, deviation)


def test_importance_of_a_linear_model_is_that_of_scikit_learns_linear_model(world):
    _, rows, target = inputs(world, "linear")
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1, solver="newton-cholesky", tol=1e-12)).fit(world.train_rows[rows.columns], world.train_rows["bought"])
    whole = log_loss(target, theirs.predict_proba(rows))
    for c in metrics(world, "linear")["permutation"]["columns"]:
        place = list(rows.columns).index(c["column"])
        grown = [log_loss(target, theirs.predict_proba(rows.assign(**{c["column"]: rows[c["column"]].to_numpy()[shuffled(len(rows), place * 5 + r)]}))) - whole for r in range(5)]
        assert c["mean"] == pytest.approx(numpy.mean(grown), abs=1e-6)


@pytest.mark.parametrize("name", TRAININGS)
def test_dependence_is_that_of_scikit_learn_on_the_same_grid(world, name):
    model, rows, _ = inputs(world, name)
    found = metrics(world, name)["dependence"]
    assert (found["of"], found["rows"]) == ("test rows", len(rows))
    assert {c["column"] for c in found["columns"]} == set(rows.columns)
    for c in found["columns"]:
        epoch = datetime.date(1970, 1, 1)
        grid = [epoch + datetime.timedelta(p["value"]) if c["type"] == "date" else p["value"] for p in c["points"]]
        if c["type"] in ("text", "date"):   # scikit-learn takes means of such columns as they are asked for only
            means = [estimator_of(name, model).predict_proba(rows.assign(**{c["column"]: [value] * len(rows)})).mean(axis=0) if name != "number"
                     else [estimator_of(name, model).predict(rows.assign(**{c["column"]: [value] * len(rows)})).mean()] for value in grid]
            theirs = numpy.array(means).T
        else:
            theirs = partial_dependence(estimator_of(name, model), rows, [c["column"]], kind="average", method="brute", custom_values={c["column"]: numpy.array(grid, float)},
                                        **({} if name == "number" else {"response_method": "predict_proba"}))["average"]
        ours = numpy.array([p["mean"] for p in c["points"]]).T
        theirs = theirs[-1:] if name in ("forest", "linear") else theirs
        assert ours.shape == theirs.shape and numpy.allclose(ours, theirs, rtol=0, atol=1e-12), (c["column"], ours - theirs)


def test_a_grid_is_the_quantiles_from_5_to_95_percent_or_the_levels(world):
    _, rows, _ = inputs(world, "forest")
    found = {c["column"]: [p["value"] for p in c["points"]] for c in metrics(world, "forest")["dependence"]["columns"]}
    assert found["spend"] == pytest.approx(list(numpy.quantile(rows["spend"], [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])))
    assert found["country"] == list(rows["country"].value_counts().index)


def test_the_page_of_the_run_draws_them(world):
    page = world.folder / "page.html"
    done = world.headrace("report", "-o", str(page))
    assert done.code == 0, done.all
    text = page.read_text()
    assert text.count("What the model relies on") == len(TRAININGS)
    assert "Score by spend" in text and "Score by country" in text

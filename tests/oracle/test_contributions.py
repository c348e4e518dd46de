"""Contributions to a row's margin against shap: TreeExplainer's own trees (not the pred_contrib that it asks LightGBM and XGBoost for unless told otherwise),
LinearExplainer, and Shapley's definition over all sets of features. LightGBM within 1e-9, XGBoost within 1e-5 (it adds floats), linear within 1e-9."""

import itertools
import json
import math
import os
import pathlib
import re
import sys
import types

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from oracle import BIN
from tables import BENCH
from test_learners import FIXED, ask, request, world
from test_xgboost import theirs

# shap compiles with numba what explains texts and images; the explainers of trees and lines are C and numpy. So the tests do without
# numba's 63 MB (scripts/lock_requirements.py): its decorators give back the function.
numba = types.ModuleType("numba")
numba.njit = numba.jit = lambda *given, **_: given[0] if given and callable(given[0]) else lambda function: function
numba.typed = types.ModuleType("numba.typed")
sys.modules.setdefault("numba", numba)
sys.modules.setdefault("numba.typed", numba.typed)
import shap  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
os.environ.setdefault("HEADRACE_LIBRARY", str(pathlib.Path(BIN).parent / "lib" / "libheadrace.so"))
import headrace  # noqa: E402

TASKS = ["binary", "multiclass", "regression"]


def by_shap(booster, rows):
    """(row, output, feature), by shap's own walk over the trees."""
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    if isinstance(booster, lightgbm.Booster):       # its trees alone, those of each class apart; with its booster, shap hands the rows to LightGBM
        classes = booster.num_model_per_iteration()
        return np.stack([shap.TreeExplainer(explainer.model.trees[k::classes]).shap_values(rows, check_additivity=False) for k in range(classes)], axis=1)
    explainer.model.model_type = "internal"     # else it hands the rows to XGBoost
    values = explainer.shap_values(rows, check_additivity=False)    # it reads another base
    return values[:, None, :] if values.ndim == 2 else values.transpose(0, 2, 1)


def check(answer, booster, rows, within):
    outputs = len(answer["margins"]) // len(rows)
    ours = np.reshape(answer["contributions"], (len(rows), outputs, -1))
    reference = by_shap(booster, rows)
    np.testing.assert_allclose(ours[:, :, :-1], reference, rtol=0, atol=within * max(1, np.abs(reference).max()))
    np.testing.assert_allclose(ours.sum(axis=2).ravel(), answer["margins"], rtol=0, atol=within * max(1, np.abs(answer["margins"]).max()))


def awkward(seed, task):
    """Ties, nulls and zeros in the rows that are learnt from and in those that are explained."""
    rng = np.random.default_rng(seed)
    x, y = world(task, seed + 90, n=400, p=5)
    x[:, 2] = np.round(x[:, 2])
    rows = np.vstack([x[:60], rng.normal(size=(60, 5)) * 5])
    for values in (x, rows):
        values[rng.random(values.shape) < 0.08] = np.nan
        values[rng.random(values.shape) < 0.08] = 0
    return x, y, rows


@pytest.mark.parametrize("task", TASKS)
def test_lightgbm(task):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate([{"num_iterations": "30"}, {"num_iterations": "8", "num_leaves": "63", "min_data_in_leaf": "2"}, {"num_iterations": "20", "max_depth": "1"}]):
        x, y, rows = awkward(seed, task)
        own = {**FIXED, **parameters, "objective": task} | ({"num_class": 3} if task == "multiclass" else {})
        rounds = int(own.pop("num_iterations"))
        boosters.append(lightgbm.train(own, lightgbm.Dataset(x, y, params=own), rounds))
        inputs.append(rows)
        requests.append(request("lightgbm", task, x, y, rows, parameters=parameters, contributions=True))
    for answer, booster, rows in zip(ask(requests), boosters, inputs, strict=True):
        check(answer, booster, rows, 1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_xgboost(task):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate([{"num_boost_round": "30"}, {"num_boost_round": "10", "max_depth": "8", "min_child_weight": "0.1"}]):
        x, y, rows = (values.astype(np.float32).astype(float) for values in awkward(seed + 5, task))     # it reads floats, shap doubles
        boosters.append(theirs(task, x, y, parameters))
        inputs.append(rows)
        requests.append(request("xgboost", task, x, y, rows, parameters=parameters, contributions=True))
    for answer, booster, rows in zip(ask(requests), boosters, inputs, strict=True):
        check(answer, booster, rows, 1e-5)


def test_a_forest_of_a_real_table():
    data = pd.read_csv(BENCH / "bank_marketing/bank_additional_full.csv.gz", sep=";", nrows=4000)
    x = data[["age", "duration", "campaign", "pdays", "euribor3m", "nr.employed"]].to_numpy(dtype=float)
    y = (data["y"] == "yes").to_numpy(dtype=float)
    booster = lightgbm.train({**FIXED, "objective": "binary"}, lightgbm.Dataset(x, y), 40)
    [answer] = ask([request("lightgbm", "binary", x, y, x[:300], parameters={"num_iterations": "40"}, contributions=True)])
    check(answer, booster, x[:300], 1e-9)


def expected_of(node, row, known):
    """The mean of the leaves that a row may reach of which only the features `known` are known, by the training rows of each branch."""
    if "leaf_value" in node:
        return node["leaf_value"]
    if node["split_feature"] in known:
        return expected_of(node["left_child" if row[node["split_feature"]] <= node["threshold"] else "right_child"], row, known)
    sides = [node["left_child"], node["right_child"]]
    counts = [side.get("internal_count", side.get("leaf_count")) for side in sides]
    return sum(count * expected_of(side, row, known) for count, side in zip(counts, sides, strict=True)) / sum(counts)


def test_the_definition_on_a_small_forest():
    """Shapley 1953: what a feature adds, over all orders in which the features become known."""
    x, y = world("regression", 41, n=300, p=4)
    x[:, 1] = np.round(x[:, 1])
    parameters = {"num_iterations": "6", "num_leaves": "7"}
    booster = lightgbm.train({**FIXED, "objective": "regression", "num_leaves": 7}, lightgbm.Dataset(x, y), 6)
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    [answer] = ask([request("lightgbm", "regression", x, y, x[:25], parameters=parameters, contributions=True)])
    ours = np.reshape(answer["contributions"], (25, 5))
    for row, contributions in zip(x[:25], ours, strict=True):
        worth = {known: sum(expected_of(tree, row, known) for tree in trees) for size in range(5) for known in itertools.combinations(range(4), size)}
        for feature in range(4):
            added = sum(math.factorial(len(known)) * math.factorial(3 - len(known)) / 24 * (worth[tuple(sorted((*known, feature)))] - worth[known]) for known in worth if feature not in known)
            assert contributions[feature] == pytest.approx(added, abs=1e-12)
        assert contributions[4] == pytest.approx(worth[()], abs=1e-12)


@pytest.mark.parametrize("learner, task", [("linear", "regression"), ("logistic", "binary"), ("logistic", "multiclass")])
def test_linear_models_of_standardised_columns(learner, task):
    """Of other columns ours is the weight times the value, not times its distance from the mean: that much stands in the base (docs/explanations.md)."""
    x, y = world(task, 42)
    x = StandardScaler().fit_transform(x)
    [answer] = ask([request(learner, task, x, y, x[:80], l2=0.5, contributions=True)])
    fitted = json.loads(answer["text"])
    coefficients, intercepts = np.array(fitted["coefficients"]), np.array(fitted["intercepts"])
    ours = np.reshape(answer["contributions"], (80, len(intercepts), -1))
    for output, (weights, intercept) in enumerate(zip(coefficients, intercepts, strict=True)):
        explainer = shap.LinearExplainer((weights, intercept), shap.maskers.Independent(x, max_samples=len(x)))
        np.testing.assert_allclose(ours[:, output, :-1], explainer.shap_values(x[:80]), rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours[:, output, -1], explainer.expected_value, rtol=0, atol=1e-9)


def people(n):
    rng = np.random.default_rng(44)
    rows = pd.DataFrame({"visits": rng.poisson(4, n).astype(float), "spend": np.round(rng.exponential(40, n), 2), "age": rng.integers(18, 80, n).astype(float),
                         "country": rng.choice(["DE", "FR", "IT", "Österreich"], n), "device": rng.choice(["phone", "desk"], n)})
    lean = rows["visits"] / 3 - rows["spend"] / 60 + (rows["country"] == "IT") - (rows["device"] == "desk") * rows["age"] / 60 + rng.normal(0, 1, n)
    return rows, lean


@pytest.mark.parametrize("estimator", [RandomForestClassifier(12, max_depth=6, random_state=0), RandomForestClassifier(8, max_depth=5, class_weight={0: 0.7, 1: 1.9}, random_state=1),
                                       HistGradientBoostingClassifier(max_iter=20, random_state=0), GradientBoostingClassifier(n_estimators=25, random_state=0),
                                       lightgbm.LGBMClassifier(n_estimators=25, verbosity=-1, n_jobs=1), LogisticRegression(), ExtraTreesRegressor(8, max_depth=7, random_state=0)],
                         ids=lambda e: type(e).__name__ + (" weighted" if getattr(e, "class_weight", None) else ""))
def test_reasons_are_the_columns_with_the_largest_sums_of_shap_values(estimator):
    """A column has the sum of what its encoded columns have; the largest sizes first, with their sign."""
    rows, lean = people(500)
    columns = [["visits"], ["spend"], ["age"], ["country"], ["device"]]
    prepared = ColumnTransformer([(c[0], OneHotEncoder(sparse_output=False) if k > 2 else StandardScaler(), c) for k, c in enumerate(columns)])
    pipeline = make_pipeline(prepared, estimator).fit(rows, lean if isinstance(estimator, ExtraTreesRegressor) else (lean > 0.5).astype(int))
    vectors = prepared.transform(rows)
    if isinstance(estimator, LogisticRegression):
        values = vectors * estimator.coef_[0]      # of one-hot columns, which are not standardised, the weight itself
        numbers = shap.LinearExplainer(estimator, shap.maskers.Independent(vectors, max_samples=len(rows))).shap_values(vectors)
        np.testing.assert_allclose(values[:, :3], numbers[:, :3], atol=1e-9)
    else:
        explainer = shap.TreeExplainer(estimator)
        explainer.model.model_type = "internal"
        values = explainer.shap_values(vectors, check_additivity=False)
        values = values[:, :, 1] if values.ndim == 3 else values
    widths = [1, 1, 1, 4, 2]
    sums = np.column_stack([part.sum(axis=1) for part in np.split(values, np.cumsum(widths)[:-1], axis=1)])
    scored = headrace.from_sklearn(pipeline, rows).predict(rows, reasons=5)
    for row in range(len(rows)):
        reasons = [re.match(r"([+-]) (\w+) = ", reason).groups() for reason in (scored[f"reason_{k}"][row] for k in range(1, 6)) if isinstance(reason, str)]
        order = [k for k in np.argsort(-np.abs(sums[row]), kind="stable") if abs(sums[row, k]) > 1e-9]
        sizes = np.abs(sums[row, order])
        if np.any(sizes[:-1] - sizes[1:] < 1e-9):
            continue      # equal as far as rounding goes
        assert reasons == [("+" if sums[row, k] > 0 else "-", columns[k][0]) for k in order], (row, sums[row])

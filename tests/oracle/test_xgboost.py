"""XGBoost against its Python package: the same parameters grow the same trees, the margins are its own bit for bit, and contributions agree
within 1e-5; on made-up tables and on real ones."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import xgboost
from test_learners import ask, request

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "data"
OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
PARAMETERS = [
    {"num_boost_round": "40"},
    {"num_boost_round": "30", "max_depth": "9", "eta": "0.8", "min_child_weight": "0.1"},
    {"num_boost_round": "30", "subsample": "0.6", "colsample_bytree": "0.7", "colsample_bynode": "0.8", "seed": "5"},
    {"num_boost_round": "20", "grow_policy": "lossguide", "max_leaves": "40", "max_depth": "0", "lambda": "3", "alpha": "0.2"},
    {"num_boost_round": "20", "tree_method": "exact", "gamma": "1"},
    {"num_boost_round": "20", "tree_method": "approx", "max_bin": "32", "num_parallel_tree": "2"},
]


def theirs(task, x, y, parameters, weights=None, monotone=None):
    own = {"objective": OBJECTIVES[task], "nthread": 1, "seed": 0, "verbosity": 0, **parameters}
    rounds = int(own.pop("num_boost_round", "100"))
    if own["objective"] == "multi:softprob":
        own["num_class"] = int(y.max()) + 1
    if monotone:
        own["monotone_constraints"] = tuple(monotone)
    return xgboost.train(own, xgboost.DMatrix(x, y, weight=weights), rounds)


def check(answers, boosters, inputs):
    for answer, booster, apply in zip(answers, boosters, inputs, strict=True):
        ours, reference = json.loads(answer["text"]), json.loads(bytes(booster.save_raw("json")))
        assert ours["learner"]["attributes"].keys() == {"base_margin"}
        ours["learner"]["attributes"] = {}
        assert ours == reference
        rows = xgboost.DMatrix(apply)
        np.testing.assert_array_equal(np.array(answer["margins"]), booster.predict(rows, output_margin=True).ravel().astype(float))
        np.testing.assert_allclose(answer["predictions"], booster.predict(rows).ravel(), rtol=1e-5, atol=1e-7)
        contributions = booster.predict(rows, pred_contribs=True).ravel()
        np.testing.assert_allclose(answer["contributions"], contributions, rtol=1e-5, atol=1e-5 * np.abs(contributions).max())
        again = xgboost.Booster(model_file=bytearray(answer["text"].encode()))
        np.testing.assert_array_equal(again.predict(rows, output_margin=True), booster.predict(rows, output_margin=True))
        gains = booster.get_score(importance_type="total_gain")
        np.testing.assert_allclose(answer["importance"], [gains.get(f"f{i}", 0.0) for i in range(apply.shape[1])], rtol=1e-6)


def world(task, seed, n=500, p=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * rng.uniform(0.5, 4, p)
    x[:, 2] = np.round(x[:, 2])
    lean = x @ rng.normal(size=p) / 4 + rng.normal(size=n)
    y = {"binary": (lean > 0.5).astype(float), "multiclass": np.digitize(lean, [-1, 1]).astype(float), "regression": lean}[task]
    x[rng.random(x.shape) < 0.05] = np.nan
    x[rng.random(x.shape) < 0.05] = 0
    apply = rng.normal(size=(400, p)) * 4
    apply[rng.random(apply.shape) < 0.1] = np.nan
    apply[rng.random(apply.shape) < 0.1] = 0
    apply[0], apply[1] = 1e-40, -3e38
    return x, y, apply


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_same_trees_and_the_same_bits(task):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate(PARAMETERS):
        x, y, apply = world(task, seed)
        boosters.append(theirs(task, x, y, parameters))
        inputs.append(apply)
        requests.append(request("xgboost", task, x, y, apply, parameters=parameters, contributions=True))
    check(ask(requests), boosters, inputs)


@pytest.mark.parametrize("objective", [{"objective": "reg:absoluteerror"}, {"objective": "reg:quantileerror", "quantile_alpha": "0.8"}, {"objective": "count:poisson"},
                                       {"objective": "reg:gamma"}, {"objective": "reg:tweedie", "tweedie_variance_power": "1.3"}], ids=lambda p: p["objective"])
def test_objectives_for_numbers(objective):
    x, y, apply = world("regression", 11)
    y = np.exp(y / 2)
    parameters = {"num_boost_round": "30", **objective}
    check(ask([request("xgboost", "regression", x, y, apply, parameters=parameters, contributions=True)]), [theirs("regression", x, y, parameters)], [apply])


def test_weights_and_monotone_constraints():
    x, y, apply = world("binary", 12)
    weights = np.random.default_rng(1).uniform(0, 3, len(y))
    monotone = [1, -1, 0, 0, 0, 0]
    parameters = {"num_boost_round": "25", "max_depth": "4", "scale_pos_weight": "2"}
    check(ask([request("xgboost", "binary", x, y, apply, parameters=parameters, contributions=True, weights=list(weights), monotone=monotone)]),
          [theirs("binary", x, y, parameters, weights, monotone)], [apply])


REAL = [
    ("diamonds/diamonds.csv.gz", ",", ["carat", "depth", "table", "x", "y", "z"], "price", "regression"),
    ("bike_hourly/bike_hourly.csv.gz", ",", ["temp", "hum", "windspeed", "hr", "weekday"], "cnt", "regression"),
    ("bank_marketing/bank_additional_full.csv.gz", ";", ["age", "duration", "campaign", "pdays", "euribor3m", "nr.employed"], "y", "binary"),
]


@pytest.mark.parametrize("name, separator, columns, target, task", REAL, ids=[r[0].split("/", maxsplit=1)[0] for r in REAL])
def test_real_tables(name, separator, columns, target, task):
    data = pd.read_csv(BENCH / name, sep=separator, nrows=5000)
    x = data[columns].to_numpy(dtype=float)
    y = data[target].to_numpy(dtype=float) if task == "regression" else (data[target] == "yes").to_numpy(dtype=float)
    parameters = {"num_boost_round": "60", "max_depth": "5", "eta": "0.1"}
    check(ask([request("xgboost", task, x, y, x[:2000], parameters=parameters, contributions=True)]), [theirs(task, x, y, parameters)], [x[:2000]])

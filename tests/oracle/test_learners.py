"""Learners against scikit-learn (coefficients within 1e-8, with its Newton solver: its L-BFGS
stops some 1e-6 earlier) and LightGBM (its Python package grows the same trees from the
same parameters, and predicts the same margins bit for bit and the same probabilities within 4 units in the last place)."""

import json
import os
import pathlib
import re
import subprocess
import warnings

import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin")


def ask(requests):
    done = subprocess.run([BIN / "oracle_learner"], input=json.dumps(requests), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for answer in answers:
        assert "error" not in answer, answer["error"]
    return answers


def request(learner, task, x, y, apply, **more):
    def flat(values):
        return [None if np.isnan(v) else float(v) for v in np.ravel(values)]

    return {"learner": learner, "task": task, "features": x.shape[1], "x": flat(x), "y": flat(y), "apply": flat(apply),
            "classes": 3 if task == "multiclass" else 2, **more}


def world(task, seed, n=500, p=6):
    """Columns of different scales and means, two of them correlated."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, p))
    z[:, 1] = 0.8 * z[:, 0] + 0.2 * z[:, 1]
    x = z * rng.uniform(0.5, 4, p) + rng.uniform(-3, 3, p)
    lean = z @ rng.normal(size=p) + rng.normal(size=n)
    y = {"binary": lambda: (lean > 0.5).astype(float), "multiclass": lambda: np.digitize(lean, [-1, 1]).astype(float), "regression": lambda: lean}[task]()
    return x, y


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_logistic_has_scikit_learns_coefficients(task):
    requests, references = [], []
    for seed in range(8):
        l2 = [0.01, 1.0, 10.0, 0.3][seed % 4]
        x, y = world(task, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            references.append(LogisticRegression(C=1 / l2, tol=1e-10, solver="newton-cholesky").fit(x, y))
        requests.append(request("logistic", task, x, y, x[:50], l2=l2))
    for asked, answer, reference in zip(requests, ask(requests), references, strict=True):
        fitted = json.loads(answer["text"])
        np.testing.assert_allclose(fitted["coefficients"], reference.coef_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(fitted["intercepts"], reference.intercept_, rtol=1e-8, atol=1e-8)
        x = np.reshape(asked["apply"], (-1, asked["features"]))
        expected = reference.predict_proba(x)
        expected = expected[:, 1] if task == "binary" else expected.ravel()
        np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("l2", [0.0, 0.5, 20.0])
def test_linear_has_scikit_learns_coefficients(l2):
    requests, references = [], []
    for seed in range(6):
        x, y = world("regression", seed)
        references.append((LinearRegression() if l2 == 0 else Ridge(alpha=l2, solver="svd")).fit(x, y))
        requests.append(request("linear", "regression", x, y, x[:50], l2=l2))
    for answer, reference in zip(ask(requests), references, strict=True):
        fitted = json.loads(answer["text"])
        np.testing.assert_allclose(fitted["coefficients"][0], reference.coef_, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(fitted["intercepts"][0], reference.intercept_, rtol=1e-9, atol=1e-9)


def test_linear_predicts_as_scikit_learn_does_with_dependent_columns():
    x, y = world("regression", 3)
    x = np.column_stack([x, 2 * x[:, 0] - x[:, 3], np.full(len(x), 5.0)])
    [answer] = ask([request("linear", "regression", x, y, x, l2=0.0)])
    np.testing.assert_allclose(answer["predictions"], LinearRegression().fit(x, y).predict(x), rtol=1e-8, atol=1e-8)


PARAMETERS = [
    {"num_iterations": "40", "num_leaves": "15"},
    {"num_iterations": "30", "learning_rate": "0.3", "min_data_in_leaf": "3", "lambda_l2": "2"},
    {"num_iterations": "30", "bagging_fraction": "0.6", "bagging_freq": "2", "feature_fraction": "0.7", "seed": "5"},
    {"num_iterations": "20", "max_depth": "4", "zero_as_missing": "true"},
]
FIXED = {"deterministic": True, "force_row_wise": True, "feature_pre_filter": False, "verbosity": -1, "num_threads": 1, "seed": 0}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_lightgbm_splits_categories_by_the_same_sets(task):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate([{"num_iterations": "30", "min_data_per_group": "10"}, {"num_iterations": "30", "cat_smooth": "1", "min_data_per_group": "5", "max_cat_to_onehot": "2"},
                                       {"num_iterations": "20", "cat_l2": "0", "min_data_per_group": "5", "max_cat_threshold": "4", "extra_trees": "true"}]):
        rng = np.random.default_rng(seed + 30)
        x, y = world(task, seed + 80)
        x[:, 1], x[:, 4] = rng.integers(0, 30, len(x)), rng.integers(0, 4, len(x))
        effect = rng.normal(size=30)[x[:, 1].astype(int)]
        y = y + effect if task == "regression" else np.where(effect > 1, 1, y)
        x[rng.random(x.shape) < 0.05] = np.nan
        apply = rng.normal(size=(400, x.shape[1])) * 4
        apply[:, 1], apply[:, 4] = rng.integers(-1, 40, 400), rng.integers(-1, 6, 400)   # -1 and beyond 29: never seen
        apply[rng.random(apply.shape) < 0.1] = np.nan
        own = {**FIXED, **parameters, "objective": task}
        rounds = int(own.pop("num_iterations"))
        if task == "multiclass":
            own["num_class"] = 3
        boosters.append(lightgbm.train(own, lightgbm.Dataset(x, y, categorical_feature=[1, 4], params=own), rounds))
        inputs.append(apply)
        requests.append(request("lightgbm", task, x, y, apply, parameters=parameters, categorical=[1, 4], contributions=True))
    for answer, booster, apply in zip(ask(requests), boosters, inputs, strict=True):
        assert re.search("num_cat=[1-9]", answer["text"])
        assert answer["text"] == booster.model_to_string().split("\nparameters:\n")[0].rstrip("\n") + "\n"
        np.testing.assert_array_equal(answer["margins"], booster.predict(apply, raw_score=True).ravel())
        contributions = np.ravel(booster.predict(apply, pred_contrib=True))
        np.testing.assert_allclose(answer["contributions"], contributions, atol=1e-9 * max(1, np.abs(contributions).max()))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_lightgbm_grows_the_same_trees_and_scores_the_same_bits(task):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate(PARAMETERS):
        rng = np.random.default_rng(seed)
        x, y = world(task, seed + 50)
        x[rng.random(x.shape) < 0.05] = np.nan
        x[rng.random(x.shape) < 0.05] = 0
        apply = rng.normal(size=(400, x.shape[1])) * 4
        apply[rng.random(apply.shape) < 0.1] = np.nan
        apply[rng.random(apply.shape) < 0.1] = 0
        own = {**FIXED, **parameters, "objective": task}
        rounds = int(own.pop("num_iterations"))
        if task == "multiclass":
            own["num_class"] = 3
        boosters.append(lightgbm.train(own, lightgbm.Dataset(x, y, params=own), rounds))
        inputs.append(apply)
        requests.append(request("lightgbm", task, x, y, apply, parameters=parameters))
    for answer, booster, apply in zip(ask(requests), boosters, inputs, strict=True):
        assert answer["text"] == booster.model_to_string().split("\nparameters:\n")[0].rstrip("\n") + "\n"
        np.testing.assert_array_equal(answer["margins"], booster.predict(apply, raw_score=True).ravel())
        np.testing.assert_array_max_ulp(np.array(answer["predictions"]), booster.predict(apply).ravel(), maxulp=4)
        np.testing.assert_allclose(answer["importance"], booster.feature_importance("gain"), rtol=1e-5)  # read back from text, of six digits
        again = lightgbm.Booster(model_str=answer["text"])
        np.testing.assert_array_equal(again.predict(apply, raw_score=True), booster.predict(apply, raw_score=True))

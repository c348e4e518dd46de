"""Penalties, weights, objectives, constraints, naive Bayes and the constant answer against scikit-learn and LightGBM.

l1 and elastic net: coefficients within 1e-6 of scikit-learn's (its coordinate descent and SAGA stop there), zeros where it has
zeros; weighted l2 within 1e-8; naive Bayes probabilities within 1e-9; LightGBM's trees and margins bit for bit."""

import json
import warnings

import lightgbm
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from test_learners import FIXED, ask, request, world


def test_linear_with_l1_has_scikit_learns_coefficients():
    requests, references = [], []
    for seed in range(9):
        x, y = world("regression", seed, p=8)
        alpha, ratio = [0.02, 0.2, 0.5][seed % 3], [1.0, 0.5, 0.1][seed // 3]
        w = None if seed % 2 else np.random.default_rng(seed).uniform(0.2, 3, len(y))
        references.append(ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-14, max_iter=100000).fit(x, y, sample_weight=w))
        n = len(y) if w is None else w.sum()  # scikit-learn's loss is a mean, ours a sum
        requests.append(request("linear", "regression", x, y, x[:5], l1=n * alpha * ratio, l2=n * alpha * (1 - ratio), weights=[] if w is None else w.tolist()))
    for answer, reference in zip(ask(requests), references, strict=True):
        fitted = json.loads(answer["text"])
        np.testing.assert_allclose(fitted["coefficients"][0], reference.coef_, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(fitted["intercepts"][0], reference.intercept_, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(np.array(fitted["coefficients"][0]) == 0, reference.coef_ == 0)


def logistic(c, ratio, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(C=c, l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=200000, **more)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_logistic_with_l1_has_scikit_learns_coefficients(task):
    requests, references = [], []
    for seed in range(4):
        x, y = world(task, seed, n=200, p=5)
        x = (x - x.mean(axis=0)) / x.std(axis=0)  # SAGA needs it to arrive
        c, ratio = [0.05, 1.0][seed % 2], [1.0, 0.4][seed // 2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            references.append(logistic(c, ratio).fit(x, y))
        requests.append(request("logistic", task, x, y, x[:40], l1=ratio / c, l2=(1 - ratio) / c))
    for asked, answer, reference in zip(requests, ask(requests), references, strict=True):
        fitted = json.loads(answer["text"])
        np.testing.assert_allclose(fitted["coefficients"], reference.coef_, rtol=1e-5, atol=2e-6)
        expected = reference.predict_proba(np.reshape(asked["apply"], (-1, asked["features"])))
        expected = expected[:, 1] if task == "binary" else expected.ravel()
        np.testing.assert_allclose(answer["predictions"], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_weights_weigh_as_scikit_learns_sample_weight(task):
    x, y = world(task, 11)
    w = np.random.default_rng(1).choice([0.0, 0.5, 1.0, 5.0], len(y))
    learner = "linear" if task == "regression" else "logistic"
    [answer] = ask([request(learner, task, x, y, x[:50], l2=2.0, weights=w.tolist())])
    fitted = json.loads(answer["text"])
    if task == "regression":
        reference = Ridge(alpha=2.0, solver="svd").fit(x, y, sample_weight=w)
        np.testing.assert_allclose(fitted["coefficients"][0], reference.coef_, rtol=1e-8, atol=1e-9)
    else:
        reference = LogisticRegression(C=0.5, tol=1e-10, solver="newton-cholesky").fit(x, y, sample_weight=w)
        np.testing.assert_allclose(fitted["coefficients"], reference.coef_, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("weighted", [False, True])
def test_naive_bayes_is_scikit_learns(task, weighted):
    requests, references = [], []
    for seed in range(4):
        x, y = world(task, seed + 20)
        w = np.random.default_rng(seed).uniform(0.1, 3, len(y)) if weighted else None
        references.append(GaussianNB().fit(x, y, sample_weight=w).predict_proba(x[:60]))
        requests.append(request("naive_bayes", task, x, y, x[:60], weights=w.tolist() if weighted else []))
    for answer, reference in zip(ask(requests), references, strict=True):
        np.testing.assert_allclose(answer["predictions"], reference[:, 1] if task == "binary" else reference.ravel(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_constant_is_scikit_learns_dummy(task):
    x, y = world(task, 30)
    w = np.random.default_rng(2).uniform(0, 2, len(y))
    [answer] = ask([request("constant", task, x, y, x[:3], weights=w.tolist())])
    if task == "regression":
        expected = DummyRegressor().fit(x, y, sample_weight=w).predict(x[:3])
    else:
        expected = DummyClassifier(strategy="prior").fit(x, y, sample_weight=w).predict_proba(x[:3])
        expected = expected[:, 1] if task == "binary" else expected.ravel()
    np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-12)


OBJECTIVES = [{"objective": "regression_l1"}, {"objective": "huber", "alpha": "0.8"}, {"objective": "quantile", "alpha": "0.9"}, {"objective": "poisson"},
              {"objective": "poisson", "poisson_max_delta_step": "0.3"}, {"objective": "gamma"}, {"objective": "tweedie", "tweedie_variance_power": "1.2"}]


@pytest.mark.parametrize("weighted", [False, True])
def test_lightgbms_objectives_grow_the_same_trees_and_predict_through_the_same_link(weighted):
    requests, boosters, inputs = [], [], []
    for seed, parameters in enumerate(OBJECTIVES):
        rng = np.random.default_rng(seed)
        x, y = world("regression", seed + 70)
        y = np.exp(y / 4)
        w = rng.uniform(0.2, 4, len(y)) if weighted else None
        apply = rng.normal(size=(200, x.shape[1])) * 4
        apply[rng.random(apply.shape) < 0.1] = np.nan
        own = {**FIXED, **parameters}
        boosters.append(lightgbm.train(own, lightgbm.Dataset(x, y, weight=w, params=own), 25))
        inputs.append(apply)
        requests.append(request("lightgbm", "regression", x, y, apply, parameters={**parameters, "num_iterations": "25"}, weights=w.tolist() if weighted else []))
    for answer, booster, apply in zip(ask(requests), boosters, inputs, strict=True):
        assert answer["text"] == booster.model_to_string().split("\nparameters:\n")[0].rstrip("\n") + "\n"
        np.testing.assert_array_equal(answer["margins"], booster.predict(apply, raw_score=True))
        np.testing.assert_array_max_ulp(np.array(answer["predictions"]), booster.predict(apply), maxulp=4)


def test_monotone_constraints_are_kept_and_are_lightgbms():
    x, y = world("binary", 90, n=1000)
    parameters = {"num_iterations": "30"}
    constraints = [1, 0, -1, 0, 0, 0]
    steps = np.repeat(x[:1], 200, axis=0)
    steps[:, 0] = np.linspace(x[:, 0].min(), x[:, 0].max(), 200)
    [answer] = ask([request("lightgbm", "binary", x, y, steps, parameters=parameters, monotone=constraints)])
    assert np.all(np.diff(answer["margins"]) >= 0)
    own = {**FIXED, "objective": "binary", "monotone_constraints": constraints}
    booster = lightgbm.train(own, lightgbm.Dataset(x, y, params=own), 30)
    np.testing.assert_array_equal(answer["margins"], booster.predict(steps, raw_score=True))

"""Fits without a penalty, calibrations and losses against statsmodels, which maximises each likelihood by Newton's method or iteratively reweighted least squares.

Coefficients and probabilities within 1e-8 of the largest; deviances, errors and least squares within 1e-9; bootstrap intervals of a share within a tenth
of the width of Wilson's."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint
from statsmodels.tools import eval_measures

import oracle
from tables import BENCH
from test_learners import ask, request, world


def weights_of(seed, n):
    """None, or weights with zeros and fractions among them."""
    return None if seed % 2 else np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 4.0], n)


def near(ours, theirs, within=1e-8):
    theirs = np.asarray(theirs, dtype=float)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=within * max(1, np.abs(theirs).max()))


def learnt(answer):
    fitted = json.loads(answer["text"])
    return np.column_stack([fitted["intercepts"], fitted["coefficients"]])


def maximum(y, x, weights, family=None):
    """A generalised linear model, to the last digits; weights as rows that come so often."""
    w = np.ones(len(y)) if weights is None else weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sm.GLM(y, sm.add_constant(x, has_constant="add"), family=family or sm.families.Binomial(), freq_weights=w).fit(tol=1e-14, maxiter=200)


def test_logistic_without_a_penalty_is_the_maximum_of_the_likelihood():
    requests, references = [], []
    for seed in range(8):
        x, y = world("binary", seed, n=400)
        x[:, 4] = np.round(x[:, 4])
        w = weights_of(seed, len(y))
        references.append(maximum(y, x, w))
        requests.append(request("logistic", "binary", x, y, x[:50], l2=0.0, weights=[] if w is None else w.tolist()))
    for asked, answer, reference in zip(requests, ask(requests), references, strict=True):
        near(learnt(answer)[0], reference.params)
        near(answer["predictions"], reference.predict(sm.add_constant(np.reshape(asked["apply"], (50, -1)), has_constant="add")))


def test_logistic_of_several_classes_without_a_penalty_has_the_same_probabilities():
    """Ours has coefficients for each class, theirs for each but the first: only differences count."""
    requests, references = [], []
    for seed in range(4):
        x, y = world("multiclass", seed, n=400, p=4)
        references.append(sm.MNLogit(y, sm.add_constant(x)).fit(disp=0, tol=1e-14, method="newton", maxiter=100))
        requests.append(request("logistic", "multiclass", x, y, x[:50], l2=0.0))
    for asked, answer, reference in zip(requests, ask(requests), references, strict=True):
        near(np.reshape(answer["predictions"], (50, 3)), reference.predict(sm.add_constant(np.reshape(asked["apply"], (50, -1)))))
        ours = learnt(answer)
        near((ours[1:] - ours[0]).T, reference.params)


def test_linear_without_a_penalty_is_least_squares():
    requests, references = [], []
    for seed in range(8):
        x, y = world("regression", seed, n=300)
        x[:, 2] = np.round(x[:, 2])
        w = weights_of(seed, len(y))
        references.append(sm.WLS(y, sm.add_constant(x), weights=1.0 if w is None else w).fit())
        requests.append(request("linear", "regression", x, y, x[:5], l2=0.0, weights=[] if w is None else w.tolist()))
    for answer, reference in zip(ask(requests), references, strict=True):
        near(learnt(answer)[0], reference.params, 1e-9)


REAL = [
    ("diamonds/diamonds.csv.gz", ",", ["carat", "depth", "table", "x", "y"], "price", "linear"),
    ("bike_hourly/bike_hourly.csv.gz", ",", ["temp", "hum", "windspeed", "hr", "weekday"], "cnt", "linear"),
    ("bank_marketing/bank_additional_full.csv.gz", ";", ["age", "duration", "campaign", "previous", "euribor3m"], "y", "logistic"),
]


@pytest.mark.parametrize("name, separator, columns, target, learner", REAL, ids=[r[0].split("/", maxsplit=1)[0] for r in REAL])
def test_real_tables_have_the_same_coefficients(name, separator, columns, target, learner):
    data = pd.read_csv(BENCH / name, sep=separator, nrows=5000 if learner == "linear" else None)[::3]
    x = data[columns].to_numpy(dtype=float)
    y = (data[target] == "yes").to_numpy(dtype=float) if learner == "logistic" else data[target].to_numpy(dtype=float)
    [answer] = ask([request(learner, "binary" if learner == "logistic" else "regression", x, y, x[:20], l2=0.0)])
    theirs = maximum(y, x, None).params if learner == "logistic" else sm.OLS(y, sm.add_constant(x)).fit().params
    near(learnt(answer)[0], theirs)


def curve_of(answer):
    [curve] = json.loads(answer["json"])["curves"]
    return curve


def test_sigmoid_is_the_regression_on_platts_targets():
    """Ours and statsmodels' both stop where no digit moves, which scikit-learn's does 1e-6 earlier."""
    rng = np.random.default_rng(20271)
    requests, references = [], []
    for case in range(40):
        n = int(rng.integers(10, 400))
        margins = rng.normal(rng.choice([-3, 0, 2]), rng.choice([0.3, 1, 5]), n)
        if case % 3 == 1:
            margins = np.round(margins)
        target = (rng.random(n) < 1 / (1 + np.exp(-margins / margins.std() + 1))).astype(float)
        target[:2] = 0, 1
        w = weights_of(case, n)
        if w is not None:
            w[:2] = 1
        ones, zeros = (np.sum(target == c if w is None else w * (target == c)) for c in (1, 0))
        references.append(maximum(np.where(target > 0, (ones + 1) / (ones + 2), 1 / (zeros + 2)), margins, w).params)
        requests.append({"ask": "calibration", "kind": "sigmoid", "scores": margins.tolist(), "target": target.tolist(), "apply": [], "weights": [] if w is None else w.tolist()})
    for answer, (constant, slope) in zip(oracle.ask(requests), references, strict=True):
        curve = curve_of(answer)
        near([-curve["b"], -curve["a"]], [constant, slope])


def test_beta_is_the_regression_on_both_logarithms():
    """Where both slopes come out above 0; else one is left out (docs/calibration-and-thresholds.md), which test_calibration.py looks at."""
    rng = np.random.default_rng(20272)
    requests, references = [], []
    while len(requests) < 30:
        n = int(rng.integers(200, 500))
        scores = rng.beta(*rng.choice([0.7, 1, 2, 4], 2), n)
        target = (rng.random(n) < scores ** rng.choice([0.5, 1, 2])).astype(float)
        w = weights_of(len(requests), n)
        constant, a, b = maximum(target, np.column_stack([np.log(scores), -np.log1p(-scores)]), w).params
        if min(a, b) < 0.02:
            continue
        references.append([a, b, constant])
        requests.append({"ask": "calibration", "kind": "beta", "scores": scores.tolist(), "target": target.tolist(), "apply": [], "weights": [] if w is None else w.tolist()})
    for answer, reference in zip(oracle.ask(requests), references, strict=True):
        curve = curve_of(answer)
        near([curve["a"], curve["b"], curve["c"]], reference, 1e-6)


FAMILIES = {"poisson_deviance": sm.families.Poisson(), "gamma_deviance": sm.families.Gamma(), "tweedie_deviance@1.5": sm.families.Tweedie(var_power=1.5),
            "tweedie_deviance@1.2": sm.families.Tweedie(var_power=1.2)}
ERRORS = {"rmse": eval_measures.rmse, "mae": eval_measures.meanabs, "max_error": eval_measures.maxabs, "bias": lambda y, p: eval_measures.bias(p, y)}


def test_deviances_and_errors():
    rng = np.random.default_rng(31)
    requests, references = [], []
    for case in range(40):
        n = int(rng.integers(2, 300))
        y, p = np.round(rng.gamma(2, 3, n), 0 if case % 2 else 6) + 1, rng.gamma(2, 3, n) + 0.01
        w = weights_of(case, n)
        if w is not None:
            w[0] = 1
        u = np.ones(n) if w is None else w
        reference = {name: family.deviance(y, p, freq_weights=u) / u.sum() for name, family in FAMILIES.items()}
        if w is None:
            reference |= {name: error(y, p) for name, error in ERRORS.items()}
        references.append(reference)
        requests.append({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": p.tolist(), "weights": [] if w is None else w.tolist(), "metrics": list(reference)})
    for answer, reference in zip(oracle.ask(requests), references, strict=True):
        for name, value in reference.items():
            assert answer[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_the_interval_of_a_share_is_near_wilsons():
    rng = np.random.default_rng(32)
    requests, references = [], []
    for _ in range(20):
        n, share = int(rng.integers(300, 900)), rng.uniform(0.2, 0.8)
        right = rng.random(n) < share
        y = rng.integers(0, 2, n).astype(float)
        references.append(proportion_confint(right.sum(), n, method="wilson"))
        requests.append({"ask": "intervals", "task": "binary", "target": y.tolist(), "scores": np.where(right, y, 1 - y).tolist(), "metrics": ["accuracy"], "resamples": 2000})
    for answer, (low, high) in zip(oracle.ask(requests), references, strict=True):
        width = high - low
        assert abs(answer["accuracy"][0] - low) < 0.1 * width and abs(answer["accuracy"][1] - high) < 0.1 * width

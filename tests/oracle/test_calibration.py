"""Calibration against scikit-learn: isotonic within 1e-9, sigmoid within 1e-6 (its optimiser stops there); beta against its
paper's likelihood maximised by scipy: parameters within 1e-6, probabilities within 1e-7."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from oracle import ask


def isotonic_reference(scores, target, weights=None):
    bound = 1 / (2 * (len(scores) if weights is None else np.count_nonzero(weights)))
    return IsotonicRegression(y_min=bound, y_max=1 - bound, out_of_bounds="clip").fit(scores, target, sample_weight=weights)


def isotonic_scores(kind, rng, n):
    if kind == "smooth":
        return rng.random(n)
    if kind == "ties":
        return np.round(rng.random(n), 2)
    if kind == "constant":
        return np.full(n, 0.3)
    if kind == "nearly tied":
        return rng.choice([0.1, 0.5, 0.9], n) + rng.integers(0, 5, n) * 1e-16
    return rng.choice([0.0, 5e-324, 1e-12, 1 - 1e-12, 1.0], n)


KINDS = ["smooth", "ties", "constant", "nearly tied", "extreme"]


@pytest.mark.parametrize("weighted", [False, True])
def test_isotonic_is_scikit_learns(weighted):
    rng = np.random.default_rng(20266)
    requests, references = [], []
    for case in range(100):
        n = int(rng.integers(1, 300))
        scores = isotonic_scores(KINDS[case % len(KINDS)], rng, n)
        target = (rng.random(n) < rng.choice([0.0, 0.05, 0.5, 1.0, -1.0])).astype(float)
        if case % 2:
            target = (rng.random(n) < scores).astype(float)
        weights = rng.choice([0.0, 0.5, 1.0, 7.0], n) if weighted else None
        if weighted:
            weights[0] = 1
        apply = np.concatenate([scores, rng.random(50), [0.0, 1.0, -3.0, 5.0]])
        requests.append({"ask": "calibration", "kind": "isotonic", "scores": scores.tolist(), "target": target.tolist(), "apply": apply.tolist(),
                         "weights": weights.tolist() if weighted else []})
        references.append(isotonic_reference(scores, target, weights).predict(apply))
    for answer, reference in zip(ask(requests), references, strict=True):
        np.testing.assert_allclose(answer["values"], reference, rtol=1e-9, atol=0)


def test_isotonic_keeps_the_points_scikit_learn_keeps():
    rng = np.random.default_rng(20267)
    scores = np.round(rng.random(500), 2)
    target = (rng.random(500) < scores).astype(float)
    [answer] = ask([{"ask": "calibration", "kind": "isotonic", "scores": scores.tolist(), "target": target.tolist(), "apply": []}])
    reference = isotonic_reference(scores, target)
    [curve] = json.loads(answer["json"])["curves"]
    np.testing.assert_array_equal(curve["x"], reference.X_thresholds_)
    np.testing.assert_allclose(curve["y"], reference.y_thresholds_, rtol=1e-12)


def test_no_isotonic_probability_is_0_or_1():
    requests = [{"ask": "calibration", "kind": "isotonic", "scores": [0.1, 0.2, 0.8, 0.9], "target": [0, 0, 1, 1], "apply": [0, 0.15, 0.5, 1]}]
    [answer] = ask(requests)
    assert answer["values"] == [0.125, 0.125, pytest.approx(0.5), 0.875]


def sigmoid_margins(case, rng, n):
    margins = rng.normal(rng.choice([-3, 0, 2]), rng.choice([0.01, 1, 20]), n)
    if case % 5 == 1:
        margins = np.round(margins)
    if case % 5 == 2:
        margins = margins * 1e3 + 5e3    # scikit-learn scales such margins before it fits
    if case % 5 == 3:
        margins = rng.choice([-1.0, 1.0], n)
    return margins


def test_sigmoid_is_scikit_learns():
    rng = np.random.default_rng(20268)
    requests, references = [], []
    for case in range(100):
        n = int(rng.integers(2, 400))
        margins = sigmoid_margins(case, rng, n)
        noise = rng.logistic(0, rng.choice([1e-6, 1, 3]), n) * margins.std()
        target = (margins + noise > np.median(margins)).astype(float)    # with hardly any noise the classes separate
        a, b = _sigmoid_calibration(margins, target)
        requests.append({"ask": "calibration", "kind": "sigmoid", "scores": margins.tolist(), "target": target.tolist(), "apply": margins.tolist()})
        references.append(1 / (1 + np.exp(a * margins + b)))
    for case, (answer, reference) in enumerate(zip(ask(requests), references, strict=True)):
        np.testing.assert_allclose(answer["values"], reference, rtol=0, atol=1e-6, err_msg=str(case))


def test_sigmoid_minimises_platts_loss_at_least_as_well():
    rng = np.random.default_rng(20269)
    requests, references = [], []
    for case in range(50):
        n = int(rng.integers(2, 400))
        margins = sigmoid_margins(case, rng, n)
        target = (rng.random(n) < 1 / (1 + np.exp(-margins / max(margins.std(), 1e-3)))).astype(float)
        smoothed = np.where(target > 0, (target.sum() + 1) / (target.sum() + 2), 1 / (n - target.sum() + 2))

        def loss(a, b, margins=margins, smoothed=smoothed):
            z = a * margins + b
            return np.sum(smoothed * z + np.logaddexp(0, -z))

        requests.append({"ask": "calibration", "kind": "sigmoid", "scores": margins.tolist(), "target": target.tolist(), "apply": []})
        references.append((loss, loss(*_sigmoid_calibration(margins, target))))
    for answer, (loss, least) in zip(ask(requests), references, strict=True):
        [curve] = json.loads(answer["json"])["curves"]
        assert loss(curve["a"], curve["b"]) <= least * (1 + 1e-12)


@pytest.mark.parametrize("kind", ["isotonic", "sigmoid", "beta"])
def test_several_classes_are_fitted_one_versus_rest_and_normalised(kind):
    rng = np.random.default_rng(20270)
    margins = rng.normal(0, 2, (300, 4))
    scores = margins if kind == "sigmoid" else np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    target = (margins + rng.normal(0, 2, margins.shape)).argmax(axis=1)
    columns = []
    for c in range(4):
        if kind == "isotonic":
            columns.append(isotonic_reference(scores[:, c], (target == c).astype(float)).predict(scores[:, c]))
        elif kind == "beta":
            columns.append(beta_reference(scores[:, c], (target == c).astype(float), np.ones(300))[1](scores[:, c]))
        else:
            a, b = _sigmoid_calibration(scores[:, c], (target == c).astype(float))
            columns.append(1 / (1 + np.exp(a * scores[:, c] + b)))
    reference = np.column_stack(columns)
    reference /= reference.sum(axis=1, keepdims=True)
    [answer] = ask([{"ask": "calibration", "kind": kind, "scores": scores.ravel().tolist(), "target": target.tolist(), "classes": 4, "apply": scores.ravel().tolist()}])
    np.testing.assert_allclose(np.reshape(answer["values"], (300, 4)), reference, rtol=0, atol=1e-9 if kind == "isotonic" else 1e-6)


def beta_reference(scores, target, weights):
    """Kull, Silva Filho, Flach 2017, as the package betacal fits it ("abm"): unpenalised logistic regression on ln s and
    -ln(1 - s), without a column whose coefficient is negative. By scipy, to the gradient's last digits."""
    eps = np.finfo(float).eps
    s = np.clip(scores, eps, 1 - eps)
    columns = np.column_stack([np.log(s), -np.log1p(-s)])

    def fit(used):
        x = np.column_stack([columns[:, used], np.ones(len(s))])
        mean, scale = x[:, :-1].mean(axis=0), x[:, :-1].std(axis=0)
        z = np.column_stack([(x[:, :-1] - mean) / scale, np.ones(len(s))])

        def loss(at):
            m = z @ at
            return np.sum(weights * (np.logaddexp(0, m) - target * m)), z.T @ (weights * (1 / (1 + np.exp(-m)) - target))

        def hessian(at):
            p = 1 / (1 + np.exp(-(z @ at)))
            return (z.T * (weights * p * (1 - p))) @ z

        at = minimize(loss, np.zeros(z.shape[1]), jac=True, hess=hessian, method="trust-exact", options={"gtol": 1e-10}).x
        out = np.zeros(3)
        out[used] = at[:-1] / scale
        out[2] = at[-1] - np.sum(out[used] * mean)
        return out

    a, b, c = fit([0, 1])
    if a < 0:
        a, b, c = fit([1])
    elif b < 0:
        a, b, c = fit([0])
    return np.array([a, b, c]), lambda p: 1 / (1 + np.exp(-(a * np.log(np.clip(p, eps, 1 - eps)) - b * np.log1p(-np.clip(p, eps, 1 - eps)) + c)))


@pytest.mark.parametrize("weighted", [False, True])
def test_beta_is_the_papers_maximum_likelihood(weighted):
    rng = np.random.default_rng(20271)
    requests, references = [], []
    for case in range(40):
        n = int(rng.integers(200, 600))
        scores = rng.beta(*[(2, 2), (0.5, 0.5), (1, 5), (5, 2)][case % 4], n)
        target = (rng.random(n) < [scores, scores**2, np.sqrt(scores), 1 / (1 + np.exp(-3 * (scores - 0.4)))][case // 4 % 4]).astype(float)
        weights = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
        apply = np.concatenate([scores, [0.001, 0.5, 0.999]])
        parameters, curve = beta_reference(scores, target, weights)
        requests.append({"ask": "calibration", "kind": "beta", "scores": scores.tolist(), "target": target.tolist(), "apply": apply.tolist(),
                         "weights": weights.tolist() if weighted else []})
        references.append((parameters, curve(apply)))
    for answer, (parameters, values) in zip(ask(requests), references, strict=True):
        [curve] = json.loads(answer["json"])["curves"]
        np.testing.assert_allclose([curve["a"], curve["b"], curve["c"]], parameters, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(answer["values"], values, rtol=0, atol=1e-7)


def test_beta_that_would_fall_is_flat_and_separated_rows_stay_finite():
    rng = np.random.default_rng(20272)
    scores = rng.random(200)
    falling, separated = ask([{"ask": "calibration", "kind": "beta", "scores": scores.tolist(), "target": target.astype(float).tolist(), "apply": [0.1, 0.5, 0.9]}
                              for target in (rng.random(200) > scores, scores > 0.5)])
    assert falling["values"][0] <= falling["values"][1] <= falling["values"][2]
    assert separated["values"] == sorted(separated["values"])
    assert all(0 < v < 1 for v in falling["values"] + separated["values"])


def test_weighted_sigmoid_is_scikit_learns():
    rng = np.random.default_rng(20273)
    requests, references = [], []
    for _ in range(40):
        n = int(rng.integers(20, 400))
        margins = rng.normal(0, 2, n)
        target = (rng.random(n) < 1 / (1 + np.exp(-margins))).astype(float)
        target[:2] = 0, 1
        weights = rng.choice([0.5, 1.0, 4.0], n)
        a, b = _sigmoid_calibration(margins, target, sample_weight=weights)
        requests.append({"ask": "calibration", "kind": "sigmoid", "scores": margins.tolist(), "target": target.tolist(), "apply": margins.tolist(), "weights": weights.tolist()})
        references.append(1 / (1 + np.exp(a * margins + b)))
    for answer, reference in zip(ask(requests), references, strict=True):
        np.testing.assert_allclose(answer["values"], reference, rtol=0, atol=1e-6)


def test_by_a_column_each_value_with_rows_enough_is_fitted_alone():
    rng = np.random.default_rng(20270)
    by = np.array(["few"] * 150 + ["a"] * 300 + ["b"] * 260)
    scores = rng.random(len(by))
    target = (rng.random(len(by)) < np.where(by == "b", 0.3 * scores, scores)).astype(float)
    apply, apply_by = np.tile(rng.random(40), 4), np.repeat(["few", "a", "b", "unseen"], 40)
    [answer] = ask([{"ask": "calibration", "kind": "isotonic", "scores": scores.tolist(), "target": target.tolist(), "by": by.tolist(), "apply": apply.tolist(), "apply_by": apply_by.tolist()}])
    fitted = {value: isotonic_reference(scores[by == value], target[by == value]) for value in "ab"}
    pooled = isotonic_reference(scores, target)
    expected = [fitted.get(value, pooled).predict([score])[0] for score, value in zip(apply, apply_by, strict=True)]
    np.testing.assert_allclose(answer["values"], expected, rtol=1e-9, atol=0)

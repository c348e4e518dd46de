"""qini and auuc against scikit-uplift's definitions, written in numpy; two_model and x_learner against the same of scikit-learn's learners."""

import numpy as np
import pytest
from oracle import ask
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import auc
from test_learners import ask as ask_learner
from test_learners import request


def curve(y, score, treated, height):
    """uplift_curve and qini_curve of scikit-uplift 0.5.1: at the last row of each distinct score, from (0, 0) on."""
    order = np.argsort(score, kind="mergesort")[::-1]
    y, score, treated = y[order], score[order], treated[order]
    last = np.r_[np.where(np.diff(score))[0], score.size - 1]
    n1 = np.cumsum(treated)[last]
    n = last + 1
    n0 = n - n1
    y1, y0 = np.cumsum(y * treated)[last], np.cumsum(y * (1 - treated))[last]
    over = lambda a, b: np.divide(a, b, out=np.zeros(len(n)), where=b != 0)
    values = (over(y1, n1) - over(y0, n0)) * n if height == "auuc" else y1 - y0 * over(n1, n0)
    return np.r_[0, n], np.r_[0, values]


def perfect(y, treated, height):
    if height == "qini":
        return y * treated - y * (1 - treated)
    fewer = np.sum((y == 1) & (treated == 0)) > np.sum((y == 0) & (treated == 1))
    return 2 * (y == treated) + (y if fewer else treated)


def normalised(y, score, treated, height):
    """qini_auc_score (negative_effect=True) and uplift_auc_score."""
    ours, best = curve(y, score, treated, height), curve(y, perfect(y, treated, height), treated, height)
    line = auc([0, best[0][-1]], [0, best[1][-1]])
    return (auc(*ours) - line) / (auc(*best) - line)


def test_qini_and_auuc():
    rng = np.random.default_rng(11)
    requests, references = [], []
    for case in range(120):
        n = int(rng.integers(20, 400))
        treated = (rng.random(n) < rng.choice([0.2, 0.5, 0.8])).astype(int)
        treated[:2] = 0, 1
        score = rng.normal(size=n) if case % 2 else np.round(rng.normal(size=n), 1)
        y = (rng.random(n) < 0.3 + 0.3 * treated * (score > 0)).astype(float)
        y[:4] = 0, 1, 1, 0
        treated[2:4] = 0, 1
        requests.append({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": score.tolist(), "treated": treated.tolist(), "metrics": ["qini", "auuc"]})
        references.append({name: normalised(y, score, treated, name) for name in ("qini", "auuc")})
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            assert answer[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_qini_of_a_number():
    rng = np.random.default_rng(12)
    requests, references = [], []
    for _ in range(30):
        treated = rng.integers(0, 2, 200)
        score = np.round(rng.normal(size=200), 2)
        y = rng.normal(size=200) + score * treated
        requests.append({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": score.tolist(), "treated": treated.tolist(), "metrics": ["qini", "auuc"]})
        references.append(normalised(y, score, treated, "qini"))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer == {"qini": pytest.approx(reference, rel=1e-9)}


def uplift_at_k(y, score, treated, k):
    """uplift_at_k(strategy="overall") of scikit-uplift 0.5.1."""
    top = np.argsort(-score, kind="mergesort")[: int(len(y) * k)]
    return y[top][treated[top] == 1].mean() - y[top][treated[top] == 0].mean()


def test_uplift_of_the_best_scored():
    rng = np.random.default_rng(16)
    shares = {"uplift@10%": 0.1, "uplift@25%": 0.25, "uplift@100%": 1}
    requests, references = [], []
    for case in range(40):
        n = 20 * int(rng.integers(5, 20))
        treated, score = rng.integers(0, 2, n), rng.permutation(n) / n  # no ties, whole numbers of rows
        treated[np.argsort(-score)[:2]] = 0, 1
        y = (rng.random(n) < 0.3 + 0.3 * treated * score).astype(float) if case % 2 else rng.normal(size=n)
        requests.append({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": score.tolist(), "treated": treated.tolist(), "metrics": list(shares)})
        references.append({name: pytest.approx(uplift_at_k(y, score, treated, k), rel=1e-9, abs=1e-12) for name, k in shares.items()})
    assert ask(requests) == references


def test_ties_at_the_end_of_the_best_scored_share_what_is_left():
    y, score, treated = [1, 0, 1, 0, 0, 1, 0, 0], [0.9, 0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1], [1, 0, 1, 1, 0, 0, 1, 0]
    base = {"ask": "metrics", "task": "regression", "target": y, "scores": score, "treated": treated, "metrics": ["uplift@50%"]}
    half, alone = ask([base, {**base, "treated": [1] * 6 + [0, 0]}])
    # Two rows, and two of the next four: one of each arm, half of whose targets are 1.
    assert half == {"uplift@50%": pytest.approx(1.5 / 2 - 0.5 / 2, rel=1e-12)}
    assert alone == {}


def test_whole_weights_are_rows_that_come_so_often():
    rng = np.random.default_rng(13)
    treated, w = rng.integers(0, 2, 150), rng.integers(0, 4, 150)
    score = np.round(rng.normal(size=150), 1)
    y = (rng.random(150) < 0.4 + 0.2 * treated).astype(float)
    names = ["qini", "auuc", "uplift@30%"]
    once, often = ask([
        {"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": score.tolist(), "treated": treated.tolist(), "weights": w.astype(float).tolist(), "metrics": names},
        {"ask": "metrics", "task": "regression", "target": np.repeat(y, w).tolist(), "scores": np.repeat(score, w).tolist(), "treated": np.repeat(treated, w).tolist(), "metrics": names}])
    assert set(once) == set(names)
    for name in names:
        assert once[name] == pytest.approx(often[name], rel=1e-9)


def test_a_constant_is_random_targeting_and_the_perfect_order_is_1():
    rng = np.random.default_rng(14)
    treated = rng.integers(0, 2, 300)
    y = (rng.random(300) < 0.3 + 0.3 * treated).astype(float)
    base = {"ask": "metrics", "task": "regression", "target": y.tolist(), "treated": treated.tolist(), "metrics": ["qini", "auuc"]}
    constant, best, means, one_arm = ask([{**base, "scores": [0.25] * 300}, {**base, "scores": perfect(y, treated, "qini").tolist()},
                                          {**base, "scores": perfect(y, treated, "auuc").astype(float).tolist()}, {**base, "scores": y.tolist(), "treated": [1] * 300}])
    assert constant == {"qini": 0, "auuc": 0}
    assert best["qini"] == pytest.approx(1, rel=1e-12) and means["auuc"] == pytest.approx(1, rel=1e-12)
    assert one_arm == {}


def world(seed, numbers):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 3))
    treated = (rng.random(400) < 0.35).astype(int)
    lean = x[:, 0] + treated * (0.5 + x[:, 1]) + rng.normal(size=400) / 2
    return x, (lean if numbers else (lean > 0).astype(float)), treated, rng.normal(size=(50, 3))


def learners(numbers, l2):
    outcome = (lambda: Ridge(alpha=l2, tol=1e-12)) if numbers else (lambda: LogisticRegression(C=1 / l2, tol=1e-12, max_iter=10000))
    predict = (lambda m, x: m.predict(x)) if numbers else (lambda m, x: m.predict_proba(x)[:, 1])
    return outcome, predict


@pytest.mark.parametrize("numbers", [True, False], ids=["number", "classes"])
@pytest.mark.parametrize("learner", ["two_model", "x_learner"])
def test_learners(learner, numbers):
    x, y, treated, apply = world(5, numbers)
    t, c = treated == 1, treated == 0
    outcome, predict = learners(numbers, 2.0)
    m1, m0 = outcome().fit(x[t], y[t]), outcome().fit(x[c], y[c])
    if learner == "two_model":
        expected = predict(m1, apply) - predict(m0, apply)
    else:
        t1 = Ridge(alpha=2.0).fit(x[t], y[t] - predict(m0, x[t]))
        t0 = Ridge(alpha=2.0).fit(x[c], predict(m1, x[c]) - y[c])
        expected = t.mean() * t0.predict(apply) + c.mean() * t1.predict(apply)
    [answer] = ask_learner([request("linear" if numbers else "logistic", "regression" if numbers else "binary", x, y, apply, l2=2.0, uplift=learner, treated=treated.tolist())])
    np.testing.assert_allclose(answer["predictions"], expected, rtol=0, atol=1e-8)

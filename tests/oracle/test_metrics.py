"""Metrics and thresholds against scikit-learn, on made-up rows with ties, constants and extreme scores."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from oracle import ask

TOLERANCE = 1e-9
BINARY = ["auc", "average_precision", "logloss", "brier", "ece", "accuracy", "f1", "precision", "recall", "lift@10%", "lift@2.5%", "lift@100%"]


def close(ours, theirs, name):
    assert ours == pytest.approx(theirs, rel=TOLERANCE, abs=1e-15), name


def scores_of(kind, rng, n):
    """Scores of one kind: smooth, with many ties, on the bins' edges, all equal, exactly 0 and 1, or next to them."""
    if kind == "smooth":
        return rng.random(n)
    if kind == "ties":
        return np.round(rng.random(n), 1)
    if kind == "edges":
        return rng.choice(np.linspace(0, 1, 11), n)
    if kind == "tenths":
        return rng.choice([i / 10 for i in range(11)], n)
    if kind == "constant":
        return np.full(n, rng.random())
    if kind == "extreme":
        return rng.choice([0.0, 1.0], n)
    return rng.choice([0.0, 5e-324, 1e-300, 1e-17, 0.5, 1 - 2**-53, 1.0], n)


KINDS = ["smooth", "ties", "edges", "tenths", "constant", "extreme", "next to"]


def ece_by_calibration_curve(y, p):
    """The expected calibration error (Naeini et al. 2015) over the bins of scikit-learn's calibration_curve."""
    share, mean = calibration_curve(y, p, n_bins=10, strategy="uniform")
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p), minlength=10)
    return np.sum(counts[counts > 0] * np.abs(share - mean)) / len(y)


def lift(y, p, percent):
    """Mean over all orders of tied rows, which is what sharing their weight comes to; the last row counts in part."""
    wanted, left, found = percent / 100 * len(y), percent / 100 * len(y), 0.0
    for value in np.unique(p)[::-1]:
        of_value = y[p == value]
        taken = min(left, len(of_value))
        found += taken * of_value.mean()
        left -= taken
    return found / wanted / y.mean()


def binary_reference(y, p, threshold):
    label = p >= threshold
    return {
        "auc": sk.roc_auc_score(y, p),
        "average_precision": sk.average_precision_score(y, p),
        "logloss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p),
        "ece": ece_by_calibration_curve(y, p),
        "accuracy": sk.accuracy_score(y, label),
        "f1": sk.f1_score(y, label, zero_division=0),
        "precision": sk.precision_score(y, label, zero_division=0),
        "recall": sk.recall_score(y, label, zero_division=0),
        "lift@10%": lift(y, p, 10),
        "lift@2.5%": lift(y, p, 2.5),
        "lift@100%": 1.0,
    }


def test_binary_metrics_are_scikit_learns():
    rng = np.random.default_rng(20261)
    requests, references = [], []
    for case in range(140):
        kind = KINDS[case % len(KINDS)]
        n = int(rng.integers(2, 400))
        p = scores_of(kind, rng, n)
        y = (rng.random(n) < rng.choice([0.02, 0.3, 0.9])).astype(float)
        y[0], y[1] = 0, 1
        threshold = float(rng.choice([0.0, 0.1, 0.5, 0.73, 1.0, p[0]]))
        requests.append({"ask": "metrics", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "threshold": threshold, "metrics": BINARY})
        references.append((kind, binary_reference(y, p, threshold)))
    for answer, (kind, reference) in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, f"{name}, {kind}")


def test_many_rows_keep_the_precision():
    rng = np.random.default_rng(20262)
    p = np.round(rng.random(100_000), 4)
    y = (rng.random(len(p)) < p).astype(float)
    [answer] = ask([{"ask": "metrics", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "metrics": BINARY}])
    for name, value in binary_reference(y, p, 0.5).items():
        close(answer[name], value, name)


def test_one_class_leaves_out_what_it_does_not_define():
    p = [0.1, 0.5, 0.9]
    negatives, positives = ask([{"ask": "metrics", "task": "binary", "target": [t] * 3, "scores": p, "metrics": BINARY} for t in (0, 1)])
    assert BINARY[2:9] == sorted(negatives, key=BINARY.index)
    assert [name for name in BINARY if name != "auc"] == sorted(positives, key=BINARY.index)
    close(negatives["logloss"], sk.log_loss([0, 0, 0], p, labels=[0, 1]), "logloss")
    close(positives["average_precision"], sk.average_precision_score([1, 1, 1], p), "average_precision")
    assert (negatives["recall"], negatives["f1"]) == (0, 0)


def test_multiclass_metrics_are_scikit_learns():
    rng = np.random.default_rng(20263)
    requests, references = [], []
    for case in range(60):
        classes, n = int(rng.integers(3, 6)), int(rng.integers(6, 200))
        p = rng.dirichlet(np.full(classes, rng.choice([0.05, 1.0])), n)
        if case % 3 == 1:    # ties among rows and classes
            p = rng.choice([0.25, 0.5], (n, classes))
            p /= p.sum(axis=1, keepdims=True)
        if case % 3 == 2:    # all or nothing
            p = np.eye(classes)[rng.integers(0, classes, n)]
        y = rng.integers(0, classes, n)
        y[:classes] = np.arange(classes)
        label = p.argmax(axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            references.append({
                "accuracy": sk.accuracy_score(y, label),
                "auc": sk.roc_auc_score(y, p, multi_class="ovr", average="macro"),
                "logloss": sk.log_loss(y, p),
                "brier": sk.brier_score_loss(y, p),
                "f1": sk.f1_score(y, label, average="macro", zero_division=0),
                "precision": sk.precision_score(y, label, average="macro", zero_division=0),
                "recall": sk.recall_score(y, label, average="macro", zero_division=0),
            })
        requests.append({"ask": "metrics", "task": "multiclass", "target": y.tolist(), "scores": p.ravel().tolist(), "classes": classes})
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, name)


def test_a_class_without_rows_leaves_out_auc_and_keeps_the_averages_scikit_learns():
    y, p = [0, 0, 1, 1], np.array([[0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.3, 0.6, 0.1], [0.4, 0.5, 0.1]])
    absent, predicted = np.array(p), np.array(p)
    absent[1] = [0.7, 0.1, 0.2]
    requests = [{"ask": "metrics", "task": "multiclass", "target": y, "scores": q.ravel().tolist(), "classes": 3} for q in (absent, predicted)]
    for answer, q in zip(ask(requests), (absent, predicted), strict=True):
        assert "auc" not in answer
        close(answer["f1"], sk.f1_score(y, q.argmax(axis=1), average="macro"), "f1")
        close(answer["recall"], sk.recall_score(y, q.argmax(axis=1), average="macro", zero_division=0), "recall")


def test_regression_metrics_are_scikit_learns():
    rng = np.random.default_rng(20264)
    requests, references = [], []
    for case in range(60):
        n, size = int(rng.integers(2, 300)), float(rng.choice([1e-8, 1.0, 1e9]))
        y = rng.normal(rng.choice([0, 50]), 1, n) * size
        p = y + rng.normal(0, 0.3, n) * size
        if case % 4 == 1:
            y[rng.random(n) < 0.4] = 0
        if case % 4 == 2:
            y = np.round(y / size) * size
            p = np.full(n, p[0])
        if case % 8 == 3:
            y = np.full(n, 3.0)
        kept = y != 0
        references.append({
            "rmse": sk.root_mean_squared_error(y, p),
            "mae": sk.mean_absolute_error(y, p),
            "r2": sk.r2_score(y, p),
            "mape_skipped": float(n - kept.sum()),
            **({"mape": sk.mean_absolute_percentage_error(y[kept], p[kept])} if kept.any() else {}),
        })
        requests.append({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": p.tolist()})
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, name)


def test_a_constant_target_has_the_r2_of_scikit_learn():
    right, wrong = ask([{"ask": "metrics", "task": "regression", "target": [3, 3, 3], "scores": [3, 3, p], "metrics": ["r2"]} for p in (3, 4)])
    assert right["r2"] == sk.r2_score([3, 3, 3], [3, 3, 3]) == 1
    assert wrong["r2"] == sk.r2_score([3, 3, 3], [3, 3, 4]) == 0


@pytest.mark.parametrize("name", ["f1", "accuracy", "precision", "recall"])
def test_the_threshold_is_the_lowest_best_score(name):
    rng = np.random.default_rng(20265)
    metric = {"f1": sk.f1_score, "accuracy": sk.accuracy_score, "precision": sk.precision_score, "recall": sk.recall_score}[name]
    requests, references = [], []
    for case in range(40):
        n = int(rng.integers(1, 60))
        p, y = scores_of(KINDS[case % len(KINDS)], rng, n), (rng.random(n) < 0.3).astype(float)
        y[0] = 1
        values = {t: metric(y, p >= t) for t in np.unique(p)}
        best = max(values.values())
        requests.append({"ask": "threshold", "maximize": name, "target": y.tolist(), "scores": p.tolist()})
        references.append(min(t for t, value in values.items() if value >= best - 1e-12))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer["threshold"] == reference

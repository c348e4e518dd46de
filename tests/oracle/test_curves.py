"""What a report draws, and metrics by segment, against scikit-learn, pandas and numpy, within 1e-9; scores with ties, segments with nulls."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from oracle import ask


def scored(rng, n, ties):
    p = np.round(rng.random(n), 1) if ties else rng.random(n)
    y = (rng.random(n) < p).astype(float)
    y[:2] = 0, 1
    return y, p


def of(curve, *keys):
    return [np.array([np.inf if point[key] is None else point[key] for point in curve], dtype=float) for key in keys]


def near(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_curves_of_two_classes(ties):
    rng = np.random.default_rng(51)
    cases = [scored(rng, int(rng.integers(12, 190)), ties) for _ in range(25)]      # up to 199 scores none is left out
    answers = ask([{"ask": "curves", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "threshold": 0.4, "profit": "profit@3/1"} for y, p in cases])
    for (y, p), answer in zip(cases, answers, strict=True):
        thresholds, fpr, tpr = of(answer["roc"], "threshold", "false_positive_rate", "true_positive_rate")
        theirs = sk.roc_curve(y, p, drop_intermediate=False)
        near([fpr, tpr], theirs[:2])
        near(thresholds, theirs[2])
        thresholds, recall, precision = of(answer["precision_recall"], "threshold", "recall", "precision")
        theirs = [values[::-1] for values in sk.precision_recall_curve(y, p)]       # theirs begins with a point (0, 1) of no threshold
        near([precision, recall], [theirs[0][1:], theirs[1][1:]])
        near(thresholds, theirs[2])
        rows, score, target = of(answer["reliability"], "rows", "mean_score", "mean_target")
        share, mean = calibration_curve(y, p, n_bins=10)
        near([score[rows > 0], target[rows > 0]], [mean, share])
        assert np.array_equal(answer["confusion"]["counts"], sk.confusion_matrix(y, p >= 0.4))
        if not ties:
            negatives, positives = of(answer["histogram"], "negatives", "positives")
            assert np.array_equal([negatives, positives], [np.histogram(p[y == c], 20, (0, 1))[0] for c in (0, 1)])
        share, profit = of(answer["profit"][0]["points"], "share", "profit")
        best = np.unique(p)[::-1]
        near(share, np.r_[0, [np.mean(p >= t) for t in best]])
        near(profit, np.r_[0, [np.mean((3 * y - 1) * (p >= t)) for t in best]])


@pytest.mark.parametrize("ties", [False, True])
def test_deciles_are_the_mean_over_all_orders_of_tied_rows(ties):
    rng = np.random.default_rng(52)
    cases = [scored(rng, int(rng.integers(10, 300)), ties) for _ in range(15)]
    answers = ask([{"ask": "curves", "task": "binary", "target": y.tolist(), "scores": p.tolist()} for y, p in cases])
    for (y, p), answer in zip(cases, answers, strict=True):
        rows, positives, lift, gain = of(answer["deciles"], "rows", "positives", "lift", "gain")
        of_score = pd.Series(y).groupby(p).transform("mean").to_numpy()[np.argsort(-p, kind="stable")]      # a tied row counts as the mean of those tied with it
        at = np.interp(np.linspace(0, len(y), 11), np.arange(len(y) + 1), np.r_[0, np.cumsum(of_score)])     # a row may fall into two tenths in part
        near(rows, np.full(10, len(y) / 10))
        near(positives, np.diff(at))
        near(lift, np.diff(at) / (len(y) / 10) / y.mean())
        near(gain, at[1:] / y.sum())


def test_confusion_of_several_classes():
    rng = np.random.default_rng(53)
    for _ in range(5):
        p, y = rng.dirichlet(np.ones(4), 150), rng.integers(0, 4, 150)
        [answer] = ask([{"ask": "curves", "task": "multiclass", "target": y.tolist(), "scores": p.ravel().tolist(), "classes": 4}])
        assert np.array_equal(answer["confusion"]["counts"], sk.confusion_matrix(y, p.argmax(axis=1), labels=range(4)))


NAMES = {"auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w), "recall": lambda y, p, w: sk.recall_score(y, p >= 0.5, sample_weight=w, zero_division=0),
         "precision": lambda y, p, w: sk.precision_score(y, p >= 0.5, sample_weight=w, zero_division=0), "selection_rate": lambda y, p, w: np.average(p >= 0.5, weights=w),
         "false_positive_rate": lambda y, p, w: 1 - sk.recall_score(y, p >= 0.5, pos_label=0, sample_weight=w), "bias": lambda y, p, w: np.average(p - y, weights=w)}


@pytest.mark.parametrize("weighted", [False, True])
def test_segments_and_the_gaps_between_them(weighted):
    rng = np.random.default_rng(54)
    cases = []
    for _ in range(12):
        n = 400
        y, p = scored(rng, n, True)
        by = rng.choice(np.array(["DE", "", "Österreich", None, "rare", "scarce"], dtype=object), n, p=[0.35, 0.2, 0.2, 0.2, 0.03, 0.02])
        cases.append((y, p, by, rng.choice([0.5, 1, 3.0], n) if weighted else np.ones(n)))
    answers = ask([{"ask": "segments", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "by": by.tolist(), "metrics": list(NAMES), "weights": w.tolist()} for y, p, by, w in cases])
    for (y, p, by, w), answer in zip(cases, answers, strict=True):
        few = {value for value in set(by) if np.sum(by == value) < 20}
        groups = {("(null)" if value is None else value): by == value for value in set(by) - few} | ({"(small)": np.array([value in few for value in by])} if few else {})
        assert answer["segments"].keys() == groups.keys()
        for value, rows in groups.items():
            for name, metric in NAMES.items():
                near(answer["segments"][value][name], metric(y[rows], p[rows], w[rows]))
        for name in NAMES:
            values = [answer["segments"][value][name] for value in groups if value != "(small)"]
            assert answer["gaps"][name] == [min(values), max(values)]

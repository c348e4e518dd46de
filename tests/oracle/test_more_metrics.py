"""The wider metrics, sample weights, intervals and thresholds against scikit-learn, scipy and plain numpy: 1e-9 where the
formula is closed; bootstrap intervals within the spread that two independent bootstraps have."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from oracle import ask

TOLERANCE = 1e-9


def close(ours, theirs, name):
    assert ours == pytest.approx(theirs, rel=TOLERANCE, abs=1e-13), name


def weights_of(case, rng, n):
    """None, whole numbers with zeros, fractions."""
    if case % 3 == 0:
        return None
    w = rng.integers(0, 4, n).astype(float) if case % 3 == 1 else rng.random(n) + 0.1
    w[:2] = 1
    return w


def weighted(request, w):
    return request if w is None else {**request, "weights": w.tolist()}


def top(y, p, share, w):
    """Weight of positives among the best-scored share; tied rows share what is left."""
    left, found = share * w.sum(), 0.0
    for value in np.unique(p[w > 0])[::-1]:
        tied = p == value
        taken = min(left, w[tied].sum())
        found += taken * np.average(y[tied], weights=w[tied])
        left -= taken
    return found


def weighted_ks(y, p, w):
    at = np.unique(p)
    cdf = lambda c: np.array([w[(y == c) & (p <= v)].sum() for v in at]) / w[y == c].sum()
    return np.abs(cdf(1) - cdf(0)).max()


def ece(y, p, w):
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    return sum(abs(np.sum(w[bins == b] * (p[bins == b] - y[bins == b]))) for b in range(10)) / w.sum()


BINARY = ["auc", "gini", "ks", "average_precision", "logloss", "brier", "ece", "bias", "accuracy", "balanced_accuracy", "mcc", "f1",
          "precision", "recall", "specificity", "false_positive_rate", "selection_rate", "lift@10%", "gain@25%", "precision@12.5%"]


def test_binary_metrics_with_and_without_weights():
    rng = np.random.default_rng(1)
    requests, references = [], []
    for case in range(90):
        n = int(rng.integers(12, 300))
        p = rng.random(n) if case % 2 else np.round(rng.random(n), 1)
        y = (rng.random(n) < 0.3 + 0.4 * p).astype(float)
        y[0], y[1] = 0, 1
        w = weights_of(case, rng, n)
        u = np.ones(n) if w is None else w
        t = float(rng.choice([0.2, 0.5, 0.8]))
        label = (p >= t).astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recall0 = sk.recall_score(y, label, pos_label=0, sample_weight=w, zero_division=0)
            references.append({
                "auc": sk.roc_auc_score(y, p, sample_weight=w),
                "gini": 2 * sk.roc_auc_score(y, p, sample_weight=w) - 1,
                "ks": stats.ks_2samp(p[y == 1], p[y == 0]).statistic if w is None else weighted_ks(y, p, u),
                "average_precision": sk.average_precision_score(y, p, sample_weight=w),
                "logloss": sk.log_loss(y, p, sample_weight=w, labels=[0, 1]),
                "brier": sk.brier_score_loss(y, p, sample_weight=w),
                "ece": ece(y, p, u),
                "bias": np.average(p - y, weights=u),
                "accuracy": sk.accuracy_score(y, label, sample_weight=w),
                "balanced_accuracy": sk.balanced_accuracy_score(y, label, sample_weight=w),
                "mcc": sk.matthews_corrcoef(y, label, sample_weight=w),
                "f1": sk.f1_score(y, label, sample_weight=w, zero_division=0),
                "precision": sk.precision_score(y, label, sample_weight=w, zero_division=0),
                "recall": sk.recall_score(y, label, sample_weight=w, zero_division=0),
                "specificity": recall0,
                "false_positive_rate": 1 - recall0,
                "selection_rate": np.average(label, weights=u),
                "lift@10%": top(y, p, 0.1, u) / (0.1 * u.sum()) / np.average(y, weights=u),
                "gain@25%": top(y, p, 0.25, u) / np.sum(u * y),
                "precision@12.5%": top(y, p, 0.125, u) / (0.125 * u.sum()),
            })
        requests.append(weighted({"ask": "metrics", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "threshold": t, "metrics": BINARY}, w))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, name)


def test_multiclass_averages_with_and_without_weights():
    rng = np.random.default_rng(2)
    requests, references = [], []
    names = ["accuracy", "auc", "logloss", "brier", "balanced_accuracy", "mcc", "f1", "precision", "recall", "f1_micro", "f1_weighted",
             "precision_weighted", "recall_weighted"]
    for case in range(45):
        n = int(rng.integers(20, 200))
        p = rng.dirichlet(np.ones(3), n)
        y = rng.integers(0, 3, n)
        y[:3] = 0, 1, 2
        w = weights_of(case, rng, n)
        if w is not None:
            w[:3] = 1
        label = p.argmax(axis=1)
        one_vs_rest = np.mean([sk.roc_auc_score(y == c, p[:, c], sample_weight=w) for c in range(3)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = {
                "accuracy": sk.accuracy_score(y, label, sample_weight=w),
                "auc": one_vs_rest,
                "logloss": sk.log_loss(y, p, sample_weight=w, labels=[0, 1, 2]),
                "brier": np.average(np.sum((p - np.eye(3)[y]) ** 2, axis=1), weights=w),
                "balanced_accuracy": sk.balanced_accuracy_score(y, label, sample_weight=w),
                "mcc": sk.matthews_corrcoef(y, label, sample_weight=w),
                "f1_micro": sk.f1_score(y, label, average="micro", sample_weight=w),
            }
            for name, score in {"f1": sk.f1_score, "precision": sk.precision_score, "recall": sk.recall_score}.items():
                reference[name] = score(y, label, average="macro", sample_weight=w, zero_division=0)
                reference[f"{name}_weighted"] = score(y, label, average="weighted", sample_weight=w, zero_division=0)
        references.append(reference)
        requests.append(weighted({"ask": "metrics", "task": "multiclass", "target": y.tolist(), "scores": p.ravel().tolist(), "classes": 3, "metrics": names}, w))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, name)


def test_regression_metrics_with_and_without_weights():
    rng = np.random.default_rng(3)
    requests, references = [], []
    names = ["rmse", "mae", "r2", "mape", "wape", "rmsle", "bias", "max_error", "pinball@0.1", "pinball@0.9", "poisson_deviance", "gamma_deviance",
             "tweedie_deviance@1.5", "tweedie_deviance@1.1"]
    for case in range(60):
        n = int(rng.integers(5, 300))
        y = rng.gamma(2, 3, n) + 0.01
        p = y * rng.lognormal(0, 0.3, n)
        w = weights_of(case, rng, n)
        u = np.ones(n) if w is None else w
        kept = u > 0
        references.append({
            "rmse": sk.root_mean_squared_error(y, p, sample_weight=w),
            "mae": sk.mean_absolute_error(y, p, sample_weight=w),
            "r2": sk.r2_score(y, p, sample_weight=w),
            "mape": sk.mean_absolute_percentage_error(y, p, sample_weight=w),
            "mape_skipped": 0,
            "wape": np.sum(u * np.abs(y - p)) / np.sum(u * y),
            "rmsle": sk.root_mean_squared_log_error(y, p, sample_weight=w),
            "bias": np.average(p - y, weights=u),
            "max_error": sk.max_error(y[kept], p[kept]),
            "pinball@0.1": sk.mean_pinball_loss(y, p, alpha=0.1, sample_weight=w),
            "pinball@0.9": sk.mean_pinball_loss(y, p, alpha=0.9, sample_weight=w),
            "poisson_deviance": sk.mean_poisson_deviance(y, p, sample_weight=w),
            "gamma_deviance": sk.mean_gamma_deviance(y, p, sample_weight=w),
            "tweedie_deviance@1.5": sk.mean_tweedie_deviance(y, p, power=1.5, sample_weight=w),
            "tweedie_deviance@1.1": sk.mean_tweedie_deviance(y, p, power=1.1, sample_weight=w),
        })
        requests.append(weighted({"ask": "metrics", "task": "regression", "target": y.tolist(), "scores": p.tolist(), "metrics": names}, w))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            close(answer[name], value, name)


def test_deviances_take_targets_of_zero_and_leave_out_what_they_do_not_define():
    y, p = [0.0, 2.0, 5.0], [0.5, 1.5, 6.0]
    names = ["poisson_deviance", "gamma_deviance", "tweedie_deviance@1.5"]
    zero, negative = ask([{"ask": "metrics", "task": "regression", "target": y, "scores": q, "metrics": names} for q in (p, [-0.5, 1.5, 6.0])])
    assert set(zero) == {"poisson_deviance", "tweedie_deviance@1.5"}
    close(zero["poisson_deviance"], sk.mean_poisson_deviance(y, p), "poisson")
    close(zero["tweedie_deviance@1.5"], sk.mean_tweedie_deviance(y, p, power=1.5), "tweedie")
    assert negative == {}


def average_precision_at(y, p, k):
    order = sorted(range(len(y)), key=lambda i: (-p[i], y[i]))
    hits, total = 0, 0.0
    for rank, i in enumerate(order[:k], 1):
        if y[i] > 0:
            hits += 1
            total += hits / rank
    return total / min(k, np.sum(y > 0))


def test_ranking_metrics_within_groups():
    rng = np.random.default_rng(4)
    requests, references = [], []
    for case in range(30):
        groups = np.sort(rng.integers(0, 12, 150))
        y = rng.integers(0, 5, 150).astype(float) if case % 2 else rng.integers(0, 2, 150).astype(float)
        p = np.round(rng.random(150), 1 if case % 3 == 0 else 6)
        sizes = [groups == g for g in np.unique(groups)]
        reference = {f"ndcg@{k}": np.mean([sk.ndcg_score([y[g]], [p[g]], k=k) for g in sizes if g.sum() > 1]) for k in (1, 5, 100)}
        if not all(g.sum() > 1 for g in sizes):
            continue
        reference["map@5"] = np.mean([average_precision_at(y[g], p[g], 5) for g in sizes if (y[g] > 0).any()])
        references.append(reference)
        shuffled = rng.permutation(150)
        requests.append({"ask": "metrics", "task": "regression", "target": y[shuffled].tolist(), "scores": p[shuffled].tolist(), "groups": groups[shuffled].tolist(), "metrics": list(reference)})
    assert len(requests) > 10
    for answer, reference in zip(ask(requests), references, strict=True):
        for name, value in reference.items():
            close(answer[name], value, name)


def test_whole_weights_are_rows_that_come_so_often():
    rng = np.random.default_rng(5)
    p = np.round(rng.random(120), 2)
    y = (rng.random(120) < p).astype(float)
    w = rng.integers(0, 4, 120)
    once, often = ask([{"ask": "metrics", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "weights": w.astype(float).tolist(), "metrics": BINARY},
                       {"ask": "metrics", "task": "binary", "target": np.repeat(y, w).tolist(), "scores": np.repeat(p, w).tolist(), "metrics": BINARY}])
    for name, value in often.items():
        close(once[name], value, name)


def test_intervals_are_those_of_a_bootstrap():
    rng = np.random.default_rng(6)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    [answer] = ask([{"ask": "intervals", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "metrics": ["auc", "brier", "recall"], "resamples": 2000}])
    scores = {"auc": lambda a, b: sk.roc_auc_score(a, b), "brier": lambda a, b: np.mean((a - b) ** 2), "recall": lambda a, b: sk.recall_score(a, b >= 0.5)}
    for name, score in scores.items():
        drawn = []
        for _ in range(2000):
            rows = rng.integers(0, 400, 400)
            drawn.append(score(y[rows], p[rows]))
        low, high = np.percentile(drawn, [2.5, 97.5])
        width = high - low
        assert abs(answer[name][0] - low) < 0.1 * width and abs(answer[name][1] - high) < 0.1 * width, (name, answer[name], low, high)


def test_intervals_hold_the_truth_about_19_times_in_20():
    """The accuracy of labels that are right with probability 0.8, 300 times over."""
    rng = np.random.default_rng(7)
    requests = []
    for _ in range(300):
        right = rng.random(200) < 0.8
        y = rng.integers(0, 2, 200).astype(float)
        requests.append({"ask": "intervals", "task": "binary", "target": y.tolist(), "scores": np.where(right, y, 1 - y).tolist(), "metrics": ["accuracy"], "resamples": 300})
    held = sum(a["accuracy"][0] <= 0.8 <= a["accuracy"][1] for a in ask(requests))
    assert 270 <= held <= 297, held


def brute_force(y, p, w, worth):
    """The lowest among the best of all scores that occurred."""
    best, threshold = None, None
    for t in np.unique(p[w > 0])[::-1]:
        label = p >= t
        tp, fp = np.sum(w[label & (y == 1)]), np.sum(w[label & (y == 0)])
        fn, tn = np.sum(w[~label & (y == 1)]), np.sum(w[~label & (y == 0)])
        value = worth(tp, fp, fn, tn)
        if value is not None and (best is None or value >= best):
            best, threshold = value, t
    return threshold


def test_thresholds_are_those_of_trying_all():
    rng = np.random.default_rng(8)
    ways = [({"false_positive": 1, "false_negative": 5}, lambda tp, fp, fn, tn: -(fp + 5 * fn)),
            ({"false_positive": 3, "false_negative": 1}, lambda tp, fp, fn, tn: -(3 * fp + fn)),
            ({"precision": 0.5}, lambda tp, fp, fn, tn: tp / (tp + fn) if tp / (tp + fp) >= 0.5 else None),
            ({"top": 0.25}, lambda tp, fp, fn, tn: tp + fp if tp + fp <= 0.25 * (tp + fp + fn + tn) else None),
            ({"maximize": "balanced_accuracy"}, lambda tp, fp, fn, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2)]
    requests, references = [], []
    for case in range(100):
        n = int(rng.integers(20, 150))
        p = rng.random(n)
        y = (rng.random(n) < 0.2 + 0.8 * p).astype(float)
        y[np.argmax(p)], y[np.argmin(p)] = 1, 0
        w = np.ones(n) if case % 2 else rng.integers(1, 4, n).astype(float)
        spec, worth = ways[case % len(ways)]
        requests.append({"ask": "threshold", "target": y.tolist(), "scores": p.tolist(), "weights": [] if case % 2 else w.tolist(), **spec})
        expected = brute_force(y, p, w, worth)
        references.append(np.max(p) if expected is None else expected)
    for asked, answer, reference in zip(requests, ask(requests), references, strict=True):
        assert answer["threshold"] == reference, {k: v for k, v in asked.items() if k not in ("target", "scores", "weights")}


def test_profit_is_the_best_of_all_places_between_two_scores():
    rng = np.random.default_rng(9)
    requests, references = [], []
    for case in range(60):
        n = int(rng.integers(5, 200))
        p = rng.random(n) if case % 2 else np.round(rng.random(n), 1)
        y = (rng.random(n) < 0.4 * p).astype(float)
        w = weights_of(case, rng, n)
        u = np.ones(n) if w is None else w
        value, cost = float(rng.choice([2, 10, 30.5])), float(rng.choice([0.5, 2]))
        best, share = 0.0, 0.0
        for t in np.unique(p[u > 0])[::-1]:
            profit = value * np.sum(u[(p >= t) & (y == 1)]) - cost * np.sum(u[p >= t])
            if profit > best + 1e-12:
                best, share = profit, np.sum(u[p >= t])
        name = f"{value:g}/{cost:g}"
        references.append({f"profit@{name}": best / u.sum(), f"profit_share@{name}": share / u.sum()})
        requests.append(weighted({"ask": "metrics", "task": "binary", "target": y.tolist(), "scores": p.tolist(), "metrics": list(references[-1])}, w))
    for answer, reference in zip(ask(requests), references, strict=True):
        assert answer.keys() == reference.keys()
        for name, expected in reference.items():
            close(answer[name], expected, name)

"""scikit-learn's, LightGBM's and XGBoost's own fits, for bench/fit.py: the best of some repeats, one JSON line a case.

usage: learners.py VECTORS.f64 TARGET.f64 FEATURES THREADS REPEATS [CASE...]
"""
import json
import os
import sys
import time

vectors, target, features, threads, repeats, only = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6:]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)

import warnings

import numpy as np
from sklearn.calibration import _sigmoid_calibration
from sklearn.cluster import KMeans
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.naive_bayes import GaussianNB

warnings.filterwarnings("ignore")
y = np.fromfile(target)
x = np.fromfile(vectors).reshape(len(y), features)


def lightgbm():
    import lightgbm
    return lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, deterministic=True, force_row_wise=True, n_jobs=threads, verbose=-1)


def xgboost():
    import xgboost
    return xgboost.XGBClassifier(n_estimators=100, max_depth=6, tree_method="hist", n_jobs=threads)


def coordinates(l1, l2):
    """What `logistic` minimises, in scikit-learn's words: C = 1 / (l1 + l2)."""
    return LogisticRegression(C=1 / (l1 + l2), l1_ratio=l1 / (l1 + l2), solver="saga", tol=1e-4, max_iter=1000)


CASES = {
    "logistic l2": lambda: LogisticRegression(C=1, max_iter=1000),
    "logistic l1": lambda: coordinates(10, 0),
    "logistic elastic net": lambda: coordinates(5, 5),
    "linear l2": lambda: Ridge(alpha=1),
    "naive bayes": GaussianNB,
    "kmeans 8, 10 starts": lambda: KMeans(8, n_init=10, random_state=0),
    "lightgbm 100 x 31": lightgbm,
    "xgboost 100 x depth 6": xgboost,
}


def best(work):
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def say(case, seconds, loss):
    print(json.dumps({"case": case, "seconds": seconds, "loss": loss}), flush=True)


margins = None
for case, make in CASES.items():
    if only and case not in only:
        continue
    model = make()
    seconds = best(lambda: model.fit(x, y))
    say(case, seconds, model.inertia_ / len(y) if case.startswith("kmeans") else mean_squared_error(y, model.predict(x)) if case.startswith("linear") else log_loss(y, model.predict_proba(x)[:, 1]))
    if case == "logistic l2":
        margins = model.decision_function(x)
if margins is not None:
    p = 1 / (1 + np.exp(-margins))
    say("calibrate isotonic", best(lambda: IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y)), 0)
    say("calibrate sigmoid", best(lambda: _sigmoid_calibration(margins, y)), 0)

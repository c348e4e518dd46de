"""scikit-learn's transforms, for bench/transform.py: fit and transform on what DIR holds, the best of some repeats.

usage: transforms.py DIR ROWS THREADS REPEATS BUDGET [CASE...]     BUDGET: seconds after which a case is not repeated
"""
import json
import os
import sys
import time

folder, rows, threads, repeats, budget = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
only = sys.argv[6:]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = threads

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   PowerTransformer, QuantileTransformer, RobustScaler, SplineTransformer, StandardScaler, TargetEncoder)

warnings.filterwarnings("ignore")
numbers = np.ascontiguousarray(np.fromfile(f"{folder}/numbers.bin").reshape(30, rows).T)
missing = np.ascontiguousarray(np.fromfile(f"{folder}/missing.bin").reshape(30, rows).T)
target = np.fromfile(f"{folder}/target.bin")
with open(f"{folder}/texts.txt") as file:
    texts = np.array([line.rstrip("\n").split("\t") for line in file], dtype=object)
with open(f"{folder}/words.txt") as file:
    words = [line.rstrip("\n") for line in file]


class Clip:
    def fit(self, x, y=None):
        self.bounds = np.percentile(x, [1, 99], axis=0)
        return self

    def transform(self, x):
        return np.clip(x, *self.bounds)


class CountLevels:
    """What category_encoders' CountEncoder does, by numpy alone."""
    def fit(self, x, y=None):
        self.counts = [dict(zip(*np.unique(column.astype(str), return_counts=True))) for column in x.T]
        return self

    def transform(self, x):
        return np.array([[counts[v] for v in column] for counts, column in zip(self.counts, x.T)]).T


class HashTexts:
    def fit(self, x, y=None):
        return self

    def transform(self, x):
        return FeatureHasher(24, input_type="string").transform([list(row) for row in x])


CASES = {
    "impute median": (SimpleImputer(strategy="median"), missing), "impute mean": (SimpleImputer(), missing), "clip 1%-99%": (Clip(), numbers),
    "scale standard": (StandardScaler(), numbers), "scale minmax": (MinMaxScaler(), numbers), "scale maxabs": (MaxAbsScaler(), numbers), "scale robust": (RobustScaler(), numbers),
    "log1p": (FunctionTransformer(np.log1p), numbers), "quantile uniform": (QuantileTransformer(subsample=None), numbers),
    "quantile normal": (QuantileTransformer(output_distribution="normal", subsample=None), numbers), "power yeo_johnson": (PowerTransformer(), numbers),
    "bins quantile 10": (KBinsDiscretizer(10, encode="ordinal", quantile_method="averaged_inverted_cdf", subsample=None), numbers), "spline 5 knots": (SplineTransformer(), numbers),
    "polynomial 2 of 8": (PolynomialFeatures(include_bias=False), numbers[:, :8]), "normalize l2": (Normalizer(), numbers), "pca 10": (PCA(10), numbers),
    "encode onehot": (OneHotEncoder(handle_unknown="ignore"), texts), "encode ordinal": (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts),
    "encode target": (TargetEncoder(random_state=0), texts), "encode count": (CountLevels(), texts), "encode hash": (HashTexts(), texts),
    "text hash 1024": (HashingVectorizer(n_features=1024), words), "text tfidf 1000": (TfidfVectorizer(max_features=1000), words),
}


def best(work):
    times, start = [], time.perf_counter()
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
        if time.perf_counter() - start > budget:
            break
    return min(times)


for name, (peer, data) in CASES.items():
    if only and name not in only:
        continue
    if name == "encode target":   # ours cross-fits when fitting, and so does its fit_transform
        fitted = best(lambda: peer.fit_transform(data, target))
    else:
        fitted = best(lambda: peer.fit(data))
    print(json.dumps({"case": name, "fit": fitted, "apply": best(lambda: peer.transform(data))}), flush=True)

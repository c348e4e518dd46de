"""What every transform is compared with: scikit-learn, category_encoders, pandas and numpy, on one column (NUMBERS, LEVELS, TARGETS, TEXTS, DAYS) or on
the number columns of a table together (GROUPS). Each entry is the steps of a pipeline file and their peer.

A peer takes (train, later, table), of several columns also the target. It returns what both become, and what rounding may add beside 1e-9 relative; None where it
does not take them.
"""

import re

import category_encoders
import numpy as np
import pandas as pd
import xxhash
from category_encoders.wrapper import NestedCVWrapper
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, chi2, f_classif, f_regression
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from test_transforms import obj

ANYTHING = np.inf     # what a row that comes later becomes, where the peer's own arithmetic ends


def fitted(estimator, rounding=1e-12):
    """An estimator of scikit-learn that passes what is missing on."""
    def peer(train, later, table):
        estimator.fit(train[:, None])
        return estimator.transform(train[:, None]), estimator.transform(later[:, None]), rounding
    return peer


def scaled(estimator, center, scale):
    """Where (x - center) / scale cancels, the difference is that of both sums' last bits."""
    def peer(train, later, table):
        estimator.fit(train[:, None])
        rounding = 1e-12 * max(1, np.abs(getattr(estimator, center)[0]), np.nanmax(np.abs(train))) / np.abs(getattr(estimator, scale)[0])
        return estimator.transform(train[:, None]), estimator.transform(later[:, None]), rounding
    return peer


def of_present(estimator, missing=np.nan, rounding=1e-12, distinct=1):
    """One that takes no missing value is fitted on the others."""
    def peer(train, later, table):
        present = train[~np.isnan(train)]
        if len(set(present)) < distinct:
            return None
        estimator.fit(present[:, None])
        def made(values):
            out = estimator.transform(np.where(np.isnan(values), present[0], values)[:, None])
            out[np.isnan(values)] = missing
            return out
        return made(train), made(later), rounding
    return peer


def nearest(train, later, table):
    """Of whole numbers one may lie halfway between two centres, where the rounding of scikit-learn's centred values decides (test_transforms.py)."""
    if np.all(np.isnan(train) | (train == np.round(train))):
        return None
    return of_present(KBinsDiscretizer(2, encode="ordinal", strategy="kmeans"))(train, later, table)


def spline(knots, outside):
    def peer(train, later, table):
        present = train[~np.isnan(train)]
        if len(set(np.percentile(present, [0, 25, 50, 75, 100]))) < 5:
            return None     # knots on one another
        return of_present(SplineTransformer(5, knots=knots, extrapolation=outside), 0, 1e-9)(train, later, table)
    return peer


def winsorized(train, later, table):
    low, high = np.nanpercentile(train, [2, 90])
    return np.clip(train, low, high), np.clip(later, low, high), 1e-12 * np.nanmax(np.abs(train))


def powered(method):
    """As far as both searches find the best power, to 1e-6, and scipy's formulas reach: they cancel far from 0 and overflow far outside."""
    def peer(train, later, table):
        if np.abs(np.nanmean(train)) > 15 * np.nanstd(train):
            return None
        made, after, rounding = fitted(PowerTransformer(method=method), 1e-4)(train, later, table)
        return made, np.where(((later < np.nanmin(train)) | (later > np.nanmax(train)))[:, None], ANYTHING, after), rounding
    return peer


def positive(peer):
    return lambda train, later, table: peer(np.maximum(train, 0.01), np.maximum(later, 0.01), table)


CLIPPED = {"clip": [0.01, None]}
NUMBERS = [
    ([{"impute": "mean"}], fitted(SimpleImputer(strategy="mean"), 1e-9)),
    ([{"impute": "median"}], fitted(SimpleImputer(strategy="median"))),
    ([{"impute": "most_frequent"}], fitted(SimpleImputer(strategy="most_frequent"))),
    ([{"impute": {"constant": "-2.5"}}], fitted(SimpleImputer(strategy="constant", fill_value=-2.5))),
    ([{"impute": "missing"}], fitted(make_union(FunctionTransformer(), MissingIndicator(features="all")))),
    ([{"impute": "median", "indicator": True}], fitted(make_union(SimpleImputer(strategy="median"), MissingIndicator(features="all")))),
    ([{"clip": ["2%", "90%"]}], winsorized),
    ([{"scale": "standard"}], scaled(StandardScaler(), "mean_", "scale_")),
    ([{"scale": "minmax"}], scaled(MinMaxScaler(), "data_min_", "data_range_")),
    ([{"scale": "maxabs"}], fitted(MaxAbsScaler())),
    ([{"scale": "robust"}], scaled(RobustScaler(), "center_", "scale_")),
    ([CLIPPED, "log1p"], positive(fitted(FunctionTransformer(np.log1p)))),
    ([{"quantile": "uniform"}], fitted(QuantileTransformer(subsample=None))),
    ([{"quantile": "normal", "quantiles": 20}], fitted(QuantileTransformer(n_quantiles=20, output_distribution="normal", subsample=None), 1e-7)),
    ([{"power": "yeo_johnson"}], powered("yeo-johnson")),
    ([CLIPPED, {"power": "box_cox"}], positive(powered("box-cox"))),
    ([{"bins": "uniform", "count": 4}], of_present(KBinsDiscretizer(4, encode="ordinal", strategy="uniform"), distinct=2)),
    ([{"bins": "quantile", "count": 5}], of_present(KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf", subsample=None), distinct=2)),
    ([{"bins": "quantile", "count": 5, "output": "onehot"}], of_present(KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf", subsample=None), 0, distinct=2)),
    ([{"bins": "kmeans", "count": 2}], nearest),
    ([{"bins": [0, 1.5, 20]}], lambda train, later, table: (*(np.where(np.isnan(v), np.nan, np.digitize(v, [0, 1.5, 20])) for v in (train, later)), 0)),
    ([{"spline": "uniform"}], spline("uniform", "constant")),
    ([{"spline": "quantile", "outside": "linear"}], spline("quantile", "linear")),
]


def encoded(estimator):
    """An encoder of scikit-learn, which takes None as a level."""
    return lambda train, later, table: (estimator.fit_transform(obj(train)), estimator.transform(obj(later)), 0)


def ordinal(train, later, table):
    """A null is NaN to OrdinalEncoder."""
    train, later = (obj([np.nan if v is None else v for v in values]) for values in (train, later))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(train)
    return encoder.transform(train), encoder.transform(later), 0


def frame_of(values):
    return pd.DataFrame({"c": pd.Series(list(values), dtype=object)})


def counted(normalize):
    def peer(train, later, table):
        encoder = category_encoders.CountEncoder(cols=["c"], normalize=normalize, handle_unknown=0, handle_missing="count").fit(frame_of(train))
        later = encoder.transform(frame_of(later)).to_numpy()[:, 0]
        return encoder.transform(frame_of(train)).to_numpy(), later, 0
    return peer


def cross_fitted(encoder, target="binary"):
    """An encoder of category_encoders fitted outside of each fold; rows that come later get what all rows say."""
    def peer(train, later, table):
        y = pd.Series(getattr(table, target))
        if any(len(set(train[table.folds != fold])) == np.sum(table.folds != fold) for fold in set(table.folds)):
            return None     # MEstimateEncoder tells nothing of levels that are all different
        nested = NestedCVWrapper(encoder, cv=PredefinedSplit(table.folds))
        ours, theirs = nested.fit_transform(frame_of(train), y, X_test=frame_of(later))
        return ours.to_numpy(), theirs.to_numpy(), 1e-13 * max(1, np.abs(y).max())
    return peer


def weight_of_evidence(train, later, table):
    """category_encoders sets a level of a single row to 0, we do not: only where no level has a single row are both the same."""
    folds, all_levels = table.folds, pd.Series(["(null)" if v is None else f"={v}" for v in train])
    if any((all_levels[folds != fold].value_counts() == 1).any() for fold in set(folds)) or (all_levels.value_counts() == 1).any():
        return None
    return cross_fitted(category_encoders.WOEEncoder(cols=["c"], regularization=0.5, randomized=False))(train, later, table)


def target_by_scikit_learn(target):
    def peer(train, later, table):
        encoder = TargetEncoder(target_type={"binary": "binary", "classes": "multiclass", "number": "continuous"}[target], cv=PredefinedSplit(table.folds))
        made = encoder.fit_transform(obj(train), getattr(table, target))
        return made, encoder.transform(obj(later)), 1e-13 * max(1, np.abs(getattr(table, target)).max())
    return peer


def hashed(train, later, table):
    def made(values):
        out = np.zeros((len(values), 8))
        for row, level in enumerate(values):
            if level is not None:
                h = xxhash.xxh64_intdigest(level.encode())
                out[row, h % 8] = -1 if h >> 63 else 1
        return out
    return made(train), made(later), 0


def imputed_text(**how):
    return encoded(make_pipeline(SimpleImputer(missing_values=None, **how), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)))


LEVELS = [
    ([{"encode": "onehot"}], encoded(OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False))),
    ([{"encode": "onehot", "min_frequency": 3, "handle_unknown": "ignore"}], encoded(OneHotEncoder(min_frequency=3, handle_unknown="ignore", sparse_output=False))),
    ([{"encode": "onehot", "max_categories": 4}], encoded(OneHotEncoder(max_categories=4, handle_unknown="infrequent_if_exist", sparse_output=False))),
    ([{"encode": "ordinal"}], ordinal),
    ([{"encode": "count"}], counted(False)),
    ([{"encode": "frequency"}], counted(True)),
    ([{"encode": "target", "smooth": 3}], cross_fitted(category_encoders.MEstimateEncoder(cols=["c"], m=3))),
    ([{"encode": "target"}], target_by_scikit_learn("binary")),
    ([{"encode": "woe", "regularization": 0.5}], weight_of_evidence),
    ([{"encode": "hash"}], hashed),
    ([{"impute": "most_frequent"}, {"encode": "ordinal"}], imputed_text(strategy="most_frequent")),
    ([{"impute": {"constant": "a"}}, {"encode": "ordinal"}], imputed_text(strategy="constant", fill_value="a")),
    ([{"impute": "missing"}, {"encode": "ordinal"}], imputed_text(strategy="constant", fill_value="missing")),
]
TARGETS = {"classes": [([{"encode": "target"}], target_by_scikit_learn("classes"))],
           "number": [([{"encode": "target"}], target_by_scikit_learn("number")), ([{"encode": "target", "smooth": 7}], cross_fitted(category_encoders.MEstimateEncoder(cols=["c"], m=7), "number"))]}


def word(text):
    """A run of two or more letters, digits and underscores; all beyond ASCII counts as a letter and keeps its case."""
    lower = "".join(c.lower() if c.isascii() else c for c in text)
    return re.findall(r"[0-9a-z_\u0080-\U0010ffff]{2,}", lower)


def vectorized(kind, **more):
    def peer(train, later, table):
        train, later = ([v or "" for v in values] for values in (train, later))
        vectorizer = kind(analyzer=word, **more)
        try:
            made = vectorizer.fit_transform(train).toarray()
        except ValueError:      # no term in min_df rows
            return None
        return made, vectorizer.transform(later).toarray(), 1e-14
    return peer


def hashed_terms(train, later, table):
    def made(values):
        out = np.zeros((len(values), 8))
        for row, text in enumerate(values):
            for term in word(text or ""):
                h = xxhash.xxh64_intdigest(term.encode())
                out[row, h % 8] += -1 if h >> 63 else 1
        return Normalizer().fit_transform(out)
    return made(train), made(later), 1e-14


def lengths(train, later, table):
    return *(np.array([[len(v or ""), len(word(v or ""))] for v in values], dtype=float) for values in (train, later)), 0


TEXTS = [
    ([{"text": "count", "min_df": 2, "max_features": 9000}], vectorized(CountVectorizer, min_df=2)),
    ([{"text": "tfidf", "min_df": 2, "max_features": 9000}], vectorized(TfidfVectorizer, min_df=2)),
    ([{"text": "hash", "features": 8}], hashed_terms),
    ([{"text": "length"}], lengths),
]


def parts_of_days(train, later, table):
    parts = [lambda t: t.year, lambda t: t.quarter, lambda t: t.month, lambda t: t.isocalendar()[1], lambda t: t.day, lambda t: t.dayofyear, lambda t: t.dayofweek,
             lambda t: np.sin(2 * np.pi * (t.month - 1) / 12), lambda t: np.cos(2 * np.pi * (t.month - 1) / 12), lambda t: (t - pd.Timestamp("2001-02-03")).days]
    return *(np.array([[np.nan if v is None else float(part(pd.Timestamp(v))) for part in parts] for v in values]) for values in (train, later)), 1e-14


DAYS = [([{"date": {"parts": ["year", "quarter", "month", "week", "day", "day_of_year", "weekday"], "cyclical": ["month"], "since": "2001-02-03"}}], parts_of_days)]


def together(*steps, rounding=1e-9):
    """Steps of scikit-learn over the filled columns of a table, which a target may tell how to choose."""
    def peer(train, later, table, y):
        pipeline = make_pipeline(SimpleImputer(strategy="median"), *steps)
        return pipeline.fit_transform(train, y), pipeline.transform(later), rounding
    return peer


def chosen(score, k, *steps):
    """The k columns with the largest score."""
    def peer(train, later, table, y):
        pipeline = make_pipeline(SimpleImputer(strategy="median"), *steps)
        train, later = pipeline.fit_transform(train), pipeline.transform(later)
        scores = np.array([score(column, y) for column in train.T])
        ordered = np.sort(scores)[::-1]
        if len(scores) > k and ordered[k - 1] - ordered[k] < 1e-12:
            return None     # rounding decides which is the best
        kept = sorted(np.argsort(-scores, kind="stable")[:k])
        return train[:, kept], later[:, kept], 1e-9
    return peer


def tenths(column):
    return np.searchsorted(np.percentile(column, np.arange(10, 100, 10)), column, side="right")


def told_alone(threshold):
    """Each column, from the first on, that is not like one kept before."""
    def peer(train, later, table, y):
        imputer = SimpleImputer(strategy="median")
        train, later = imputer.fit_transform(train), imputer.transform(later)
        like, kept = np.nan_to_num(np.abs(pd.DataFrame(train).corr().to_numpy())), []
        for k in range(train.shape[1]):
            kept += [] if any(like[k, j] > threshold for j in kept) else [k]
        return train[:, kept], later[:, kept], 1e-9
    return peer


def reduced(reducer):
    """Both are told up to their sign, which is ours in both."""
    def peer(train, later, table, y):
        return *(np.abs(made) for made in together(StandardScaler(), reducer)(train, later, table, y)[:2]), 1e-7
    return peer


FILL, STANDARD, EVEN = {"impute": "median"}, {"scale": "standard"}, {"scale": "minmax"}
GROUPS = {
    "binary": [
        ([FILL, STANDARD, {"polynomial": 2}], together(StandardScaler(), PolynomialFeatures(2, include_bias=False), rounding=1e-7)),
        ([FILL, STANDARD, {"polynomial": 2, "interactions_only": True}], together(StandardScaler(), PolynomialFeatures(2, interaction_only=True, include_bias=False), rounding=1e-7)),
        ([FILL, {"normalize": "l1"}], together(Normalizer("l1"))),
        ([FILL, {"normalize": "l2"}], together(Normalizer("l2"))),
        ([FILL, {"normalize": "max"}], together(Normalizer("max"))),
        ([FILL, EVEN, {"select": "variance", "threshold": 0.03}], together(MinMaxScaler(), VarianceThreshold(0.03))),
        ([FILL, {"select": "correlation", "threshold": 0.3}], told_alone(0.3)),
        ([FILL, {"select": "f", "k": 2}], together(SelectKBest(f_classif, k=2))),
        ([FILL, EVEN, {"select": "chi2", "k": 2}], together(MinMaxScaler(), SelectKBest(chi2, k=2))),
        ([FILL, {"select": "mutual_information", "k": 3}], chosen(lambda column, y: mutual_info_score(tenths(column), y), 3)),
        ([FILL, STANDARD, {"reduce": "pca", "components": 2}], reduced(PCA(2, svd_solver="full"))),
        ([FILL, STANDARD, {"reduce": "svd", "components": 2}], reduced(TruncatedSVD(2, algorithm="arpack"))),
    ],
    "number": [
        ([FILL, {"select": "f", "k": 2}], together(SelectKBest(f_regression, k=2))),
        ([FILL, {"select": "mutual_information", "k": 3}], chosen(lambda column, y: mutual_info_score(tenths(column), tenths(y)), 3)),
    ],
}

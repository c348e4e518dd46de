"""Transforms against scikit-learn and numpy, on made-up columns with every awkward value, and on real ones.

What may differ is rounding: 1e-9 relative, and where two numbers nearly cancel (x - mean) what rounding of x and the mean explains.
"""

import csv
import json
import pathlib
import subprocess

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xxhash
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, chi2, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import (
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

from oracle import BIN

EPS = np.finfo(float).eps
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "data"


def column(name, values, kind=None):
    if kind in ("date", "timestamp"):
        return {"name": name, "type": kind, "values": [None if pd.isna(v) else str(v) for v in values]}
    kind = kind or ("text" if np.asarray(values, dtype=object).dtype == object and any(isinstance(v, str) for v in values) else "double")
    if kind == "double":
        values = [str(v) if v is not None and not np.isfinite(v) else None if v is None else float(v) for v in values]
    return {"name": name, "type": kind, "values": list(values)}


def fit(columns, specs, target=None, score=None, check=True, **context):
    rows = len(columns[0]["values"])
    request = {"columns": columns, "specs": specs, "target": [0.0] * rows if target is None else [float(y) for y in target], **context}
    if score is not None:
        request["score"] = score
    done = subprocess.run([BIN / "oracle_transform"], input=json.dumps(request), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    if check:
        assert "error" not in answer, answer
    for key in ("matrix", "scored"):
        if key in answer:
            answer[key] = np.array([float.fromhex(x) for x in answer[key]]).reshape(-1, len(answer["names"]))
    return answer


def close(ours, theirs, rounding=0.0):
    theirs = np.asarray(theirs, dtype=float).reshape(ours.shape)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    difference = np.abs(ours - theirs)
    allowed = 1e-9 * np.maximum(np.abs(ours), np.abs(theirs)) + rounding
    bad = ~(np.isnan(ours) | (difference <= allowed))
    assert not bad.any(), (ours[bad][:5], theirs[bad][:5], difference.max())


def numbers(kind, rng, n):
    if kind == "normal":
        x = rng.normal(3, 2, n)
    elif kind == "offset":
        x = 1e9 + rng.normal(0, 1, n)
    elif kind == "tiny":
        x = rng.normal(0, 1e-12, n)
    elif kind == "huge":
        x = rng.normal(0, 1e150, n)
    elif kind == "ties":
        x = rng.integers(0, 4, n).astype(float)
    elif kind == "zeros":
        x = rng.choice([0.0, -0.0, 1.0], n)
    elif kind == "constant":
        x = np.full(n, 0.1)
    elif kind == "outlier":
        x = np.append(rng.normal(0, 1, n - 1), 1e12)
    else:  # skewed, all scales at once
        x = np.exp(rng.normal(0, 8, n))
    return x


KINDS = ["normal", "offset", "tiny", "huge", "ties", "zeros", "constant", "outlier", "skewed"]
SIZES = [(2, 0.0), (3, 0.3), (50, 0.2), (101, 0.0), (2000, 0.5)]


@pytest.fixture(params=[(kind, *size) for kind in KINDS for size in SIZES], ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}")
def x(request):
    kind, n, missing = request.param
    rng = np.random.default_rng([n, KINDS.index(kind)])
    values = numbers(kind, rng, n)
    values[rng.random(n) < missing] = np.nan
    if np.isnan(values).all():
        values[0] = 1.0
    return values


def one(values, steps, **context):
    return fit([column("x", values)], [{"columns": ["x"], "steps": steps}], **context)["matrix"][:, 0]


def test_impute(x):
    largest = np.nanmax(np.abs(x))
    for strategy in ("mean", "median", "most_frequent"):
        expected = SimpleImputer(strategy=strategy).fit_transform(x[:, None])
        close(one(x, [{"impute": strategy}]), expected, 1e-15 * largest * len(x) if strategy == "mean" else 0)
    close(one(x, [{"impute": {"constant": "-7.5"}}]), SimpleImputer(strategy="constant", fill_value=-7.5).fit_transform(x[:, None]))


def test_scale_standard(x):
    scaler = StandardScaler().fit(x[:, None])
    close(one(x, [{"scale": "standard"}]), scaler.transform(x[:, None]), 8 * EPS * (np.abs(x) + np.abs(scaler.mean_)) / scaler.scale_ * (1 + 1e-3 * len(x)))


def test_scale_minmax(x):
    scaler = MinMaxScaler().fit(x[:, None])
    close(one(x, [{"scale": "minmax"}]), scaler.transform(x[:, None]), 4 * EPS * (np.abs(x) * scaler.scale_ + np.abs(scaler.min_)))


def test_scale_robust(x):
    scaler = RobustScaler().fit(x[:, None])
    close(one(x, [{"scale": "robust"}]), scaler.transform(x[:, None]), 4 * EPS * (np.abs(x) + np.abs(scaler.center_)) / scaler.scale_)


def test_clip(x):
    for low, high in ((1, 99), (0, 100), (12.5, 37.5), (50, 50)):
        bounds = np.nanpercentile(x, [low, high])
        close(one(x, [{"clip": [f"{low}%", f"{high}%"]}]), np.clip(x, *bounds))
    close(one(x, [{"clip": [None, 1.5]}]), np.minimum(x, 1.5))
    close(one(x, [{"clip": [-0.25, None]}]), np.maximum(x, -0.25))


def test_log1p(x):
    close(one(np.abs(x), [{"log1p": True}]), np.log1p(np.abs(x)))


def test_steps_in_a_row_and_rows_scored_later(x):
    later = np.concatenate([x[:5], [np.nan, -1e3, 0.0, 1e3]])
    imputer = SimpleImputer(strategy="median").fit(x[:, None])
    filled = imputer.transform(x[:, None])
    low, high = np.percentile(filled, [5, 95])
    scaler = StandardScaler().fit(np.clip(filled, low, high))
    steps = [{"impute": "median"}, {"clip": ["5%", "95%"]}, {"scale": "standard"}]
    answer = fit([column("x", x)], [{"columns": ["x"], "steps": steps}], score=[column("x", later)])
    for ours, raw in ((answer["matrix"], x), (answer["scored"], later)):
        clipped = np.clip(imputer.transform(raw[:, None]), low, high)
        rounding = 8 * EPS * (np.abs(clipped) + np.abs(scaler.mean_)) / scaler.scale_ * (1 + 1e-3 * len(x))
        close(ours, scaler.transform(clipped), rounding)


def texts(rng, n, levels, missing):
    names = np.array(["", "a", "B", "Ä", "zz", "a b", "10", "9"] + [f"level {i}" for i in range(levels)], dtype=object)[:levels]
    weights = 1.0 / np.arange(1, len(names) + 1)
    out = rng.choice(names, n, p=weights / weights.sum())
    out[rng.random(n) < missing] = None
    return out


def obj(values):
    out = np.empty((len(values), 1), dtype=object)
    out[:, 0] = values
    return out


TEXTS = [(seed, n, levels, missing) for seed, (n, levels, missing) in enumerate([(4, 2, 0), (30, 8, 0.2), (400, 60, 0.02), (1000, 8, 0), (2000, 300, 0.3)])]


@pytest.fixture(params=TEXTS, ids=str)
def levels(request):
    seed, n, count, missing = request.param
    rng = np.random.default_rng(seed)
    later = np.concatenate([texts(rng, 50, count, 0.1), ["never", "seen", None]])
    return texts(rng, n, count, missing), later


@pytest.mark.parametrize("min_frequency", [0, 1, 2, 10, 10_000])
@pytest.mark.parametrize("unknown", ["other", "ignore"])
def test_onehot(levels, min_frequency, unknown):
    train, later = levels
    encoder = OneHotEncoder(
        min_frequency=min_frequency or None, handle_unknown={"other": "infrequent_if_exist", "ignore": "ignore"}[unknown], sparse_output=False
    ).fit(obj(train))
    step = {"encode": "onehot", "min_frequency": min_frequency, "handle_unknown": unknown}
    answer = fit([column("c", train, "text")], [{"columns": ["c"], "steps": [step]}], score=[column("c", later, "text")])
    named = [name.replace("c_infrequent_sklearn", "c_(other)").replace("c_None", "c_(missing)").replace("c_", "c=", 1) for name in encoder.get_feature_names_out(["c"])]
    assert answer["names"] == named
    assert np.array_equal(answer["matrix"], encoder.transform(obj(train)))
    assert np.array_equal(answer["scored"], encoder.transform(obj(later)))
    seen = set(train)
    assert answer["unseen"].get("c", 0) == sum(v is not None and v not in seen for v in later)
    assert answer["nulls"].get("c", 0) == (0 if None in seen else sum(v is None for v in later))


def test_onehot_error(levels):
    train, later = levels
    step = {"encode": "onehot", "handle_unknown": "error"}
    answer = fit([column("c", train, "text")], [{"columns": ["c"], "steps": [step]}], score=[column("c", later, "text")], check=False)
    with pytest.raises(ValueError, match="unknown categories"):
        OneHotEncoder(handle_unknown="error").fit(obj(train)).transform(obj(later))
    assert answer["code"] == "data" and "`c`" in answer["error"]


def test_ordinal(levels):
    train, later = (np.array([np.nan if v is None else v for v in values], dtype=object) for values in levels)   # a null is scikit-learn's NaN
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(obj(train))
    answer = fit([column("c", levels[0], "text")], [{"columns": ["c"], "steps": [{"encode": "ordinal"}]}], score=[column("c", levels[1], "text")])
    close(answer["matrix"], encoder.transform(obj(train)))
    close(answer["scored"], encoder.transform(obj(later)))


def test_text_is_imputed_before_it_is_encoded(levels):
    train, later = levels
    for how, imputer in (
        ("most_frequent", SimpleImputer(strategy="most_frequent", missing_values=None)),
        ("missing", SimpleImputer(strategy="constant", fill_value="missing", missing_values=None)),
        ({"constant": "a"}, SimpleImputer(strategy="constant", fill_value="a", missing_values=None)),
    ):
        imputer.fit(obj(train))
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(imputer.transform(obj(train)))
        answer = fit(
            [column("c", train, "text")], [{"columns": ["c"], "steps": [{"impute": how}, {"encode": "ordinal"}]}], score=[column("c", later, "text")]
        )
        close(answer["matrix"], encoder.transform(imputer.transform(obj(train))))
        close(answer["scored"], encoder.transform(imputer.transform(obj(later))))


def test_numbers_as_levels(x):
    rounded = np.round(x, 1)
    later = np.concatenate([rounded[:9], [np.nan, 123.456]])
    for step, encoder in (
        ({"encode": "onehot", "min_frequency": 3}, OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False)),
        ({"encode": "ordinal"}, OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
    ):
        encoder.fit(rounded[:, None])
        answer = fit([column("x", rounded)], [{"columns": ["x"], "steps": [step]}], score=[column("x", later)])
        close(answer["matrix"], encoder.transform(rounded[:, None]))
        close(answer["scored"], encoder.transform(later[:, None]))


@pytest.mark.parametrize("smooth", ["auto", 0.0, 20.0])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "constant target", "offset target"])
def test_target_encoding(levels, task, smooth):
    train, later = levels
    rng = np.random.default_rng(len(train))
    n = len(train)
    effect = np.array([len(v or "") for v in train])
    if task == "binary":
        y = np.append((rng.random(n - 2) < 0.2 + 0.05 * np.minimum(effect[2:], 8)).astype(float), [0, 1])
    elif task == "multiclass":
        y = np.append(rng.integers(0, 3, n - 3), [0, 1, 2]).astype(float)
    elif task == "regression":
        y = effect + rng.normal(0, 3, n)
    elif task == "constant target":
        y = np.full(n, 0.1)
    else:
        y = 1e9 + rng.normal(0, 1, n)
    folds = np.append(rng.integers(0, 5, n - 2), [0, 1])
    kind = {"binary": "binary", "multiclass": "multiclass"}.get(task, "continuous")
    encoder = TargetEncoder(smooth=smooth, target_type=kind, cv=PredefinedSplit(folds))
    expected = encoder.fit_transform(obj(train), y)
    answer = fit(
        [column("c", train, "text")],
        [{"columns": ["c"], "steps": [{"encode": "target"} if smooth == "auto" else {"encode": "target", "smooth": smooth}]}],
        target=y, task=kind.replace("continuous", "regression"), classes=3, folds=[int(f) for f in folds], score=[column("c", later, "text")],
    )
    assert len(answer["names"]) == (3 if task == "multiclass" else 1)
    close(answer["matrix"], expected, 1e-14)
    close(answer["scored"], encoder.transform(obj(later)), 1e-14)


def frame(values):
    """Columns x0, x1, ... of an array."""
    return [column(f"x{k}", values[:, k]) for k in range(values.shape[1])], [f"x{k}" for k in range(values.shape[1])]


def group(values, steps, **context):
    columns, names = frame(values)
    return fit(columns, [{"columns": names, "steps": steps}], **context)


def test_scale_maxabs(x):
    close(one(x, [{"scale": "maxabs"}]), MaxAbsScaler().fit_transform(x[:, None]))


def test_impute_with_indicator_and_by_group(x):
    rng = np.random.default_rng(len(x))
    by = rng.choice(np.array(["a", "b", "c", None], dtype=object), len(x))
    for how, of in (("median", np.nanmedian), ("mean", np.nanmean)):
        answer = fit(
            [column("x", x), column("by", by, "text")],
            [{"columns": ["x"], "steps": [{"impute": how, "by": "by", "indicator": True}]}, {"drop": ["by"]}],
            score=[column("x", [np.nan] * 2), column("by", ["a", "never seen"], "text")],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fills = {level: of(x[by == level]) if (~np.isnan(x[by == level])).any() else of(x) for level in set(by)}
        expected = np.where(np.isnan(x), [fills[level] for level in by], x)
        close(answer["matrix"][:, 0], expected, 1e-15 * np.nanmax(np.abs(x)) * len(x))
        assert np.array_equal(answer["matrix"][:, 1], np.isnan(x))
        if "a" in fills:
            close(answer["scored"][:, 0], [fills["a"], of(x)], 1e-15 * np.nanmax(np.abs(x)) * len(x))


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("count", [10, 1000])
def test_quantile(x, normal, count):
    later = np.concatenate([x[:20], [np.nan, -1e200, 1e200, 0.0, np.nanmedian(x)]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformer = QuantileTransformer(n_quantiles=count, output_distribution="normal" if normal else "uniform", subsample=None).fit(x[:, None])
        expected = transformer.transform(x[:, None]), transformer.transform(later[:, None])
    step = {"quantile": "normal" if normal else "uniform", "quantiles": count}
    answer = fit([column("x", x)], [{"columns": ["x"], "steps": [step]}], score=[column("x", later)])
    close(answer["matrix"], expected[0], 1e-7 if normal else 1e-12)   # next to 0 and 1 the normal quantile blows rounding up
    close(answer["scored"], expected[1], 1e-7 if normal else 1e-12)


@pytest.mark.parametrize("method", ["yeo_johnson", "box_cox"])
@pytest.mark.parametrize("kind", ["normal", "skewed", "outlier", "ties", "positive", "negative", "offset 1000"])
def test_power(method, kind):
    rng = np.random.default_rng(3)
    n = 3000
    values = {
        "normal": lambda: rng.normal(3, 2, n), "skewed": lambda: np.exp(rng.normal(0, 2, n)), "outlier": lambda: np.append(rng.normal(0, 1, n - 1), 50),
        "ties": lambda: rng.integers(0, 5, n).astype(float), "positive": lambda: rng.gamma(1.5, 10, n), "negative": lambda: -rng.gamma(1.5, 10, n),
        "offset 1000": lambda: 1000 + rng.gamma(2, 30, n),
    }[kind]()
    if method == "box_cox":
        values = np.abs(values) + 0.01
    values[rng.random(n) < 0.1] = np.nan
    transformer = PowerTransformer(method=method.replace("_", "-")).fit(values[:, None])
    answer = fit([column("x", values)], [{"columns": ["x"], "steps": [{"power": method}]}])
    ours = json.loads(answer["json"])["groups"][0]["columns"][0]["steps"][0]["lambda"][0]
    present = values[~np.isnan(values)]
    theirs = transformer.lambdas_[0]
    if kind == "offset 1000":   # far from 0 scipy's Yeo-Johnson cancels and stops anywhere; of x >= 0 it is the Box-Cox of 1 + x, which does not
        theirs = scipy.stats.boxcox(present + (method == "yeo_johnson"))[1]
    assert abs(ours - theirs) <= 1e-6 * max(1, abs(ours)), (ours, theirs)
    raw = fit([column("x", values)], [{"columns": ["x"], "steps": [{"power": method, "standardize": False}]}])["matrix"]
    plain = (scipy.stats.yeojohnson if method == "yeo_johnson" else scipy.stats.boxcox)(present, lmbda=ours)
    close(raw[~np.isnan(values), 0], plain, 1e-12)
    close(answer["matrix"], StandardScaler().fit_transform(raw), 1e-9)


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("kind", ["normal", "skewed", "ties", "constant", "outlier", "offset"])
@pytest.mark.parametrize("count", [2, 5, 30])
def test_bins(strategy, kind, count):
    rng = np.random.default_rng([count, KINDS.index(kind)])
    values = rng.gamma(2, 3, 700) if kind == "skewed" else numbers(kind, rng, 700)
    if strategy == "kmeans":   # clusters that k-means leaves empty are filled by scikit-learn in its own way
        count = 2 if kind in ("ties", "outlier") else min(count, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binner = KBinsDiscretizer(count, encode="onehot-dense", strategy=strategy, quantile_method="averaged_inverted_cdf", subsample=None).fit(values[:, None])
    later = np.concatenate([values[:50], [-1e9, 1e12, values.min(), values.max()]])
    ours = fit([column("x", values)], [{"columns": ["x"], "steps": [{"bins": strategy, "count": count, "output": "onehot"}]}], score=[column("x", later)])
    close(ours["matrix"], binner.transform(values[:, None]))
    close(ours["scored"], binner.transform(later[:, None]))
    ordinal = one(values, [{"bins": strategy, "count": count}])
    assert np.array_equal(ordinal, ours["matrix"].argmax(axis=1))


@pytest.mark.parametrize("ends, middle", [(3, 5), (40, 1), (7, 90)])
def test_bins_by_kmeans_give_a_value_between_two_centres_to_the_lower(ends, middle):
    """Around a whole mean, where scikit-learn's centring rounds nothing."""
    for low, step in ((0.0, 1.0), (2007.0, 1.0), (-6.0, 2.5)):
        values = low + step * np.repeat([0.0, 1, 2], [ends, middle, ends])
        binner = KBinsDiscretizer(2, encode="ordinal", strategy="kmeans").fit(values[:, None])
        assert np.array_equal(binner.transform([[low], [low + step], [low + 2 * step]])[:, 0], [0, 0, 1])
        close(one(values, [{"bins": "kmeans", "count": 2}]), binner.transform(values[:, None]))


def test_bins_between_given_edges_and_missing_values():
    values = np.array([-5, 0, 0.5, 1, 2, np.nan])
    assert np.array_equal(one(values, [{"bins": [0, 1]}]), [0, 1, 1, 2, 2, np.nan], equal_nan=True)
    answer = fit([column("x", values)], [{"columns": ["x"], "steps": [{"bins": [0, 1], "output": "onehot"}]}])
    assert answer["names"] == ["x in [-inf, 0)", "x in [0, 1)", "x in [1, inf)"]
    assert np.array_equal(answer["matrix"][5], [0, 0, 0])


# scikit-learn's own steps (degree 0) fail beyond their knots
SPLINES = [(outside, degree, count) for outside in ("constant", "linear", "continue", "periodic") for degree, count in [(3, 5), (0, 4), (1, 2), (2, 7)]
           if degree > 0 or outside not in ("constant", "linear")]


@pytest.mark.parametrize("knots", ["uniform", "quantile"])
@pytest.mark.parametrize("outside, degree, count", SPLINES)
def test_spline(outside, knots, degree, count):
    rng = np.random.default_rng(9)
    values = rng.gamma(2, 5, 400)
    later = np.concatenate([values[:30], [-7.5, values.min(), values.max(), values.max() + 12.25]])
    for bias in (True, False) if outside != "periodic" or count > 2 else (True,):   # two periodic knots are one spline
        splines = SplineTransformer(n_knots=count, degree=degree, knots=knots, extrapolation=outside, include_bias=bias).fit(values[:, None])
        step = {"spline": knots, "knots": count, "degree": degree, "outside": outside, "bias": bias}
        answer = fit([column("x", values)], [{"columns": ["x"], "steps": [step]}], score=[column("x", later)])
        close(answer["matrix"], splines.transform(values[:, None]), 1e-12)
        close(answer["scored"], splines.transform(later[:, None]), 1e-9)


@pytest.mark.parametrize("degree, interactions_only", [(2, False), (2, True), (3, False), (3, True)])
def test_polynomial(degree, interactions_only):
    values = np.random.default_rng(1).normal(0, 3, (60, 4))
    expected = PolynomialFeatures(degree, interaction_only=interactions_only, include_bias=False).fit(values)
    answer = group(values, [{"polynomial": degree, "interactions_only": interactions_only}])
    assert answer["names"] == [name.replace(" ", " x ") for name in expected.get_feature_names_out([f"x{k}" for k in range(4)])]
    close(answer["matrix"], expected.transform(values))


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_normalize(norm):
    values = np.random.default_rng(2).normal(0, 3, (80, 5))
    values[7] = 0
    close(group(values, [{"normalize": norm}])["matrix"], Normalizer(norm).fit_transform(values), 1e-14)


@pytest.mark.parametrize("most", [1, 2, 5, 8, 1000])
def test_onehot_of_at_most_so_many_categories(levels, most):
    train, later = levels
    encoder = OneHotEncoder(max_categories=most, min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False).fit(obj(train))
    answer = fit([column("c", train, "text")], [{"columns": ["c"], "steps": [{"encode": "onehot", "max_categories": most, "min_frequency": 2}]}], score=[column("c", later, "text")])
    assert np.array_equal(answer["matrix"], encoder.transform(obj(train)))
    assert np.array_equal(answer["scored"], encoder.transform(obj(later)))


def test_count_and_frequency(levels):
    train, later = levels
    counts = pd.Series(train, dtype=object).value_counts(dropna=False)
    counts = {None if pd.isna(level) else level: count for level, count in counts.items()}
    for how, total in (("count", 1), ("frequency", len(train))):
        answer = fit([column("c", train, "text")], [{"columns": ["c"], "steps": [{"encode": how}]}], score=[column("c", later, "text")])
        close(answer["matrix"], [counts[v] / total for v in train])
        close(answer["scored"], [counts.get(v, 0) / total for v in later])


def woe(levels, y, of, r):
    """category_encoders' WOEEncoder: log of the level's share of ones against its share of zeros, r added to each count."""
    values = {}
    for level in set(levels):
        rows = np.array([v == level for v in levels])
        p, q = y[rows].sum(), (1 - y[rows]).sum()
        values[level] = np.log(((p + r) / (y.sum() + 2 * r)) / ((q + r) / ((1 - y).sum() + 2 * r)))
    return [values.get(v, 0.0) for v in of]


@pytest.mark.parametrize("r", [1.0, 0.25])
def test_weight_of_evidence(levels, r):
    train, later = levels
    rng = np.random.default_rng(len(train))
    y = np.append(rng.integers(0, 2, len(train) - 2), [0, 1]).astype(float)
    folds = np.append(rng.integers(0, 3, len(train) - 2), [0, 1])
    answer = fit(
        [column("c", train, "text")], [{"columns": ["c"], "steps": [{"encode": "woe", "regularization": r}]}], target=y, folds=[int(f) for f in folds], score=[column("c", later, "text")]
    )
    close(answer["scored"], woe(train, y, later, r), 1e-14)
    for fold in set(folds):
        close(answer["matrix"][folds == fold], woe(train[folds != fold], y[folds != fold], train[folds == fold], r), 1e-14)


def test_hashing_is_xxh64(levels):
    train, _ = levels
    answer = fit([column("c", train, "text")], [{"columns": ["c"], "steps": [{"encode": "hash", "features": 7}]}])
    expected = np.zeros((len(train), 7))
    for row, level in enumerate(train):
        if level is not None:
            h = xxhash.xxh64_intdigest(level.encode())
            expected[row, h % 7] = -1 if h >> 63 else 1
    assert np.array_equal(answer["matrix"], expected)
    assert answer["names"] == [f"c#{k}" for k in range(7)]


def test_parts_of_dates():
    rng = np.random.default_rng(4)
    times = pd.Series(pd.to_datetime(rng.integers(-3_000_000_000, 4_000_000_000, 500), unit="s"))
    times[::50] = pd.NaT
    days = times.dt.normalize()
    parts = {"year": lambda t: t.year, "quarter": lambda t: t.quarter, "month": lambda t: t.month, "week": lambda t: t.isocalendar().week, "day": lambda t: t.day,
             "day_of_year": lambda t: t.dayofyear, "weekday": lambda t: t.dayofweek, "hour": lambda t: t.hour, "minute": lambda t: t.minute, "second": lambda t: t.second}
    answer = fit(
        [column("t", times, "timestamp"), column("d", days.dt.date, "date")],
        [{"columns": ["t"], "steps": [{"date": list(parts)}]},
         {"columns": ["d"], "steps": [{"date": {"cyclical": ["month", "weekday"], "since": "2001-02-03", "holidays": ["2000-01-01", str(days[1].date())]}}]}],
    )
    def made(series, of):
        return [np.nan if pd.isna(t) else float(of(t)) for t in series]
    expected = [made(times, of) for of in parts.values()]
    for of, length in ((lambda t: t.month - 1, 12), (lambda t: t.dayofweek, 7)):
        for wave in (np.sin, np.cos):
            expected.append(made(days, lambda t, of=of, wave=wave, length=length: wave(2 * np.pi * of(t) / length)))
    expected.append(made(days, lambda t: (t - pd.Timestamp("2001-02-03")).days))
    expected.append(made(days, lambda t: t.date() in (days[1].date(), pd.Timestamp("2000-01-01").date())))
    close(answer["matrix"], np.array(expected).T, 1e-15)
    assert answer["names"][0] == "t.year" and answer["names"][-4:] == ["d.weekday_sin", "d.weekday_cos", "d.days", "d.holiday"]


TEXT = ["the quick brown fox", "The lazy dog; the DOG", None, "fox and dog and fox", "a b c", "", "quick  quick lazy 42 x_1", "brown dogs don't"] * 3


@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("analyzer", ["word", "char"])
@pytest.mark.parametrize("how", ["count", "tfidf"])
def test_text(how, analyzer, ngrams):
    filled = [t or "" for t in TEXT]
    vectorizer = (CountVectorizer if how == "count" else TfidfVectorizer)(ngram_range=ngrams, analyzer=analyzer, min_df=3).fit(filled)
    step = {"text": how, "ngrams": list(ngrams), "characters": analyzer == "char", "min_df": 3, "max_features": 5000}
    answer = fit([column("t", TEXT, "text")], [{"columns": ["t"], "steps": [step]}], score=[column("t", ["the dog of the fox", "nothing here"], "text")])
    assert answer["names"] == [f"t~{term}" for term in vectorizer.get_feature_names_out()]
    close(answer["matrix"], vectorizer.transform(filled).toarray(), 1e-14)
    close(answer["scored"], vectorizer.transform(["the dog of the fox", "nothing here"]).toarray(), 1e-14)


def test_text_lengths():
    answer = fit([column("t", ["two words", "Straße", None, "a"], "text")], [{"columns": ["t"], "steps": [{"text": "length"}]}])
    assert answer["names"] == ["t.characters", "t.words"]
    assert np.array_equal(answer["matrix"], [[9, 2], [6, 1], [0, 0], [1, 0]])


def test_select():
    rng = np.random.default_rng(5)
    values = np.abs(rng.normal(1, 1, (300, 8)) * np.array([1, 2, 0.1, 1, 3, 1, 1, 0.01]))
    values[:, 5] = values[:, 0] * 2 + rng.normal(0, 0.01, 300)
    y = (values[:, 0] + values[:, 3] + rng.normal(0, 1, 300) > 2).astype(float)
    number = values[:, 1] - values[:, 4] + rng.normal(0, 1, 300)

    def kept(step, **context):
        return [int(name[1:]) for name in group(values, [step], **context)["names"]]
    assert kept({"select": "variance", "threshold": 0.05}) == list(VarianceThreshold(0.05).fit(values).get_support(True))
    assert kept({"select": "correlation", "threshold": 0.9}) == [0, 1, 2, 3, 4, 6, 7]
    assert kept({"select": "f", "k": 3}, target=y) == list(SelectKBest(f_classif, k=3).fit(values, y).get_support(True))
    assert kept({"select": "f", "k": 2}, target=number, task="regression") == list(SelectKBest(f_regression, k=2).fit(values, number).get_support(True))
    assert kept({"select": "chi2", "k": 4}, target=y) == list(SelectKBest(chi2, k=4).fit(values, y).get_support(True))
    tenths = [np.searchsorted(np.percentile(v, np.arange(10, 100, 10)), v, side="right") for v in values.T]
    assert kept({"select": "mutual_information", "k": 3}, target=y) == sorted(np.argsort([-mutual_info_score(t, y) for t in tenths], kind="stable")[:3])


@pytest.mark.parametrize("by", ["f", "chi2", "mutual_information"])
def test_a_constant_column_is_never_the_best(by):
    """Its deviations are rounding, and the F of rounding is any number."""
    rng = np.random.default_rng(8)
    for n in range(5, 60):
        values = np.column_stack([np.full(n, 0.1), np.full(n, 1 / 3), rng.normal(10, 1, n), np.full(n, 1e9 + 0.1)])
        y = np.append(rng.integers(0, 2, n - 2), [0, 1])
        assert group(values, [{"select": by, "k": 1}], target=y)["names"] == ["x2"], n
        if by == "f":
            assert group(values, [{"select": by, "k": 1}], target=y + values[:, 2] / 7, task="regression")["names"] == ["x2"], n
    assert group(values, [{"select": "correlation"}])["names"] == ["x0", "x1", "x2", "x3"]     # like no other


@pytest.mark.parametrize("how", ["pca", "svd"])
def test_reduce(how):
    rng = np.random.default_rng(6)
    values = rng.normal(0, 1, (200, 6)) @ rng.normal(0, 1, (6, 6)) + rng.normal(0, 3, 6)
    reducer = PCA(3, svd_solver="full") if how == "pca" else TruncatedSVD(3, algorithm="arpack")
    expected = reducer.fit_transform(values)
    ours = group(values, [{"reduce": how, "components": 3}])["matrix"]
    sign = np.sign((ours * expected).sum(axis=0)) if how == "svd" else 1   # TruncatedSVD looks at the rows for its sign
    close(ours, expected * sign, 1e-9)


def real(name, columns, limit=4000):
    """Number columns of a table of bench/data."""
    data = pd.read_csv(BENCH / name, sep=";" if "bank" in name else ",", nrows=limit)
    return {c: data[c].to_numpy(dtype=float) for c in columns}


REAL = [
    ("diamonds/diamonds.csv.gz", ["carat", "depth", "price", "x", "y", "z"]),
    ("bike_hourly/bike_hourly.csv.gz", ["temp", "hum", "windspeed", "casual", "registered"]),
    ("bank_marketing/bank_additional_full.csv.gz", ["age", "duration", "campaign", "pdays", "euribor3m", "nr.employed"]),
]


@pytest.mark.parametrize("name, columns", REAL, ids=lambda v: v.split("/")[0] if isinstance(v, str) else "")
def test_real_numbers(name, columns):
    for values in real(name, columns).values():
        column_of = values[:, None]
        largest = np.abs(values).max()
        for steps, peer, rounding in (
            ([{"scale": "standard"}], StandardScaler(), 1e-12 * largest), ([{"scale": "maxabs"}], MaxAbsScaler(), 0), ([{"scale": "robust"}], RobustScaler(), 1e-12 * largest),
            ([{"quantile": "uniform"}], QuantileTransformer(subsample=None), 1e-12), ([{"quantile": "normal", "quantiles": 100}], QuantileTransformer(n_quantiles=100, output_distribution="normal", subsample=None), 1e-7),
            ([{"power": "yeo_johnson"}], PowerTransformer(), 1e-4),   # as far as both searches find the best power: 1e-6
            ([{"bins": "quantile", "count": 8}], KBinsDiscretizer(8, encode="ordinal", quantile_method="averaged_inverted_cdf", subsample=None), 0),
            ([{"spline": "quantile", "knots": 3}], SplineTransformer(3, knots="quantile"), 1e-11),
        ):
            if "spline" in steps[0] and len(set(np.percentile(values, [0, 50, 100]))) < 3:
                continue   # knots on one another
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                close(fit([column("x", values)], [{"columns": ["x"], "steps": steps}])["matrix"], peer.fit_transform(column_of), rounding)


def penguins():
    with open(DATA / "penguins" / "penguins.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    read = {name: [None if r[name] in ("NA", "") else r[name] for r in rows] for name in rows[0]}
    for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"):
        read[name] = [np.nan if v is None else float(v) for v in read[name]]
    return read


def test_penguins():
    data = penguins()
    measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    species = sorted(set(data["species"]))
    y = np.array([species.index(s) for s in data["species"]], dtype=float)
    folds = np.arange(len(y)) % 5
    answer = fit(
        [column(m, data[m]) for m in measures] + [column("sex", data["sex"], "text"), column("island", data["island"], "text")],
        [
            {"columns": measures, "steps": [{"impute": "median"}, {"scale": "standard"}]},
            {"columns": ["sex"], "steps": [{"encode": "onehot"}]},
            {"columns": ["island"], "steps": [{"encode": "target"}]},
        ],
        target=y, task="multiclass", classes=3, folds=[int(f) for f in folds],
    )
    expected = np.hstack([
        StandardScaler().fit_transform(SimpleImputer(strategy="median").fit_transform(np.array([data[m] for m in measures]).T)),
        OneHotEncoder(sparse_output=False).fit_transform(obj(data["sex"])),
        TargetEncoder(cv=PredefinedSplit(folds)).fit_transform(obj(data["island"]), y),
    ])
    close(answer["matrix"], expected, 1e-13)

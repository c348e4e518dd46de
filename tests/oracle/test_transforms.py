"""Transforms against scikit-learn and numpy, on made-up columns with every awkward value, and on real ones.

What may differ is rounding: 1e-9 relative, and where two numbers nearly cancel (x - mean) what rounding of x and the mean explains.
"""

import csv
import json
import pathlib
import subprocess

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from oracle import BIN

EPS = np.finfo(float).eps
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


def column(name, values, kind=None):
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
        close(one(x, [{"clip": [low, high], "percentiles": True}]), np.clip(x, *bounds))
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
    steps = [{"impute": "median"}, {"clip": [5, 95], "percentiles": True}, {"scale": "standard"}]
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
        [{"columns": ["c"], "steps": [{"encode": "target", "smooth": -1 if smooth == "auto" else smooth}]}],
        target=y, task=kind.replace("continuous", "regression"), classes=3, folds=[int(f) for f in folds], score=[column("c", later, "text")],
    )
    assert len(answer["names"]) == (3 if task == "multiclass" else 1)
    close(answer["matrix"], expected, 1e-14)
    close(answer["scored"], encoder.transform(obj(later)), 1e-14)


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

"""Rows, models of them, and what onnxruntime makes of both, for the tests of `headrace.to_onnx`."""

import datetime

import numpy
import onnx
import onnxruntime
import pandas

from sdk import headrace
from headrace import _fitting  # noqa: E402


def table(n, seed):
    """Missing numbers, texts and whole numbers, and of `city` many rare values."""
    random = numpy.random.default_rng(seed)
    frame = pandas.DataFrame({
        "spend": random.gamma(2, 30, n), "age": random.normal(45, 12, n), "days": random.exponential(40, n), "balance": random.normal(0, 500, n),
        "visits": random.poisson(3, n), "country": random.choice(["AT", "DE", "ES", "ZZ"], n, p=[0.3, 0.4, 0.25, 0.05]), "city": random.choice([f"c{i}" for i in range(30)], n),
        "vip": random.random(n) < 0.3})
    lean = (60 - frame["spend"]) / 20 + (frame["country"] == "ES") - frame["visits"] / 5 + frame["city"].isin(["c3", "c7", "c11"]) * 1.5 + random.normal(0, 1, n)
    frame["calls"] = pandas.Series(numpy.where(random.random(n) < 0.2, None, random.poisson(2, n)), dtype="Int64")
    for name in ("age", "country"):
        frame.loc[random.random(n) < 0.1, name] = None
    frame["bought"], frame["plan"], frame["worth"] = lean > 0.2, numpy.select([lean < -0.5, lean < 0.7], ["none", "gold"], "plus"), lean * 30 + 100
    return frame


FIT, FRESH = table(1500, 1), table(700, 2)
FRESH.loc[:9, "city"], FRESH.loc[5:20, "country"] = "never seen", "François"
FRESH.loc[30:34, ["spend", "balance"]] = [[0, 0], [1e-36, -1e-36], [1e9, -1e9], [1e-300, 1e300], [-0.0, 1e-35]]
TARGETS = {"binary": "bought", "multiclass": "plan", "regression": "worth", "uplift": "bought"}
BOOSTED = {"lightgbm": {"num_iterations": 40, "num_leaves": 15}}
TASKS = ["binary", "multiclass", "regression"]
FEATURES = [name for name in FIT if name not in TARGETS.values()]


def trained(words, task="binary", rows=FIT, columns=FEATURES):
    rows = rows[[*columns, TARGETS[task]]]
    return _fitting.train(_fitting.rows(rows, [], len(rows)), {"target": TARGETS[task]} | words, task=None if task == "uplift" else task)


def fed(session, rows):
    """The rows as the model's inputs say they are given."""
    out = {}
    for one in session.get_inputs():
        if one.name.endswith("_missing"):
            out[one.name] = rows[one.name.removesuffix("_missing")].isna().to_numpy(bool)
        elif rows[one.name].dtype.kind == "M":
            out[one.name] = rows[one.name].to_numpy("datetime64[us]").astype(numpy.int64)
        elif isinstance(rows[one.name].iloc[0], datetime.date):
            out[one.name] = numpy.array([0 if value is None else (value - datetime.date(1970, 1, 1)).days for value in rows[one.name]])
        elif one.type == "tensor(string)":
            out[one.name] = numpy.array([value if isinstance(value, str) else "whatever" for value in rows[one.name]], dtype=object)
        else:
            kind = {"tensor(double)": numpy.float64, "tensor(int64)": numpy.int64, "tensor(bool)": bool}[one.type]
            out[one.name] = rows[one.name].to_numpy(kind, na_value=numpy.nan) if kind is numpy.float64 else rows[one.name].to_numpy(kind)
    return {name: values.reshape(-1, 1) for name, values in out.items()}


def run(path, rows):
    session = onnxruntime.InferenceSession(path)
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, fed(session, rows))))


def roots_that_look_like_leaves(made):
    """Roots whose children, a node and a leaf, have the same number: onnxruntime 1.21 to 1.23 scored such trees wrongly."""
    found = []
    for node in made.graph.node:
        if node.op_type == "TreeEnsemble":
            said = {one.name: list(one.ints) for one in node.attribute}
            found += [root for root in said["tree_roots"] if said["nodes_trueleafs"][root] != said["nodes_falseleafs"][root] and said["nodes_truenodeids"][root] == said["nodes_falsenodeids"][root]]
    return found


def same(model, tmp_path, rows=FRESH, sample=FIT):
    """The largest difference on rows that the conversion did not see; labels are equal."""
    path = tmp_path / "made.onnx"
    headrace.to_onnx(model, path, sample)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert roots_that_look_like_leaves(onnx.load(path)) == []
    assert [one.name for one in tmp_path.iterdir() if "aside" in one.name] == []
    found, scored = run(path, rows), model.predict(rows, keep=[])
    if model.info["task"] == "multiclass":
        expected, made = scored[[f"score_{name}" for name in model.info["classes"]]].to_numpy(), found["scores"]
    else:
        expected, made = scored[["score"]].to_numpy(), found["score"]
    assert made.dtype == numpy.float64 and made.shape == expected.shape
    assert ("label" in found) == (model.info["task"] != "regression")
    if "label" in found:
        assert found["label"][:, 0].tolist() == scored["label"].tolist()
    return float((numpy.abs(made - expected) / numpy.maximum(1, numpy.abs(expected))).max())


def numbers(*steps, names=("spend", "age", "days")):
    return [{"columns": list(names), "steps": list(steps)}]

"""headrace.to_onnx: what stands in the way is named and no file appears; rows that Headrace refuses score NaN."""

import sys

import numpy
import pandas
import pytest

from onnx_world import BOOSTED, FIT, TARGETS, numbers, run, trained
from sdk import headrace
from headrace import _fitting, _onnx, _onnx_learners  # noqa: E402
from headrace._onnx_graph import Graph, Trees  # noqa: E402


def test_rows_that_the_model_refuses_score_nan(tmp_path):
    transform = [{"columns": ["city"], "steps": [{"encode": "onehot", "handle_unknown": "error"}]}, {"columns": ["spend"], "steps": ["log1p", {"clip": [0, 3]}]},
                 {"columns": ["balance"], "steps": [{"clip": [-9, 9]}]}]
    model = trained({"learner": {"logistic": {}}, "transform": transform})
    good = FIT.head(1)
    bad = [good.assign(city="never seen"), good.assign(spend=-1.0), good.assign(spend=-2.0), good.assign(balance=-numpy.inf), good.assign(spend=numpy.nan)]
    for one in bad:
        with pytest.raises(headrace.DataError):
            model.predict(one)
    headrace.to_onnx(model, tmp_path / "made.onnx", FIT)
    found = run(tmp_path / "made.onnx", pandas.concat([good, *bad]))
    assert numpy.isnan(found["score"][:, 0]).tolist() == [False] + [True] * 5
    assert found["label"][1:, 0].tolist() == [""] * 5 and found["label"][0, 0] == model.predict(good)["label"].iloc[0]


def test_rows_whose_margins_leave_the_doubles_score_nan(tmp_path):
    rows = pandas.DataFrame({"spend": numpy.linspace(0, 1, 200), "worth": numpy.linspace(0, 1e6, 200)})
    model = trained({"learner": "linear", "transform": [{"columns": ["spend"], "steps": [{"impute": {"constant": 0}}]}]}, "regression", rows, ["spend"])
    far = pandas.DataFrame({"spend": [1e300, 1e305]})
    with pytest.raises(headrace.DataError, match="row 2 has no finite score"):
        model.predict(far)
    headrace.to_onnx(model, tmp_path / "made.onnx", rows)
    assert numpy.isnan(run(tmp_path / "made.onnx", far)["score"][:, 0]).tolist() == [False, True]


def test_rows_whose_transforms_leave_the_doubles_score_nan_of_trees_too(tmp_path):
    model = trained({"learner": BOOSTED, "transform": numbers({"impute": "mean"}, {"polynomial": 2})})
    far = FIT.head(1).assign(spend=1e300)
    with pytest.raises(headrace.DataError, match="too large"):
        model.predict(far)
    headrace.to_onnx(model, tmp_path / "made.onnx", FIT)
    assert numpy.isnan(run(tmp_path / "made.onnx", far)["score"]).all()


@pytest.mark.parametrize("names, words, rows", [
    ("step `hash` of column `city`.*XXH64", {"transform": [{"columns": ["city"], "steps": [{"encode": "hash"}]}]}, FIT),
    ("step `text` of column `city`", {"transform": [{"columns": ["city"], "steps": [{"text": "count"}]}]}, FIT),
    ("column `rate`.*expression case when country = 'AT' .*`'AT'` is not written as ONNX.*in a step before", {"transform": [{"derive": {"rate": "case when country = 'AT' then 1 else 0 end"}}]}, FIT),
    ("column `rate`.*`country` is no number", {"transform": [{"derive": {"rate": "case when country is null then 1 else 0 end"}}]}, FIT),
    ("column `rate`.*too deep", {"transform": [{"derive": {"rate": "case when " + " and ".join(["visits > 1"] * 3000) + " then 1 else 0 end"}}]}, FIT),
    ("column `rate`.*`round` is not written", {"transform": [{"derive": {"rate": "round(spend, 1)"}}]}, FIT),
    ("column `rate`.*`%` is not written", {"transform": [{"derive": {"rate": "visits % 3"}}]}, FIT),
    ("column `visits`.*a cast to text is not written", {"transform": [{"cast": {"visits": "text"}}, {"rename": {"visits": "code"}}]}, FIT),
    ("learner.*uplift", {"treatment": "vip", "learner": {"two_model": {"logistic": {}}}}, FIT),
    ("column `country`.*`country_missing`.*rename", {}, FIT.assign(country_missing=FIT["spend"])),
    ("column `label`.*output.*rename", {}, FIT.assign(label=FIT["spend"])),
])
def test_what_cannot_be_written_is_named(names, words, rows, tmp_path):
    model = trained({"learner": "logistic"} | words, "uplift" if "treatment" in words else "binary", rows, columns=[name for name in rows if name not in TARGETS.values()])
    with pytest.raises(headrace.InvalidModelError, match=f"(?s)cannot convert.*{names}"):
        headrace.to_onnx(model, tmp_path / "made.onnx", rows)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_scores_otherwise_is_refused_and_leaves_the_old_file(tmp_path, monkeypatch):
    model = trained({"learner": BOOSTED})
    path = tmp_path / "made.onnx"
    path.write_text("before")
    leaf, below = Trees.leaf, 1 + 2e-7
    with monkeypatch.context() as patch:
        patch.setattr(Trees, "leaf", lambda self, target, weight: leaf(self, target, weight * below))
        differs = r"row [0-9]+ of the sample \(counted from 0\) has the score 0\.[0-9]+ in onnxruntime .* and 0\.[0-9]+ in Headrace, more than 1e-09 apart; [0-9]+ of 1500"
        with pytest.raises(headrace.InvalidModelError, match=differs):
            headrace.to_onnx(model, path, FIT)
    with monkeypatch.context() as patch:
        patch.setattr(Trees, "leaf", lambda self, target, weight: leaf(self, target, numpy.nan))
        with pytest.raises(headrace.InvalidModelError, match="score nan in onnxruntime"):
            headrace.to_onnx(model, path, FIT)
    with monkeypatch.context() as patch:
        patch.setitem(model.info, "threshold", 0.4)
        with pytest.raises(headrace.InvalidModelError, match=r"row [0-9]+ of the sample .* is labelled 'true' in onnxruntime .* and 'false' in Headrace"):
            headrace.to_onnx(model, path, FIT)
    with monkeypatch.context() as patch:   # a sample that has no such row
        seen = Graph.op
        patch.setattr(Graph, "op", lambda self, kind, *inputs, **how: seen(self, kind, *inputs, **(how | {"default_int64": 0} if "default_int64" in how else how)))
        with pytest.raises(headrace.InvalidModelError, match=r"row [0-9]+ of the rows that the model file makes up \(counted from 0\) has the score"):
            headrace.to_onnx(model, path, FIT)
    several = trained({"learner": "logistic"}, "multiclass")
    with monkeypatch.context() as patch:
        patch.setattr(_onnx_learners, "_softmax", lambda graph, margins: graph.sigmoid(margins))
        with pytest.raises(headrace.InvalidModelError, match="has the score_(gold|none|plus) "):
            headrace.to_onnx(several, path, FIT)
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_clusters_that_would_lie_elsewhere_are_refused(tmp_path, monkeypatch):
    def of(rows):
        return _fitting.train(_fitting.rows(rows, [], len(rows)), {"learner": "kmeans"})
    model = of(FIT[["spend", "visits"]])
    clusters = _onnx_learners.clusters
    for wrong, said in ((lambda graph, near, apart: (graph.op("Sub", near, graph.whole(1)), apart), r"row 0 of the sample \(counted from 0\) lies in cluster -?[0-9]+ in onnxruntime .* and [0-9]+ in Headrace"),
                        (lambda graph, near, apart: (near, graph.mul(apart, graph.row([1.001]))), r"has the distance [0-9.]+ in onnxruntime")):
        with monkeypatch.context() as patch:
            patch.setattr(_onnx_learners, "clusters", lambda graph, *rest: wrong(graph, *clusters(graph, *rest)))
            with pytest.raises(headrace.InvalidModelError, match=said):
                headrace.to_onnx(model, tmp_path / "made.onnx", FIT)
    with pytest.raises(headrace.InvalidModelError, match="(?s)column `distance`.*output.*rename"):
        headrace.to_onnx(of(FIT[["spend", "visits"]].rename(columns={"visits": "distance"})), tmp_path / "made.onnx", FIT)
    assert list(tmp_path.iterdir()) == []


def test_a_model_too_large_for_a_message_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_onnx, "_LARGEST", 1000)
    with pytest.raises(headrace.InvalidModelError, match="[0-9]+ bytes long.*less than 2 GiB"):
        headrace.to_onnx(trained({"learner": BOOSTED}), tmp_path / "made.onnx", FIT)
    assert list(tmp_path.iterdir()) == []


def test_samples_that_cannot_be_compared(tmp_path):
    model = trained({"learner": BOOSTED})
    path = tmp_path / "made.onnx"
    with pytest.raises(ValueError, match="no rows"):
        headrace.to_onnx(model, path, FIT[:0])
    with pytest.raises(TypeError, match="pandas.*got list"):
        headrace.to_onnx(model, path, [1, 2])
    with pytest.raises(headrace.DataError, match="`visits`"):
        headrace.to_onnx(model, path, FIT.drop(columns="visits"))
    for name in ("visits", "city", "vip"):
        gone = FIT.head(9).astype({name: object})
        gone.loc[4, name] = None
        with pytest.raises(headrace.InvalidModelError, match=f"column `{name}` of the sample has nothing in row 4"):
            headrace.to_onnx(model, path, gone)
    with pytest.raises(FileNotFoundError):
        headrace.to_onnx(model, tmp_path / "no folder" / "made.onnx", FIT)
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_it_says_what_to_install(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("headrace._onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(headrace, "_onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnx onnxruntime"):
        headrace.to_onnx(b"", tmp_path / "made.onnx", FIT)

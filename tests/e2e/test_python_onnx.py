"""headrace.to_onnx: onnxruntime scores raw rows as the model file does, on rows that the conversion never saw too."""

import datetime
import json
import subprocess
import zipfile

import duckdb
import lightgbm
import numpy
import onnx
import onnxruntime
import pandas
import pyarrow
import pytest
from sklearn import ensemble, tree
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from world import HEADRACE
from onnx_world import BOOSTED, FEATURES, FIT, FRESH, TARGETS, TASKS, numbers, run, same, trained
from sdk import headrace
from headrace import _fitting  # noqa: E402

LEARNERS = {
    "lightgbm": BOOSTED, "lightgbm, zero is missing": {"lightgbm": {"num_iterations": 30, "zero_as_missing": True}},
    "lightgbm, missing is zero": {"lightgbm": {"num_iterations": 30, "use_missing": False}},
    "xgboost": {"xgboost": {"num_boost_round": 60, "max_depth": 4}}, "naive_bayes": "naive_bayes", "constant": "constant", "linear": {"l2": 1}}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", LEARNERS)
def test_learners_of_every_task(name, task, tmp_path):
    learner = LEARNERS[name]
    if name == "linear":
        learner = {"linear" if task == "regression" else "logistic": learner}
    if (name, task) == ("naive_bayes", "regression"):
        return
    rows = FRESH.drop(index=33) if name == "naive_bayes" else FRESH   # 1e300 squared is no score
    assert same(trained({"learner": learner}, task), tmp_path, rows) <= 1e-12


@pytest.mark.parametrize("objective", ["regression_l1", "poisson", "tweedie"])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_objectives_with_other_links(library, objective, tmp_path):
    objective = {"xgboost": {"regression_l1": "reg:absoluteerror", "poisson": "count:poisson", "tweedie": "reg:tweedie"}}.get(library, {}).get(objective, objective)
    model = trained({"learner": {library: {"objective": objective}}}, "regression", FIT.assign(worth=FIT["worth"].clip(lower=0).round()))
    assert same(model, tmp_path) <= 1e-12


CALIBRATIONS = ["isotonic", "sigmoid", "beta", {"method": "isotonic", "by": "country"}, {"method": "sigmoid", "by": "vip"}, {"method": "beta", "by": "visits"}]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("learner", ["logistic", BOOSTED, {"xgboost": {"num_boost_round": 20}}], ids=["logistic", "lightgbm", "xgboost"])
@pytest.mark.parametrize("calibrate", CALIBRATIONS, ids=str)
def test_calibrations(calibrate, learner, task, tmp_path):
    model = trained({"learner": learner, "calibrate": calibrate}, task)
    with zipfile.ZipFile(_saved(model, tmp_path)) as members:
        assert ("segments" in json.loads(members.read("calibration.json"))) == isinstance(calibrate, dict)
    assert same(model, tmp_path) <= 1e-12


def _saved(model, tmp_path):
    model.save(tmp_path / "made.model")
    return tmp_path / "made.model"


@pytest.mark.parametrize("threshold", [0.3, {"maximize": "f1"}, {"top": "10%"}], ids=str)
@pytest.mark.parametrize("calibrate", ["none", "isotonic", "beta"])
def test_thresholds_that_are_scores_of_rows(threshold, calibrate, tmp_path):
    model = trained({"learner": {"lightgbm": {"num_iterations": 3, "num_leaves": 4}}, "threshold": threshold, "calibrate": calibrate})
    assert same(model, tmp_path, rows=FIT) <= 1e-12


def test_a_row_at_the_threshold_is_positive_though_exp_differs_in_its_last_place(tmp_path):
    words = {"learner": BOOSTED}
    model = trained(words)
    headrace.to_onnx(model, tmp_path / "made.onnx", FIT)
    ours, theirs = model.predict(FIT)["score"].to_numpy(), run(tmp_path / "made.onnx", FIT)["score"][:, 0]
    for threshold in [*ours[theirs < ours], *ours][:5]:
        assert same(trained(words | {"threshold": float(threshold)}), tmp_path, rows=FIT) <= 1e-12


PREPARATIONS = {
    "impute": numbers({"impute": "missing"}, {"impute": "median"}) + [{"columns": ["balance", "calls"], "steps": [{"impute": "most_frequent", "indicator": True}]}],
    "impute by": [{"columns": ["age"], "steps": [{"impute": "median", "by": "country"}]}, {"columns": ["calls"], "steps": [{"impute": "mean", "by": "visits"}]}],
    "clip": numbers({"clip": ["1%", "99%"]}, {"impute": {"constant": 7}}) + [{"columns": ["balance"], "steps": [{"clip": [None, 100]}]}],
    "standard": numbers({"scale": "standard"}, {"impute": "mean"}), "minmax": numbers({"scale": "minmax"}, {"impute": "mean"}),
    "maxabs": numbers({"scale": "maxabs"}, {"impute": "mean"}), "robust": numbers({"scale": "robust"}, {"impute": "mean"}),
    "log1p": numbers({"clip": [0, None]}, "log1p", {"scale": "standard"}, {"impute": "mean"}),
    "yeo_johnson": numbers({"power": "yeo_johnson"}, {"impute": "median"}, names=("age", "days", "balance")),
    "box_cox": numbers({"clip": [0.001, None]}, {"power": "box_cox"}, names=("spend", "days")),
    "power, not standardized": [{"columns": ["balance"], "steps": [{"clip": [-600, 600]}, {"power": "yeo_johnson", "standardize": False}]}],
    "quantile": numbers({"quantile": "uniform"}, {"impute": "mean"}) + [{"columns": ["visits"], "steps": [{"quantile": "uniform", "quantiles": 20}]}],
    "quantile, normal": numbers({"quantile": "normal"}, {"impute": "mean"}) + [{"columns": ["visits"], "steps": [{"quantile": "normal", "quantiles": 20}]}],
    "bins": numbers({"bins": "quantile", "count": 8}, {"impute": "mean"}) + [{"columns": ["balance"], "steps": [{"bins": [-100, 0, 100], "output": "onehot"}]}],
    "bins of what may be missing": [{"columns": ["age"], "steps": [{"bins": [30, 40, 60], "output": "onehot"}]},
                                     {"columns": ["visits"], "steps": [{"bins": "uniform", "count": 30}, {"encode": "target"}]}],
    "polynomial": numbers({"impute": "mean"}, {"scale": "standard"}, {"polynomial": 3}),
    "interactions": numbers({"impute": "mean"}, {"scale": "standard"}, {"polynomial": 3, "interactions_only": True}),
    "normalize": numbers({"impute": "mean"}, {"normalize": "l2"}), "normalize l1": numbers({"impute": "mean"}, {"normalize": "l1"}), "normalize max": numbers({"impute": "mean"}, {"normalize": "max"}),
    "select": numbers({"impute": "mean"}, {"select": "f", "k": 2}), "reduce": numbers({"impute": "mean"}, {"scale": "standard"}, {"reduce": "pca", "components": 2}),
    "onehot": [{"columns": ["country", "city", "visits", "calls", "vip"], "steps": [{"encode": "onehot", "min_frequency": 60}]}],
    "onehot, unseen nowhere": [{"columns": ["country", "city", "visits"], "steps": [{"encode": "onehot", "min_frequency": 60, "handle_unknown": "ignore"}]}],
    "ordinal": [{"columns": ["country", "city", "visits"], "steps": [{"encode": "ordinal"}, {"impute": {"constant": -2}}]}],
    "target": [{"columns": ["country", "city", "visits", "calls", "vip"], "steps": [{"encode": "target"}]}],
    "count": [{"columns": ["country", "city", "calls"], "steps": [{"encode": "count"}]}], "frequency": [{"columns": ["country", "city", "spend"], "steps": [{"encode": "frequency"}]}],
    "woe": [{"columns": ["country", "city", "visits"], "steps": [{"encode": "woe"}, {"scale": "standard"}]}],
    "texts imputed": [{"columns": ["country"], "steps": [{"impute": "most_frequent"}, {"encode": "onehot"}]}, {"columns": ["city"], "steps": [{"impute": "missing"}, {"encode": "target"}]}],
    "left out": [{"drop": ["c*"]}],
    "splines": numbers({"spline": "uniform"}) + [{"columns": ["balance"], "steps": [{"spline": "quantile", "knots": 7, "degree": 2, "outside": "linear", "bias": False}]},
                                                {"columns": ["visits"], "steps": [{"spline": "quantile", "knots": 9, "degree": 1}]}],
    "splines that go on": [{"columns": ["age"], "steps": [{"spline": "uniform", "outside": "continue", "degree": 2}]}, {"columns": ["days"], "steps": [{"spline": "uniform", "outside": "periodic"}]},
                           {"columns": ["spend"], "steps": [{"spline": "uniform", "knots": 4, "degree": 0}]}, {"columns": ["balance"], "steps": [{"clip": [-900, 900]}, {"spline": "uniform", "outside": "periodic", "degree": 1}]}],
}


@pytest.mark.parametrize("learner", ["logistic", BOOSTED], ids=["logistic", "lightgbm"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("name", PREPARATIONS)
def test_transforms(name, task, learner, tmp_path):
    tame = FRESH.drop(index=range(30, 35))   # polynomials of 1e300 are refused
    assert same(trained({"learner": learner, "transform": PREPARATIONS[name]}, task), tmp_path, tame) <= 1e-11


@pytest.mark.parametrize("outside", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("degree", range(5))
def test_splines_at_their_knots_and_beyond(degree, outside, tmp_path):
    random = numpy.random.default_rng(degree)
    rows = pandas.DataFrame({"x": random.normal(3, 2, 300).round(3), "ties": random.choice([0.0, 1.0, 5.0], 300)})
    rows["worth"] = numpy.sin(rows["x"]) + rows["ties"]
    transform = [{"columns": ["x", "ties"], "steps": [{"spline": "quantile", "knots": 7, "degree": degree, "outside": outside}]}]
    model = trained({"learner": "linear", "transform": transform}, "regression", rows, ["x", "ties"])
    knots = [knot for step in _steps(model, tmp_path, "spline") for column in step["knots"] for knot in column]
    edges = [numpy.nextafter(knot, to) for knot in knots for to in (-numpy.inf, knot, numpy.inf)] + [-50.0, -9.7, 40.3, numpy.nan]
    fresh = pandas.DataFrame({"x": [*edges, *random.normal(3, 4, 500)]})
    fresh["ties"] = fresh["x"].iloc[::-1].to_numpy()
    assert same(model, tmp_path, fresh, rows) <= 1e-12


def _steps(model, tmp_path, kind):
    """Those of a kind, of all columns and groups."""
    with zipfile.ZipFile(_saved(model, tmp_path)) as members:
        groups = json.loads(members.read("transform.json"))["groups"]
    return [step for group in groups for part in [group, *group["columns"]] for step in part["steps"] if step["step"] == kind]


@pytest.mark.parametrize("words", [
    {}, {"learner": {"kmeans": {"n_clusters": 11, "seed": 3}}}, {"transform": numbers({"impute": "mean"}, {"quantile": "normal"}, {"reduce": "pca"})},
    {"transform": numbers({"impute": "median"}, {"spline": "uniform"}) + [{"columns": ["country", "city"], "steps": [{"encode": "onehot", "min_frequency": 60}]}]}], ids=str)
def test_clusters(words, tmp_path):
    model = _fitting.train(_fitting.rows(FIT[FEATURES], [], len(FIT)), {"learner": "kmeans"} | words)
    assert model.info["task"] == "clustering"
    headrace.to_onnx(model, tmp_path / "made.onnx", FIT)
    made = onnx.load(tmp_path / "made.onnx")
    onnx.checker.check_model(made, full_check=True)
    assert {one.key: one.value for one in made.metadata_props} == {"headrace.digest": model.info["digest"], "headrace.clusters": str(model.info["clusters"])}
    rows = FRESH.drop(index=range(30, 35))
    found, scored = run(tmp_path / "made.onnx", rows), model.predict(rows, keep=[])
    assert set(found) == {"cluster", "distance"} and found["cluster"].dtype == numpy.int64 and found["cluster"].shape == found["distance"].shape == (len(rows), 1)
    assert found["cluster"][:, 0].tolist() == scored["cluster"].tolist() and len(set(scored["cluster"])) > 2
    assert numpy.abs(found["distance"][:, 0] / scored["distance"].to_numpy() - 1).max() <= 1e-12


def test_equally_near_centres_and_rows_that_have_none(tmp_path):
    """Centres at -1 and 1 of one column, whose distances to 0 are equal bit by bit."""
    rows = pandas.DataFrame({"x": [-1.0, 1.0] * 20})
    model = _fitting.train(_fitting.rows(rows, [], len(rows)), {"learner": {"kmeans": {"n_clusters": 2}}, "transform": [{"columns": ["x"], "steps": [{"clip": [-9, 9]}]}]})
    headrace.to_onnx(model, tmp_path / "made.onnx", rows)
    fresh = pandas.DataFrame({"x": [0.0, -0.5, 0.5, 9.0]})
    found, scored = run(tmp_path / "made.onnx", fresh), model.predict(fresh, keep=[])
    assert found["cluster"][:, 0].tolist() == scored["cluster"].tolist() and found["distance"][:, 0].tolist() == scored["distance"].tolist() == [1.0, 0.5, 0.5, 8.0]
    for bad in (numpy.nan, numpy.inf):
        with pytest.raises(headrace.DataError):
            model.predict(pandas.DataFrame({"x": [bad]}))
        found = run(tmp_path / "made.onnx", pandas.DataFrame({"x": [bad, 1.0]}))
        assert found["cluster"][0, 0] == -1 and numpy.isnan(found["distance"][0, 0]) and found["cluster"][1, 0] >= 0


EXPRESSIONS = {
    "arithmetic": "spend / nullif(visits, 0) - 2 * age + 1e-3", "whole": "visits * 3 - calls", "infinite": "age / visits", "of nothing": "case when vip then spend + null else spend end", "signs": "-spend - -(visits + +1)",
    "case": "case when spend > 60 and age < 45 then spend when visits >= 3 or calls = 1 then -age else 0 end", "case without else": "case when vip then days end", "case of": "case visits when 1 then 10 when 2 then 20.5 else visits end",
    "logic": "not vip and (calls is null or calls <> 2 and age is not null)", "between": "visits between 2 and 4", "not between": "calls not between 1 and 2", "in": "visits in (1, 3, calls)", "not in": "calls not in (0, null)",
    "coalesce": "coalesce(age, calls, spend)", "extremes": "greatest(spend, age, calls) - least(spend, age, calls)", "functions": "abs(balance) + floor(spend) - ceil(days) + sqrt(abs(age))", "raises": "sqrt(balance) + ln(balance)",
    "raises where it is asked": "case when balance > 0 then ln(balance) when age > 40 then null else visits end", "asked in order": "balance > 0 and ln(balance) > 3 and calls > 1", "grown": "exp(spend / 100)", "casts": "cast(spend as int) + vip::int + cast(calls as double) / 2",
    "nan": "case when 0 * (spend / 0) >= visits then 1 else 0 end", "nan is no null": "case when (visits - 3) / 0.0 is null then 1 when (visits - 3) / 0.0 = 0.0 / 0 then 5 else coalesce((visits - 3.0) / (visits - 3), 7) end", "too large": "coalesce(visits * 4611686018427387904 * 2, 1)", "named": '"visits" + "spend"',
    "compared": "(spend > 50) = vip", "precedence": "not vip and visits + 2 * 3 > 8 or spend - 10 - 5 > 40 and -visits < -2 and not age is null",
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_derived_columns(name, tmp_path):
    """Two of them, the second made of the first; as numbers, and missing where they are."""
    transform = [{"derive": {"made": EXPRESSIONS[name]}}, {"derive": {"more": "case when made is null then 1 else 0 end"}}, {"columns": ["made"], "steps": [{"impute": "missing"}, {"impute": "most_frequent"}]}]
    tame = FRESH.drop(index=range(33, 34))   # 1e300
    for learner in ("logistic", BOOSTED):
        model = trained({"learner": learner, "transform": [*transform, {"drop": ["city", "country"]}]})
        assert "made" in " ".join(model.info["features"])
        assert same(model, tmp_path, tame) <= 1e-11


def test_a_chain_of_derived_columns_under_other_names(tmp_path):
    transform = [{"rename": {"spend": "money"}}, {"derive": {"rate": "money / nullif(visits, 0)"}}, {"derive": {"twice": "2 * \"rate\""}}, {"cast": {"visits": "double"}}, {"drop": ["money"]}]
    model = trained({"learner": BOOSTED, "transform": transform})
    assert same(model, tmp_path) <= 1e-12


def test_an_infinity_that_only_an_expression_reads_refuses_no_row(tmp_path):
    rows = FIT[["spend", "visits", "bought"]]
    model = trained({"learner": "logistic", "transform": [{"derive": {"rate": "visits / spend"}}, {"drop": ["spend"]}]}, rows=rows, columns=["spend", "visits"])
    fresh = rows.head(3).assign(spend=[numpy.inf, 2.0, -numpy.inf])
    assert numpy.isfinite(model.predict(fresh)["score"]).all()
    assert same(model, tmp_path, fresh, rows) <= 1e-12


def test_sets_of_categories(tmp_path):
    for task in TASKS:
        model = trained({"learner": {"lightgbm": {"num_iterations": 30, "min_data_per_group": 5, "max_cat_to_onehot": 2}}, "categorical": ["city", "country", "visits"]}, task)
        assert "cat_threshold=" in zipfile.ZipFile(_saved(model, tmp_path)).read("model.txt").decode()
        assert same(model, tmp_path) <= 1e-12


@pytest.mark.parametrize("learner", [{"lightgbm": {"num_iterations": 15}}, {"lightgbm": {"num_iterations": 15, "zero_as_missing": True}}, {"xgboost": {"num_boost_round": 15}}], ids=str)
def test_rows_beside_a_split_go_where_the_model_sends_them(learner, tmp_path):
    random = numpy.random.default_rng(7)
    rows = pandas.DataFrame({"spend": numpy.where(random.random(800) < 0.2, 0, random.normal(0, 1, 800))})
    rows["worth"] = numpy.sin(4 * rows["spend"]) * 1e6 + (rows["spend"] == 0) * 3e5
    model = trained({"learner": learner}, "regression", rows, ["spend"])
    headrace.to_onnx(model, tmp_path / "made.onnx", rows)
    splits = [s for node in onnx.load(tmp_path / "made.onnx").graph.node for one in node.attribute if one.name == "nodes_splits" for s in onnx.numpy_helper.to_array(one.t)]
    splits += [float(numpy.float32(s)) for s in splits] + [0.0, 1e-35, -1e-35, float(numpy.float32(1e-35)), -float(numpy.float32(1e-35)), 1e-36]
    edges = [numpy.nextafter(s, to) for s in splits for to in (-numpy.inf, s, numpy.inf)]
    assert len(set(numpy.float32(edges))) < len(set(edges)) / 2   # floats could not tell them apart
    assert same(model, tmp_path, pandas.DataFrame({"spend": [*edges, numpy.nan]}), rows) <= 1e-12


def test_converted_forests_that_are_means(tmp_path):
    columns = make_column_transformer((SimpleImputer(), ["spend", "age"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city", "visits"]))
    for task, forest in (("binary", ensemble.RandomForestClassifier(15, random_state=0)), ("multiclass", ensemble.RandomForestClassifier(15, random_state=0)),
                         ("regression", ensemble.RandomForestRegressor(15, random_state=0)), ("multiclass", lightgbm.LGBMClassifier(n_estimators=8, verbose=-1))):
        pipeline = make_pipeline(columns, forest).fit(FIT, FIT[TARGETS[task]])
        assert same(headrace.from_sklearn(pipeline, FIT), tmp_path) <= 1e-12


def test_splits_at_0_take_what_counts_as_0(tmp_path):
    """To LightGBM's trees numbers of at most 1e-35 are 0, and a converted tree may split there."""
    rows = pandas.DataFrame({"spend": [-1.0, 1.0] * 50, "worth": [1.0, 2.0] * 50})
    model = headrace.from_sklearn(make_pipeline(make_column_transformer(("passthrough", ["spend"])), tree.DecisionTreeRegressor()).fit(rows[["spend"]], rows["worth"]), rows)
    near = [0.0, 5e-324, 1e-40, 1e-36, 0.99e-35, 1e-35, float(numpy.float32(1e-35)), 1.1e-35, 1e-34]
    assert same(model, tmp_path, pandas.DataFrame({"spend": [*near, *[-x for x in near]]}), rows) == 0


def test_a_model_of_the_program_and_every_kind_of_sample(tmp_path):
    FIT.drop(columns=["plan", "worth"]).to_csv(tmp_path / "people.csv", index=False)
    done = subprocess.run([HEADRACE, "train", "people.csv", "--target", "bought", "-o", "bought.model"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = FIT.head(40)
    contents = set()
    whole = rows[rows["calls"].notna()]
    for given in (rows, pyarrow.Table.from_pandas(rows), pyarrow.Table.from_pandas(rows).to_reader(), duckdb.from_arrow(pyarrow.Table.from_pandas(rows)), rows.assign(city=rows["city"].astype("category")),
                  whole.astype({"calls": int}), rows.assign(visits=rows["visits"].astype(float))):
        headrace.to_onnx(tmp_path / "bought.model", tmp_path / "bought.onnx", given)
        contents.add((tmp_path / "bought.onnx").read_bytes())
    assert len(contents) == 1   # equal models, equal bytes
    made = onnx.load(tmp_path / "bought.onnx")
    said = {one.key: one.value for one in made.metadata_props}
    model = headrace.load(tmp_path / "bought.model")
    assert said == {"headrace.digest": model.info["digest"], "headrace.target": "bought", "headrace.classes": '["false", "true"]'}
    kinds = {one.name: one.type for one in onnxruntime.InferenceSession(tmp_path / "bought.onnx").get_inputs()}
    assert kinds["country"] == kinds["city"] == "tensor(string)" and kinds["country_missing"] == kinds["vip"] == "tensor(bool)" and "city_missing" not in kinds
    assert kinds["visits"] == "tensor(int64)" and kinds["calls"] == kinds["spend"] == "tensor(double)" and not set(kinds) & set(TARGETS.values())
    assert same(model, tmp_path) <= 1e-12


def test_dates_and_times(tmp_path):
    """Leap years and their absence, weeks that belong to another year, before 1970, null."""
    random = numpy.random.default_rng(4)
    days = [datetime.date(*day) for year in (1, 1583, 1600, 1896, 1900, 1969, 1970, 2000, 2020, 2024, 2026, 2100, 9999) for day in
            ((year, 1, 1), (year, 1, 4), (year, 2, 28), (year, 3, 1), (year, 12, 28), (year, 12, 31))] + [datetime.date(2000, 2, 29), datetime.date(2024, 2, 29), datetime.date(2024, 12, 30)]
    days += [datetime.date(2019, 1, 1) + datetime.timedelta(days=int(day)) for day in random.integers(0, 2500, 600)] + [None]
    times = [datetime.datetime(1900, 1, 1) + datetime.timedelta(microseconds=int(step)) for step in random.integers(0, 200 * 365 * 86400 * 10 ** 6, len(days))]
    times[-2] = None
    rows = pandas.DataFrame({"day": pandas.Series(days, dtype=object), "time": pandas.Series(times, dtype="datetime64[us]"), "worth": random.normal(0, 1, len(days))})
    parts = ["year", "quarter", "month", "week", "day", "day_of_year", "weekday"]
    transform = [{"columns": [name], "steps": [{"date": {"parts": more, "cyclical": more[1:], "since": "2020-01-01", "holidays": ["2024-12-25", "2019-07-04"]}}, {"impute": "mean"}, {"scale": "standard"}]}
                 for name, more in (("day", parts), ("time", [*parts, "hour", "minute", "second"]))]
    for learner in ("linear", BOOSTED):
        model = trained({"learner": learner, "transform": transform}, "regression", rows, ["day", "time"])
        assert len(model.info["features"]) == 7 + 12 + 2 + 10 + 18 + 2
        assert same(model, tmp_path, rows, rows) <= 1e-11
    kinds = {one.name: one.type for one in onnxruntime.InferenceSession(tmp_path / "made.onnx").get_inputs()}
    assert kinds == {"day": "tensor(int64)", "day_missing": "tensor(bool)", "time": "tensor(int64)", "time_missing": "tensor(bool)"}

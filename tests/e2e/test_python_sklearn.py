"""headrace.sklearn: estimators that scikit-learn takes for its own, fitted by the same C++ as the program's, into the file that the program scores."""

import os
import pickle
import re
import subprocess
import sys

os.environ["SCIPY_ARRAY_API"] = "1"   # before scipy is read: else scikit-learn leaves out its checks of array namespaces

import numpy  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402
import pytest  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.datasets import make_classification, make_regression  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from sdk import SOURCE, headrace  # noqa: E402
from test_python import people  # noqa: E402
from world import HEADRACE  # noqa: E402

from headrace.sklearn import HeadraceClassifier, HeadraceRegressor, HeadraceTransformer  # noqa: E402

AS_THEY_ARE = [{"columns": ["*"], "steps": [{"impute": "median"}]}]   # no scale, which would be learnt from rows without their weights

WEIGHTS = ("sample_weight counts for the learner; the scale of its default transform is that of the rows, each counted once. "
           "With `AS_THEY_ARE` in place of the default the same check passes")
EXPECTED_FAILURES = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}


def expected_failures(estimator):
    learns_scale = isinstance(estimator, (HeadraceClassifier, HeadraceRegressor)) and estimator.transforms is None
    return EXPECTED_FAILURES if learns_scale else {}


@parametrize_with_checks([
    HeadraceClassifier(), HeadraceRegressor(), HeadraceTransformer(), HeadraceTransformer(learner="lightgbm"),
    HeadraceClassifier(transforms=AS_THEY_ARE, learner="logistic"), HeadraceRegressor(transforms=AS_THEY_ARE, learner={"linear": {"l2": 0.5}}),
    HeadraceClassifier(learner={"lightgbm": {"num_iterations": 30, "min_data_in_leaf": 3, "min_sum_hessian_in_leaf": 0.0001}}, transforms=AS_THEY_ARE),
], xfail_strict=True, expected_failed_checks=lambda estimator: expected_failures(estimator) | (
    {"check_sample_weight_equivalence_on_dense_data": "LightGBM's bins and min_data_in_leaf count rows, not weights"} if isinstance(estimator.learner, dict) and "lightgbm" in estimator.learner else {}))
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rows():
    return people(1200)


FEATURES = ["spend", "country", "visits", "active"]


@pytest.mark.parametrize("target", ["churned", "plan", "worth"])
def test_the_file_is_the_one_that_the_program_makes_and_scores(rows, target, tmp_path):
    """Same words, same rows: the program's own `train` has the same transform, learner and calibration, and `score` gives the same numbers."""
    learner = {"lightgbm": {"num_iterations": 40, "num_leaves": 7}}
    made = (HeadraceRegressor if target == "worth" else HeadraceClassifier)(learner=learner)
    made.fit(rows[FEATURES], rows[target])
    made.save(tmp_path / "sdk.model")
    assert made.model_.info["target"] == target and headrace.load(tmp_path / "sdk.model").info == made.model_.info
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "headrace.yaml").write_text("{}\n")
    rows[[*FEATURES, target]].to_parquet(tmp_path / "people.parquet")
    (tmp_path / "pipelines" / "train.yaml").write_text(
        "name: train\nsteps:\n  people: {extract: {file: people.parquet}}\n"
        f"  model: {{train: {{data: people, target: {target}, learner: {{lightgbm: {{num_iterations: 40, num_leaves: 7}}}}}}}}\n"
        "  scores: {score: {data: people, model: model}}\n  out: {deliver: {data: scores, file: scores.parquet}}\n")
    for argv in (["run", "train"], ["score", "sdk.model", "people.parquet", "-o", "sdk.parquet"]):
        done = subprocess.run([HEADRACE, *argv], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    ours, theirs = pyarrow.parquet.read_table(tmp_path / "sdk.parquet"), pyarrow.parquet.read_table(tmp_path / "scores.parquet")
    assert ours["score"].to_pylist() == theirs["score"].to_pylist()
    if target == "worth":
        assert made.predict(rows[FEATURES]).tolist() == ours["score"].to_pylist()
    else:
        assert [str(x).lower() for x in made.predict(rows[FEATURES])] == ours["label"].to_pylist()
        probabilities = made.predict_proba(rows[FEATURES])
        assert list(made.classes_) == sorted(set(rows[target]))
        for k, name in enumerate(made.classes_ if target == "plan" else []):
            assert probabilities[:, k].tolist() == ours[f"score_{name}"].to_pylist()
        if target == "churned":
            assert probabilities[:, 1].tolist() == ours["score"].to_pylist()


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "numpy"])
def test_tables_of_every_kind_give_the_same_bits(rows, kind):
    numbers = ["spend", "visits"]
    given = {"pandas": lambda: rows[numbers].astype(float), "pyarrow": lambda: pyarrow.table({name: rows[name].astype(float) for name in numbers}),
             "numpy": lambda: rows[numbers].to_numpy(dtype=float)}[kind]()
    fitted = HeadraceRegressor(learner="linear").fit(given, rows["worth"])
    expected = HeadraceRegressor(learner="linear").fit(rows[numbers].astype(float), rows["worth"])
    assert fitted.predict(given).tolist() == expected.predict(rows[numbers].astype(float)).tolist()
    assert list(getattr(fitted, "feature_names_in_", ["x0", "x1"])) == (["x0", "x1"] if kind == "numpy" else numbers)


def test_a_fit_survives_pickle_clone_and_search(rows):
    fitted = HeadraceClassifier(learner="logistic", calibrate="isotonic").fit(rows[FEATURES], rows["plan"])
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(rows[FEATURES]) == fitted.predict_proba(rows[FEATURES])).all() and again.model_.to_bytes() == fitted.model_.to_bytes()
    assert not hasattr(clone(fitted), "model_")
    search = GridSearchCV(HeadraceClassifier(), {"learner": [{"logistic": {"l2": 1}}, {"logistic": {"l2": 100.0}}, "naive_bayes"]}, cv=3, scoring="neg_log_loss")
    search.fit(rows[FEATURES], rows["churned"])
    assert search.best_score_ == max(search.cv_results_["mean_test_score"]) and search.best_estimator_.predict(rows[FEATURES][:3]).dtype == bool
    model = make_pipeline(HeadraceTransformer(transforms=[{"columns": ["country"], "steps": [{"encode": "target"}]}]), LogisticRegression())
    assert cross_val_score(model, rows[FEATURES], rows["churned"], cv=3, scoring="roc_auc").mean() > 0.6


def test_linear_learners_are_scikit_learns_to_nine_places():
    X, y = make_regression(300, 8, noise=3, random_state=4)
    ours = HeadraceRegressor(learner={"linear": {"l2": 2.0}}, transforms=AS_THEY_ARE).fit(X, y, sample_weight=numpy.arange(300))
    theirs = Ridge(alpha=2.0).fit(X, y, sample_weight=numpy.arange(300))
    assert numpy.allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-9)
    X, y = make_classification(300, 8, n_informative=5, n_classes=3, random_state=4)
    ours = HeadraceClassifier(learner={"logistic": {"l2": 0.5}}).fit(X, y)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=2.0, tol=1e-10, max_iter=10000)).fit(X, y)
    assert numpy.allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)


def test_a_transformer_names_its_outputs_and_cross_fits_targets(rows):
    transformer = HeadraceTransformer(transforms=[{"columns": ["country"], "steps": [{"encode": "target"}]}, {"columns": ["spend"], "steps": [{"impute": "missing"}]}], learner="lightgbm")
    training = transformer.fit_transform(rows[FEATURES], rows["churned"])
    applied = transformer.transform(rows[FEATURES])
    names = list(transformer.get_feature_names_out())
    assert names == ["country", "spend", "spend=(missing)", "visits", "active"] and training.shape == applied.shape == (1200, 5)
    assert (training[:, 0] != applied[:, 0]).any() and numpy.array_equal(training[:, 1:], applied[:, 1:], equal_nan=True)
    assert applied[:, 2].sum() == rows["spend"].isna().sum()
    again = pickle.loads(pickle.dumps(transformer))
    assert numpy.array_equal(again.transform(rows[FEATURES]), applied, equal_nan=True)
    frame = transformer.set_output(transform="pandas").transform(rows[FEATURES])
    assert list(frame.columns) == names
    beside = make_column_transformer((HeadraceTransformer(), ["spend", "country"]), ("passthrough", ["visits"])).fit(rows)
    assert beside.get_feature_names_out()[-1] == "passthrough__visits"


def test_what_is_wrong_comes_as_value_error_with_the_help(rows):
    X, y = rows[FEATURES], rows["churned"]
    for estimator, message, help_text in [
            (HeadraceClassifier(learner="logistik"), "logistik", "logistic"),
            (HeadraceClassifier(learner={"lightgbm": {"num_leafs": 3}}), "num_leafs", "num_leaf"),
            (HeadraceClassifier(learner="linear"), "for a regression model", "another learner"),
            (HeadraceClassifier(transforms=[{"columns": ["contry"], "steps": []}]), "contry", "country"),
            (HeadraceClassifier(transforms=[{"columns": ["country"], "steps": [{"scale": "standard"}]}]), "country", ""),
            (HeadraceClassifier(calibrate="isotone"), "isotone", "isotonic")]:
        with pytest.raises(ValueError, match=message) as caught:
            estimator.fit(X, y)
        assert help_text in str(caught.value), str(caught.value)
    with pytest.raises(ValueError, match="country.*learns from the target"):
        HeadraceTransformer(transforms=[{"columns": ["country"], "steps": [{"encode": "target"}]}]).fit(X)
    fitted = HeadraceClassifier(learner="logistic").fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(X.rename(columns={"spend": "spent"}))
    with pytest.raises(ValueError, match="`visits`"):
        fitted.predict(X.assign(visits="three"))


def test_import_headrace_needs_neither_numpy_nor_scikit_learn():
    code = f"import sys; sys.path.insert(0, {str(SOURCE / 'python')!r}); import headrace; assert 'numpy' not in sys.modules and 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (SOURCE / "docs" / "python.md").read_text(), re.S):
        exec(compile(block, "docs/python.md", "exec"), names)
    assert list(names["pipeline"][0].get_feature_names_out()) == ["country", "spend", "visits"]
    assert (tmp_path / "churn.model").exists() and headrace.load(tmp_path / "converted.model").info["target"] == "churned"

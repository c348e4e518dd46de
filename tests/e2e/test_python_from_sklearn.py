"""headrace.from_sklearn: a fitted pipeline becomes a model file with scikit-learn's scores, on rows it never saw too, or is refused by the name of the step."""

import subprocess

import lightgbm
import numpy
import pandas
import pyarrow.parquet
import pytest
from sklearn import ensemble, linear_model, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (Binarizer, FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   PowerTransformer, QuantileTransformer, RobustScaler, SplineTransformer, StandardScaler, TargetEncoder)

from sdk import headrace
from world import HEADRACE

NUMBERS, TEXTS, WHOLE = ["spend", "age", "days"], ["country", "city"], ["visits", "active"]


def table(n, seed):
    random = numpy.random.default_rng(seed)
    frame = pandas.DataFrame({
        "spend": random.gamma(2, 30, n), "age": random.integers(18, 90, n).astype(float), "days": random.exponential(40, n),
        "country": random.choice(["AT", "DE", "ES", "Österreich", "zz"], n, p=[0.3, 0.3, 0.2, 0.15, 0.05]), "city": random.choice([f"c{i}" for i in range(30)], n),
        "visits": random.poisson(3, n), "active": random.random(n) < 0.4})
    lean = (frame["spend"] - 60) / 40 + (frame["country"] == "ES") - frame["visits"] / 5 + random.normal(0, 1, n)
    for name in ("age", "country"):
        frame.loc[random.random(n) < 0.08, name] = None
    frame["bought"], frame["plan"], frame["worth"] = lean > 0.2, numpy.select([lean < -0.5, lean < 0.7], ["none", "gold"], "plus"), lean * 30 + 100
    return frame


FIT, FRESH = table(900, 1), table(400, 2)
FRESH.loc[:5, "city"] = "never seen"
TARGETS = {"binary": "bought", "multiclass": "plan", "regression": "worth"}


def prepared(*more):
    """Numbers imputed and scaled, texts as columns of 0 and 1."""
    return make_pipeline(make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), TEXTS), ("passthrough", WHOLE)), *more)


def same(pipeline, converted, rows):
    """The largest difference on `rows`."""
    scored = converted.predict(rows, keep=[])
    if converted.info["task"] == "regression":
        expected, found = pipeline.predict(rows), scored["score"].to_numpy()
    elif converted.info["task"] == "binary":
        expected, found = pipeline.predict_proba(rows)[:, 1], scored["score"].to_numpy()
    else:
        expected, found = pipeline.predict_proba(rows), scored[[f"score_{name}" for name in converted.info["classes"]]].to_numpy()
    return numpy.abs(expected - found).max() / max(1, numpy.abs(expected).max())


LEARNERS = {
    "logistic": ("binary", linear_model.LogisticRegression()), "logistic of three": ("multiclass", linear_model.LogisticRegression(C=0.3)),
    "sgd": ("binary", linear_model.SGDClassifier(loss="log_loss", random_state=0)), "lda": ("multiclass", LinearDiscriminantAnalysis()),
    "least squares": ("regression", linear_model.LinearRegression()), "ridge": ("regression", linear_model.Ridge(alpha=2)), "lasso": ("regression", linear_model.Lasso(alpha=0.5)),
    "elastic net": ("regression", linear_model.ElasticNet(alpha=0.2)), "huber": ("regression", linear_model.HuberRegressor(max_iter=500)),
    "tree": ("binary", tree.DecisionTreeClassifier(max_depth=6)), "tree of three": ("multiclass", tree.DecisionTreeClassifier(max_depth=6)),
    "tree of numbers": ("regression", tree.DecisionTreeRegressor(max_depth=7)), "forest": ("binary", ensemble.RandomForestClassifier(30, random_state=0)),
    "forest of three": ("multiclass", ensemble.RandomForestClassifier(20, max_depth=8, random_state=0)),
    "forest of numbers": ("regression", ensemble.RandomForestRegressor(20, max_depth=9, random_state=0)), "extra trees": ("multiclass", ensemble.ExtraTreesClassifier(15, max_depth=7, random_state=0)),
    "boosting": ("binary", ensemble.GradientBoostingClassifier(n_estimators=25)), "boosting, exponential": ("binary", ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=15)),
    "boosting of three": ("multiclass", ensemble.GradientBoostingClassifier(n_estimators=15)), "boosting of numbers": ("regression", ensemble.GradientBoostingRegressor(loss="huber", n_estimators=25)),
    "boosting from zero": ("regression", ensemble.GradientBoostingRegressor(init="zero", n_estimators=10)),
    "lightgbm": ("binary", lightgbm.LGBMClassifier(n_estimators=30, verbose=-1)), "lightgbm of three": ("multiclass", lightgbm.LGBMClassifier(n_estimators=15, verbose=-1)),
    "lightgbm of numbers": ("regression", lightgbm.LGBMRegressor(n_estimators=30, verbose=-1)),
    "lightgbm poisson": ("regression", lightgbm.LGBMRegressor(objective="tweedie", n_estimators=20, verbose=-1)),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_behind_a_usual_preparation(name, tmp_path):
    task, learner = LEARNERS[name]
    target = FIT[TARGETS[task]].abs() if "poisson" in name else FIT[TARGETS[task]]
    pipeline = prepared(learner)
    dense = make_pipeline(*[step for _, step in pipeline.steps])
    dense.steps[0][1].sparse_threshold = 0
    dense.fit(FIT, target)
    model = headrace.from_sklearn(dense, FIT, target=TARGETS[task])
    assert model.info["task"] == task and model.info["target"] == TARGETS[task] and "date" not in model.info
    assert same(dense, model, FIT) <= 1e-9 and same(dense, model, FRESH) <= 1e-9


HISTOGRAMS = {
    "binary": ensemble.HistGradientBoostingClassifier(max_iter=25), "multiclass": ensemble.HistGradientBoostingClassifier(max_iter=12),
    "regression": ensemble.HistGradientBoostingRegressor(max_iter=25), "poisson": ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=15)}


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_histogram_boosting_keeps_what_is_missing(name):
    target = FIT[TARGETS.get(name, "worth")].clip(lower=0.1) if name == "poisson" else FIT[TARGETS[name]]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=numpy.nan)
    pipeline = make_pipeline(make_column_transformer((encoder, TEXTS), ("passthrough", NUMBERS + WHOLE)), HISTOGRAMS[name]).fit(FIT, target)
    model = headrace.from_sklearn(pipeline, FIT)
    assert same(pipeline, model, FRESH) <= 1e-9
    assert any(column["nullable"] for column in model.info["inputs"])


@pytest.mark.parametrize("learner", [ensemble.RandomForestClassifier(10, random_state=0), tree.DecisionTreeClassifier(max_depth=5)])
def test_forests_send_missing_values_where_scikit_learn_does(learner):
    pipeline = make_pipeline(ColumnTransformer([("numbers", "passthrough", NUMBERS)]), learner).fit(FIT, FIT["bought"])
    assert same(pipeline, headrace.from_sklearn(pipeline, FIT), FRESH) <= 1e-9


def test_rows_on_the_edge_of_a_threshold_go_where_scikit_learns_floats_go():
    """scikit-learn's trees compare numbers rounded to 32 bits."""
    rows = pandas.DataFrame({"x": numpy.random.default_rng(5).normal(0, 1, 400)})
    pipeline = make_pipeline(ColumnTransformer([("x", "passthrough", ["x"])]), tree.DecisionTreeRegressor()).fit(rows, numpy.arange(400.0))
    thresholds = pipeline[-1].tree_.threshold[pipeline[-1].tree_.children_left >= 0]
    edges = []
    for threshold in thresholds:
        low = numpy.float32(threshold)
        floats = [numpy.nextafter(low, numpy.float32(-9)), low, numpy.nextafter(low, numpy.float32(9))]
        middles = [(float(a) + float(b)) / 2 for a, b in zip(floats, floats[1:])]
        edges += [numpy.nextafter(x, to) for x in [threshold, *map(float, floats), *middles] for to in (-9.0, x, 9.0)]
    edges = pandas.DataFrame({"x": edges})
    assert same(pipeline, headrace.from_sklearn(pipeline, rows), edges) <= 1e-9


PREPARATIONS = {
    "scalers": lambda: make_column_transformer((MinMaxScaler(feature_range=(-1, 2), clip=True), ["spend"]), (MaxAbsScaler(), ["days"]), (RobustScaler(), ["visits"]),
                                               (make_pipeline(SimpleImputer(), StandardScaler(with_mean=False)), ["age"])),
    "power": lambda: make_column_transformer((PowerTransformer(), ["days", "visits"]), (PowerTransformer(method="box-cox", standardize=False), ["spend"])),
    "quantile": lambda: make_column_transformer((QuantileTransformer(n_quantiles=50, output_distribution="normal"), ["spend"]), (QuantileTransformer(n_quantiles=100), ["days"])),
    "bins": lambda: make_column_transformer((KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), ["spend", "days"]),
                                            (KBinsDiscretizer(4, encode="ordinal", strategy="uniform"), ["visits"]), (Binarizer(threshold=20), ["days"])),
    "splines": lambda: make_column_transformer((SplineTransformer(), ["spend"]), (SplineTransformer(knots="quantile", extrapolation="linear", include_bias=False), ["days"])),
    "log": lambda: make_column_transformer((make_pipeline(FunctionTransformer(numpy.log1p), StandardScaler()), ["spend", "days"])),
    "an indicator": lambda: make_column_transformer((make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["age", "spend"])),
    "rare levels": lambda: make_column_transformer((OneHotEncoder(min_frequency=60, handle_unknown="infrequent_if_exist", sparse_output=False), ["country", "city", "visits"])),
    "a level dropped": lambda: make_column_transformer((OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False), ["country", "active"])),
    "a level of rare ones dropped": lambda: make_column_transformer((OneHotEncoder(drop="first", min_frequency=30, handle_unknown="infrequent_if_exist", sparse_output=False), ["city"])),
    "levels in an order": lambda: make_column_transformer((OneHotEncoder(categories=[["zz", "ES", "DE", "AT"]], handle_unknown="ignore", sparse_output=False), ["country"])),
    "ordinal": lambda: make_column_transformer((OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), TEXTS),
                                               (OrdinalEncoder(min_frequency=40, handle_unknown="use_encoded_value", unknown_value=99), ["visits"])),
    "a target encoding": lambda: make_pipeline(make_column_transformer((TargetEncoder(), TEXTS + ["visits"])), StandardScaler()),
    "imputed levels": lambda: make_column_transformer((make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)), ["country"]),
                                                      (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)), ["visits"])),
    "polynomials": lambda: make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS), ("passthrough", WHOLE)), StandardScaler(), PolynomialFeatures(2)),
    "polynomials without squares": lambda: make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS)), StandardScaler(), PolynomialFeatures(3, interaction_only=True), StandardScaler()),
    "components": lambda: make_pipeline(make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country"])),
                                        PCA(4, whiten=True)),
    "singular values": lambda: make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS), ("passthrough", WHOLE)), TruncatedSVD(3, random_state=0)),
    "norms": lambda: make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS)), Normalizer()),
    "a selection": lambda: make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS)), VarianceThreshold(0.01),
                                         SelectKBest(k=8), StandardScaler()),
    "a column twice": lambda: make_column_transformer((StandardScaler(), ["spend"]), (KBinsDiscretizer(3, encode="ordinal"), ["spend"]), ("passthrough", ["spend"])),
    "a union": lambda: make_pipeline(make_column_transformer(("passthrough", ["spend", "days"])), FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())])),
    "columns left out": lambda: ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include=float)), ("left", "drop", ["city"])]),
}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("name", PREPARATIONS)
def test_preparations(name, task):
    pipeline = make_pipeline(PREPARATIONS[name](), linear_model.LogisticRegression(max_iter=2000)).fit(FIT, FIT[TARGETS[task]])
    model = headrace.from_sklearn(pipeline, FIT)
    assert same(pipeline, model, FIT) <= 1e-9 and same(pipeline, model, FRESH) <= 1e-9


CALIBRATED = {
    "sigmoid on a logistic": ("sigmoid", linear_model.LogisticRegression()), "isotonic on a logistic": ("isotonic", linear_model.LogisticRegression()),
    "sigmoid on a machine": ("sigmoid", svm.LinearSVC()), "isotonic on a machine": ("isotonic", svm.LinearSVC()), "isotonic on a forest": ("isotonic", ensemble.RandomForestClassifier(20, max_depth=6)),
    "sigmoid on a forest": ("sigmoid", ensemble.RandomForestClassifier(20, max_depth=6)), "isotonic on boosting": ("isotonic", ensemble.GradientBoostingClassifier(n_estimators=10)),
    "sigmoid on boosting": ("sigmoid", ensemble.GradientBoostingClassifier(n_estimators=10)), "sigmoid on lightgbm": ("sigmoid", lightgbm.LGBMClassifier(n_estimators=10, verbose=-1)),
    "isotonic on lightgbm": ("isotonic", lightgbm.LGBMClassifier(n_estimators=10, verbose=-1))}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("name", CALIBRATED)
def test_calibrations(name, task):
    method, learner = CALIBRATED[name]
    half = FIT.iloc[:450]
    pipeline = prepared(learner)
    pipeline.steps[0][1].sparse_threshold = 0
    for calibrated in (CalibratedClassifierCV(FrozenEstimator(pipeline.fit(half, half[TARGETS[task]])), method=method, ensemble=False),
                       CalibratedClassifierCV(pipeline, method=method, ensemble=False, cv=3)):
        calibrated.fit(FIT, FIT[TARGETS[task]])
        model = headrace.from_sklearn(calibrated, FIT)
        assert model.info["calibration"] == method and same(calibrated, model, FRESH) <= 1e-9


def test_numpy_rows_thresholds_searches_and_the_file(tmp_path):
    X = FIT[["spend", "days", "visits"]].to_numpy(dtype=float)
    search = GridSearchCV(make_pipeline(StandardScaler(), linear_model.LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=3).fit(X, FIT["bought"])
    model = headrace.from_sklearn(FixedThresholdClassifier(search, threshold=0.3, response_method="predict_proba").fit(X, FIT["bought"]), X)
    assert [column["name"] for column in model.info["inputs"]] == ["x0", "x1", "x2"] and model.info["threshold"] == 0.3
    model.save(tmp_path / "search.model")
    pandas.DataFrame(X, columns=["x0", "x1", "x2"]).to_csv(tmp_path / "rows.csv", index=False)
    done = subprocess.run([HEADRACE, "score", "search.model", "rows.csv", "-o", "scores.parquet"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scored = pyarrow.parquet.read_table(tmp_path / "scores.parquet")
    assert numpy.abs(numpy.array(scored["score"]) - search.predict_proba(X)[:, 1]).max() <= 1e-9
    assert scored["label"].to_pylist() == ["true" if p >= 0.3 else "false" for p in search.predict_proba(X)[:, 1]]
    done = subprocess.run([HEADRACE, "inspect", "search.model"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "logistic" in done.stdout, done.stderr


def test_pandas_categories_of_lightgbm_become_their_codes():
    rows, fresh = (frame.assign(country=frame["country"].astype("category"), city=pandas.Categorical(frame["city"], categories=[f"c{i}" for i in range(30)])) for frame in (FIT, FRESH))
    columns = ["country", "spend", "city", "age"]
    fitted = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, min_data_per_group=5).fit(rows[columns], rows["bought"])
    model = headrace.from_sklearn(fitted, rows[columns])
    assert same(fitted, model, fresh[columns]) <= 1e-9


def test_equal_pipelines_make_equal_files_and_the_forest_is_lightgbms_text():
    pipeline = make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS)), ensemble.GradientBoostingClassifier(n_estimators=5, random_state=1)).fit(FIT, FIT["bought"])
    model = headrace.from_sklearn(pipeline, FIT)
    assert model.to_bytes() == headrace.from_sklearn(pipeline, FIT).to_bytes()
    import io
    import zipfile
    members = zipfile.ZipFile(io.BytesIO(model.to_bytes()))
    booster = lightgbm.Booster(model_str=members.read("model.txt").decode())
    numbers = pipeline[0].transform(FRESH)
    assert numpy.abs(booster.predict(numbers) - pipeline.predict_proba(FRESH)[:, 1]).max() <= 1e-9
    assert b"scikit-learn" in members.read("card.md")


@pytest.mark.parametrize("names, pipeline, target", [
    ("knnimputer", make_pipeline(ColumnTransformer([("n", "passthrough", NUMBERS)]), KNNImputer(), linear_model.Ridge()), "worth"),
    ("gaussiannb", make_pipeline(ColumnTransformer([("n", SimpleImputer(), NUMBERS)]), GaussianNB()), "bought"),
    ("functiontransformer.*sqrt", make_pipeline(ColumnTransformer([("n", SimpleImputer(), NUMBERS)]), FunctionTransformer(numpy.sqrt), linear_model.Ridge()), "worth"),
    ("calibrated.*ensemble", CalibratedClassifierCV(prepared(linear_model.LogisticRegression()), cv=3), "bought"),
    ("linearsvc.*Calibrated", prepared(svm.LinearSVC()), "bought"),
    ("calibrated.*temperature", CalibratedClassifierCV(prepared(linear_model.LogisticRegression()), method="temperature", ensemble=False), "bought"),
    ("gradientboosting.*init", make_pipeline(ColumnTransformer([("n", SimpleImputer(), NUMBERS)]), ensemble.GradientBoostingRegressor(init=linear_model.Ridge())), "worth"),
])
def test_a_step_that_cannot_be_said_is_named(names, pipeline, target):
    with pytest.raises(ValueError, match=f"(?is)cannot convert.*{names}"):
        headrace.from_sklearn(pipeline.fit(FIT, FIT[target]), FIT)


def test_a_pipeline_that_scores_otherwise_than_it_says_is_refused():
    class Sly(StandardScaler):
        __module__ = "sklearn.preprocessing._data"

        def transform(self, X, copy=None):
            return super().transform(X) + 1e-7
    Sly.__name__ = "StandardScaler"
    pipeline = Pipeline([("numbers", ColumnTransformer([("n", SimpleImputer(), NUMBERS)])), ("scale", Sly()), ("ridge", linear_model.Ridge())]).fit(FIT, FIT["worth"])
    with pytest.raises(ValueError, match="row [0-9]+ of the sample.*1e-09.*before it differs already: column 0, `spend`"):
        headrace.from_sklearn(pipeline, FIT)
    with pytest.raises(ValueError, match="`age`"):
        headrace.from_sklearn(prepared(linear_model.Ridge()).fit(FIT, FIT["worth"]), FIT.drop(columns="age"))
    with pytest.raises(ValueError, match="no rows"):
        headrace.from_sklearn(pipeline, FIT[:0])

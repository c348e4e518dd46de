"""scikit-learn's and LightGBM's fitted learners as the learner, calibration and threshold of a model file."""

import numpy

from headrace import _forests, _transformers
from headrace._trace import Raw, refuse

_LINEAR = {"LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "ElasticNet", "ElasticNetCV", "Lars", "BayesianRidge", "ARDRegression", "HuberRegressor",
           "SGDRegressor", "TheilSenRegressor", "LinearSVR"}
_LOGISTIC = {"LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"}
_MARGINS = {"LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "SGDClassifier", "Perceptron"}   # of use below a calibration only
_TREES = {"DecisionTreeClassifier": 1, "ExtraTreeClassifier": 1, "DecisionTreeRegressor": 1, "ExtraTreeRegressor": 1, "RandomForestClassifier": 0, "ExtraTreesClassifier": 0,
          "RandomForestRegressor": 0, "ExtraTreesRegressor": 0}


class Learner:
    """`write(places, width)` gives the name and content of the learner in the file, over vectors of `width` numbers in which feature i stands at places[i]."""

    def __init__(self, step, slots, classes, write, margin, takes_missing):
        self.step, self.slots, self.classes, self.write, self.takes_missing = step, slots, classes, write, takes_missing
        self.margin = margin          # what decision_function gives is the learner's margin; False: its margin is the probability; None: neither
        self.calibration, self.threshold = None, 0.5

    @property
    def task(self):
        return "regression" if self.classes is None else "binary" if len(self.classes) == 2 else "multiclass"


def read(trace, name, estimator, slots, identity=False):
    """The learner at the end of `estimator`. `identity`: its scores shall be its margins (an isotonic curve lies on them)."""
    kind = type(estimator).__name__
    step = f"step `{name}` ({kind})"
    if hasattr(estimator, "best_estimator_"):
        return read(trace, name, estimator.best_estimator_, slots, identity)
    if kind == "FrozenEstimator":
        return read(trace, name, estimator.estimator, slots, identity)
    if kind == "Pipeline":
        for one, transformer in estimator.steps[:-1]:
            slots = _transformers.apply(trace, one, transformer, slots)
        return read(trace, estimator.steps[-1][0], estimator.steps[-1][1], slots, identity)
    if kind in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
        return _with_threshold(trace, name, step, estimator, slots)
    if kind == "CalibratedClassifierCV":
        return _calibrated(trace, name, step, estimator, slots)
    if kind in ("LGBMClassifier", "LGBMRegressor"):
        return _lightgbm(trace, step, estimator, slots, identity)
    if not type(estimator).__module__.startswith("sklearn."):
        refuse(step, "it is neither scikit-learn's nor LightGBM's")
    if len(numpy.shape(getattr(estimator, "classes_", ()))) > 1 or getattr(estimator, "n_outputs_", 1) != 1:
        refuse(step, "it predicts several targets", "fit one model a target")
    if hasattr(estimator, "n_features_in_") and estimator.n_features_in_ != len(slots):
        refuse(step, f"it was fitted on {estimator.n_features_in_} columns and gets {len(slots)}")
    if kind in _LINEAR or kind in _LOGISTIC or kind in _MARGINS:
        return _linear(step, estimator, slots, identity)
    if kind in _TREES:
        return _trees(step, estimator, slots)
    if kind in ("GradientBoostingClassifier", "GradientBoostingRegressor"):
        return _boosted(step, estimator, slots, identity)
    if kind in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return _histogram(step, estimator, slots, identity)
    if hasattr(estimator, "cluster_centers_"):
        refuse(step, "clusters are not converted", "find them by Headrace: learner: kmeans")
    refuse(step, "no learner of a model file computes the same", "docs/python.md lists what can be converted")


def _classes(estimator):
    classes = getattr(estimator, "classes_", None)
    return None if classes is None else list(classes)


# Around a learner

def _with_threshold(trace, name, step, estimator, slots):
    learner = read(trace, name, estimator.estimator_, slots)
    if learner.task != "binary" or getattr(estimator, "response_method", "predict_proba") == "decision_function":
        refuse(step, "its threshold is on decision_function", "say response_method='predict_proba'")
    if getattr(estimator, "pos_label", None) not in (None, learner.classes[1]):
        refuse(step, "its pos_label is not the last class")
    threshold = estimator.best_threshold_ if hasattr(estimator, "best_threshold_") else estimator.threshold
    learner.threshold = 0.5 if threshold == "auto" else float(threshold)
    return learner


def _calibrated(trace, name, step, estimator, slots):
    if len(estimator.calibrated_classifiers_) != 1:
        refuse(step, f"it is the mean of {len(estimator.calibrated_classifiers_)} classifiers", "say ensemble=False, or calibrate a FrozenEstimator")
    one = estimator.calibrated_classifiers_[0]
    if one.method not in ("isotonic", "sigmoid"):
        refuse(step, f"its method is {one.method!r}", "use isotonic or sigmoid")
    inner = one.estimator
    on_margins = hasattr(inner, "decision_function")
    learner = read(trace, name, inner, slots, identity=on_margins and one.method == "isotonic")
    if learner.calibration is not None:
        refuse(step, "it calibrates what is calibrated already")
    if on_margins and learner.margin is not True:
        refuse(step, "it calibrates a decision_function that is not the learner's margin")
    if one.method == "sigmoid":
        if not on_margins and learner.margin is not False:
            refuse(step, "its sigmoid lies on probabilities, and that of a model file on margins", "use method='isotonic'")
        curves = [{"a": float(curve.a_), "b": float(curve.b_)} for curve in one.calibrators]
    else:
        curves = [{"x": [float(x) for x in curve.X_thresholds_], "y": [float(y) for y in curve.y_thresholds_]} for curve in one.calibrators]
    learner.calibration = {"kind": one.method, "curves": curves}
    return learner


# Learners

def _linear(step, estimator, slots, identity):
    kind, classes = type(estimator).__name__, _classes(estimator)
    coefficients = numpy.atleast_2d(numpy.asarray(estimator.coef_, dtype=numpy.float64))
    intercepts = numpy.broadcast_to(numpy.asarray(estimator.intercept_, dtype=numpy.float64).ravel(), (len(coefficients),))
    if classes is None and len(coefficients) > 1:
        refuse(step, "it predicts several targets", "fit one model a target")
    logistic = kind in _LOGISTIC or (kind == "SGDClassifier" and estimator.loss == "log_loss" and len(classes) == 2)

    def write(places, width):
        rows, ends = [], []
        for weights, end in zip(coefficients, intercepts):
            row, end = [0.0] * width, float(end)
            for slot, at, weight in zip(slots, places, weights):
                if at is None:
                    end += float(weight) * slot.value
                else:
                    row[at] += float(weight)
            rows.append(row)
            ends.append(end)
        name = "logistic" if logistic and not identity else "linear"
        return name, {"coefficients": rows, "intercepts": ends, "learner": name}
    learner = Learner(step, slots, classes, write, classes is not None, takes_missing=False)
    learner.needs_calibration = classes is not None and not logistic
    return learner


def _trees(step, estimator, slots):
    kind, classes = type(estimator).__name__, _classes(estimator)
    members = [estimator] if _TREES[kind] else list(estimator.estimators_)
    outputs = 1 if classes is None or len(classes) == 2 else len(classes)

    def write(places, width):
        trees = []
        for member in members:
            values = member.tree_.value[:, 0, :]
            if classes is not None:
                values = values / values.sum(axis=1, keepdims=True)
            for k in range(outputs):
                trees.append(_forests.of_sklearn(member.tree_, values[:, 0 if classes is None else 1 if outputs == 1 else k]))
        return "lightgbm", _forests.text_of(step, trees, places, width, "regression" if classes is None else "custom", outputs, average=len(members) > 1)
    return Learner(step, slots, classes, write, None if classes is None else False, takes_missing=bool(estimator.__sklearn_tags__().input_tags.allow_nan))


def _objective(step, estimator, classes, identity):
    """LightGBM's objective with the link of a boosted learner."""
    if classes is not None:
        if identity:
            return "custom"
        if len(classes) > 2:
            return f"multiclass num_class:{len(classes)}"
        return "binary sigmoid:2" if estimator.loss == "exponential" else "binary sigmoid:1"
    return estimator.loss if estimator.loss in ("poisson", "gamma") else "regression"


def _boosted(step, estimator, slots, identity):
    classes, outputs = _classes(estimator), estimator.n_trees_per_iteration_
    if not (isinstance(estimator.init_, str) or type(estimator.init_).__name__ in ("DummyClassifier", "DummyRegressor")):
        refuse(step, "it begins with another estimator (init)", "leave init out")
    begin = estimator._raw_predict_init(numpy.zeros((1, estimator.n_features_in_), dtype=numpy.float32))[0]

    def write(places, width):
        trees = [_forests.leaf(float(value)) for value in begin]
        for row in estimator.estimators_:
            trees += [_forests.of_sklearn(one.tree_, one.tree_.value[:, 0, 0] * estimator.learning_rate) for one in row]
        return "lightgbm", _forests.text_of(step, trees, places, width, _objective(step, estimator, classes, identity), outputs)
    return Learner(step, slots, classes, write, classes is not None, takes_missing=False)


def _histogram(step, estimator, slots, identity):
    classes, outputs = _classes(estimator), estimator.n_trees_per_iteration_
    if getattr(estimator, "is_categorical_", None) is not None and numpy.any(estimator.is_categorical_):
        refuse(step, "it takes categories by itself", "encode them before, and say categorical_features=None")
    begin = numpy.ravel(estimator._baseline_prediction)

    def write(places, width):
        trees = [_forests.leaf(float(value)) for value in begin]
        for row in estimator._predictors:
            trees += [_forests.of_histogram(step, one.nodes) for one in row]
        return "lightgbm", _forests.text_of(step, trees, places, width, _objective(step, estimator, classes, identity), outputs)
    return Learner(step, slots, classes, write, classes is not None, takes_missing=True)


def _lightgbm(trace, step, estimator, slots, identity):
    booster = estimator.booster_
    classes = _classes(estimator)
    slots = _categories(trace, step, booster.pandas_categorical or [], slots)
    if len(slots) != booster.num_feature():
        refuse(step, f"it was fitted on {booster.num_feature()} columns and gets {len(slots)}")
    return Learner(step, slots, classes, lambda places, width: ("lightgbm", _forests.relabel(step, booster.model_to_string(), places, width, "custom" if identity else None)),
                   None if classes is None else True, takes_missing=True)


def _categories(trace, step, pandas_categories, slots):
    """pandas' categories become the codes that LightGBM saw, in place of the columns of that type."""
    waiting, out = list(pandas_categories), []
    for slot in slots:
        if not isinstance(slot, Raw) or slot.column not in trace.categories:
            out.append(slot)
            continue
        if not waiting:
            refuse(step, f"column `{slot.column}` of the sample is categorical, and it was not where the model was fitted")
        categories = numpy.asarray(waiting.pop(0), dtype=object)
        out += _transformers._level_values(trace, step, slot, categories, lambda place: [float(place)], [float("nan")], False)
    if waiting:
        refuse(step, "it was fitted on more categorical columns of pandas than the sample has", "give a sample with the same dtypes")
    return out



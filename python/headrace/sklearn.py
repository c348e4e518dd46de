"""Estimators for scikit-learn that Headrace fits: in a `Pipeline`, in `GridSearchCV`, wherever an estimator goes.

    from headrace.sklearn import HeadraceClassifier
    model = HeadraceClassifier(learner="lightgbm", calibrate="isotonic").fit(customers, churned)
    model.predict_proba(customers)
    model.save("churn.model")                  # what `headrace score` takes

Their parameters are the words of a `train` step in a pipeline file, with the same meaning and the same defaults (docs/pipeline-files.md), but `transforms` for `transform`, a name that scikit-learn needs: ``transforms=[{"columns": ["city"], "steps":
[{"encode": "target"}]}]``, ``learner={"lightgbm": {"num_leaves": 31}}``. X may be a numpy array of numbers, or a pandas, Polars or pyarrow table with columns of any type; missing
values (NaN, null) are fine. Everything is fitted by libheadrace.so; no bit depends on `threads`.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (_check_feature_names_in, _check_sample_weight, assert_all_finite, check_consistent_length, check_is_fitted, column_or_1d,
                                      validate_data)

from headrace import _fitting

__all__ = ["HeadraceClassifier", "HeadraceRegressor", "HeadraceTransformer"]


def _is_table(X):
    return hasattr(X, "__arrow_c_stream__") and len(getattr(X, "shape", ())) == 2


def _table_with_names(X, names):
    """`X` under other column names, without an index."""
    library = type(X).__module__.partition(".")[0]
    if library == "pandas":
        return X.set_axis(names, axis=1).reset_index(drop=True)
    if library == "polars":
        return X.rename(dict(zip(X.columns, names)))
    return X.rename_columns(list(names))


def _unused(name, names):
    while name in names:
        name += "_"
    return name


class _Headrace(BaseEstimator):
    """What the three share: rows on their way to the library."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _column_names(self):
        """Of the fitted columns."""
        if hasattr(self, "feature_names_in_"):
            return list(self.feature_names_in_)
        return [f"x{i}" for i in range(self.n_features_in_)]

    def _given(self, X, y="no_validation", *, reset, **checks):
        """X and y checked as scikit-learn does; a table stays one."""
        if not _is_table(X):
            return validate_data(self, X, y, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1, **checks)
        validate_data(self, X, y, reset=reset, skip_check_array=True)
        if reset and len(X) < 2:
            raise ValueError(f"Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of 2 is required by {type(self).__name__}.")
        if y is None or isinstance(y, str):
            return X
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(X, y)
        return X, np.asarray(y, dtype=np.float64) if checks.get("y_numeric") else y

    def _rows(self, X, more=()):
        """The stream of checked X and further columns."""
        names = self._column_names()
        if _is_table(X):
            return _fitting.rows(_table_with_names(X, names), more, len(X))
        return _fitting.rows(None, [_fitting.column(name, X[:, i]) for i, name in enumerate(names)] + list(more), len(X))


class _Learner(_Headrace):
    """What classifier and regressor share."""

    _WORDS = ("learner", "calibrate", "threshold", "tune", "monotone", "folds", "class_weight")

    def _fit(self, X, target, sample_weight, task, words):
        names = self._column_names()
        words = {"target": target[0]} | {name: getattr(self, name) for name in self._WORDS if getattr(self, name, None) is not None} | words
        if self.transforms is not None:
            words["transform"] = self.transforms
        more = [target]
        if sample_weight is not None:
            words["weight"] = _unused("sample_weight", [*names, target[0]])
            more.append(_fitting.column(words["weight"], sample_weight))
        self.model_ = _fitting.train(self._rows(X, more), words, task=task, threads=self.threads)
        return self

    def _weighed(self, X, y, sample_weight):
        """Without rows of weight 0, which no fit may see."""
        if sample_weight is None:
            return X, y, None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if not (weights == 0).any():
            return X, y, weights
        used = weights != 0
        taken = X[used] if isinstance(X, np.ndarray) else X.loc[used] if hasattr(X, "loc") else X.filter(used)
        return taken, y[used], weights[used]

    def _target_name(self, y):
        name = getattr(y, "name", None)
        return _unused(name if isinstance(name, str) and name else "target", self._column_names())

    def _scores(self, X):
        check_is_fitted(self, "model_")
        X = self._given(X, reset=False)
        return _fitting.scores(self.model_, self._rows(X), len(X), self.threads)

    def save(self, path):
        """Write the model file, which `headrace score` and `headrace.load` take."""
        check_is_fitted(self, "model_")
        self.model_.save(path)


class HeadraceClassifier(ClassifierMixin, _Learner):
    """A classifier: transforms, learner, calibration and threshold in one model file.

    transforms                                                           what stands under `transform` of `train` in a pipeline file
    learner, calibrate, threshold, tune, monotone, class_weight, folds   as under `train`
    threads                                                              0: all cores

    Fitted: `classes_`, `n_features_in_`, `feature_names_in_`, and `model_`, a `headrace.Model`. `sample_weight` counts for learner, calibration and threshold; what transforms learn (a
    mean, a scale) counts every row alike.
    """

    def __init__(self, transforms=None, learner=None, calibrate=None, threshold=None, tune=None, monotone=None, class_weight=None, folds=None, threads=0):
        self.transforms = transforms
        self.learner = learner
        self.calibrate = calibrate
        self.threshold = threshold
        self.tune = tune
        self.monotone = monotone
        self.class_weight = class_weight
        self.folds = folds
        self.threads = threads

    def fit(self, X, y, sample_weight=None):
        given = y
        X, y = self._given(X, y, reset=True)
        check_classification_targets(y)
        X, y, sample_weight = self._weighed(X, y, sample_weight)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y has one class only ({classes[0]!r}), a classifier needs at least two classes")
        texts = [_fitting.text_of_class(value) for value in classes]
        if len(set(texts)) < len(texts):
            raise ValueError("y has two classes that are the same text; name them apart")
        words = {} if len(classes) > 2 else {"positive": texts[1]}
        if isinstance(self.class_weight, dict):
            words["class_weight"] = {_fitting.text_of_class(name): weight for name, weight in self.class_weight.items()}
        self._fit(X, _fitting.column(self._target_name(given), codes, texts), sample_weight, "binary" if len(classes) == 2 else "multiclass", words)
        self.classes_ = classes
        self._order = [self.model_.info["classes"].index(text) for text in texts]
        return self

    def predict_proba(self, X):
        """n x classes, in the order of `classes_`: the file's scores."""
        scores = self._scores(X)
        if len(self.classes_) == 2:
            return np.column_stack([1 - scores[:, 0], scores[:, 0]])
        return scores[:, self._order]

    def predict(self, X):
        """The class from the threshold on (two classes), or that with the largest score."""
        probabilities = self.predict_proba(X)
        if len(self.classes_) == 2:
            return self.classes_[(probabilities[:, 1] >= self.model_.info["threshold"]).astype(int)]
        return self.classes_[probabilities.argmax(axis=1)]


class HeadraceRegressor(RegressorMixin, _Learner):
    """A regressor: transforms and learner in one model file.

    transforms                       what stands under `transform` of `train` in a pipeline file
    learner, tune, monotone, folds   as under `train`
    threads                          0: all cores

    Fitted: `n_features_in_`, `feature_names_in_`, and `model_`, a `headrace.Model`. `sample_weight` counts for the learner; what transforms learn counts every row alike.
    """

    def __init__(self, transforms=None, learner=None, tune=None, monotone=None, folds=None, threads=0):
        self.transforms = transforms
        self.learner = learner
        self.tune = tune
        self.monotone = monotone
        self.folds = folds
        self.threads = threads

    def fit(self, X, y, sample_weight=None):
        given = y
        X, y = self._given(X, y, reset=True, y_numeric=True)
        X, y, sample_weight = self._weighed(X, y, sample_weight)
        return self._fit(X, _fitting.column(self._target_name(given), y), sample_weight, "regression", {})

    def predict(self, X):
        return self._scores(X)[:, 0]


class HeadraceTransformer(TransformerMixin, _Headrace):
    """Raw columns to numbers, for any estimator that follows.

    transforms  what stands under `transform` of `train` in a pipeline file; columns that no entry names get the default of their type
    learner     for which learner: "linear" (missing values are filled and numbers scaled where no entry says otherwise) or one that grows trees, "lightgbm" or "xgboost" (they stay)
    threads     0: all cores

    `y` serves target encodings and selections; without it those are refused. `fit_transform` gives target encodings that are cross-fitted, as a learner should see them.
    Fitted: `n_features_in_`, `feature_names_in_`, and `transform_`.
    """

    def __init__(self, transforms=None, learner="linear", threads=0):
        self.transforms = transforms
        self.learner = learner
        self.threads = threads

    def _fit(self, X, y, training):
        X = self._given(X, reset=True)
        words = {"learner": self.learner} | ({} if self.transforms is None else {"transform": self.transforms})
        more = []
        if y is not None:
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
            words["target"] = _unused("target", self._column_names())
            if y.dtype.kind in "fiu":
                more.append(_fitting.column(words["target"], y))
            else:
                classes, codes = np.unique(y, return_inverse=True)
                more.append(_fitting.column(words["target"], codes, [_fitting.text_of_class(value) for value in classes]))
        self.transform_, made = _fitting.fit_transform(self._rows(X, more), words, threads=self.threads, training=training)
        return made

    def fit(self, X, y=None):
        self._fit(X, y, training=False)
        return self

    def fit_transform(self, X, y=None):
        return self._fit(X, y, training=True)

    def transform(self, X):
        check_is_fitted(self, "transform_")
        X = self._given(X, reset=False)
        return self.transform_.apply(self._rows(X), len(X), self.threads)

    def get_feature_names_out(self, input_features=None):
        """"spend", "country=DE", "country=(other)", ..."""
        check_is_fitted(self, "transform_")
        _check_feature_names_in(self, input_features)
        return np.asarray(self.transform_.outputs, dtype=object)

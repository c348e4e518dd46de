"""`headrace.from_sklearn`: a fitted pipeline, said as a model file and held against its own predictions."""

import io
import sys
import zipfile

import numpy

from headrace import InvalidModelError, _fitting, _learners, _trace

TOLERANCE = 1e-9


class Sample:
    """Rows as scikit-learn gets them and as the library does."""

    def __init__(self, rows):
        self.given, self.count = rows, len(rows)
        self.library = type(rows).__module__.partition(".")[0]
        if hasattr(rows, "__arrow_c_stream__") and len(getattr(rows, "shape", ())) == 2:
            self.names = [str(name) for name in (rows.column_names if self.library == "pyarrow" else rows.columns)]
            self._table = rows
            if self.library == "pandas":
                self._table = rows.set_axis(self.names, axis=1).reset_index(drop=True)
            self._columns = []
        else:
            matrix = numpy.asarray(rows)
            if matrix.ndim != 2:
                raise ValueError(f"the sample has {matrix.ndim} dimensions, expected rows and columns")
            self.names, self._table = [f"x{i}" for i in range(matrix.shape[1])], None
            self._columns = [self._column(name, matrix[:, i]) for i, name in enumerate(self.names)]
        self.types = _fitting.types(self.stream())
        self.categories = {name for name in self.names if self.library == "pandas" and self._table[name].dtype.name == "category"}

    @staticmethod
    def _column(name, values):
        if values.dtype.kind in "biuf":
            return _fitting.column(name, values)
        missing = numpy.array([_trace.is_missing(value) for value in values])
        if not any(isinstance(value, str) for value in values[~missing]):
            return _fitting.column(name, [float("nan") if gone else float(value) for value, gone in zip(values, missing)])
        levels, codes = numpy.unique(values[~missing].astype(str), return_inverse=True)
        places = numpy.full(len(values), -1)
        places[~missing] = codes
        return _fitting.column(name, places, [str(level) for level in levels])

    def stream(self):
        return _fitting.rows(self._table, self._columns, self.count)


def from_sklearn(estimator, sample, target):
    sample = sample if isinstance(sample, Sample) else Sample(sample)
    if sample.count == 0:
        raise ValueError("the sample has no rows; give rows like those that will be scored")
    trace = _trace.Trace(sample.types)
    trace.categories = sample.categories
    names = [str(name) for name in getattr(estimator, "feature_names_in_", sample.names)]
    for name in names:
        if name not in sample.types:
            raise InvalidModelError(f"the pipeline was fitted on a column `{name}`, which the sample has not", "give a sample with the columns of the fit", 2)
    learner = _learners.read(trace, "estimator", estimator, [_trace.Raw(name) for name in names])
    if getattr(learner, "needs_calibration", False) and learner.calibration is None:
        _trace.refuse(learner.step, "it has no probabilities", "put it into CalibratedClassifierCV(ensemble=False)")
    transform, places, width = trace.finish(learner.slots, sample.names, not learner.takes_missing)
    if width == 0:
        _trace.refuse(learner.step, "it reads no column")
    name, fitted = learner.write(places, width)
    classes = [] if learner.classes is None else [_fitting.text_of_class(value) for value in learner.classes]
    description = {"source": f"scikit-learn {sys.modules['sklearn'].__version__}", "task": learner.task, "target": target, "classes": classes, "threshold": learner.threshold,
                   "transform": transform, "learner": name, "fitted": fitted, "calibration": learner.calibration}
    model = _fitting.convert(description, sample.stream())
    _prove(model, estimator, learner, places, sample)
    return model


def _first_difference(model, estimator, places, sample):
    """Where the vectors differ that the last step gets, for people; "" where that cannot be told."""
    if type(estimator).__name__ != "Pipeline" or len(estimator.steps) < 2:
        return ""
    expected = estimator[:-1].transform(sample.given)
    expected = numpy.asarray(expected.todense() if hasattr(expected, "todense") else expected, dtype=numpy.float64)
    if expected.shape[1] != len(places):
        return ""
    with zipfile.ZipFile(io.BytesIO(model.to_bytes())) as members:
        transform = _fitting.read_transform(members.read("transform.json").decode())
    made = transform.apply(sample.stream(), sample.count)
    for column, place in enumerate(places):
        if place is None:
            continue
        apart = numpy.abs(made[:, place] - expected[:, column]) / numpy.maximum(1.0, numpy.abs(expected[:, column]))
        if (apart > TOLERANCE).any():
            return f"; what comes before it differs already: column {column}, `{transform.outputs[place]}`, is {made[apart.argmax(), place]!r} here and {expected[apart.argmax(), column]!r} there"
    return "; what comes before it is the same"


def _prove(model, estimator, learner, places, sample):
    """Every score of the sample is scikit-learn's."""
    scores = _fitting.scores(model, sample.stream(), sample.count)
    if learner.classes is None:
        expected = numpy.asarray(estimator.predict(sample.given), dtype=numpy.float64).reshape(-1, 1)
    else:
        expected = numpy.asarray(estimator.predict_proba(sample.given), dtype=numpy.float64)
        expected = expected[:, 1:] if len(learner.classes) == 2 else expected
    apart = numpy.abs(scores - expected) / numpy.maximum(1.0, numpy.abs(expected))
    worst = int(numpy.argmax(apart.max(axis=1)))
    if apart.max() <= TOLERANCE:
        return
    column = int(apart[worst].argmax())
    raise InvalidModelError(f"cannot convert {learner.step}: row {worst} of the sample (counted from 0) scores {scores[worst, column]!r} here and {expected[worst, column]!r} in scikit-learn, "
                            f"more than {TOLERANCE} apart; {int((apart.max(axis=1) > TOLERANCE).sum())} of {sample.count} rows differ"
                            + _first_difference(model, estimator, places, sample), "report it with the pipeline's steps", 2)

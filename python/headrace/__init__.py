"""Score with a model file that Headrace made: the transforms, the forest and the calibration that were fitted, the same bits as everywhere else.

    import headrace
    model = headrace.load("churn.model")
    scored = model.predict(customers)          # pandas, Polars, pyarrow, DuckDB: the same kind of table comes back

Nothing of a model file is executed. Rows go in and out as Arrow streams (``__arrow_c_stream__``), without Python touching a value. Estimators for scikit-learn, fitted by the same
library, are in `headrace.sklearn`; `from_sklearn` turns a fitted scikit-learn pipeline into a model file, `to_onnx` a model file into an ONNX model.
"""

import ctypes
import datetime
import json
import os

from headrace import _library
from headrace._library import LIBRARY, Stream

__all__ = ["DataError", "HeadraceError", "InvalidModelError", "Model", "Stream", "from_sklearn", "load", "to_onnx"]
__version__ = LIBRARY.headrace_version().decode()


class HeadraceError(Exception):
    """What was expected and what came (`message`), what to do (`help`, may be empty), and the exit code that the program ends with (`code`)."""

    def __init__(self, message, help="", code=1):
        super().__init__(f"{message}\nhelp: {help}" if help else message)
        self.message, self.help, self.code = message, help, code


class InvalidModelError(HeadraceError, ValueError):
    """A foreign, damaged or too new model file, or an argument that means nothing."""


class DataError(HeadraceError, ValueError):
    """The rows do not fit the model: a missing column, another type, a value it cannot take."""


def _check(code, error):
    if code != 0:
        kind = {2: InvalidModelError, 3: DataError}.get(code, HeadraceError)
        raise kind(error.message.decode(), error.help.decode(), code)


def load(model):
    """Open a model file, given by its path or as `bytes`.

    Everything in it is checked first, and the scores of its made-up rows are computed again and compared bit by bit.
    Raises InvalidModelError, which says why a file is refused.
    """
    handle, error = ctypes.c_void_p(), _library.Error()
    if isinstance(model, (bytes, bytearray, memoryview)):
        content = bytes(model)
        _check(LIBRARY.headrace_load_bytes(content, len(content), ctypes.byref(handle), ctypes.byref(error)), error)
    else:
        _check(LIBRARY.headrace_load(os.fsencode(model), ctypes.byref(handle), ctypes.byref(error)), error)
    return Model(handle)


def from_sklearn(estimator, sample, *, target="target"):
    """The model that a fitted scikit-learn `Pipeline` (or estimator) is: the same scores from the same raw rows, in a file that `headrace score` takes.

    sample  rows like those to be scored, in the kind of table that the pipeline was fitted on: its scores are compared row by row
    target  what the file calls the predicted column

    Raises ValueError, naming the step, for what cannot be said exactly, and when a score of the sample differs by more than 1e-9 (docs/python.md). Needs scikit-learn.
    """
    from headrace import _convert
    return _convert.from_sklearn(estimator, sample, target)


def to_onnx(model, path, sample):
    """Write a model as ONNX: the same scores from the same raw columns wherever onnxruntime runs. `path` appears only once every score of the sample was compared,
    and those of the rows that the model file makes up (docs/model-file.md, the parity proof).

    model   a Model, or what `load` takes
    sample  rows like those to be scored; whatever `Model.predict` takes, one row at least

    Inputs, each [N, 1], by the name of the column: double (NaN: missing), int64, bool, string; int64 of dates (days since 1970-01-01) and timestamps (microseconds since then, UTC). An int or bool
    column that was missing somewhere in training is double, NaN where it is missing; such a text, date or timestamp column has a second input, `<column>_missing` (bool), which says where it is: what the
    first one holds there does not matter.
    Outputs, N rows each: `score` (double [N, 1]; several classes: `scores`, [N, classes] in the order of `info["classes"]`) and, for classes, `label` (string [N, 1]); of a model of clusters
    `cluster` (int64 [N, 1]) and `distance` (double [N, 1]). A row that Headrace refuses scores NaN and has the label "", or the distance NaN and the cluster -1.

    Raises InvalidModelError, naming step and column, for what cannot be said exactly, and naming row and both scores, when a score differs by more than 1e-9 (of the score, where that is above 1), or
    a label or cluster (docs/python.md); DataError for rows that do not fit the model. Needs onnx, onnxruntime, numpy and pyarrow, else ImportError.
    """
    try:
        from headrace import _onnx
    except ImportError as error:
        raise ImportError(f"headrace.to_onnx needs the package `{error.name}`: pip install onnx onnxruntime numpy pyarrow", name=error.name) from error
    return _onnx.to_onnx(model, path, sample)


class Model:
    """A model file, opened by `load`. Immutable; any number of threads may use one at once."""

    def __init__(self, handle):
        self._handle = handle
        #: What the model says of itself, as ``headrace --json inspect`` prints it: task, classes, inputs with their types, features, metrics, digest ...
        self.info = json.loads(LIBRARY.headrace_describe(handle))

    def __del__(self):
        if getattr(self, "_handle", None) and LIBRARY is not None:   # None: Python is on its way out
            LIBRARY.headrace_free(self._handle)

    def __repr__(self):
        of = f"{self.info['clusters']} clusters" if self.info["task"] == "clustering" else f"{self.info['task']} target {self.info['target']!r}"
        return f"<headrace.Model {self.info['learner']} for {of}, {self.info['digest'][:12]}>"

    def __reduce__(self):
        return load, (self.to_bytes(),)

    def to_bytes(self):
        """The model file, whole: what `load` takes."""
        size = ctypes.c_size_t()
        address = LIBRARY.headrace_bytes(self._handle, ctypes.byref(size))
        return ctypes.string_at(address, size.value)

    def save(self, path):
        """Write the model file."""
        error = _library.Error()
        _check(LIBRARY.headrace_save(self._handle, os.fsencode(path), ctypes.byref(error)), error)

    def predict(self, rows, *, keep=None, reasons=0, threads=0):
        """`rows` with their scores, in their order.

        rows     anything with ``__arrow_c_stream__``: a pandas, Polars or pyarrow table, a DuckDB relation. Columns are found by name; others do not matter
        keep     columns to carry over; None: all but the model's target
        reasons  how many columns ``reason_1`` ... to add: what moved the row's score most
        threads  0: all cores. Never changes a bit

        Columns added: ``score`` (calibrated probability of the positive class, or the predicted value), for several classes ``score_<class>`` each, ``label``
        (not for a regression), of a model of clusters ``cluster`` and ``distance`` instead; then ``model_version``. The same kind of table comes back (pandas with its index), for all else a `Stream`.
        Raises DataError, naming the column at fault.
        """
        if not hasattr(rows, "__arrow_c_stream__"):
            raise TypeError(f"rows must be a table that exports Arrow (`__arrow_c_stream__`: pandas, Polars, pyarrow, DuckDB), got {type(rows).__name__}")
        library = type(rows).__module__.partition(".")[0]
        given = rows.reset_index(drop=True) if library == "pandas" else rows
        names = [name.encode() for name in keep or ()]
        options = _library.ScoreOptions(threads, reasons, 1 if keep is None else 0, (ctypes.c_char_p * len(names))(*names), len(names))
        stream, error = Stream(), _library.Error()
        address, alive = _library.stream_of(given)
        _check(LIBRARY.headrace_score_stream(self._handle, address, ctypes.byref(options), ctypes.byref(stream.struct), ctypes.byref(error)), error)
        del alive
        if library == "pandas":
            import pandas
            scored = _read(lambda: pandas.DataFrame.from_arrow(stream) if hasattr(pandas.DataFrame, "from_arrow") else _pyarrow(stream).to_pandas())
            scored.index = rows.index
            return scored
        if library == "polars":
            import polars
            return _read(lambda: polars.DataFrame(stream))
        if library == "pyarrow":
            return _read(lambda: _pyarrow(stream))
        return stream

    def predict_row(self, row):
        """The score of one row, a mapping from column to value: a float, for several classes a dict of them by class, of a model of clusters a dict of `cluster` (int) and
        `distance`. The same bits as `predict`.

        Values are None, bool, int, float, str, datetime.date or datetime.datetime (UTC without a zone). A column that is missing is an error, others do not matter.
        """
        inputs = self.info["inputs"]
        values = (_library.Value * len(inputs))()
        for value, column in zip(values, inputs):
            if column["name"] not in row:
                raise DataError(f"column `{column['name']}` ({column['type']}) is missing", code=3)
            _fill(value, row[column["name"]], column)
        scores, error = (ctypes.c_double * LIBRARY.headrace_num_scores(self._handle))(), _library.Error()
        _check(LIBRARY.headrace_score_row(self._handle, values, len(inputs), scores, len(scores), ctypes.byref(error)), error)
        if self.info["task"] == "clustering":
            return {"cluster": int(scores[0]), "distance": scores[1]}
        return dict(zip(self.info["classes"], scores)) if self.info["task"] == "multiclass" else scores[0]


_EPOCH = datetime.datetime(1970, 1, 1)


def _fill(value, given, column):
    if given is None:
        value.kind = _library.NULL
    elif isinstance(given, str):
        value.as_text = given.encode()
        value.kind, value.size = _library.TEXT, len(value.as_text)
    elif isinstance(given, datetime.datetime):
        moment = given.astimezone(datetime.timezone.utc).replace(tzinfo=None) if given.tzinfo else given
        value.kind, value.as_int = _library.INT, (moment - _EPOCH) // datetime.timedelta(microseconds=1)
    elif isinstance(given, datetime.date):
        value.kind, value.as_int = _library.INT, (given - _EPOCH.date()).days
    elif isinstance(given, float):
        value.kind, value.as_double = _library.DOUBLE, given
    else:
        try:
            value.kind, value.as_int = _library.INT, given.__index__()
        except AttributeError:
            try:
                value.kind, value.as_double = _library.DOUBLE, float(given)   # numpy's floats
            except (TypeError, ValueError):
                raise DataError(f"the value of `{column['name']}` is a {type(given).__name__}, but the column is {column['type']}", code=3) from None


def _pyarrow(stream):
    import pyarrow
    return pyarrow.table(stream)


def _read(table):
    """What goes wrong with a row on the way comes as an error of whoever reads the stream."""
    try:
        return table()
    except ImportError:
        raise
    except Exception as error:
        raise DataError(str(error), code=3) from error

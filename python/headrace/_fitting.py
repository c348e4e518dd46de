"""Fit with libheadrace.so: rows, columns and words in, models and transforms out. What Python does is hand over pointers; needs numpy."""

import ctypes
import json

import numpy

from headrace import Model, Stream, _check, _library
from headrace._library import LIBRARY


def column(name, values, levels=None):
    """A column for `rows`: doubles, or places in `levels` (below 0: null)."""
    values = numpy.asarray(values, dtype=numpy.float64 if levels is None else numpy.int64)
    return name, values if values.strides[0] > 0 else values.copy(), levels


def text_of_class(value):
    """A class as text, spelt as a pipeline would read it."""
    if isinstance(value, (bool, numpy.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, numpy.floating)):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def rows(table, columns, n):
    """One stream of `table` (whatever exports Arrow, or None) and further columns of `n` rows."""
    columns = list(columns)
    given = (_library.Column * len(columns))()
    alive = []
    for at, (name, values, levels) in zip(given, columns):
        at.name = name.encode()
        at.kind = _library.DOUBLE if levels is None else _library.TEXT
        at.values, at.stride = values.ctypes.data, values.strides[0] if n > 1 else 0
        if levels is not None:
            texts = (ctypes.c_char_p * len(levels))(*[level.encode() for level in levels])
            at.levels, at.num_levels = texts, len(levels)
            alive.append(texts)
    address, capsule = _library.stream_of(table) if table is not None else (None, None)
    stream, error = Stream(), _library.Error()
    _check(LIBRARY.headrace_with_columns(address, given, len(columns), n, ctypes.byref(stream.struct), ctypes.byref(error)), error)
    del capsule, alive
    return stream


def types(stream):
    """Column -> "bool", "int", "double", "text", "date", "timestamp", of a stream that `rows` made."""
    schema = _library.ArrowSchema()
    struct = stream.struct
    if _library.GET_SCHEMA(struct.get_schema)(ctypes.byref(struct), ctypes.byref(schema)) != 0:
        raise ValueError("the columns of the rows cannot be read")
    kinds = {"b": "bool", "l": "int", "g": "double", "u": "text", "U": "text", "tdD": "date"}
    found = {}
    for i in range(schema.n_children):
        child = schema.children[i].contents
        text = child.format.decode()
        found[child.name.decode()] = kinds.get(text, "timestamp" if text.startswith("ts") else text)
    _library.RELEASE_SCHEMA(schema.release)(ctypes.byref(schema))
    return found


def _words(words):
    def plain(value):
        if isinstance(value, numpy.generic):
            return value.item()
        raise TypeError(f"{value!r} is a {type(value).__name__}, expected what stands in a pipeline file: text, a number, true or false, a list or a dict")
    return json.dumps(words, default=plain).encode()


def train(stream, words, *, task=None, threads=0, evaluate=False):
    """The Model that `words`, those of a `train` step, make of the rows."""
    handle, error = ctypes.c_void_p(), _library.Error()
    options = _library.FitOptions(threads, _library.TASKS[task], 1 if evaluate else 0, None, None)
    _check(LIBRARY.headrace_train(ctypes.byref(stream.struct), _words(words), ctypes.byref(options), ctypes.byref(handle), ctypes.byref(error)), error)
    return Model(handle)


def scores(model, stream, n, threads=0):
    """What the model predicts of `n` rows: n x 1, or for several classes n x classes in the file's order."""
    out = numpy.empty((n, LIBRARY.headrace_num_scores(model._handle)))
    error = _library.Error()
    _check(LIBRARY.headrace_score_into(model._handle, ctypes.byref(stream.struct), threads, out.ctypes.data, out.size, ctypes.byref(error)), error)
    return out


def convert(description, sample, threads=0):
    """The Model of what another program fitted; `description` as in src/headrace/model/converted.h."""
    handle, error = ctypes.c_void_p(), _library.Error()
    text = json.dumps(description, allow_nan=False).encode()
    _check(LIBRARY.headrace_convert(text, len(text), ctypes.byref(sample.struct), threads, ctypes.byref(handle), ctypes.byref(error)), error)
    return Model(handle)


class Transform:
    """A fitted transform: raw columns in, numbers out."""

    def __init__(self, handle):
        self._handle = handle
        described = json.loads(LIBRARY.headrace_transform_describe(handle))
        self.inputs, self.outputs = described["inputs"], described["outputs"]

    def __del__(self):
        if getattr(self, "_handle", None) and LIBRARY is not None:
            LIBRARY.headrace_free_transform(self._handle)

    def __reduce__(self):
        return read_transform, (self.to_json(),)

    def to_json(self):
        return LIBRARY.headrace_transform_json(self._handle).decode()

    def apply(self, stream, n, threads=0):
        out = numpy.empty((n, len(self.outputs)))
        error = _library.Error()
        _check(LIBRARY.headrace_transform_into(self._handle, ctypes.byref(stream.struct), threads, out.ctypes.data, out.size, ctypes.byref(error)), error)
        return out


def read_transform(text):
    handle, error = ctypes.c_void_p(), _library.Error()
    content = text.encode()
    _check(LIBRARY.headrace_read_transform(content, len(content), ctypes.byref(handle), ctypes.byref(error)), error)
    return Transform(handle)


def fit_transform(stream, words, *, task=None, threads=0, training=False):
    """The Transform, and with `training` the numbers that a learner would see of these rows (target encodings cross-fitted)."""
    handle, error, matrix = ctypes.c_void_p(), _library.Error(), _library.Matrix()
    options = _library.FitOptions(threads, _library.TASKS[task], 0, None, None)
    _check(LIBRARY.headrace_fit_transform(ctypes.byref(stream.struct), _words(words), ctypes.byref(options), ctypes.byref(handle),
                                          ctypes.byref(matrix) if training else None, ctypes.byref(error)), error)
    made = None
    if training:
        made = numpy.ctypeslib.as_array(matrix.values, (matrix.rows, matrix.columns)).copy()
        LIBRARY.headrace_free_matrix(ctypes.byref(matrix))
    return Transform(handle), made

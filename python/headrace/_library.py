"""The C ABI of headrace.h through ctypes: one package for every Python, nothing to compile."""

import ctypes
import os
import pathlib

ABI_VERSION = 1


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int32), ("message", ctypes.c_char * 1536), ("help", ctypes.c_char * 508)]


class ScoreOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("reasons", ctypes.c_int32), ("keep_all", ctypes.c_int32),
                ("keep", ctypes.POINTER(ctypes.c_char_p)), ("num_keep", ctypes.c_size_t)]


class Value(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int32), ("as_int", ctypes.c_int64), ("as_double", ctypes.c_double), ("as_text", ctypes.c_char_p), ("size", ctypes.c_size_t)]


NULL, INT, DOUBLE, TEXT = range(4)


class Column(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int32), ("values", ctypes.c_void_p), ("stride", ctypes.c_size_t),
                ("levels", ctypes.POINTER(ctypes.c_char_p)), ("num_levels", ctypes.c_size_t)]


class FitOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("task", ctypes.c_int32), ("evaluate", ctypes.c_int32), ("cancelled", ctypes.c_void_p), ("data", ctypes.c_void_p)]


TASKS = {None: 0, "binary": 1, "multiclass": 2, "regression": 3}


class Matrix(ctypes.Structure):
    _fields_ = [("values", ctypes.POINTER(ctypes.c_double)), ("rows", ctypes.c_size_t), ("columns", ctypes.c_size_t)]


class ArrowArrayStream(ctypes.Structure):
    """https://arrow.apache.org/docs/format/CStreamInterface.html"""
    _fields_ = [(name, ctypes.c_void_p) for name in ("get_schema", "get_next", "get_last_error", "release", "private_data")]


class ArrowSchema(ctypes.Structure):
    """https://arrow.apache.org/docs/format/CDataInterface.html"""


ArrowSchema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
                        ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))), ("dictionary", ctypes.POINTER(ArrowSchema)), ("release", ctypes.c_void_p),
                        ("private_data", ctypes.c_void_p)]
GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowSchema))
RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowSchema))


def _find():
    """HEADRACE_LIBRARY if it is set, else beside this file, where a wheel has it."""
    place = pathlib.Path(os.environ.get("HEADRACE_LIBRARY") or pathlib.Path(__file__).resolve().parent / "lib" / "libheadrace.so")
    if not place.exists():
        raise ImportError(f"there is no {place}. Set HEADRACE_LIBRARY to the path of libheadrace.so")
    return str(place)


def _load():
    library = ctypes.CDLL(_find())
    pointer, error, size = ctypes.c_void_p, ctypes.POINTER(Error), ctypes.c_size_t
    stream, options, doubles = ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(FitOptions), ctypes.c_void_p
    for name, answer, arguments in [
            ("headrace_abi_version", ctypes.c_int32, []),
            ("headrace_version", ctypes.c_char_p, []),
            ("headrace_load", ctypes.c_int32, [ctypes.c_char_p, ctypes.POINTER(pointer), error]),
            ("headrace_load_bytes", ctypes.c_int32, [ctypes.c_char_p, size, ctypes.POINTER(pointer), error]),
            ("headrace_free", None, [pointer]),
            ("headrace_describe", ctypes.c_char_p, [pointer]),
            ("headrace_score_stream", ctypes.c_int32, [pointer, pointer, ctypes.POINTER(ScoreOptions), ctypes.POINTER(ArrowArrayStream), error]),
            ("headrace_bytes", pointer, [pointer, ctypes.POINTER(size)]),
            ("headrace_save", ctypes.c_int32, [pointer, ctypes.c_char_p, error]),
            ("headrace_score_into", ctypes.c_int32, [pointer, pointer, ctypes.c_int32, doubles, size, error]),
            ("headrace_with_columns", ctypes.c_int32, [pointer, ctypes.POINTER(Column), size, size, stream, error]),
            ("headrace_train", ctypes.c_int32, [pointer, ctypes.c_char_p, options, ctypes.POINTER(pointer), error]),
            ("headrace_free_matrix", None, [ctypes.POINTER(Matrix)]),
            ("headrace_fit_transform", ctypes.c_int32, [pointer, ctypes.c_char_p, options, ctypes.POINTER(pointer), ctypes.POINTER(Matrix), error]),
            ("headrace_read_transform", ctypes.c_int32, [ctypes.c_char_p, size, ctypes.POINTER(pointer), error]),
            ("headrace_free_transform", None, [pointer]),
            ("headrace_transform_json", ctypes.c_char_p, [pointer]),
            ("headrace_transform_describe", ctypes.c_char_p, [pointer]),
            ("headrace_transform_stream", ctypes.c_int32, [pointer, pointer, ctypes.c_int32, stream, error]),
            ("headrace_transform_into", ctypes.c_int32, [pointer, pointer, ctypes.c_int32, doubles, size, error]),
            ("headrace_convert", ctypes.c_int32, [ctypes.c_char_p, size, pointer, ctypes.c_int32, ctypes.POINTER(pointer), error]),
            ("headrace_num_inputs", size, [pointer]),
            ("headrace_num_scores", size, [pointer]),
            ("headrace_score_row", ctypes.c_int32, [pointer, ctypes.POINTER(Value), size, ctypes.POINTER(ctypes.c_double), size, error])]:
        function = getattr(library, name)
        function.restype, function.argtypes = answer, arguments
    if library.headrace_abi_version() != ABI_VERSION:
        raise ImportError(f"libheadrace.so speaks version {library.headrace_abi_version()} of its interface, this package version {ABI_VERSION}: install both from one release")
    return library


LIBRARY = _load()

_python = ctypes.pythonapi
_python.PyCapsule_GetPointer.restype, _python.PyCapsule_GetPointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_python.PyCapsule_New.restype, _python.PyCapsule_New.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_NAME = b"arrow_array_stream"
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArrayStream))
_lent = []   # streams that a capsule points into and nobody has taken over yet


class Stream:
    """Rows that are made as they are read, once: hand it to anything that takes ``__arrow_c_stream__``."""

    def __init__(self):
        self.struct = ArrowArrayStream()

    def __arrow_c_stream__(self, requested_schema=None):
        if not self.struct.release:
            raise ValueError("this stream was read already")
        _lent[:] = [stream for stream in _lent if stream.struct.release and stream is not self] + [self]
        return _python.PyCapsule_New(ctypes.addressof(self.struct), _NAME, None)

    def __del__(self):
        if self.struct.release and _RELEASE is not None:   # None: Python is on its way out
            _RELEASE(self.struct.release)(ctypes.byref(self.struct))


def stream_of(rows):
    """The address of the Arrow C stream of `rows` and what must live while it is taken over."""
    capsule = rows.__arrow_c_stream__()
    return _python.PyCapsule_GetPointer(capsule, _NAME), capsule

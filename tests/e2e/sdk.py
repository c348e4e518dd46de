"""The Python package of this tree over the library that was built, for tests: `from sdk import headrace`."""

import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build" / "bin"))
os.environ["HEADRACE_LIBRARY"] = str(BIN.parent / "lib" / "libheadrace.so")
sys.path.insert(0, str(SOURCE / "python"))

import headrace  # noqa: E402, F401

"""Puts questions to build/bin/oracle_metrics (tests/tools/oracle_metrics.cc), all of a test in one process.

HEADRACE_BIN_DIR names the folder of the programs; without it, build/bin of this checkout.
"""

import json
import os
import pathlib
import subprocess

BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin")


def ask(requests):
    """The answers, in order. Fails on the first that is an error."""
    done = subprocess.run([BIN / "oracle_metrics"], input=json.dumps(requests), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for request, answer in zip(requests, answers, strict=True):
        assert "error" not in answer, (request["ask"], answer["error"])
    return answers

"""300 project files broken by the generator of tests/long/broken_files.py, held to the same goals as its 10,000, time left out: a busy machine is no error."""

import json
import os
import subprocess
import sys

from world import SOURCE


def test_broken_files_give_the_right_line_and_hint_and_never_a_crash():
    done = subprocess.run([sys.executable, SOURCE / "tests/long/broken_files.py"], env={**os.environ, "COUNT": "300", "SEED": "7"}, capture_output=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["files"] == 300 and figures["hints_judged"] > 50, done.stdout
    assert figures["crashes"] + figures["hangs"] + figures["program_wrong"] == 0, done.stdout
    assert figures["right_line"] >= 0.95 and figures["right_hint"] >= 0.80, done.stdout

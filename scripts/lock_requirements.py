#!/usr/bin/env python3
"""Pin what tests/requirements.in asks for: write tests/requirements.txt with each version and SHA-256.

Run with the Python that the tests use (Debian 12's 3.11). It lets pip resolve without installing anything.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"

# 63 MB with which shap compiles what explains texts and images; tests/oracle/test_contributions.py does without.
LEFT_OUT = {"llvmlite", "numba"}

HEAD = """\
# Written by scripts/lock_requirements.py from requirements.in, for Python {python} on Linux x86-64. Do not edit.
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run([sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
                        "--only-binary=:all:", "--report", report, "-r", TESTS / "requirements.in"], check=True)
        installs = [install for install in json.loads(report.read_text())["install"] if install["metadata"]["name"].lower() not in LEFT_OUT]
    lines = []
    for install in sorted(installs, key=lambda one: one["metadata"]["name"].lower()):
        sha256 = install["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{install['metadata']['name'].lower()}=={install['metadata']['version']} --hash=sha256:{sha256}\n")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (TESTS / "requirements.txt").write_text(HEAD.format(python=python) + "".join(lines))


if __name__ == "__main__":
    main()

"""The frameworks' side of `orchestration`: Luigi, Dagster, Prefect, Metaflow, Airflow on graphs of steps that do nothing.

Each is installed from PyPI, by its name, into a virtual environment of its own under the folder that is handed in, and runs its script `orch_NAME.py`
beside this file, which says how it measures. What does not install or does not run is left out and said so.
"""
import json
import os
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
# name: (packages, arguments of its script); the shapes of each are those that end within minutes
KNOWN = {
    "luigi": (["luigi"], ["--plan", "line:100,wide:1000", "--reps", "3"]),
    "dagster": (["dagster"], ["--plan", "line:100,wide:1000", "--reps", "3"]),
    "prefect": (["prefect", "fastapi<0.120"], ["--plan", "line:100,wide:1000", "--reps", "3"]),
    "metaflow": (["metaflow"], ["--plan", "line:12,wide:20", "--reps", "2"]),
    "airflow": (["apache-airflow"], ["--mode", "test", "--plan", "line:20,wide:100", "--reps", "2"]),
}


def measure(name, folder):
    """{(shape, steps): milliseconds a step}, the best of the repeats; empty, with a reason said, when it does not install or run."""
    packages, arguments = KNOWN[name]
    home = os.path.join(folder, name)
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        venv.create(home, with_pip=True)
    install = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], capture_output=True, text=True)
    if install.returncode != 0:
        print(f"orchestration: {name} did not install: {(install.stderr.strip().splitlines() or ['no reason given'])[-1]}", file=sys.stderr)
        return {}
    if name == "airflow":
        arguments = [*arguments, "--home", os.path.join(home, "airflow")]
    try:
        done = subprocess.run([python, os.path.join(HERE, f"orch_{name}.py"), *arguments], capture_output=True, text=True, timeout=600, cwd=home)
    except subprocess.TimeoutExpired:
        print(f"orchestration: {name} did not end in ten minutes", file=sys.stderr)
        return {}
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            figures = json.loads(line)
            if "ms_per_step_min" in figures:   # others tell of their start
                found[figures["shape"], figures["steps"]] = figures["ms_per_step_min"]
    if done.returncode != 0:
        print(f"orchestration: {name} ended with {done.returncode}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", file=sys.stderr)
    return found

"""What `make bench-e2e` and `make bench-wide` measure still runs, on fewer rows."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
BENCH = pathlib.Path(os.environ["HEADRACE_SOURCE"]) / "bench"


def test_the_benchmark_of_events_to_scores_delivers(tmp_path):
    sys.path.insert(0, str(BENCH))
    from peers import gen_events
    project = tmp_path / "e2e"
    shutil.copytree(BENCH / "e2e", project)
    (project / "out").mkdir()
    gen_events.generate(str(project / "data"), 20_000, 3_000)
    done = subprocess.run([HEADRACE, "--json", "run", "propensity", "--interval", "2026-05-31/2026-06-01"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows_delivered"] == 6_000, done.stdout     # 3,000 customers to a file and to a database


def test_texts_of_thousands_of_columns_train_in_a_quarter_of_their_doubles():
    """40,000 x 5,000 doubles are 1,600 MB; the script ends with 1 when a process took more than 400."""
    done = subprocess.run([sys.executable, str(BENCH / "wide.py"), "--rows", "40000", "--learners", "logistic,lightgbm,naive_bayes", "--no-peers"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

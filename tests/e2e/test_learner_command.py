"""`learner: {command: ...}`: a program fits while training, and Headrace scores what it wrote; what it does wrong fails the step and is told."""

import csv
import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pandas
import pytest

from world import HEADRACE, SOURCE

BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build" / "bin"))
os.environ["HEADRACE_LIBRARY"] = str(BIN.parent / "lib" / "libheadrace.so")
sys.path.insert(0, str(SOURCE / "python"))

import headrace as sdk  # noqa: E402
from headrace.sklearn import HeadraceClassifier  # noqa: E402

PYTHON = sys.executable

PIPELINE = """
name: main
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      split: {by: hash(id), test: 30%}
      folds: 3
      learner: {command: {run: [PYTHON, fit.py], writes: WRITES, code: [fit.py], params: {c: 0.5, gamma: 2}}}
      calibrate: sigmoid
    gate: [auc >= 0.6]
    register: {name: buyers, promote: auto}
  scores: {score: {data: people, model: model, keep: [id], reasons: 1}}
  out: {deliver: {data: scores, file: out/scores.csv}}
"""

LOGISTIC = """
import json, os
import pandas
from sklearn.linear_model import LogisticRegression

x = pandas.read_parquet(os.environ["HEADRACE_FEATURES"]).to_numpy()
rows = pandas.read_parquet(os.environ["HEADRACE_TARGET"])
fit = json.load(open(os.environ["HEADRACE_FIT"]))
assert len(fit["features"]) == x.shape[1] and fit["rows"] == len(rows) and fit["task"] == "binary" and fit["classes"] == ["0", "1"]
print("fitted", fit["fit"])
model = LogisticRegression(C=json.loads(os.environ["HEADRACE_PARAMS"])["c"], tol=1e-10).fit(x, rows["target"], sample_weight=rows["weight"])
json.dump({"coefficients": model.coef_.tolist(), "intercepts": model.intercept_.tolist()}, open(os.environ["HEADRACE_MODEL"], "w"))
"""


@pytest.fixture
def project(tmp_path):
    draw = random.Random(5)
    (tmp_path / "headrace.yaml").write_text("environments: {prod: {default: true, deliver: live}}\n")
    with (tmp_path / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "visits", "spend", "country", "bought"])
        for i in range(900):
            visits, country = draw.randrange(10), draw.choice("abc")
            out.writerow([i, visits, round(draw.gauss(50, 20), 1) if i % 9 else "", country, int(draw.random() < 0.08 * visits + (0.2 if country == "a" else 0))])
    return tmp_path


def write(project, program, writes, pipeline=PIPELINE):
    (project / "fit.py").write_text(program)
    (project / "main.yaml").write_text(pipeline.replace("PYTHON", PYTHON).replace("WRITES", writes))


def headrace(project, *argv):
    return subprocess.run([HEADRACE, *argv], cwd=project, capture_output=True, text=True)


def run(project, code=0):
    ran = headrace(project, "--json", "run", "main.yaml", "--interval", "2026-01-05/2026-01-12")
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran


def step(ran, name="model"):
    return next(one for one in json.loads(ran.stdout)["steps"] if one["step"] == name)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_program_fits_and_headrace_scores(project):
    write(project, LOGISTIC, "logistic")
    ran = run(project)
    assert step(ran)["model"]["champion"] == 1
    logs = headrace(project, "logs", json.loads(ran.stdout)["run"], "model").stdout
    assert re.findall("fitted (.*)", logs) == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3", "training rows"]
    rows = rows_of(project / "out" / "scores.csv")
    assert len(rows) == 900 and all(0 < float(row["score"]) < 1 and row["reason_1"] for row in rows)
    # The same as our own learner with the same penalty, as far as scikit-learn's solver went.
    (project / "main.yaml").write_text((project / "main.yaml").read_text().replace(f"{{command: {{run: [{PYTHON}, fit.py], writes: logistic, code: [fit.py], params: {{c: 0.5, gamma: 2}}}}}}", "{logistic: {l2: 2}}"))
    assert "command" not in (project / "main.yaml").read_text()
    run(project)
    for theirs, ours in zip(rows, rows_of(project / "out" / "scores.csv"), strict=True):
        assert float(theirs["score"]) == pytest.approx(float(ours["score"]), abs=1e-4)


def test_scoring_needs_no_program_and_has_the_same_bits(project):
    write(project, LOGISTIC, "logistic")
    run(project)
    rows = rows_of(project / "out" / "scores.csv")
    (project / "fit.py").unlink()
    (model,) = project.glob(".headrace/artifacts/*/*.model")
    alone = headrace(project, "score", str(model), "people.csv", "-o", "alone.csv", "--keep", "id")
    assert alone.returncode == 0, alone.stderr
    assert [row["score"] for row in rows_of(project / "alone.csv")] == [row["score"] for row in rows]
    assert "fitted by a program of the pipeline" in headrace(project, "inspect", str(model), "--member", "card.md").stdout


def test_the_program_of_the_docs_runs(project):
    page = (SOURCE / "docs" / "learners.md").read_text()
    program = re.search(r"```python\n(# scripts/fit.py.*?)```", page, re.DOTALL)[1]
    write(project, program, "lightgbm", PIPELINE.replace(", reasons: 1", ""))
    ran = run(project)
    assert step(ran)["state"] == "succeeded" and float(rows_of(project / "out" / "scores.csv")[0]["score"]) < 1


def test_it_runs_again_when_its_code_changed_and_else_not(project):
    write(project, LOGISTIC, "logistic")
    run(project)
    assert step(run(project))["state"] == "reused"
    (project / "fit.py").write_text(LOGISTIC + "# more\n")
    assert step(run(project))["state"] == "succeeded"


@pytest.mark.parametrize(("program", "code", "told"), [
    ("import sys; sys.exit('no convergence')", 1, "failed with exit code 1; it wrote last: no convergence"),
    ("import sys; sys.exit(75)", 75, "asks to be run again later"),
    ("import sys; sys.exit(99)", 1, "asks to be skipped (exit code 99), which a learner cannot be"),
    ("pass", 1, "ended with exit code 0 but wrote no model"),
    ("import os; os.symlink('/etc/passwd', os.environ['HEADRACE_MODEL'])", 1, "ended with exit code 0 but wrote no model"),
    ("import os, pickle; pickle.dump({'a': 1}, open(os.environ['HEADRACE_MODEL'], 'wb'))", 1, "fold 1 of 3: the program ended well, but what it wrote is no logistic model"),
    ("import os; open(os.environ['HEADRACE_MODEL'], 'w').write('{\"coefficients\": [[1]], \"intercepts\": [1e999]}')", 1, "no logistic model"),
])
def test_what_it_does_wrong_is_told(project, program, code, told):
    write(project, program, "logistic")
    ran = run(project, code)
    assert told in step(ran)["reason"] + json.loads(ran.stdout)["message"] + ran.stderr, ran.stdout + ran.stderr
    assert not list(project.glob(".headrace/artifacts/*/*.model")) and not (project / "out").exists()


def test_a_program_that_is_not_there(project):
    write(project, LOGISTIC, "logistic", PIPELINE.replace("PYTHON", "no-such-program"))
    assert "no-such-program" in run(project, 2).stderr


def test_secrets_are_masked_in_what_it_wrote(project):
    program = "import os; print('the key is', os.environ['KEY'])\n" + LOGISTIC
    write(project, program, "logistic", PIPELINE.replace("params:", "env: {KEY: {secret: LEARNER_KEY}}, params:"))
    ran = subprocess.run([HEADRACE, "--json", "run", "main.yaml"], cwd=project, capture_output=True, text=True, env={**os.environ, "LEARNER_KEY": "open-sesame-4711"})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    logs = headrace(project, "logs", json.loads(ran.stdout)["run"], "model").stdout
    assert "the key is" in logs and "open-sesame" not in logs


def test_without_a_project_nobody_runs_it(project):
    table = pandas.read_csv(project / "people.csv")
    with pytest.raises(sdk.HeadraceError, match="programs run in the pipelines of a project only"):
        HeadraceClassifier(learner={"command": {"run": ["touch", str(project / "touched")], "writes": "logistic"}}).fit(table[["visits", "spend"]], table["bought"])
    assert not (project / "touched").exists()

"""Weights, tuning, intervals, gaps and costs in one pipeline, as a user runs it, and as the report tells it."""

import csv
import json
import random
import subprocess

import pytest

from world import HEADRACE

PIPELINE = """
name: main
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      split: {by: hash(id), test: 25%}
      weight: importance
      class_weight: balanced
      learner: {lightgbm: {num_iterations: 60, early_stopping_round: 10}}
      monotone: {visits: rising}
      tune: {trials: 4, space: {num_leaves: [2, 4, 8], learning_rate: {low: 0.05, high: 0.3, scale: log}}}
      calibrate: beta
      threshold: {cost: {false_positive: 1, false_negative: 3}}
      evaluate: [auc, logloss, ks, gain@20%]
      segments: [country]
    gate: [auc.low >= 0.55, "selection_rate.gap <= 0.9"]
    register: {name: buyers, promote: auto}
  scores: {score: {data: people, model: model, keep: [id]}}
  out: {deliver: {data: scores, file: out/scores.csv}}
"""


@pytest.fixture
def project(tmp_path):
    draw = random.Random(3)
    (tmp_path / "headrace.yaml").write_text("environments: {prod: {default: true, deliver: live}}\n")
    (tmp_path / "main.yaml").write_text(PIPELINE)
    with (tmp_path / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "visits", "country", "importance", "bought"])
        for i in range(900):
            visits = draw.randrange(10)
            out.writerow([i, visits, draw.choice("abc"), draw.choice([0.5, 1, 2]), int(draw.random() < 0.1 + 0.07 * visits)])
    return tmp_path


def headrace(folder, *argv):
    return subprocess.run([HEADRACE, *argv], cwd=folder, capture_output=True, text=True)


def test_a_tuned_weighted_model_is_trained_judged_told_and_used(project):
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    with (project / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 900 and all(0 < float(row["score"]) < 1 for row in rows)
    page = project / "report.html"
    told = headrace(project, "report", run, "-o", str(page))
    assert told.returncode == 0, told.stderr
    text = page.read_text()
    for words in ("4 settings tried", "95 % interval", "Constant answer", "Between segments", "auc.low"):
        assert words in text, words
    again = headrace(project, "--json", "run", "main.yaml")
    assert again.returncode == 0, again.stderr


def test_a_gate_on_an_interval_refuses(project):
    text = (project / "main.yaml").read_text()
    (project / "main.yaml").write_text(text.replace("auc.low >= 0.55", "auc.low >= 0.99"))
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 3, done.stderr
    assert "auc.low" in done.stdout + done.stderr


@pytest.mark.parametrize(("old", "new", "said"), [
    ("auc.low >= 0.55", "auc.lou >= 0.55", "did you mean `auc.low`?"),
    ("num_leaves: [2, 4, 8]", "num_leafs: [2, 4, 8]", "did you mean `num_leaf`?"),
    ("weight: importance", "weight: importanse", "importanse"),
    ("monotone: {visits: rising}", "monotone: {visits: up}", "rising"),
    ("threshold: {cost: {false_positive: 1, false_negative: 3}}", "threshold: {cost: {false_positive: 1}}", "false_negative"),
])
def test_what_is_wrong_is_told_with_the_nearest(project, old, new, said):
    text = (project / "main.yaml").read_text()
    assert old in text
    (project / "main.yaml").write_text(text.replace(old, new))
    done = headrace(project, "run", "main.yaml")
    assert done.returncode in (2, 3), done.stderr
    assert said in done.stderr, done.stderr


def test_auto_from_the_command_line_says_what_it_chose(project):
    done = headrace(project, "train", "people.csv", "--target", "bought", "--key", "id", "--learner", "auto", "-o", "m.model")
    assert done.returncode == 0, done.stderr
    assert "learner auto: of " in done.stdout + done.stderr

"""Uplift and calibration by a column, as a user runs them: trained, gated, scored, told and refused."""

import csv
import json
import random
import subprocess
import zipfile

import pytest

from world import HEADRACE

UPLIFT = """
name: main
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      treatment: mailed
      treated: "yes"
      split: {by: hash(id), test: 40%}
      learner: {x_learner: {lightgbm: {num_iterations: 40, num_leaves: 6, min_data_in_leaf: 40}}}
      evaluate: [qini, auuc, "uplift@20%"]
    gate: [qini.low > 0, "auuc >= 0.01", '"uplift@20%" > 0.05']
    register: {name: mail, promote: auto}
  scores: {score: {data: people, model: model, keep: [id], reasons: 2, select: {top: 500}}}
  out: {deliver: {data: scores, file: out/scores.csv}}
"""

CALIBRATED = """
name: main
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      target: bought
      key: [id]
      ignore: [mailed]
      split: {by: hash(id), test: 40%}
      learner: {logistic: {l2: 1}}
      transform: [{columns: [country], steps: [{encode: frequency}]}]
      calibrate: {method: sigmoid, by: country}
      segments: [country]
      evaluate: [auc, bias, profit@10/4, profit_share@10/4]
    gate: ['"profit@10/4" > 0']
  scores: {score: {data: people, model: model, keep: [id, country]}}
  out: {deliver: {data: scores, file: out/scores.csv}}
"""


@pytest.fixture
def project(tmp_path):
    draw = random.Random(5)
    (tmp_path / "headrace.yaml").write_text("environments: {prod: {default: true, deliver: live}}\n")
    with (tmp_path / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "visits", "open_rate", "country", "mailed", "bought"])
        for i in range(6000):
            visits, rate, country, mailed = draw.randrange(10), round(draw.random(), 3), draw.choice("abcd"), draw.choice(["yes", "no"])
            chance = 0.05 + 0.03 * visits + {"a": 0.25, "b": 0, "c": 0, "d": -0.05}[country] + (0.4 * rate - 0.1 if mailed == "yes" else 0)
            out.writerow([i, visits, rate, country, mailed, int(draw.random() < chance)])
    return tmp_path


def headrace(folder, *argv):
    return subprocess.run([HEADRACE, *argv], cwd=folder, capture_output=True, text=True)


def scored(folder):
    with (folder / "out" / "scores.csv").open() as file:
        return list(csv.DictReader(file))


def test_uplift_is_trained_gated_scored_and_told(project):
    (project / "main.yaml").write_text(UPLIFT)
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 0, done.stderr
    rows = scored(project)
    assert len(rows) == 500 and "label" not in rows[0]
    with (project / "people.csv").open() as file:
        people = {row["id"]: row for row in csv.DictReader(file)}
    # Whom the mail makes buy are those who open mails, and not those who buy anyway.
    rate = sum(float(people[row["id"]]["open_rate"]) for row in rows) / 500
    visits = sum(int(people[row["id"]]["visits"]) for row in rows) / 500
    assert rate > 0.75 and 3.5 < visits < 5.5
    assert sum("open_rate" in row["reason_1"] for row in rows) > 300
    told = headrace(project, "report", json.loads(done.stdout)["run"], "-o", "report.html")
    assert told.returncode == 0, told.stderr
    page = (project / "report.html").read_text()
    for words in ("uplift, target bought", "mailed: yes instead of no; of the probability of 1", "Qini: what treating the best rows first gains", "gains over treating at random", "mean target of the treated less that of the others among the best-scored 20%", "qini.low"):
        assert words in page, words
    (model,) = project.glob(".headrace/artifacts/*/*.model")
    shown = headrace(project, "inspect", str(model))
    assert "treatment    mailed: yes instead of no; of the probability of 1" in shown.stdout, shown.stdout + shown.stderr
    assert json.loads(headrace(project, "--json", "inspect", str(model)).stdout)["treatment"] == {"column": "mailed", "treated": "yes", "control": "no", "outcome": "1"}
    with zipfile.ZipFile(model) as archive:
        effects = json.loads(archive.read("metrics.json"))
    columns = [(c["column"], c["mean"]) for c in effects["permutation"]["columns"]]
    assert effects["permutation"]["metric"] == "qini" and columns[0][0] == "open_rate" and columns[0][1] > 5 * abs(columns[1][1]) > 0, columns
    (rate,) = [c for c in effects["dependence"]["columns"] if c["column"] == "open_rate"]
    assert rate["points"][-1]["mean"][0] - rate["points"][0]["mean"][0] > 0.2, "who opens mails is moved by them"
    assert "<code>qini</code> falls when one column is shuffled" in page
    alone = headrace(project, "score", str(model), "people.csv", "-o", "alone.csv")
    assert alone.returncode == 0, alone.stderr
    with (project / "alone.csv").open() as file:
        lone = [row["score"] for row in csv.DictReader(file)]
    assert len(lone) == 6000 and {row["score"] for row in rows} <= set(lone)
    (project / "outcomes.csv").write_text("id,bought\n1,1\n")
    late = headrace(project, "performance", "main", "scores", "--outcomes", "outcomes.csv", "--key", "id", "--label", "bought")
    assert "its model estimates uplift, which no outcome of a row can be compared with" in late.stdout, late.stdout + late.stderr


def test_uplift_without_a_project(project):
    done = headrace(project, "--json", "train", "people.csv", "--target", "bought", "--key", "id", "--treatment", "mailed", "--treated", "yes", "--learner", "lightgbm", "-o", "mail.model")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["learner"] == "x_learner" and set(shown["metrics"]) == {"qini", "auuc"} and shown["metrics"]["qini"] > 0.02, shown
    assert "treatment    mailed: yes instead of no" in headrace(project, "inspect", "mail.model").stdout
    refused = headrace(project, "train", "people.csv", "--target", "bought", "--treatment", "mailed", "--learner", "naive_bayes", "-o", "no.model")
    assert refused.returncode == 2 and "lightgbm, xgboost, logistic" in refused.stderr, refused.stderr


def test_reasons_of_a_difference_of_probabilities_are_refused(project):
    (project / "main.yaml").write_text(UPLIFT.replace("x_learner", "two_model"))
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode != 0 and "learn by `x_learner`" in done.stdout + done.stderr


def test_a_gate_on_qini_refuses(project):
    (project / "main.yaml").write_text(UPLIFT.replace("auuc >= 0.01", "qini >= 0.9"))
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 3 and "qini" in done.stdout + done.stderr


def test_a_calibration_by_country_is_right_within_each(project):
    (project / "main.yaml").write_text(CALIBRATED)
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 0, done.stderr
    with (project / "people.csv").open() as file:
        bought = {row["id"]: int(row["bought"]) for row in csv.DictReader(file)}

    def bias():
        rows = scored(project)
        of = {country: [(float(row["score"]), bought[row["id"]]) for row in rows if row["country"] == country] for country in "abcd"}
        return {country: abs(sum(s - y for s, y in pairs) / len(pairs)) for country, pairs in of.items()}

    by_country = bias()
    (model,) = project.glob(".headrace/artifacts/*/*.model")
    calibration = json.loads(headrace(project, "inspect", str(model), "--member", "calibration.json").stdout)
    assert calibration["by"] == "country" and [s["value"] for s in calibration["segments"]] == list("abcd")
    told = headrace(project, "report", json.loads(done.stdout)["run"], "-o", "report.html")
    page = (project / "report.html").read_text()
    for words in ("Profit: 10/4 (value of a positive, cost of a contact)", "for each of all rows, contacted or not", "sigmoid by country", "when a positive is worth 10 and a contact costs 4", "4 of its 4 values have rows enough"):
        assert words in page, told.stderr + words
    (project / "main.yaml").write_text(CALIBRATED.replace("{method: sigmoid, by: country}", "sigmoid"))
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode == 0, done.stderr
    pooled = bias()
    assert max(by_country.values()) < 0.03 and pooled["a"] > 0.1, (by_country, pooled)


def test_a_personal_column_is_no_segment_of_a_calibration(project):
    (project / "people.yaml").write_text("extra: ignore\ncolumns: [{name: country, type: text, personal: true}]\n")
    (project / "main.yaml").write_text(CALIBRATED.replace("people: {extract: {file: people.csv}}", "people: {extract: {file: people.csv}, checks: [{contract: people.yaml}]}").replace("      segments: [country]\n", ""))
    done = headrace(project, "--json", "run", "main.yaml")
    assert done.returncode != 0 and "calibration column `country` is personal" in done.stdout + done.stderr, done.stdout + done.stderr

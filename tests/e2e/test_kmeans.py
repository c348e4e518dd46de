"""Clusters as a user has them: trained without a target, gated, registered, scored, checked for drift, delivered, told, and refused where a score is asked for."""

import csv
import json
import os
import pathlib
import random
import subprocess
import sys

import pandas
import pytest

from world import HEADRACE

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build" / "bin"))
os.environ["HEADRACE_LIBRARY"] = str(BIN.parent / "lib" / "libheadrace.so")
sys.path.insert(0, str(SOURCE / "python"))

import headrace as sdk  # noqa: E402

TRAIN = """
name: train
steps:
  people: {extract: {file: people.csv}}
  model:
    train:
      data: people
      key: [id]
      ignore: [kind]
      split: {by: hash(id), test: 25%}
      learner: {kmeans: {n_clusters: 3}}
    gate: [silhouette >= 0.3, {not_worse_than: champion, metric: inertia, by: 0.01}]
    register: {name: segments, promote: auto}
"""

SCORE = """
name: score
steps:
  people: {extract: {file: people.csv}}
  scores:
    score: {data: people, model: segments@champion, keep: [id, kind]}
    checks: [{drift: {against: training, columns: [cluster, distance, spend], psi: 0.2}}, {expect: "cluster between 0 and 2"}]
  out: {deliver: {data: scores, file: out/segments.csv}}
"""

KINDS = {"regular": (0.5, 60, 8, "web"), "rare": (0.3, 15, 1, "shop"), "rich": (0.2, 300, 5, "web")}


def people(path, n=1500, shift=0):
    draw = random.Random(4)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "spend", "visits", "channel", "kind"])
        for i in range(n):
            kind = draw.choices(list(KINDS), [share for share, *_ in KINDS.values()])[0]
            _, spend, visits, channel = KINDS[kind]
            out.writerow([i, round(draw.gauss(spend + shift, 6), 2), max(0, round(draw.gauss(visits, 1))) if i % 40 else "", channel, kind])


@pytest.fixture
def project(tmp_path):
    (tmp_path / "headrace.yaml").write_text("environments: {prod: {default: true, deliver: live}}\n")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "train.yaml").write_text(TRAIN)
    (tmp_path / "pipelines" / "score.yaml").write_text(SCORE)
    people(tmp_path / "people.csv")
    return tmp_path


def headrace(folder, *argv):
    return subprocess.run([HEADRACE, *argv], cwd=folder, capture_output=True, text=True)


def done(folder, *argv):
    ran = headrace(folder, *argv)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def model_of(project):
    return next(iter(project.glob(".headrace/artifacts/*/*.model")))


def test_clusters_are_trained_registered_scored_and_delivered(project):
    trained = json.loads(done(project, "--json", "run", "train").stdout)
    (step,) = [step for step in trained["steps"] if step["step"] == "model"]
    assert step["model"]["champion"] == 1 and all(gate["passed"] for gate in step["model"]["gates"])
    scored = json.loads(done(project, "--json", "run", "score").stdout)
    rows = rows_of(project / "out" / "segments.csv")
    assert list(rows[0]) == ["id", "kind", "cluster", "distance", "model_version"] and len(rows) == 1500
    kinds = {cluster: {row["kind"] for row in rows if row["cluster"] == cluster} for cluster in "012"}
    assert kinds == {"0": {"regular"}, "1": {"rare"}, "2": {"rich"}}      # the largest first
    assert all(float(row["distance"]) >= 0 for row in rows)
    done(project, "report", trained["run"], "-o", "train.html")
    page = (project / "train.html").read_text()
    for words in ("clustering", "Cluster 0", "Mean distance to the centre", "Silhouette", "One centre for all", "Inertia", "spend"):
        assert words in page, words
    assert "Scores of the test rows" not in page and "Constant answer" not in page
    done(project, "report", scored["run"], "-o", "score.html")
    assert "Rows of each cluster" in (project / "score.html").read_text()
    shown = done(project, "inspect", str(model_of(project))).stdout
    assert "kmeans for 3 clusters" in shown
    described = json.loads(done(project, "--json", "inspect", str(model_of(project))).stdout)
    assert described["task"] == "clustering" and described["clusters"] == 3 and described["target"] == ""
    card = done(project, "models", "card", "segments").stdout
    assert "# Model of 3 clusters" in card and "| `spend` |" in card and "`web`" in card


def test_a_champion_is_compared_on_the_same_rows(project):
    done(project, "run", "train")
    path = project / "pipelines" / "train.yaml"
    path.write_text(TRAIN.replace("n_clusters: 3", "n_clusters: 2"))
    worse = headrace(project, "run", "train")
    assert worse.returncode == 3 and "is worse than the champion" in worse.stdout + worse.stderr
    path.write_text(TRAIN.replace("ignore: [kind]", "ignore: [kind, channel]"))
    apart = headrace(project, "run", "train")
    assert apart.returncode == 3 and "lie among other features" in apart.stdout + apart.stderr


def test_rows_that_moved_are_told_by_clusters_and_distances(project):
    done(project, "run", "train")
    people(project / "people.csv", shift=80)
    moved = headrace(project, "run", "score")
    assert moved.returncode == 3 and "distance" in moved.stdout + moved.stderr
    against = done(project, "drift", "people.csv", "--against", "segments@champion").stdout
    assert "spend" in against and "distance" not in against       # nobody has scored these rows yet


def test_what_needs_a_score_is_refused(project):
    done(project, "run", "train")
    for words, told in (("select: {top: 5}", "its rows have no score"), ("reasons: 2", "leave `reasons` out")):
        (project / "pipelines" / "score.yaml").write_text(SCORE.replace("keep: [id, kind]", words))
        ran = headrace(project, "run", "score")
        assert ran.returncode == 2 and told in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    (project / "pipelines" / "score.yaml").write_text(SCORE)
    done(project, "run", "score")
    (project / "outcomes.csv").write_text("id,bought\n1,1\n")
    late = headrace(project, "performance", "score", "scores", "--outcomes", "outcomes.csv", "--key", "id", "--label", "bought")
    assert "its model finds clusters, which no outcome" in late.stdout, late.stdout + late.stderr


def test_from_the_command_line_and_from_python_the_same_bits(project):
    trained = done(project, "train", "people.csv", "--learner", "kmeans", "--n-clusters", "3", "--key", "id", "--ignore", "kind", "-o", "three.model")
    assert "kmeans for 3 clusters" in trained.stderr and "mean distance" in trained.stderr and "fitted once more" not in trained.stderr
    done(project, "score", "three.model", "people.csv", "-o", "three.csv")
    rows = rows_of(project / "three.csv")
    model = sdk.load(project / "three.model")
    assert "3 clusters" in repr(model)
    table = pandas.read_csv(project / "people.csv")
    scored = model.predict(table, keep=["id"])
    assert list(scored) == ["id", "cluster", "distance", "model_version"]
    assert [int(row["cluster"]) for row in rows] == scored["cluster"].tolist() and [float(row["distance"]) for row in rows] == scored["distance"].tolist()
    one = model.predict_row({**table.iloc[7], "visits": int(table["visits"][7])})
    assert one == {"cluster": scored["cluster"][7], "distance": scored["distance"][7]}
    with pytest.raises(sdk.InvalidModelError, match="have no score"):
        model.predict(table, reasons=2)
    for argv, told in ((["--learner", "kmeans", "--target", "kind"], "--target has no meaning"), (["--learner", "linear"], "--target is required"),
                       (["--target", "kind", "--n-clusters", "3"], "--n-clusters is for")):
        refused = headrace(project, "train", "people.csv", *argv, "-o", "no.model")
        assert refused.returncode == 2 and told in refused.stderr and not (project / "no.model").exists(), refused.stderr


def test_a_damaged_file_is_refused(project):
    done(project, "train", "people.csv", "--learner", "kmeans", "--n-clusters", "3", "--key", "id", "--ignore", "kind", "-o", "three.model")
    content = (project / "three.model").read_bytes()
    at = content.index(b'{"centers":')
    (project / "bad.model").write_bytes(content[:at + 20] + (b"7" if content[at + 20:at + 21] != b"7" else b"8") + content[at + 21:])
    refused = headrace(project, "score", "bad.model", "people.csv", "-o", "no.csv")
    assert refused.returncode == 2 and "bad.model" in refused.stderr and not (project / "no.csv").exists()

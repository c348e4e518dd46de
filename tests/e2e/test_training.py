"""`headrace train` and `headrace score` on tables of some size, without a project."""

import csv
import hashlib
import json
import math
import random
import subprocess

import pytest

from world import HEADRACE, World

ROWS = 130_000     # 104,000 to train on, and above 100,000 a tenth is held aside in place of folds


def chance(visits, level):
    return 1 / (1 + math.exp(1 - visits / 4 + level))


def best_auc():
    """The AUC of the true chance itself: no model can do better on many such rows."""
    cells = [chance(visits, level) for visits in range(12) for level in range(3)]
    wins = sum(p * (1 - q) * (1 if p > q else 0.5 if p == q else 0) for p in cells for q in cells)
    return wins / sum(p * (1 - q) for p in cells for q in cells)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Rows whose chance of `bought` is known."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    draw = random.Random(7)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "visits", "spend", "country", "always", "bought"])
        for i in range(ROWS):
            visits, level = draw.randrange(12), draw.randrange(3)
            out.writerow([i, visits, "" if draw.random() < 0.1 else round(draw.expovariate(0.02), 2), "abc"[level], 1, int(draw.random() < chance(visits, level))])
    return path


def train(folder, table, *flags):
    argv = [HEADRACE, *flags, "--json", "train", str(table), "--target", "bought", "--key", "id", "--calibrate", "isotonic", "--no-refit", "-o", "m.model"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_above_100_000_training_rows_a_tenth_is_held_aside_and_said(table, tmp_path):
    trained, said = train(tmp_path, table)
    assert trained["train_rows"] + trained["test_rows"] == ROWS
    inspected = subprocess.run([HEADRACE, "inspect", "m.model"], cwd=tmp_path, capture_output=True, text=True)
    assert inspected.returncode == 0 and "held aside" in inspected.stdout, inspected.stdout
    # Fitted once, on the nine tenths; a second fit on all of them would need its own calibration.
    document = json.loads(subprocess.run([HEADRACE, "--json", "inspect", "m.model"], cwd=tmp_path, capture_output=True, text=True).stdout)
    assert abs(document["fitted_rows"] / trained["train_rows"] - 0.9) < 0.01, document["fitted_rows"]
    assert trained["metrics"]["ece"] < 0.02, trained["metrics"]
    # 26,000 test rows: the AUC's standard error is about 0.003. Less is a fault, more a leak.
    assert abs(trained["metrics"]["auc"] - best_auc()) < 0.01, (trained["metrics"], best_auc())
    assert "column `always` is constant and was left out" in said


def test_the_number_of_threads_does_not_show_in_the_model(table, tmp_path):
    digests = set()
    for threads in ("1", "2", "3"):
        train(tmp_path, table, "--threads", threads)
        digests.add(hashlib.sha256((tmp_path / "m.model").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("threads", ["0", "-1", "many"])
def test_a_number_of_threads_that_is_none_is_refused(threads, tmp_path):
    world = World(tmp_path / "shop")
    done = world.headrace("--threads", threads, "runs")
    assert done.code == 2 and "--threads" in done.err, done.all


def test_a_column_that_tells_rows_apart_is_pointed_at(tmp_path):
    world = World(tmp_path / "shop")
    done = world.headrace("train", "data/customers.csv", "--target", "churned", "-o", "a.model")
    assert done.code == 0 and "column `customer_id` has a value of its own in every row" in done.all, done.all
    keyed = world.headrace("train", "data/customers.csv", "--target", "churned", "--key", "customer_id", "-o", "b.model")
    assert keyed.code == 0 and "value of its own" not in keyed.all, keyed.all
    best = world.headrace("score", "b.model", "data/customers.csv", "-o", "best.csv", "--top", "5")
    assert best.code == 0 and "and wrote the best 5 into best.csv" in best.err, best.all

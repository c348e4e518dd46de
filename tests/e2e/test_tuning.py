"""A search as a user runs it: folds by time, transforms to choose from, killed and gone on with, columns by tag."""

import csv
import datetime
import io
import json
import random
import re
import signal
import textwrap
import zipfile

import pytest

from world import SOURCE, World, steps

PIPELINE = """
name: main
steps:
  people:
    extract: {file: people.csv}
    checks: [{contract: contracts/people.yaml}]
  model:
    train:
      data: people
      target: bought
      key: [id]
      split: {by: day, test: 20%, gap: 7d}
      folds: {by: day, count: 3, gap: 7d}
      transform:
        - {rename: {visits: visits_30d}}
        - {cast: {code: text}}
        - {columns: {tag: money}, steps: [log1p]}
        - choose:
            code:
              by_target: {columns: [code], steps: [{encode: target}]}
              by_level: {columns: [code], steps: [{encode: onehot, min_frequency: 5}]}
            country:
              as_it_is: []
              left_out: {drop: [country]}
      learner: {lightgbm: {num_iterations: 60, early_stopping_round: 10}}
      tune: {trials: 14, search: tpe, space: {num_leaves: [2, 4, 8], learning_rate: {low: 0.05, high: 0.3, scale: log}}}
      calibrate: sigmoid
    register: {name: buyers, promote: auto}
  scores: {score: {data: people, model: model, keep: [id]}}
  out: {deliver: {data: scores, file: out/scores.csv}}
"""
CONTRACT = """
columns:
  - {name: id, type: int, nullable: false}
  - {name: day, type: date, nullable: false}
  - {name: visits, type: int}
  - {name: code, type: int}
  - {name: spend, type: double, tags: [money]}
  - {name: fees, type: double, tags: [money, monthly]}
  - {name: country, type: text}
  - {name: bought, type: int}
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.write("pipelines/main.yaml", PIPELINE)
    world.write("contracts/people.yaml", CONTRACT)
    draw = random.Random(3)
    with (world.folder / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "day", "visits", "code", "spend", "fees", "country", "bought"])
        for i in range(1200):
            visits, code = draw.randrange(10), draw.randrange(15)
            out.writerow([i, datetime.date(2025, 1, 1) + datetime.timedelta(days=i // 3), visits, code, round(draw.gammavariate(2, 20), 2), round(draw.gammavariate(2, 2), 2),
                          draw.choice("abc"), int(draw.random() < 0.1 + 0.05 * visits + 0.02 * code)])
    return world


def model_of(world):
    [model] = world.headrace("--json", "models", "list").json
    [path] = (world.folder / ".headrace/artifacts").rglob(f"{model['digest']}.model")
    return path.read_bytes()


def only_model_of(world):
    [path] = (world.folder / ".headrace/artifacts").rglob("*.model")
    return path.read_bytes()


def told(world, run):
    """The page of the run."""
    page = world.folder / "report.html"
    assert world.headrace("report", run["run"], "-o", str(page)).code == 0
    return page.read_text()


def trials_kept(world):
    return [path for path in (world.folder / ".headrace/trials").glob("*")]


def test_a_search_that_is_killed_goes_on_and_leaves_the_bytes_of_an_undisturbed_one(world, tmp_path):
    undisturbed = World(tmp_path / "undisturbed")
    for path in ("pipelines/main.yaml", "contracts/people.yaml", "people.csv"):
        undisturbed.write(path, world.read(path))
    run = undisturbed.good()
    assert not trials_kept(undisturbed)
    assert "had been tried" not in told(undisturbed, run)
    whole = model_of(undisturbed)
    killed = world.run(env={"HEADRACE_CRASH_AT": "trial.after_keep:4"})
    assert killed.code == -signal.SIGKILL, killed.all
    killed = world.headrace("run", "--resume", "last", env={"HEADRACE_CRASH_AT": "trial.after_keep:5"})
    assert killed.code == -signal.SIGKILL, killed.all
    [kept] = trials_kept(world)
    lines = [line for line in kept.read_text().split("\n") if line]
    assert len(lines) == 9
    kept.write_text("\n".join(lines)[:-5])              # the last was not written to its end
    done = world.headrace("--json", "run", "--resume", "last")
    assert done.code == 0, done.all
    text = told(world, done.json)
    assert "8 of the settings had been tried before this attempt, which went on from there" in text
    assert model_of(world) == whole
    assert not trials_kept(world)
    assert "14 settings tried" in text and "code=by_" in text and "forward in time by day, 3 blocks, gap 1w" in text


def test_other_settings_begin_another_search_and_gc_takes_what_nobody_goes_on_with(world):
    killed = world.run(env={"HEADRACE_CRASH_AT": "trial.after_keep:4"})
    assert killed.code == -signal.SIGKILL, killed.all
    world.edit("pipelines/main.yaml", "by_level: {columns: [code], steps: [{encode: onehot, min_frequency: 5}]}", "by_level: {columns: [code], steps: [{encode: onehot, min_frequency: 6}]}")
    run = world.good()
    assert "had been tried" not in told(world, run)
    assert len(trials_kept(world)) == 1                 # of the killed run, which could be resumed
    done = world.headrace("gc", "--keep", "1", "--yes")
    assert done.code == 0, done.all
    assert not trials_kept(world)


def test_a_tag_that_moves_trains_anew(world):
    world.edit("pipelines/main.yaml", "tune: {trials: 14", "tune: {trials: 2")
    assert steps(world.good())["model"] == "succeeded"
    assert steps(world.good())["model"] == "reused"
    world.edit("contracts/people.yaml", "type: double, tags: [money, monthly]", "type: double, tags: [monthly]")
    assert steps(world.good())["model"] == "succeeded"
    why = world.headrace("why", "last", "model")
    assert "columns tagged money" in why.out, why.out


def test_numbers_of_transforms_are_searched_shown_kept_and_scored_with(world, tmp_path):
    world.edit("pipelines/main.yaml", "{columns: {tag: money}, steps: [log1p]}", "{columns: {tag: money}, steps: [log1p, {bins: quantile, count: {low: 2, high: 9}}]}")
    world.edit("pipelines/main.yaml", "steps: [{encode: target}]", "steps: [{encode: target, smooth: {low: 0.5, high: 200, scale: log}}]")
    killed = world.run(env={"HEADRACE_CRASH_AT": "trial.after_keep:6"})
    assert killed.code == -signal.SIGKILL, killed.all
    [kept] = trials_kept(world)
    assert "money.bins.count=" in kept.read_text()
    done = world.headrace("--json", "run", "--resume", "last")
    assert done.code == 0, done.all
    assert "money.bins.count=" in told(world, done.json)
    tuned = zipfile.ZipFile(io.BytesIO(model_of(world)))
    trials = json.loads(tuned.read("metrics.json"))["trials"]
    assert len(trials) == 14 and len({trial["name"] for trial in trials}) > 10
    for trial in trials:
        words = dict(word.split("=") for word in trial["name"].split()[1:] if "=" in word)
        assert 2 <= int(words["money.bins.count"]) <= 9, trial
        assert ("code.encode.smooth" in words) == (words["code"] == "by_target"), trial
    [best] = [trial["name"] for trial in trials if trial["chosen"]]
    words = dict(word.split("=") for word in best.split()[1:])
    # Written by hand, the chosen numbers give the same transforms and the same trees.
    written = World(tmp_path / "written")
    for path in ("pipelines/main.yaml", "contracts/people.yaml", "people.csv"):
        written.write(path, world.read(path))
    written.edit("pipelines/main.yaml", "count: {low: 2, high: 9}", f"count: {words['money.bins.count']}")
    written.edit("pipelines/main.yaml", "smooth: {low: 0.5, high: 200, scale: log}", f"smooth: {words.get('code.encode.smooth', 1)}")
    written.edit("pipelines/main.yaml", "tune: {trials: 14, search: tpe, space: {num_leaves: [2, 4, 8], learning_rate: {low: 0.05, high: 0.3, scale: log}}}",
                 f"tune: {{search: grid, trials: 4, space: {{num_leaves: [{words['num_leaves']}], learning_rate: [{words['learning_rate']}]}}}}")
    for choice, other in (("code", "by_level" if words["code"] == "by_target" else "by_target"), ("country", "left_out" if words["country"] == "as_it_is" else "as_it_is")):
        lines = written.read("pipelines/main.yaml").split("\n")
        at = next(i for i, line in enumerate(lines) if line.strip() == f"{choice}:")
        taken = lines[at + 1] if other in lines[at + 2] else lines[at + 2]
        lines[at + 1:at + 3] = [taken, taken.replace(words[choice], "same")]           # a choice between two equal alternatives
        written.write("pipelines/main.yaml", "\n".join(lines))
    written.good()
    by_hand = zipfile.ZipFile(io.BytesIO(model_of(written)))
    for member in ("transform.json", "model.txt", "calibration.json"):
        assert by_hand.read(member) == tuned.read(member), member


def test_the_numbers_of_the_documentation_are_searched(tmp_path):
    [example] = [block for block in re.findall(r"```yaml\n(.*?)```", (SOURCE / "docs" / "tuning.md").read_text(), re.DOTALL) if "max_features" in block]
    world = World(tmp_path / "docs")
    world.write("pipelines/main.yaml", "name: main\nsteps:\n  people: {extract: {file: people.csv}}\n  model:\n    train:\n      data: people\n      target: bought\n      key: [id]\n"
                + textwrap.indent(textwrap.dedent(example.replace("trials: 60", "trials: 8")), " " * 6))
    draw = random.Random(5)
    with (world.folder / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "city", "region", "plan", *(f"spend_{k}" for k in range(9)), "age", "note", "bought"])
        for i in range(600):
            age = draw.randrange(18, 80)
            out.writerow([i, draw.choice("abcdef"), draw.choice("xyz"), f"p{int(draw.paretovariate(1)) % 30}", *(round(draw.gauss(50, 20), 2) for _ in range(9)), age,
                          " ".join(draw.choice(["good", "late", "blue", "broken", "order", "parcel"]) for _ in range(6)), int(draw.random() < age / 90)])
    world.good()
    trials = json.loads(zipfile.ZipFile(io.BytesIO(only_model_of(world))).read("metrics.json"))["trials"]
    assert len(trials) == 8
    for trial in trials:
        assert not trial["failed"], trial
        assert re.fullmatch(r"logistic l2=[\d.]+ city.encode.smooth=\d+ plan.encode.max_categories=(5|10|20) spend_\*.clip.lower=[01]% spend_\*.clip.upper=(9[5-9]|100)% spend_\*.reduce.components=[2-8] "
                            r"age.bins.count=\d+ note.text.max_features=(100|300|1000)", trial["name"]), trial


def test_another_range_begins_another_search(world):
    world.edit("pipelines/main.yaml", "steps: [{encode: target}]", "steps: [{encode: target, smooth: [5, 20]}]")
    world.edit("pipelines/main.yaml", "tune: {trials: 14", "tune: {trials: 2")
    assert steps(world.good())["model"] == "succeeded"
    assert steps(world.good())["model"] == "reused"
    world.edit("pipelines/main.yaml", "smooth: [5, 20]", "smooth: [5, 40]")
    assert steps(world.good())["model"] == "succeeded"


@pytest.mark.parametrize(("old", "new", "said"), [
    ("steps: [{encode: target}]", "steps: [{encode: target, smooth: {low: 9, high: 1}}]", "`code.encode.smooth` is searched from 9 to 1, which is no range"),
    ("steps: [log1p]", "steps: [{spline: uniform, knots: {low: 2, high: 5000}}]", "`money.spline.knots` of 5000: column `spend`: splines need between 2 and"),
    ("folds: {by: day, count: 3, gap: 7d}", "folds: {by: dai, count: 3}", "did you mean `day`?"),
    ("folds: {by: day, count: 3, gap: 7d}", "folds: {by: country, count: 3}", "fold column `country` is text; expected date, timestamp, int or double"),
    ("folds: {by: day, count: 3, gap: 7d}", "folds: {by: visits, count: 3, gap: 7d}", "a gap needs a date or timestamp"),
    ("folds: {by: day, count: 3, gap: 7d}", "folds: {by: hash(bought)}", "the target `bought` stands under `by` too"),
    ("folds: {by: day, count: 3, gap: 7d}", "folds: {by: hash(id), gap: 7d}", "`gap` needs folds by time"),
    ("tag: money", "tag: mony", "did you mean `money`?"),
    ("columns: [code], steps: [{encode: target}]", "columns: [cod], steps: [{encode: target}]", "did you mean `code`?"),
    ("cast: {code: text}", "cast: {cod: text}", "did you mean `code`?"),
    ("rename: {visits: visits_30d}", "rename: {visits: spend}", "the table has a column `spend` already"),
])
def test_what_is_wrong_is_told_before_a_row_is_read(world, old, new, said):
    world.edit("pipelines/main.yaml", old, new)
    done = world.headrace("validate")
    assert done.code == 2, done.all
    assert said in done.all, done.all


def test_a_choice_without_a_search_is_refused(world):
    world.edit("pipelines/main.yaml", "      tune: {trials: 14, search: tpe, space: {num_leaves: [2, 4, 8], learning_rate: {low: 0.05, high: 0.3, scale: log}}}\n", "")
    done = world.headrace("validate")
    assert done.code == 2 and "`transform` leaves a choice, `code`, and nothing decides it" in done.all, done.all
    assert json.loads(world.headrace("--json", "validate").out)

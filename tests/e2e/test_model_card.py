"""The model card: what a training says about itself, in the file; who promoted it and when, beside it."""

import json
import random
import zipfile

import pytest

from world import World, steps

PIPELINE = """name: main
steps:
  rows:
    extract: {file: data/rows.csv}
    checks: [{contract: contracts/rows.yaml}]
  shaped: {sql: {query: "select * from rows"}}
  model:
    train:
      data: shaped
      target: bought
      key: [id, as_of]
      ignore: [country]
      split: {by: as_of, test: 25%}
      learner: logistic
      intervals: 100
      segments: [country]
      purpose: |
        Who gets the spring catalogue.
        Asked for by marketing.
      limits: "Not for prices. | Knows no customer of less than a month."
    gate: [auc >= 0.5]
    register: {name: propensity, promote: auto}
"""
CONTRACT = """columns:
  - {name: id, type: int}
  - {name: as_of, type: date}
  - {name: visits, type: int}
  - {name: birth_year, type: int, personal: true}
  - {name: country, type: text}
  - {name: bought, type: int}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("card") / "shop")
    world.env["USER"] = "ann"
    draw = random.Random(3)
    lines = ["id,as_of,visits,birth_year,country,bought"]
    for i in range(800):
        visits, born = draw.randrange(12), draw.randrange(1950, 2005)
        lines.append(f"{i},2025-{1 + i % 8:02}-01,{visits},{born},{draw.choice(['DE', 'FR'])},{int(draw.random() < 0.1 + visits / 16)}")
    world.write("data/rows.csv", "\n".join(lines) + "\n")
    world.write("contracts/rows.yaml", CONTRACT)
    world.write("pipelines/main.yaml", PIPELINE)
    world.good()
    return world


def card(world, *argv):
    done = world.headrace("models", "card", "propensity", *argv)
    assert done.code == 0, done.all
    return done.out


def test_the_card_says_what_for_from_what_how_well_and_where_it_ends(world):
    text = card(world)
    assert text.startswith("# Model of `bought`\n")
    for said in ("## Purpose\n\nWho gets the spring catalogue.\nAsked for by marketing.\n", "## Limits\n\nNot for prices. | Knows no customer", "95 % interval", "### Segments", "`country = DE`",
                 "Trained on rows whose `as_of` lies from 2025-01-01 to 2025-06-01; tested on those from 2025-07-01 to 2025-08-01.", "Trained by the pipeline `main`.",
                 "| `shaped` | sql | `", "| `visits` | int | no | no |", "| `birth_year` | int | no | yes |", "## Columns by importance"):
        assert said in text, (said, text)


def test_the_registry_adds_who_promoted_it_and_when(world):
    before = card(world)
    assert "## In the registry" in before and "- version: `propensity` 1 (champion)" in before and "gate passed: `auc >= 0.5`" in before
    world.edit("pipelines/main.yaml", "spring", "autumn")
    world.good()
    assert "autumn catalogue" in card(world)          # another purpose is another model file: the step is not reused
    assert world.headrace("models", "promote", "propensity", "1").code == 0
    text = card(world, "2")
    moves = [line.split(" | ") for line in text.splitlines() if "| champion |" in line]
    assert [(move[2], move[3]) for move in moves] == [("2", "1"), ("1", "2"), ("none", "1")]
    assert all(len(move[0].removeprefix("| ")) == len("2026-01-01 00:00:00") for move in moves)
    told = world.headrace("--json", "models", "card", "propensity", "2").json
    assert told["version"] == 2 and told["card"] == text


def test_the_file_holds_the_same_facts_for_programs(world):
    path = world.headrace("--json", "models", "show", "propensity", "1").json["file"]
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.read("card.md").decode() in card(world, "1")
    assert manifest["facts"]["purpose"].startswith("Who gets the spring") and manifest["facts"]["trained_to"] == "2025-06-01"
    assert [column for column in manifest["inputs"] if column.get("personal")] == [{"name": "birth_year", "type": "int", "nullable": False, "personal": True}]
    told = world.headrace("--json", "inspect", path).json
    assert told["facts"] == manifest["facts"]
    assert {column["name"]: column["personal"] for column in told["inputs"]} == {"visits": False, "birth_year": True}


def test_the_page_of_the_run_shows_card_and_promotion(world):
    page = world.folder / "page.html"
    assert world.headrace("report", "-o", str(page)).code == 0
    text = page.read_text()
    assert "autumn catalogue" in text and "champion: version 1 -&gt; 2 by ann, " in text


def test_a_column_that_becomes_personal_is_learnt_anew_without_its_values(world):
    assert steps(world.good())["model"] == "reused"
    world.edit("contracts/rows.yaml", "{name: visits, type: int}", "{name: visits, type: int, personal: true}")
    assert steps(world.good())["model"] == "succeeded", "the old model's file still holds its values"
    world.edit("contracts/rows.yaml", "{name: visits, type: int, personal: true}", "{name: visits, type: int}")
    assert steps(world.good())["model"] == "reused"


def test_a_personal_column_is_known_without_the_project_too(world):
    path = world.headrace("--json", "models", "show", "propensity", "1").json["file"]
    out = world.folder / "scored.csv"
    done = world.headrace("score", path, "data/rows.csv", "-o", str(out), "--keep", "id", "--reasons", "2")
    assert done.code == 0, done.all
    text = out.read_text()
    assert "birth_year" in text and "birth_year = " not in text and "visits = " in text


def test_a_version_added_by_hand_is_of_no_run(tmp_path):
    world = World(tmp_path / "shop")
    done = world.headrace("train", "data/customers.csv", "--target", "churned", "-o", "alone.model")
    assert done.code == 0, done.all
    world.write("pipelines/one.yaml", "name: one\nsteps: {rows: {extract: {file: data/customers.csv}}}\n")
    world.good(pipeline="one")
    assert world.headrace("models", "add", "alone", "alone.model").code == 0
    card = world.headrace("models", "card", "alone", "1")
    assert card.code == 0 and "added from a file" in card.out and "- pipeline: `one`" not in card.out, card.all

"""Reasons beside scores, and the best rows only: in a pipeline and with `headrace score`."""

import csv
import random
import re

import pytest

from world import World

REASON = re.compile(r"^[+-] (visits|spend|country|secret)( = (.+))?$")
PIPELINE = """name: main
steps:
  rows:
    extract: {file: data/rows.csv}
    checks: [{contract: contracts/rows.yaml}]
  model:
    train: {data: rows, target: bought, key: [id]}
  scores:
    score: {data: rows, model: model, keep: [id, visits], reasons: 2}
  best:
    score: {data: rows, model: model, keep: [id], reasons: 3, select: {top: 25}}
  out: {deliver: {data: scores, file: out/all.csv}}
  few: {deliver: {data: best, file: out/best.csv}}
"""
CONTRACT = """columns:
  - {name: id, type: int}
  - {name: visits, type: int}
  - {name: spend, type: double}
  - {name: country, type: text}
  - {name: secret, type: int, personal: true}
  - {name: bought, type: int}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("reasons") / "shop")
    draw = random.Random(3)
    lines = ["id,visits,spend,country,secret,bought"]
    for i in range(1200):
        visits, country, secret = draw.randrange(12), draw.choice(["DE", "FR", "IT"]), draw.randrange(70_000, 70_040)
        spend = "" if draw.random() < 0.1 else round(draw.expovariate(0.02), 2)
        bought = int(draw.random() < 0.1 + visits / 16 + (0.2 if country == "IT" else 0) - (0.2 if secret > 70_020 else 0))
        lines.append(f"{i},{visits},{spend},{country},{secret},{bought}")
    world.write("data/rows.csv", "\n".join(lines) + "\n")
    world.write("contracts/rows.yaml", CONTRACT)
    world.write("pipelines/main.yaml", PIPELINE)
    done = world.run()
    assert done.code == 0, done.all
    world.said = done.all
    return world


def rows(world, path):
    with open(world.folder / path, newline="") as file:
        return list(csv.DictReader(file))


def test_reasons_name_columns_with_value_and_direction(world):
    scored = rows(world, "out/all.csv")
    assert list(scored[0]) == ["id", "visits", "score", "label", "reason_1", "reason_2", "model_version"]
    assert len(scored) == 1200
    seen = set()
    for row in scored:
        said = [REASON.match(row[f"reason_{i}"]) for i in (1, 2) if row[f"reason_{i}"]]
        assert all(said), row
        seen |= {match[1] for match in said}
        for match in said:
            if match[1] == "visits":
                assert match[3] == row["visits"]
    assert "visits" in seen and "country" in seen
    # Many visits raise the score and few lower it.
    first = {row["visits"]: row["reason_1"][0] for row in scored if row["reason_1"].startswith(("+ visits", "- visits"))}
    assert first["11"] == "+" and first["0"] == "-"


def test_a_personal_value_is_in_no_reason(world):
    said = [row[f"reason_{i}"] for row in rows(world, "out/best.csv") for i in (1, 2, 3)] + [row["reason_1"] for row in rows(world, "out/all.csv")]
    about = [reason for reason in said if "secret" in reason]
    assert about, "the column moves scores, so some reason names it"
    assert set(about) <= {"+ secret", "- secret"}


def test_select_top_keeps_the_best_in_their_order(world):
    everybody = rows(world, "out/all.csv")
    order = sorted(range(len(everybody)), key=lambda i: (-float(everybody[i]["score"]), i))
    wanted = [everybody[i]["id"] for i in sorted(order[:25])]
    best = rows(world, "out/best.csv")
    assert [row["id"] for row in best] == wanted
    by_id = {row["id"]: row for row in everybody}
    assert all(row["score"] == by_id[row["id"]]["score"] and row["reason_1"] == by_id[row["id"]]["reason_1"] for row in best)
    assert "kept the 25 of 1,200 rows with the largest score" in world.said, world.said


def test_the_command_line_gives_the_same(world):
    trained = world.headrace("train", "data/rows.csv", "--target", "bought", "--key", "id", "-o", "m.model")
    assert trained.code == 0, trained.all
    plain = world.headrace("score", "m.model", "data/rows.csv", "-o", "plain.csv", "--keep", "id")
    some = world.headrace("score", "m.model", "data/rows.csv", "-o", "some.csv", "--keep", "id", "--top", "40", "--reasons", "2", "--personal", "secret")
    assert plain.code == 0 and some.code == 0, plain.all + some.all
    everybody, best = rows(world, "plain.csv"), rows(world, "some.csv")
    order = sorted(range(1200), key=lambda i: (-float(everybody[i]["score"]), i))
    assert [row["id"] for row in best] == [everybody[i]["id"] for i in sorted(order[:40])]
    assert "secret =" not in world.read("some.csv")
    assert list(best[0]) == ["id", "score", "label", "reason_1", "reason_2", "model_version"]


def test_a_column_called_as_a_reason_is_refused(world):
    lines = world.read("data/rows.csv").splitlines()
    world.write("data/clash.csv", "\n".join([lines[0] + ",reason_1"] + [line + ",x" for line in lines[1:]]) + "\n")
    clash = world.headrace("score", "m.model", "data/clash.csv", "-o", "clash.csv", "--reasons", "1")
    assert clash.code == 2 and "`reason_1`" in clash.err, clash.all
    assert world.headrace("score", "m.model", "data/clash.csv", "-o", "clash.csv").code == 0


@pytest.mark.parametrize("key, says", [("reasons: 0", "reasons"), ("reasons: some", "reasons"), ("select: {top: 0}", "top"), ("select: 5", "select")])
def test_validate_tells_a_wrong_number(world, key, says):
    world.write("pipelines/wrong.yaml", PIPELINE.replace("name: main", "name: wrong").replace("reasons: 2", key))
    done = world.headrace("validate", "pipelines/wrong.yaml")
    assert done.code == 2 and says in done.err, done.all
    (world.folder / "pipelines/wrong.yaml").unlink()

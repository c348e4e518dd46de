"""`fill`: values carried forward within a key, held against pandas, and the same words asked for above training and scoring."""

import csv
import datetime
import random

import pytest

from world import World

PIPELINE = """
name: main
steps:
  prices: {extract: {file: prices.csv}}
  filled: {fill: {data: prices, columns: [price, "the label"], by: [product, region], order: day}}
  model: {train: {data: filled, target: sold, key: [id], ignore: [day], learner: linear}}
  scores: {score: {data: filled, model: model, keep: [id]}}
  out: {deliver: {data: filled, file: out/filled.csv}}
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.write("pipelines/main.yaml", PIPELINE)
    draw = random.Random(5)
    rows = []
    for i in range(900):
        rows.append({"id": i, "product": draw.choice(["a", "b", "c", ""]), "region": draw.randrange(2), "day": datetime.date(2026, 1, 1) + datetime.timedelta(days=draw.randrange(150)),
                     "price": round(draw.uniform(1, 9), 2) if draw.random() < 0.4 else "", "the label": draw.choice(["x", "y", "", ""]), "sold": draw.randrange(50)})
    with (world.folder / "prices.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)
    world.rows = rows
    return world


def carried(rows, column):
    """By the words of docs/fill.md, one row at a time."""
    out = {}
    for row in rows:
        if row[column] != "":
            out[row["id"]] = row[column]
            continue
        before = [other for other in rows if (other["product"], other["region"]) == (row["product"], row["region"]) and other["day"] < row["day"] and other[column] != ""]
        newest = max((other["day"] for other in before), default=None)
        out[row["id"]] = max((other[column] for other in before if other["day"] == newest), default="")
    return out


def test_each_null_takes_the_last_value_before_it(world):
    world.good()
    with (world.folder / "out" / "filled.csv").open() as file:
        found = {int(row["id"]): row for row in csv.DictReader(file)}
    assert len(found) == 900
    price, label = carried(world.rows, "price"), carried(world.rows, "the label")
    for row in world.rows:
        got = found[row["id"]]
        assert got["price"] == ("" if price[row["id"]] == "" else str(price[row["id"]])), row
        assert got["the label"] == label[row["id"]], row
        assert (got["product"], got["day"], got["sold"]) == (row["product"], str(row["day"]), str(row["sold"]))
    assert sum(value != "" for value in price.values()) > 800


def test_other_words_above_scoring_are_refused_and_a_run_leaves_the_same_bits(world):
    first = world.good()
    assert {step["kind"] for step in first["steps"] if step["step"] == "filled"} == {"sql"}
    world.edit("pipelines/main.yaml", "scores: {score: {data: filled,", "other: {fill: {data: prices, columns: [price], by: [product], order: day}}\n  scores: {score: {data: other,")
    done = world.run()
    assert done.code != 0 and "filled" in done.all, done.all


@pytest.mark.parametrize(("old", "new", "said"), [
    ("order: day", "order: region", "`region` says which rows belong together"),
    ("columns: [price,", "columns: [product,", "`product` says which rows belong together, and cannot be filled"),
    ("by: [product, region], ", "", "`by`"),
    ("data: prices,", "data: price,", "did you mean `prices`?"),
])
def test_what_makes_no_sense_is_refused(world, old, new, said):
    world.edit("pipelines/main.yaml", old, new)
    if new == "order: region":
        world.edit("pipelines/main.yaml", 'columns: [price, "the label"]', "columns: [region]")
    done = world.headrace("validate")
    assert done.code == 2 and said in done.all, done.all


def test_a_column_that_is_not_there_is_told_before_a_row_is_read(world):
    world.write("contracts/prices.yaml", "columns:\n" + "".join(f"  - {{name: {name}, type: {kind}}}\n" for name, kind in
                [("id", "int"), ("product", "text"), ("region", "int"), ("day", "date"), ("price", "double"), ("the label", "text"), ("sold", "int")]))
    world.edit("pipelines/main.yaml", "{extract: {file: prices.csv}}", "{extract: {file: prices.csv}, checks: [{contract: contracts/prices.yaml}]}")
    assert world.headrace("validate").code == 0
    world.edit("pipelines/main.yaml", "columns: [price,", "columns: [prise,")
    done = world.headrace("validate")
    assert done.code == 2 and "prise" in done.all and "price" in done.all, done.all

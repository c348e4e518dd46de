"""`aggregate`: events to features as of a date, from files to delivered rows; parity between training and scoring; what `validate` and `test` say."""

import csv
import io
import re

import pytest

from world import SOURCE, World

EVENTS = """customer_id,happened_at,kind,amount
1,2026-01-02 10:00:00,purchase,10.5
1,2026-01-09 10:00:00,visit,
2,2026-01-11 23:59:59,purchase,4
2,2026-01-12 00:00:00,purchase,100
3,2026-01-13 00:00:00,visit,
"""
PIPELINE = """name: main
steps:
  events:
    extract: {file: data/events.csv}
    checks: [{contract: contracts/events.yaml}]
  activity:
    aggregate:
      events: events
      entity: customer_id
      as_of: "${run.interval.end}"
      windows: [7d, all]
      of: {n: count, spend: sum(amount), last: recency}
"""
CONTRACT = """columns:
  - {name: customer_id, type: int}
  - {name: happened_at, type: timestamp}
  - {name: kind, type: text}
  - {name: amount, type: double}
extra: refuse
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.write("pipelines/main.yaml", PIPELINE)
    world.write("data/events.csv", EVENTS)
    world.write("contracts/events.yaml", CONTRACT)
    return world


def rows(world, run, step):
    done = world.headrace("--quiet", "data", run["run"], step, "-o", "rows.csv")
    assert done.code == 0, done.all
    return world.read("rows.csv")


def test_a_run_makes_features_as_of_its_interval_and_says_what_it_left_out(world):
    run = world.good()
    assert rows(world, run, "activity") == (
        "customer_id,as_of,n_7d,n,spend_7d,spend,last\n"
        "1,2026-01-12 00:00:00,1,2,0.0,10.5,2.5833333333333335\n"
        "2,2026-01-12 00:00:00,1,1,4.0,4.0,1.1574074074074073e-05\n")
    shown = world.headrace("logs", run["run"], "activity").all
    assert "2 rows of 2 entities as of 2026-01-12 00:00:00, from 5 events" in shown
    assert "2 events at or after the last date left out" in shown


def test_events_after_the_date_change_nothing_and_the_step_is_reused_when_nothing_changed(world):
    first = rows(world, world.good(), "activity")
    again = world.good()
    assert {s["step"]: s["state"] for s in again["steps"]}["activity"] == "reused"
    world.write("data/events.csv", EVENTS + "1,2026-01-12 00:00:00,visit,\n4,2026-02-01 00:00:00,purchase,9\n")
    assert rows(world, world.good(), "activity") == first
    later = rows(world, world.good(interval="2026-01-12/2026-01-19"), "activity")
    assert "4," not in later and "3,2026-01-19 00:00:00,1,1,0.0,0.0,6.0" in later


def test_a_null_time_stops_the_step_and_says_what_to_do(world):
    world.write("data/events.csv", EVENTS + "1,,visit,\n")
    done = world.run()
    assert done.code == 3
    assert "1 of 6 events has no `happened_at`" in done.all and "quarantine" in done.all


def test_validate_knows_the_columns(world):
    world.write("pipelines/main.yaml", PIPELINE + "  next: {sql: {query: select spend_30d from activity}}\n")
    done = world.headrace("validate")
    assert done.code == 2 and "spend_30d" in done.all and "P0409" in done.all
    world.write("pipelines/main.yaml", PIPELINE.replace("sum(amount)", "sum(amuont)"))
    done = world.headrace("validate")
    assert done.code == 2 and "did you mean `amount`?" in done.all


def test_given_rows_test_it(world):
    world.write("tests/activity.yaml", """name: the date itself is not before the date
pipeline: main
interval: 2026-01-05/2026-01-12
given:
  events:
    - {customer_id: 7, happened_at: "2026-01-11T10:00:00Z", kind: visit}
    - {customer_id: 7, happened_at: "2026-01-12T00:00:00Z", kind: visit}
expect:
  activity: [{customer_id: 7, n_7d: 1, n: 1}]
""")
    done = world.headrace("test")
    assert done.code == 0, done.all
    world.edit("tests/activity.yaml", "n_7d: 1", "n_7d: 2")
    assert world.headrace("test").code == 1


SHARED = """params: {as_of: {type: date or dataset}}
outputs: [features, events]
steps:
  events: {extract: {file: data/many.csv, unchanged: allow}}
  features:
    aggregate: {events: events, entity: customer_id, as_of: "${params.as_of}", windows: [7d, all], of: {n: count, spend: sum(amount)}}
"""
TRAIN = """name: train
steps:
  dates: {sql: {query: "select cast('2026-01-12' as date) as as_of union all select cast('2026-01-19' as date)"}}
  base: {use: shared/features.yaml, with: {as_of: dates}}
  labelled: {aggregate: {events: events, entity: customer_id, as_of: features, label: {again: any}, within: 7d}}
  model:
    train: {data: labelled, target: again, key: [customer_id, as_of], learner: logistic, split: none}
    register: {name: again, promote: auto}
"""
SCORE = """name: score
steps:
  base: {use: shared/features.yaml, with: {as_of: "${run.interval.end}"}}
  scores: {score: {data: features, model: again@champion}}
"""


def many():
    lines = ["customer_id,happened_at,amount"]
    for customer in range(1, 121):
        for day in range(1, 28):
            if (customer * 7 + day * 13) % 11 < 1 + customer % 3:
                lines.append(f"{customer},2026-01-{day:02} 0{day % 10}:00:00,{customer % 9 + day / 4}")
    return "\n".join(lines) + "\n"


def test_training_and_scoring_must_say_the_same(world):
    world.write("data/many.csv", many())
    world.write("shared/features.yaml", SHARED)
    world.write("pipelines/train.yaml", TRAIN)
    world.write("pipelines/score.yaml", SCORE)
    trained = world.good(pipeline="train")
    labelled = rows(world, trained, "labelled")
    assert labelled.splitlines()[0] == "customer_id,as_of,n_7d,n,spend_7d,spend,again"
    table = list(csv.DictReader(io.StringIO(labelled)))
    events = list(csv.DictReader(io.StringIO(many())))
    for row in table:
        day = int(row["as_of"][8:10])
        mine = [int(e["happened_at"][8:10]) for e in events if e["customer_id"] == row["customer_id"]]
        assert int(row["n"]) == sum(d < day for d in mine) and int(row["n_7d"]) == sum(day - 7 <= d < day for d in mine)
        assert row["again"] == str(any(day <= d < day + 7 for d in mine)).lower()
    world.good(pipeline="score", interval="2026-01-19/2026-01-26")

    world.edit("shared/features.yaml", "windows: [7d, all]", "windows: [8d, all]")
    done = world.run(pipeline="score", interval="2026-01-19/2026-01-26")
    assert done.code == 2
    assert "the aggregate step `features` differs from the one the model" in done.all
    assert "- n: count in 7d (" in done.all and "+ n: count in 8d (" in done.all


def test_the_examples_of_the_docs_run(world):
    text = (SOURCE / "docs/aggregate.md").read_text()
    for path, block in re.findall(r"```yaml\n# (\S+)\n(.*?)```", text, re.S):
        world.write(path, block)
    world.write("data/events.csv", re.search(r"```csv\n(.*?)```", text, re.S).group(1))
    shown = list(csv.reader(io.StringIO(rows(world, world.good(pipeline="features"), "activity"))))
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.search(r"(\| customer_id .*?)\n\n", text, re.S).group(1).splitlines()]
    assert shown[0] == table[0]
    for mine, theirs in zip(shown[1:], table[2:], strict=True):
        assert [cell or "null" for cell in mine] == theirs
    labelled = rows(world, world.good(pipeline="train"), "labelled").splitlines()
    assert labelled[0] == "customer_id,as_of,orders_30d,last,buys"
    assert [line.split(",")[0::4] for line in labelled[1:]] == [["1", "true"], ["1", "true"], ["2", "false"], ["2", "false"]]

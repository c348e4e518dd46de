"""`headrace test`: given rows in, expected rows out; differences that a person can read; nothing outside is touched."""

import pathlib
import re
import xml.etree.ElementTree as ElementTree

import pytest

from world import HEADRACE, INTERVAL, SOURCE, World

PIPELINE = """name: score
params: {least: {type: double, default: 0}}
steps:
  orders:
    extract: {connection: warehouse, table: orders}
    checks: [{contract: contracts/orders.yaml}, {rows: {min: 1000}}]
  totals:
    sql:
      query: select customer_id, count(*) as orders, sum(amount) as spend from orders group by customer_id having sum(amount) >= $least order by customer_id
      bind: {least: "${params.least}"}
    checks: [{unique: [customer_id]}]
  apart: {sql: {query: "select cast('no number' as int) as broken from orders"}}
  model: {train: {data: apart, target: broken}}
  scores: {score: {data: totals, model: churn@champion}}
  to_platform: {deliver: {data: totals, connection: platform, table: totals, mode: upsert, key: [customer_id]}}
"""
CONTRACT = """columns:
  - {name: customer_id, type: int, nullable: false}
  - {name: amount, type: double, nullable: false}
  - {name: at, type: timestamp}
"""
TEST = """name: orders are summed
pipeline: score
given:
  orders:
    - {customer_id: 1, amount: 10.5, at: "2026-01-02T10:00:00Z"}
    - {customer_id: 1, amount: 1}
    - {customer_id: 2, amount: 4}
expect:
  totals: [{customer_id: 1, orders: 2, spend: 11.5}, {customer_id: 2, orders: 1, spend: 4}]
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.write("pipelines/score.yaml", PIPELINE)
    world.write("contracts/orders.yaml", CONTRACT)
    world.write("tests/totals.yaml", TEST)
    return world


def files(world):
    return {str(path.relative_to(world.folder)): path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}


def said(done):
    """What it printed, without times."""
    return re.sub(r", [0-9.]+ s\)", ")", done.out)


def test_a_test_that_holds_passes(world):
    done = world.headrace("test")
    assert done.code == 0 and done.err == "", done.all
    assert said(done) == "ok    orders are summed (tests/totals.yaml)\n1 test passed\n"
    assert world.headrace("-q", "test").all == ""


WHOLE = TEST.replace("expect:\n", "checks: all\nexpect:\n")


def test_checks_of_whole_datasets_run_where_a_test_asks_for_them(world):
    world.edit("pipelines/score.yaml", "{rows: {min: 1000}}]", "{rows: {min: 3}}, {foreign_key: {column: customer_id, to: customers.id}}, {sql: \"select amount from orders where amount > 100\"}, {sum: {column: amount, max: 20, baseline: auto}}]")
    world.edit("pipelines/score.yaml", "steps:\n", "steps:\n  customers: {extract: {connection: warehouse, table: customers}}\n")
    assert world.headrace("test").code == 0, "without a word only checks of single rows run"
    world.write("tests/totals.yaml", WHOLE)
    done = world.headrace("test")
    assert done.code == 2 and "step `customers` reads the connection" in done.all, "its keys are read, so they have to be given"
    world.write("tests/totals.yaml", WHOLE.replace("given:\n", "given:\n  customers: [{id: 1}, {id: 2}]\n"))
    assert world.headrace("test").code == 0, world.headrace("test").all
    for old, new, says in (("customers: [{id: 1}, {id: 2}]", "customers: [{id: 1}]", "1 of 3 rows is not in `customers.id`"),
                           ("amount: 10.5", "amount: 101", "the query should give no row, but gives 1"),
                           ("amount: 10.5", "amount: 50", "expected the sum of `amount` to be at most 20, got 55"),
                           ("    - {customer_id: 1, amount: 1}\n", "", "expected at least 3 rows, got 2")):
        good = world.read("tests/totals.yaml")
        world.edit("tests/totals.yaml", old, new)
        done = world.headrace("test")
        assert done.code == 1 and says in done.all, done.all
        world.write("tests/totals.yaml", good)


def test_rows_put_aside_are_expected_like_others(world):
    world.edit("pipelines/score.yaml", "{rows: {min: 1000}}]", "{expect: \"amount > 0\", name: paid}]\n    quarantine: {at_most: 50%}")
    world.write("tests/totals.yaml", TEST.replace("amount: 4", "amount: -4").replace("expect:\n", "expect:\n  orders.quarantine: [{customer_id: 2, amount: -4, failed_checks: paid}]\n").replace(", {customer_id: 2, orders: 1, spend: 4}", ""))
    done = world.headrace("test")
    assert done.code == 0, done.all
    world.edit("tests/totals.yaml", "failed_checks: paid", "failed_checks: unpaid")
    assert world.headrace("test").code == 1
    world.edit("tests/totals.yaml", "orders.quarantine", "totals.quarantine")
    done = world.headrace("test")
    assert done.code == 2 and "step `totals` puts no rows aside" in done.all


def test_nothing_outside_is_touched(world):
    """Neither connection has a file, so that opening either would make it or fail; `apart` and the delivery would fail if they ran."""
    world.write("tests/totals.yaml", TEST + "  to_platform: [{customer_id: 1, spend: 11.5}, {customer_id: 2, spend: 4}]\n")
    before = files(world)
    assert world.headrace("test").code == 0
    assert files(world) == before, "a test leaves the project as it was"


def test_state_and_destination_of_real_runs_stay_as_they_are(world):
    world.write("tests/totals.yaml", "name: t\npipeline: main\ngiven: {customers: {file: tests/data/few.csv}}\nexpect: {to_platform: {checks: [{rows: {min: 300}}]}}\n")
    world.good()
    world.write("tests/data/few.csv", world.read("data/customers.csv"))
    before = files(world)
    done = world.headrace("test")
    assert done.code == 0, done.all        # it trained and scored
    assert files(world) == before


def test_no_temporary_folder_is_left(world, tmp_path):
    (tmp_path / "tmp").mkdir()
    assert world.headrace("test", env={"TMPDIR": str(tmp_path / "tmp")}).code == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_difference_names_keys_and_cells_side_by_side(world):
    world.edit("tests/totals.yaml", "  totals: [{customer_id: 1, orders: 2, spend: 11.5}, {customer_id: 2, orders: 1, spend: 4}]",
               "  totals: [{customer_id: 1, orders: 3, spend: null}, {customer_id: 7, orders: 1, spend: 4}]")
    done = world.headrace("test")
    assert done.code == 1
    assert said(done) == """FAIL  orders are summed (tests/totals.yaml)
  totals: 1 row changed, 1 row missing, 1 row too many (2 rows expected, 2 found; numbers equal within 1e-09)
    changed        column  expected  found
    customer_id=1  orders  3             2
                   spend   null       11.5
    missing  customer_id=7, orders=1, spend=4
    extra  customer_id=2, orders=1, spend=4
0 tests passed, 1 failed
"""
    assert world.headrace("-q", "test").out.startswith("FAIL")


def test_at_most_ten_rows_are_shown(world):
    world.write("tests/totals.yaml", TEST.split("expect:")[0] + "expect:\n  totals:\n" + "".join(f"    - {{customer_id: {i}}}\n" for i in range(10, 40)))
    done = world.headrace("test")
    assert done.out.count("missing ") == 10 and "and 22 more" in done.out, done.all


def test_the_tolerance_counts(world):
    for tolerance, code in ((0.01, 0), (0.0001, 1)):
        world.write("tests/totals.yaml", TEST.split("expect:")[0] + f"expect: {{totals: {{tolerance: {tolerance}, rows: [{{spend: 11.51}}, {{spend: 4}}]}}}}\n")
        done = world.headrace("test")
        assert done.code == code, done.all
    assert "numbers equal within 1e-04" in done.out


@pytest.mark.parametrize("expect, code, says", [
    ("totals: {rows: [{customer_id: 2}, {customer_id: 1}]}", 0, ""),
    ("totals: {rows: [{customer_id: 2}, {customer_id: 1}], ordered: true}", 1, "row 1: customer_id=2  customer_id         2      1"),
    ("totals: {rows: [{customer_id: 1}, {customer_id: 2}], columns: all}", 1, "gives a column `orders` that the expected rows do not name"),
    ("totals: [{customer: 1}]", 1, "gives no column `customer`"),
    ("totals: [{orders: many}]", 1, "gives `orders` as int, which the expected `many` (tests/totals.yaml:8:"),
    ("totals: []", 1, "2 rows too many"),
    ("totals: {checks: [{expect: \"spend < 5\"}]}", 1, "check `expect: spend < 5`"),
    ("to_platform: {rows: [{customer_id: 1}, {customer_id: 2}]}", 0, ""),
    ("apart: {fails: no number}", 0, ""),
    ("apart: {fails: another}", 1, "fails, but not with `another`"),
    ("totals: {fails: no number}", 1, "should fail and say `no number`, but it succeeded"),
    ("apart: {checks: [{rows: {min: 1}}]}", 1, "apart: failed: "),
])
def test_what_is_expected_is_held(world, expect, code, says):
    world.write("tests/totals.yaml", TEST.split("expect:")[0] + f"expect: {{{expect}}}\n")
    done = world.headrace("test")
    assert done.code == code and says in done.out, done.all


def test_a_given_dataset_without_a_column_of_its_contract_fails_and_names_it(world):
    world.edit("tests/totals.yaml", "{customer_id: 1, amount: 1}", "{customer_id: 1, amuont: 1}")
    world.edit("tests/totals.yaml", "amount: 10.5", "amuont: 10.5")
    world.edit("tests/totals.yaml", "{customer_id: 2, amount: 4}", "{customer_id: 2, amuont: 4}")
    done = world.headrace("test")
    assert done.code == 1 and "orders: failed: the given rows: the column `amount` is missing (is `amuont` its new name?)" in done.out, done.all


def test_params_tenant_and_interval_are_those_of_the_test(world):
    world.write("tenants/acme.yaml", "tenant: acme\nparams: {least: 5}\n")
    for lines, rows in (("", 2), ("tenant: acme\n", 1), ("params: {least: 100}\n", 0)):
        world.write("tests/totals.yaml", lines + TEST.split("expect:")[0] + f"expect: {{totals: {{checks: [{{rows: {{min: {rows}, max: {rows}}}}}]}}}}\n")
        assert world.headrace("test").code == 0, rows
    world.write("pipelines/day.yaml", "name: day\nsteps: {day: {sql: {query: select $end as ends, bind: {end: \"${run.interval.end}\"}}}}\n")
    for lines, end in (("", "2026-01-02"), ("interval: 2026-01-05/2026-01-12\n", "2026-01-12")):
        world.write("tests/totals.yaml", f"name: t\npipeline: day\n{lines}expect: {{day: [{{ends: {end}}}]}}\n")
        assert world.headrace("test").code == 0, end


@pytest.mark.parametrize("old, new, says", [
    ("  orders:\n", "  ordres:\n", "did you mean `orders`?"),
    ("  totals: [", "  total: [", "did you mean `totals`?"),
    ("pipeline: score", "pipeline: scoer", "did you mean `score`?"),
    ("pipeline: score", "pipeline: score\ntenant: acme", "this project has no tenants"),
    ("pipeline: score", "pipeline: score\nparams: {lest: 1}", "did you mean `least`?"),
    ("pipeline: score", "pipeline: score\nintervall: x", "did you mean `interval`?"),
    ("amount: 10.5", "amount: much", "`much` does not read as double, the type of column `amount`"),
    ("given:", "given:\n  totals: [{customer_id: 1}]", "no step that must give something reads `orders`"),
    ("{customer_id: 2, orders: 1, spend: 4}", "{customer_id: 2, orders: 1}", "this row does not say `spend`"),
    ("  totals: [", "  model: {checks: [{rows: {min: 1}}]}\n  totals: [", "its test rows with scores are `model.test_predictions`"),
    ("  totals: [", "  scores: {checks: [{rows: {min: 1}}]}\n  totals: [", "give a model file: `models: {churn: FILE}`"),
    ("given:", "given:\n  model: [{a: 1}]", "makes a model, not rows"),
    ("given:", "given:\n  to_platform: [{a: 1}]", "delivers; it has no rows"),
])
def test_what_cannot_be_tested_is_refused_at_its_place_before_anything_runs(world, old, new, says):
    world.edit("tests/totals.yaml", old, new)
    for command in ("test", "validate"):
        done = world.headrace(command)
        assert done.code == 2 and says in done.err and "--> tests/totals.yaml:" in done.err and "ok  " not in done.out, done.all


def test_a_step_that_reads_outside_needs_rows(world):
    world.write("tests/totals.yaml", "name: t\npipeline: score\n" + "expect:" + TEST.split("expect:")[1])
    done = world.headrace("test")
    assert done.code == 2 and "step `orders` reads the connection `warehouse`, and the test gives no rows that stand for it" in done.err, done.all
    world.write("tests/totals.yaml", "name: t\npipeline: main\nexpect: {features: [{customer_id: 1}]}\n")
    done = world.headrace("test")
    assert done.code == 2 and "step `customers` reads `data/customers.csv`" in done.err, done.all


@pytest.mark.parametrize("path", ["data/customers.csv", "../../etc/passwd", "/etc/passwd", "tests/link.csv"])
def test_given_files_lie_under_tests(world, path):
    (world.folder / "tests/link.csv").symlink_to(world.folder / "data/customers.csv")
    world.write("tests/totals.yaml", f"name: t\npipeline: main\ngiven: {{customers: {{file: {path}}}}}\nexpect: {{features: [{{customer_id: 1}}]}}\n")
    done = world.headrace("test")
    assert done.code == 2 and "does not lie in the project's folder `tests`" in done.err, done.all


@pytest.mark.parametrize("name, text", [
    ("rows.csv", "customer_id,amount\n1,10.5\n1,1\n2,4\n"),
    ("rows.jsonl", '{"customer_id": 1, "amount": 10.5}\n{"customer_id": 1, "amount": 1}\n{"customer_id": 2, "amount": 4}\n'),
])
def test_rows_from_files(world, name, text):
    world.write(f"tests/data/{name}", text)
    world.write("tests/data/totals.csv", "customer_id,orders,spend\n2,1,4\n1,2,11.5\n")
    world.write("tests/totals.yaml", f"name: t\npipeline: score\ngiven: {{orders: {{file: tests/data/{name}}}}}\nexpect: {{totals: {{file: tests/data/totals.csv, columns: all}}}}\n")
    done = world.headrace("test")
    assert done.code == 0, done.all
    world.edit("tests/data/totals.csv", "1,2,11.5", "1,2,12.5")
    done = world.headrace("test")
    assert done.code == 1 and re.search(r"customer_id=1 +spend +12\.5 +11\.5", done.out), done.all


def test_types_without_a_contract_are_told_by_the_values(world):
    world.write("pipelines/types.yaml", "name: types\nsteps:\n  rows: {extract: {file: data/none.csv}}\n  seen: {sql: {query: \"select typeof(i) as i, typeof(n) as n, typeof(q) as q, typeof(z) as z, typeof(d) as d, typeof(t) as t, typeof(b) as b, typeof(s) as s from rows limit 1\"}}\n")
    world.write("tests/totals.yaml", """name: t
pipeline: types
given:
  rows:
    rows:
      - {i: 1, n: 1, q: "1", z: 007, d: 2026-01-01, t: "2026-01-02T10:00:00Z", b: true, s: null}
      - {i: null, n: 1.5, q: "2", z: 008, d: 2026-01-02, t: 2026-01-02, b: false, s: null}
    types: {s: double}
expect:
  seen: [{i: BIGINT, n: DOUBLE, q: VARCHAR, z: VARCHAR, d: DATE, t: TIMESTAMP, b: BOOLEAN, s: DOUBLE}]
""")
    done = world.headrace("test")
    assert done.code == 0, done.all


def test_a_model_file_stands_for_one_of_the_registry(world):
    assert world.headrace("-q", "train", "data/customers.csv", "--target", "churned", "-o", "tests/churn.model").code == 0
    rows = "".join(f"    - {{customer_id: {i}, country: de, age: {20 + i}, spend: {i}.5}}\n" for i in range(5))
    world.write("pipelines/apply.yaml", "name: apply\nsteps:\n  customers: {extract: {file: data/customers.csv}}\n  scores: {score: {data: customers, model: churn@champion}}\n")
    world.write("tests/totals.yaml", f"name: t\npipeline: apply\nmodels: {{churn: tests/churn.model}}\ngiven:\n  customers:\n{rows}expect:\n  scores: {{checks: [{{rows: {{min: 5, max: 5}}}}, {{expect: score between 0 and 1}}]}}\n")
    done = world.headrace("test")
    assert done.code == 0, done.all


def test_nobody_is_asked_to_approve(world):
    world.edit("pipelines/full.yaml", "promote: auto", "promote: approve")
    world.edit("pipelines/full.yaml", "deliver: {data: scores, file: out/scores.csv}", "deliver: {data: scores, file: out/scores.csv}\n    approve: true")
    world.write("tests/data/customers.csv", world.read("data/customers.csv"))
    world.write("tests/totals.yaml", "name: t\npipeline: full\ngiven: {customers: {file: tests/data/customers.csv}}\nexpect: {to_file: {checks: [{rows: {min: 300}}]}}\n")
    done = world.headrace("test")
    assert done.code == 0, done.all


def test_junit_is_what_its_readers_take(world):
    world.write("tests/other.yaml", TEST.replace("orders are summed", 'a "quoted" <name> & more').replace("orders: 2", "orders: 3"))
    done = world.headrace("test", "--junit", "results.xml")
    assert done.code == 1
    root = ElementTree.parse(world.folder / "results.xml").getroot()
    assert root.tag == "testsuites" and (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("2", "1", "0", "0")
    cases = root.findall("testsuite/testcase")
    assert [(case.get("name"), case.get("classname"), len(case.findall("failure"))) for case in cases] == [('a "quoted" <name> & more', "score", 1), ("orders are summed", "score", 0)]
    failure = cases[0].find("failure")
    assert failure.get("message").startswith("totals: 1 row changed") and "customer_id=1  orders         3      2" in failure.text
    assert all(float(case.get("time")) >= 0 for case in cases)


def test_json_says_the_difference(world):
    world.edit("tests/totals.yaml", "orders: 2", "orders: 3")
    done = world.headrace("--json", "test")
    assert done.code == 1 and (done.json["passed"], done.json["failed"], done.json["skipped"]) == (0, 1, 0)
    failure = done.json["tests"][0]["failures"][0]
    assert failure["difference"]["rows"] == [{"kind": "changed", "row": "customer_id=1", "cells": [{"column": "orders", "expected": "3", "found": "2"}]}]


def test_only_the_files_that_are_named_run(world):
    world.write("tests/other.yaml", TEST.replace("orders: 2", "orders: 3"))
    assert world.headrace("test", "tests/totals.yaml").code == 0
    assert world.headrace("test", "tests/other.yaml").code == 1
    done = world.headrace("test", "tests/nope.yaml")
    assert done.code == 2 and "no file `tests/nope.yaml`" in done.err


def test_a_project_without_tests_says_so(tmp_path):
    done = World(tmp_path / "shop").headrace("test")
    assert done.code == 2 and "this project has no tests" in done.err


SAMPLED = """name: features of real customers
pipeline: main
sample: customer_id
given: {customers: [{customer_id: 1, age: 1, spend: 4}]}
expect:
  features:
    rows: [{customer_id: 1, spend_per_year: 2}]
    checks: [{expect: "spend_per_year >= 0"}, {rows: {min: 1, max: 299}}]
"""


def test_sample_takes_recorded_rows_and_judges_checks(world):
    world.write("tests/totals.yaml", SAMPLED)
    world.write("tests/other.yaml", TEST)
    done = world.headrace("test", "--sample", "50%")
    assert done.code == 2 and "nothing ran" in done.err, done.all
    world.good()
    world.write("data/customers.csv", "broken since\n")
    outside = {path: text for path, text in files(world).items() if not path.startswith(".headrace/state.db")}
    done = world.headrace("test", "--sample", "50%")
    assert done.code == 0 and "1 test passed, 1 skipped" in done.out and "it has no `sample:` column" in done.out, done.all
    assert {path: text for path, text in files(world).items() if not path.startswith(".headrace/state.db")} == outside
    assert len(world.headrace("--json", "runs").json) == 1, "a test is no run of the project"
    done = world.headrace("test", "--sample", "100%")
    assert done.code == 1 and "check `rows: " in done.out, "all 300 are more than 299"
    for share in ("0", "200%", "half"):
        assert world.headrace("test", "--sample", share).code == 2


def test_the_agency_has_tests_that_pass():
    import subprocess
    done = subprocess.run([HEADRACE, "-C", str(SOURCE / "examples/agency"), "test"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("4 tests passed\n"), done.stdout + done.stderr


def test_a_step_for_each_row_is_done_in_a_test_and_given_rows_stand_for_all_its_items(world):
    world.write("pipelines/regions.yaml", """name: regions
steps:
  orders: {extract: {connection: warehouse, table: orders}}
  customers: {sql: {query: "select distinct customer_id from orders order by customer_id"}}
  sums:
    for_each: {rows: customers, columns: {customer_id: int}}
    sql: {query: "select sum(amount) as total from orders where customer_id = $id", bind: {id: "${item.customer_id}"}}
    checks: [{rows: {min: 1000}}, {range: {column: total, min: 0}}]
  largest: {sql: {query: "select max(total) as largest from sums"}}
""")
    world.write("tests/totals.yaml", """name: each customer alone
pipeline: regions
given: {orders: [{customer_id: 1, amount: 10.5}, {customer_id: 1, amount: 1}, {customer_id: 2, amount: 4}]}
expect:
  sums: [{total: 11.5}, {total: 4}]
  largest: [{largest: 11.5}]
""")
    world.write("tests/given.yaml", """name: sums are given
pipeline: regions
given: {sums: [{item: "1", total: 3.5}, {item: "2", total: 2}]}
expect: {largest: [{largest: 3.5}]}
""")
    done = world.headrace("test")
    assert done.code == 0, done.all
    world.edit("tests/totals.yaml", "total: 4}", "total: 5}")
    assert world.headrace("test").code == 1

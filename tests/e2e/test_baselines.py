"""Baselines, empty and unchanged input, and the commands that show what checks measured."""

import datetime

import pytest
from world import World

MONDAY = datetime.date(2026, 1, 5)

PIPELINE = """\
name: watch
steps:
  orders:
    extract: {connection: shop, query: "select id, amount from orders where week = $week", bind: {week: "${cast(run.interval.start as date)}"}}
    checks:
      - rows: {min: 1, baseline: auto}
  copy:
    sql: {query: "select count(*) as n from orders"}
"""


def week(n):
    return MONDAY + datetime.timedelta(days=7 * n)


def interval(n):
    return f"{week(n)}/{week(n + 1)}"


@pytest.fixture(name="world")
def fixture_world(tmp_path):
    world = World(tmp_path)
    world.write("pipelines/watch.yaml", PIPELINE)
    world.write("headrace.yaml", "name: shop\nconnections:\n  shop: {driver: sqlite, uri: data/shop.sqlite}\n")
    world.sqlite("create table orders(id integer, amount real, week text)", file="data/shop.sqlite")
    return world


def load(world, n, rows):
    world.sqlite("delete from orders where week = ?", str(week(n)), file="data/shop.sqlite")
    world.sqlite("insert into orders with recursive k(i) as (select 1 union all select i + 1 from k where i < ?) select i, i * 1.5 + ?, ? from k limit ?",
                 rows, n, str(week(n)), rows, file="data/shop.sqlite")


def watch(world, n, *argv):
    return world.run(*argv, pipeline="watch", interval=interval(n))


def history(world, *argv):
    return world.headrace("check-history", "watch", "--step", "orders", "--json", *argv).json[0]["points"]


def ten_good_weeks(world):
    for n, rows in enumerate((400, 440, 380, 410, 395, 405, 420, 400, 390, 410)):
        load(world, n, rows)
        done = watch(world, n)
        assert done.code == 0, done.all


def test_a_halved_week_stops_the_run_and_says_what_was_expected(world):
    ten_good_weeks(world)
    assert [p["verdict"] for p in history(world)] == ["learning"] * 4 + ["passed"] * 6
    load(world, 10, 200)
    done = watch(world, 10)
    assert done.code == 3
    assert "`orders`: rows 200: expected 267 to 568, from 10 points 2026-01-05 to 2026-03-09" in done.err
    assert "copy" in done.err and "skipped" in done.err
    # The failed point trains nothing, and a second attempt of the interval is not held against the first.
    load(world, 10, 402)
    assert watch(world, 10).code == 0
    points = history(world)
    assert (points[-1]["value"], points[-1]["verdict"], points[-1]["trains"]) == (402, "passed", True)
    assert len(points) == 11


def test_the_newest_verdicts_come_with_what_failed_first(world):
    ten_good_weeks(world)
    load(world, 10, 3)
    watch(world, 10)
    lines = world.headrace("checks", "--json").json
    assert lines[0]["verdict"] == "failed"
    assert lines[0]["value"] == 3
    assert lines[0]["band"]["lower"] == 267
    assert world.headrace("checks", "--failed").out.splitlines()[1].startswith("failed")
    text = world.headrace("check-history", "watch", "--step", "orders").out
    assert text.splitlines()[0] == "rows: 11 intervals, 1 did not pass; by today's rule 1 would be outside"


def test_a_changed_rule_is_replayed_on_known_history(world):
    ten_good_weeks(world)
    load(world, 10, 300)
    assert watch(world, 10).code == 0
    world.edit("pipelines/watch.yaml", "baseline: auto", "baseline: {min_change: 10%, learn: 2}")
    points = history(world)
    assert [p["verdict"] for p in points] == ["learning"] * 4 + ["passed"] * 7
    assert [p["today"]["verdict"] for p in points] == ["learning"] * 2 + ["passed"] * 8 + ["outside"]


def test_a_rule_is_tried_on_known_history_before_it_stands_in_the_file(world):
    ten_good_weeks(world)
    load(world, 10, 300)
    assert watch(world, 10).code == 0
    before = world.read("pipelines/watch.yaml")
    points = history(world, "--rule", "{min_change: 10%, learn: 2}")
    assert [p["today"]["verdict"] for p in points] == ["learning"] * 2 + ["passed"] * 8 + ["outside"]
    assert [p["verdict"] for p in points] == ["learning"] * 4 + ["passed"] * 7, "what was said stays said"
    recent = history(world, "--rule", "{window: 5w}", "--measure", "rows")
    assert recent[-1]["today"]["basis"] == "5 points 2026-02-09 to 2026-03-09"
    text = world.headrace("check-history", "watch", "--step", "orders", "--rule", "{min_change: 10%, learn: 2}").out
    assert text.splitlines()[0] == "rows: 11 intervals, 0 did not pass; by the rule given 1 would be outside"
    wrong = world.headrace("check-history", "watch", "--step", "orders", "--rule", "{widnow: 5}")
    assert wrong.code == 2 and "did you mean `window`?" in wrong.err and "--rule:1" in wrong.err, wrong.all
    wrong = world.headrace("check-history", "watch", "--step", "orders", "--measure", "row")
    assert wrong.code == 2 and "measured were rows" in wrong.err, wrong.all
    assert world.read("pipelines/watch.yaml") == before


def test_a_window_of_time_is_kept_to_by_runs(world):
    world.edit("pipelines/watch.yaml", "baseline: auto", "baseline: {window: 6w}")
    ten_good_weeks(world)
    load(world, 10, 150)
    done = watch(world, 10)
    assert done.code == 3 and "from 6 points 2026-02-02 to 2026-03-09" in done.err, done.all


def test_a_query_of_a_check_takes_bound_values(world):
    world.edit("pipelines/watch.yaml", "      - rows: {min: 1, baseline: auto}\n",
               '      - sql: {query: "select id, amount from orders where amount > $most and $day >= date \'2026-01-12\'", bind: {most: 100.5, day: "${cast(run.interval.end as date)}"}}\n')
    load(world, 0, 40)
    done = watch(world, 0)
    assert done.code == 0, done.all
    load(world, 1, 80)
    done = watch(world, 1)
    assert done.code == 3 and "the query should give no row, but gives 14" in done.err, done.all
    world.edit("pipelines/watch.yaml", "most: 100.5", "most: 1000")
    assert watch(world, 1).code == 0, "another value is another check"


def test_an_old_interval_run_again_knows_nothing_of_later_ones(world):
    ten_good_weeks(world)
    done = watch(world, 5, "--force", "--json")
    assert done.code == 0
    checks = [line for line in world.headrace("checks", "--json").json if line["step"] == "orders"]
    assert checks[0]["band"]["basis"] == "5 points 2026-01-05 to 2026-02-02"


def test_a_dry_run_leaves_no_point(world):
    load(world, 0, 400)
    assert watch(world, 0, "--dry-run").code == 0
    assert world.headrace("check-history", "watch", "--step", "orders").code == 2
    assert watch(world, 0).code == 0
    assert len(history(world)) == 1


def test_points_outlive_the_runs_they_came_from(world):
    ten_good_weeks(world)
    assert world.headrace("gc", "--keep", "1", "--yes").code == 0
    assert len(world.headrace("runs", "--json").json) < 10
    load(world, 10, 200)
    assert watch(world, 10).code == 3
    assert len(history(world)) == 11


def test_no_rows_at_all_fail_unless_they_are_allowed(world):
    world.edit("pipelines/watch.yaml", "    checks:\n      - rows: {min: 1, baseline: auto}\n", "")
    done = watch(world, 0)
    assert done.code == 3
    assert "`orders`: the source gave no row at all" in done.err
    assert "empty: allow" in done.err
    world.edit("pipelines/watch.yaml", "extract: {", "extract: {empty: allow, ")
    done = watch(world, 0)
    assert done.code == 0, done.all
    assert watch(world, 1).code == 0, "two empty intervals are no repetition"


def test_a_header_without_rows_is_allowed_where_it_says_so(world):
    world.write("data/list.csv", "id,price\n")
    world.write("pipelines/watch.yaml", "name: watch\nsteps:\n  prices:\n    extract: {file: data/list.csv}\n")
    done = watch(world, 0)
    assert done.code == 3 and "a header, but no rows" in done.err
    world.edit("pipelines/watch.yaml", "{file", "{empty: allow, file")
    assert watch(world, 0).code == 0


def test_the_rows_of_last_week_again_fail_where_the_query_reads_by_the_interval(world):
    world.edit("pipelines/watch.yaml", "      - rows: {min: 1, baseline: auto}\n", "      - not_null: [id]\n")
    load(world, 0, 400)
    assert watch(world, 0).code == 0
    assert watch(world, 0, "--force").code == 0, "the same interval again is fine"
    world.sqlite("insert into orders select id, amount, ? from orders where week = ?", str(week(1)), str(week(0)), file="data/shop.sqlite")
    first = world.headrace("runs", "--json").json[0]["run"]
    done = watch(world, 1)
    assert done.code == 3
    assert f"the same 400 rows as run {first} read for 2026-01-05 to 2026-01-12; the step reads by the run's interval, so others were due" in done.err
    world.edit("pipelines/watch.yaml", "extract: {", "extract: {unchanged: allow, ")
    assert watch(world, 1).code == 0


def test_an_interval_that_comes_through_a_parameter_counts_too(world):
    world.edit("pipelines/watch.yaml", "name: watch\n", 'name: watch\nparams: {as_of: {type: date, default: "${run.interval.start}"}}\n')
    world.edit("pipelines/watch.yaml", '"${cast(run.interval.start as date)}"', '"${params.as_of}"')
    world.edit("pipelines/watch.yaml", "      - rows: {min: 1, baseline: auto}\n", "      - not_null: [id]\n")
    load(world, 0, 50)
    assert watch(world, 0).code == 0
    world.sqlite("insert into orders select id, amount, ? from orders where week = ?", str(week(1)), str(week(0)), file="data/shop.sqlite")
    assert watch(world, 1).code == 3


def test_an_unchanged_list_is_a_warning(world):
    world.write("data/list.csv", "id,price\n1,10\n2,20\n")
    world.write("pipelines/watch.yaml", "name: watch\nsteps:\n  prices:\n    extract: {file: data/list.csv}\n")
    assert watch(world, 0).code == 0
    again = watch(world, 0)
    assert again.code == 0 and "warning" not in again.err
    done = watch(world, 1)
    assert done.code == 0
    assert "warning: the same 2 rows as run" in done.err
    assert world.headrace("checks", "--failed", "--json").json[0]["check"] == "unchanged"
    world.write("data/list.csv", "id,price\n1,10\n2,21\n")
    assert "warning" not in watch(world, 2).err
    world.edit("pipelines/watch.yaml", "{file", "{unchanged: refuse, file")
    assert watch(world, 3).code == 3


def test_the_page_of_a_run_draws_the_points(world):
    ten_good_weeks(world)
    load(world, 10, 200)
    watch(world, 10, "--report", "out.html")
    page = world.read("out.html")
    assert "orders: rows" in page
    assert page.count('class="band"') == 1
    assert "2026-03-16: 200, expected 267 to 568, failed" in page
    assert page.count("<circle") >= 11


def test_what_the_first_good_run_gave_becomes_a_contract(world):
    world.edit("pipelines/watch.yaml", "      - rows: {min: 1, baseline: auto}\n", "      - not_null: [id]\n")
    load(world, 0, 40)
    done = watch(world, 0)
    assert "hint: no contract guards `orders`: `headrace contract accept orders` writes contracts/orders.yaml from this run" in done.err
    assert "hint:" not in watch(world, 0).err
    done = world.headrace("contract", "accept", "orders")
    assert done.code == 0, done.all
    assert "  - {name: id, type: int, nullable: false}\n  - {name: amount, type: double, nullable: false}\n" in world.read("contracts/orders.yaml")
    assert done.out == "    checks:\n      - contract: contracts/orders.yaml\n      - rows: {min: 1, baseline: auto}\n"
    assert world.headrace("contract", "accept", "orders").code == 2
    assert "did you mean `orders`" in world.headrace("contract", "accept", "order").err
    world.edit("pipelines/watch.yaml", "    checks:\n      - not_null: [id]\n", done.out)
    assert watch(world, 0).code == 0
    world.sqlite("insert into orders values (null, 1.0, ?)", str(week(0)), file="data/shop.sqlite")
    assert watch(world, 0).code == 3


def test_any_measured_number_takes_a_baseline_and_a_tag_finds_its_check(world):
    world.edit("pipelines/watch.yaml", "baseline: auto}", "baseline: auto}\n      - metric: {of: \"max(amount) - count(*)\", baseline: {learn: 2}}\n        tags: [finance]")
    for n in range(3):
        load(world, n, 400)
        done = watch(world, n)
        assert done.code == 0, done.all
    found = world.headrace("checks", "--tag", "finance", "--json").json
    assert [(line["kind"], line["verdict"], line["value"], line["tags"]) for line in found] == [("metric", "passed", 202, ["finance"])]
    assert found[0]["band"]["basis"].startswith("2 points") and found[0]["band"]["lower"] <= 200
    assert world.headrace("checks", "--tag", "nothing", "--json").json == []

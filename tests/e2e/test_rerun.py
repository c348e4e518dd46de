"""Running a part again, steps under `finally`, and failures that are left aside."""

import pytest

from world import World, steps


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "shop")


def test_from_a_step_on_nothing_before_it_is_read_again(world):
    first = world.good()
    world.write("data/customers.csv", "broken since\n")
    world.edit("sql/features.sql", "select", "select 1 as one,")
    again = world.headrace("--json", "run", "main", "--from", "features")
    assert again.code == 0, again.all
    assert steps(again.json)["customers"] == "reused" and steps(again.json)["features"] == "succeeded"
    assert again.json["interval"] == first["interval"], "the recorded run's interval is used again"
    assert world.sqlite("select count(*) from scores") == [(300,)]


def test_only_a_delivery_repeats_it_without_scoring(world):
    world.good()
    (world.folder / "out/scores.csv").unlink()
    again = world.headrace("--json", "run", "main", "--only", "to_file", "--of", "last")
    assert again.code == 0, again.all
    assert steps(again.json) == {name: "succeeded" if name == "to_file" else "reused" for name in steps(again.json)}
    assert len(world.read("out/scores.csv").splitlines()) == 301
    assert len(world.ledger()) == 1


@pytest.mark.parametrize("argv, says", [
    (["--from", "feature"], "did you mean `features`?"),
    (["--only", "scores", "-p", "min_age=3"], "leave --interval and -p out"),
    (["--of", "last"], "needs `--from` or `--only`"),
    (["--from", "features", "--of", "20200101"], "there is no run"),
    (["--from", "features", "--resume", "last"], "excludes --from"),
])
def test_what_cannot_be_run_in_part_is_said(world, argv, says):
    world.good()
    done = world.headrace("run", "main", *argv)
    assert done.code == 2 and says in done.err, done.all


def test_all_tenants_run_their_parts_as_one_does(world):
    for tenant in ("acme", "bolt"):
        world.write(f"tenants/{tenant}.yaml", f"tenant: {tenant}\n")
    world.write("pipelines/part.yaml", "name: part\nsteps:\n  rows: {extract: {file: data/customers.csv}}\n  count: {sql: {query: \"select count(*) as n from rows\"}}\n"
                                       "  out: {deliver: {data: count, file: \"out/${tenant.name}.csv\"}}\n")
    assert world.run("--tenant", "all", pipeline="part").code == 0
    world.edit("pipelines/part.yaml", "count(*) as n", "count(*) + missing as n")
    part = ("run", "part", "--tenant", "all", "--only", "count")
    recorded, today = world.headrace(*part, "--as-recorded"), world.headrace(*part)
    assert today.code != 0 and recorded.code == 0, today.all + recorded.all
    for run in ("20260105", "last"):
        named = world.headrace(*part, "--of", run)
        assert named.code == 2 and "is a run of one tenant" in named.err, named.all


def test_a_resumed_run_does_not_tell_again_what_was_done_before(world):
    world.edit("pipelines/main.yaml", "file: out/scores.csv", "file: data/customers.csv/scores.csv")
    first = world.run()
    assert first.code != 0 and "delivered 300 rows" in first.err, first.all
    world.edit("pipelines/main.yaml", "file: data/customers.csv/scores.csv", "file: out/scores.csv")
    second = world.headrace("run", "--resume", "last")
    assert second.code == 0 and second.err.count("delivered 300 rows") == 1 and "to_platform" in second.err, second.all


def test_what_another_try_may_mend_hides_no_failure(world):
    write_two = "name: two\nsteps:\n  busy: {command: {run: [sh, -c, \"exit 75\"]}}\n  bad: {command: {run: [sh, -c, \"sleep 1; exit 4\"]}}\n"
    world.write("pipelines/two.yaml", write_two)
    done = world.run(pipeline="two")
    assert done.code == 1 and "`bad`" in done.all, done.all


@pytest.mark.parametrize("command", ["exit 75", "sleep 2; exit 75"])
def test_what_another_try_may_mend_hides_no_refused_gate(world, command):
    world.edit("pipelines/full.yaml", "auc >= 0.6", "auc >= 0.999")
    world.edit("pipelines/full.yaml", "steps:\n", f"steps:\n  busy: {{command: {{run: [sh, -c, \"{command}\"]}}}}\n")
    done = world.run("--json", pipeline="full")
    assert done.code == 3 and "refused the new model" in done.json["message"] and steps(done.json)["busy"] == "failed", done.all


def test_without_a_recorded_run_there_is_no_part_to_run(world):
    done = world.headrace("run", "main", "--only", "to_file")
    assert done.code == 2 and "no recorded run" in done.err, done.all


PIPELINE = """name: last
steps:
  customers: {extract: {file: data/customers.csv}}
  extra: {extract: {file: data/extra.csv}, on_failure: continue}
  kept: {sql: {query: "select * from customers"}, after: [extra]}
  joined: {sql: {query: "select * from extra"}}
finally:
  how: {sql: {query: "select $outcome as outcome", bind: {outcome: "${run.outcome}"}}}
  note: {deliver: {data: how, file: out/how.csv}}
  copy: {deliver: {data: customers, file: out/copy.csv}, when: "run.outcome = 'succeeded'"}
"""


def test_finally_runs_last_and_is_told_the_outcome(world):
    world.write("pipelines/last.yaml", PIPELINE)
    run = world.good(pipeline="last")
    assert steps(run) == {"customers": "succeeded", "extra": "failed", "kept": "succeeded", "joined": "skipped",
                          "how": "succeeded", "note": "succeeded", "copy": "succeeded"}
    assert world.read("out/how.csv").split() == ["outcome", "succeeded"]
    (world.folder / "data/customers.csv").unlink()
    done = world.run("--json", pipeline="last")
    assert done.code == 2 and steps(done.json)["note"] == "succeeded", done.all
    assert steps(done.json)["copy"] == "skipped"
    assert world.read("out/how.csv").split() == ["outcome", "failed"]


@pytest.mark.parametrize("old, new, says", [
    ("finally:\n", "  early: {sql: {query: \"select * from how\"}}\nfinally:\n", "reads `how`, which no step makes"),
    ("  how: ", "  kept: {sql: {query: \"select 1 as x\"}}\n  how: ", "`kept` stands under `steps` too"),
    ("  customers: {extract", "  bad: {sql: {query: \"select $o as x\", bind: {o: \"${run.outcome}\"}}}\n  customers: {extract", "run.outcome"),
])
def test_what_finally_may_not_do(world, old, new, says):
    world.write("pipelines/last.yaml", PIPELINE.replace(old, new, 1))
    done = world.headrace("validate", "pipelines/last.yaml")
    assert done.code == 2 and says in done.all, done.all


def test_as_recorded_repeats_with_the_files_of_then(world):
    first = world.good()
    before = world.sqlite("select * from scores order by 1")
    world.edit("sql/features.sql", "select", "select 1 as one,")
    world.write("pipelines/main.yaml", "name: main\nsteps: {nothing: {sql: {query: select 1 as x}}}\n")
    today = world.headrace("run", "main", "--from", "features")
    assert today.code == 2, "today's pipeline has no such step"
    again = world.headrace("--json", "run", "main", "--from", "features", "--as-recorded")
    assert again.code == 0, again.all
    assert steps(again.json) == {name: "reused" if name == "customers" else state for name, state in steps(again.json).items()}
    digest = {s["step"]: s.get("digest") for s in first["steps"]}
    assert {s["step"]: s.get("digest") for s in again.json["steps"]}["features"] == digest["features"], "the query of then"
    assert world.sqlite("select * from scores order by 1") == before
    assert not list((world.folder / ".headrace/tmp").glob("*-files")), "the copy went with the run"


def test_a_failed_run_resumes_as_recorded(world):
    world.good()
    good = world.read("data/customers.csv")
    world.write("data/customers.csv", "broken\n")
    failed = world.run("--json")
    assert failed.code != 0
    world.write("data/customers.csv", good)
    world.edit("sql/features.sql", "select", "select 1 as one,")
    resumed = world.headrace("--json", "run", "--resume", failed.json["run"], "--as-recorded")
    assert resumed.code == 0, resumed.all
    assert steps(resumed.json)["features"] == "reused", "the query of then was done before"


def test_as_recorded_needs_a_recorded_run(world):
    done = world.headrace("run", "main", "--as-recorded")
    assert done.code == 2 and "needs `--resume`, `--from` or `--only`" in done.err, done.all

"""What people say to runs: approve, refuse, cancel. And pools, which runs share."""

import os
import signal
import subprocess
import time

import pytest

from world import HEADRACE, INTERVAL, World, steps


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.edit("pipelines/full.yaml", "promote: auto}", "promote: approve}")
    world.edit("pipelines/full.yaml", "mode: upsert, key: [customer_id]}", "mode: upsert, key: [customer_id]}\n    approve: {within: 3d}")
    return world


def resume(world, run):
    return world.headrace("--json", "run", "--resume", run)


def test_a_promotion_and_a_delivery_wait_for_a_yes(world):
    world.good(pipeline="main")      # a champion is not there yet, and `main` makes none
    first = world.run("--json", pipeline="full")
    assert first.code == 75, first.all
    run = first.json["run"]
    assert first.json["state"] == "waiting" and steps(first.json)["model"] == "waiting", first.all
    assert [row["step"] for row in world.headrace("--json", "approve").json] == ["model"]
    assert world.headrace("approve", run, "--note", "AUC is fine").code == 0
    second = resume(world, run)
    assert second.code == 75 and steps(second.json)["model"] == "succeeded" and steps(second.json)["to_platform"] == "waiting", second.all
    assert steps(second.json)["to_warehouse"] == "succeeded", "what needs no approval goes on"
    assert world.headrace("--json", "models", "list").json[0]["aliases"] == ["champion"]
    assert world.headrace("approve", run, "to_platform").code == 0
    third = resume(world, run)
    assert third.code == 0 and set(steps(third.json).values()) == {"succeeded"}, third.all
    assert len(world.scores()) == 300
    assert resume(world, run).code == 2, "there is nothing left to resume"


def test_a_no_keeps_the_champion_and_delivers_nothing(world):
    run = world.run("--json", pipeline="full").json["run"]
    assert world.headrace("approve", run, "model", "--no", "--note", "not this week").code == 0
    done = resume(world, run)
    assert done.code == 3 and "not this week" in done.all, done.all
    assert world.headrace("--json", "models", "list").json[0]["aliases"] == []
    assert steps(done.json)["scores"] == "skipped" and world.scores() == []
    again = world.run("--json", pipeline="full")
    assert again.code == 75 and steps(again.json)["model"] == "waiting", "a new run asks again"


@pytest.mark.parametrize("point", ["step.before_park:1", "step.after_park:1"])
def test_killed_while_it_asks_a_run_asks_again(world, point):
    killed = world.run(pipeline="full", env={"HEADRACE_CRASH_AT": point})
    assert killed.code == -signal.SIGKILL, killed.all
    done = world.headrace("--json", "run", "--resume", "last")
    assert done.code == 75 and steps(done.json)["model"] == "waiting", done.all
    assert len(world.headrace("--json", "approve").json) == 1


def test_approve_says_what_it_cannot_do(world):
    world.good()
    assert "no run waits" in world.headrace("approve").err
    done = world.headrace("approve", "last")
    assert done.code == 2 and "waits for no approval" in done.err, done.all
    run = world.run("--json", pipeline="full").json["run"]
    done = world.headrace("approve", run, "modle")
    assert done.code == 2 and "does not wait for an approval" in done.err, done.all


def test_a_run_is_cancelled_from_another_terminal_and_resumed(world, tmp_path):
    world.write("pipelines/slow.yaml", """name: slow
steps:
  customers: {extract: {file: data/customers.csv}}
  long: {sql: {query: "select count(*) as n from range(4000000000) a, range(1000) b, customers"}}
  out: {deliver: {data: customers, file: out/customers.csv}, after: [long]}
""")
    process = subprocess.Popen([HEADRACE, "run", "slow", "--interval", INTERVAL], cwd=world.folder, env=world.env, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        listed = world.headrace("--json", "show", "last")
        if listed.code == 0 and steps(listed.json)["long"] == "running":
            break
        time.sleep(0.05)
    done = world.headrace("--json", "cancel", "last")
    assert done.code == 0 and done.json["state"] == "interrupted", done.all
    assert process.wait(timeout=60) == 130
    assert "cancelled by" in process.stderr.read()
    assert steps(world.headrace("--json", "show", "last").json) == {"customers": "succeeded", "long": "failed", "out": "skipped"}
    world.edit("pipelines/slow.yaml", "range(4000000000) a, range(1000) b, customers", "customers")
    resumed = resume(world, "last")
    assert resumed.code == 0 and steps(resumed.json)["out"] == "succeeded", resumed.all


def test_a_run_waits_for_what_a_run_inside_it_asks(world):
    world.write("pipelines/outer.yaml", """name: outer
steps:
  part: {pipeline: {name: middle}}
  after: {extract: {file: data/customers.csv}, after: [part]}
""")
    world.write("pipelines/middle.yaml", "name: middle\nsteps: {inner: {pipeline: {name: full}}}\n")
    first = world.run("--json", pipeline="outer")
    assert first.code == 75 and first.json["state"] == "waiting" and steps(first.json) == {"part": "waiting", "after": "pending"}, first.all
    outer, asked = first.json["run"], world.headrace("--json", "approve").json
    assert [row["step"] for row in asked] == ["model"] and asked[0]["run"] != outer
    done = world.headrace("approve", outer)
    assert done.code == 0 and f"--resume {outer}" in done.err, done.all
    second = resume(world, outer)
    assert second.code == 75 and steps(second.json)["part"] == "waiting", second.all
    assert [row["step"] for row in world.headrace("--json", "approve").json] == ["to_platform"], "the next question, of the same run inside"
    assert resume(world, outer).code == 75, "nobody has answered yet"
    assert world.headrace("approve", asked[0]["run"], "to_platform").code == 0
    third = resume(world, outer)
    assert third.code == 0 and steps(third.json) == {"part": "succeeded", "after": "succeeded"}, third.all
    assert len(world.scores()) == 300


def test_cancelling_ends_the_waiting_runs_inside_too(world):
    world.write("pipelines/outer.yaml", "name: outer\nsteps: {part: {pipeline: {name: full}}}\n")
    run = world.run("--json", pipeline="outer").json["run"]
    assert world.headrace("cancel", run).code == 0
    assert world.headrace("--json", "approve").json == []


def test_a_waiting_run_can_be_cancelled(world):
    run = world.run("--json", pipeline="full").json["run"]
    assert world.headrace("--json", "cancel", run).json["state"] == "interrupted"
    assert world.headrace("--json", "approve").json == []
    assert world.headrace("cancel", run).code == 0, "cancelled is cancelled"


def test_a_pool_that_is_not_declared_is_refused(world):
    world.edit("pipelines/main.yaml", "extract: {file: data/customers.csv}", "extract: {file: data/customers.csv}\n    pool: warehose")
    with open(world.folder / "headrace.yaml", "a") as file:
        file.write("pools: {warehouse: 1}\n")
    done = world.headrace("validate")
    assert done.code == 2 and "did you mean `warehouse`?" in done.all, done.all
    world.edit("pipelines/main.yaml", "warehose", "warehouse")
    world.good()

"""Runs whose state lies on PostgreSQL: killed, resumed, two at once, from two folders."""

import pathlib
import signal
import sqlite3
import subprocess
import time

import pytest

from postgres_server import PostgresServer
from test_recovery import outcome
from world import HEADRACE, INTERVAL, World

POINTS = ["run.before_create:1", "run.after_create:1", "step.after_start:4", "step.before_finish:3", "model.after_register:1", "alias.before_move:1",
          "deliver.before_commit:1", "deliver.after_commit:2", "run.before_finish:1", "run.after_finish:1"]


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as server:
        yield server


def world_on(server, folder, database):
    """A project whose state lies in a database of the server, by a secret that holds a password. The project's name stays: it is part of delivery keys."""
    world = World(folder)
    world.edit("headrace.yaml", "live: {", "live: {state: {secret: STATE_URI}, ")
    if not server.psql(f"select 1 from pg_database where datname = '{database}'"):
        server.psql(f'create database "{database}" encoding \'UTF8\' template template0')
    uri = server.uri_of(database)
    world.env["STATE_URI"] = uri.replace("headrace@", "headrace:Kx9secret@")
    assert "Kx9secret" in world.env["STATE_URI"]
    return world


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("undisturbed") / "shop")
    world.good(pipeline="full")
    return outcome(world)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_ends_as_if_nothing_had_happened(point, server, undisturbed, tmp_path):
    how = "resume" if POINTS.index(point) % 2 else "again"
    world = world_on(server, tmp_path / "shop", f"killed-{POINTS.index(point)}")
    killed = world.run(pipeline="full", env={"HEADRACE_CRASH_AT": point})
    assert killed.code == -signal.SIGKILL, f"{point} was not passed: {killed.all}"
    runs = world.headrace("--json", "runs")
    assert runs.code == 0, runs.all
    if how == "resume" and runs.json and runs.json[0]["state"] != "succeeded":
        done = world.headrace("--json", "run", "--resume", "last")
        assert done.code == 0, done.all
        assert done.json["run"] == runs.json[0]["run"]
    else:
        world.good(pipeline="full")
    assert outcome(world) == undisturbed
    assert all(run["state"] != "running" for run in world.headrace("--json", "runs").json)
    assert not (world.folder / ".headrace/state.db").exists()
    hidden = [path for path in world.folder.rglob("*") if path.is_file() and b"Kx9" in path.read_bytes()]
    assert not hidden


def test_a_backfill_on_a_shared_state_outlives_its_server(server, tmp_path):
    """Two servers in folders of their own, as on two hosts: one acts and is killed, the other goes on with what it finds."""
    one, two = (world_on(server, tmp_path / name, "servers") for name in ("one", "two"))
    assert one.headrace("backfill", "main", "--from", "2026-01-05", "--to", "2026-01-09", "--detach").code == 0
    start = lambda world: subprocess.Popen([HEADRACE, "--json", "server"], cwd=world.folder, env=world.env, stdout=subprocess.PIPE, text=True)
    hear = lambda process, event: next(line for line in process.stdout if f'"event":"{event}"' in line)
    first = start(one)
    hear(first, "started")
    second = start(two)
    try:
        hear(second, "waits")
        first.kill()
        first.wait()
        hear(second, "took over")
        end = time.monotonic() + 60
        while (requests := two.headrace("--json", "backfill", "list").json[0]["requests"])["succeeded"] < 4:
            assert time.monotonic() < end and requests["failed"] == 0, requests
            time.sleep(0.1)
        assert len(two.headrace("--json", "runs").json) == 4
        second.terminate()
        assert second.wait(timeout=10) == 0
    finally:
        for process in (first, second):
            process.kill()
            process.stdout.close()


def test_two_runs_of_one_pipeline_and_interval_at_once(server, tmp_path):
    """The second, in a folder of its own as on a second host, ends at once as busy and names the first."""
    world, other = (world_on(server, tmp_path / name, "at-once") for name in ("one", "two"))
    world.sqlite("create table other (x)")
    holder = sqlite3.connect(world.folder / "data/platform.sqlite")
    holder.execute("begin exclusive")   # the first run waits for the platform
    first = subprocess.Popen([HEADRACE, "--json", "run", "main", "--interval", INTERVAL], cwd=world.folder, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in first.stderr:
            if "to_file" in line:
                break
        second = other.run()
        assert second.code == 75, second.all
        assert other.headrace("--json", "runs").json[0]["run"] in second.err, second.err
    finally:
        holder.rollback()
        holder.close()
        first.stderr.read()
        first.stdout.read()
        code = first.wait()
    assert code == 0
    assert len(world.scores()) == 300 and len(world.ledger()) == 1


def test_a_run_of_another_host_is_alive_until_its_lease_is_over(server, tmp_path):
    world = world_on(server, tmp_path / "shop", "far")
    killed = world.run(env={"HEADRACE_CRASH_AT": "step.after_start:2"})
    assert killed.code == -signal.SIGKILL
    server.psql("update headrace_shop.runs set host = 'mill pid:[1] boot'", database="far")
    busy = world.run()
    assert busy.code == 75 and "of host mill" in busy.err, busy.all
    assert world.headrace("--json", "runs").json[0]["state"] == "running"
    server.psql("update headrace_shop.runs set lease_until_us = 0", database="far")
    done = world.headrace("--json", "run", "--resume", "last")
    assert done.code == 0, done.all
    assert len(world.scores()) == 300


def test_a_folder_without_the_artifacts_makes_them_again(server, undisturbed, tmp_path):
    one, two = (world_on(server, tmp_path / name, "shared") for name in ("one", "two"))
    first = one.good(pipeline="full")
    assert two.headrace("--json", "runs").json[0]["run"] == first["run"], "the runs are seen from everywhere"
    two.good(pipeline="full")
    assert outcome(two) == undisturbed


def test_a_server_that_is_not_there_is_busy_and_tells_no_secret(tmp_path, server):
    world = world_on(server, tmp_path / "shop", "gone")
    for command in (["run", "full", "--interval", INTERVAL], ["--json", "runs"]):
        done = world.headrace(*command, env={"STATE_URI": "postgresql://headrace:Kx9secret@/postgres?host=/nonexistent"})
        assert done.code == 75 and "cannot reach the state in PostgreSQL" in done.err, done.all
        assert "Kx9" not in done.all
    assert not (world.folder / "out/scores.csv").exists()


def test_a_missing_library_is_named_and_matters_only_for_postgresql(tmp_path, server):
    libraries = tmp_path / "lib"
    libraries.mkdir()
    for path in (pathlib.Path(HEADRACE).resolve().parents[1] / "lib").iterdir():
        (libraries / path.name).symlink_to(path.resolve())
    (libraries / "libpq.so.5").write_text("no library")
    done = world_on(server, tmp_path / "shop", "library").headrace("runs", env={"HEADRACE_LIB_DIR": str(libraries)})
    assert done.code == 2 and "client library cannot be loaded" in done.err and "libpq5" in done.err, done.all
    World(tmp_path / "plain").good(env={"HEADRACE_LIB_DIR": str(libraries)})

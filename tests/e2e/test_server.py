"""`headrace server` and `headrace backfill` with real processes: killed, doubled, edited under way.

The pipelines write one row a day into SQLite. `held` waits in each run until the file `go` is there, so that a run is at work for as long as a test wants. Servers
run on a clock of their own: an hour a second, so that an hourly schedule ticks each second.
"""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import pytest

from world import HEADRACE, World

PROJECT = """
name: shop
environments: {prod: {default: true, schedules: on, deliver: live}}
connections: {platform: {driver: sqlite, uri: "data/platform.sqlite"}}
"""
SUMS = """
name: sums
{schedule}
steps:
  sales: {{extract: {{file: data/sales.csv}}}}
  day:
    sql:
      query: "select $day::date as day, coalesce(sum(amount), 0) as total, count(*) as sold from sales where day = $day::date"
      bind: {{day: "${{run.interval.start}}"}}
  out: {{deliver: {{data: day, connection: platform, table: sums, mode: upsert, key: [day], allow_older: true}}}}
"""
HELD = """
name: held
{schedule}
steps:
  wait: {{command: {{run: [sh, -c, "while [ ! -e go ]; do sleep 0.02; done"], outputs: []}}}}
"""
HOURLY = 'schedule: {cron: "0 * * * *"%s}'


class Server:
    """A process of `headrace server`, whose log is read as it comes."""

    def __init__(self, world, *argv, speed=3600):
        self.log = world.folder / f"server-{time.monotonic_ns()}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([HEADRACE, "--json", "server", "--parallel", "4", "--clock-speed", str(speed), *argv], cwd=world.folder, env=world.env, stdout=log,
                                            stderr=open(f"{self.log}.err", "w"))

    def events(self, *kinds):
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [event for event in lines if not kinds or event["event"] in kinds]

    def wait(self, kind, count=1, seconds=20):
        """The events of that kind, once there are `count`."""
        end = time.monotonic() + seconds
        while len(self.events(kind)) < count:
            assert time.monotonic() < end and self.process.poll() is None, (kind, self.log.read_text(), pathlib.Path(f"{self.log}.err").read_text())
            time.sleep(0.02)
        return self.events(kind)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0
        return self.events("stopped")[0]["text"]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    for pipeline in (world.folder / "pipelines").iterdir():
        pipeline.unlink()
    world.write("headrace.yaml", PROJECT)
    world.write("data/sales.csv", "day,amount\n" + "".join(f"2026-01-{1 + i % 20:02d},{i}\n" for i in range(200)))
    servers = []
    world.server = lambda *argv, **how: servers.append(Server(world, *argv, **how)) or servers[-1]
    yield world
    world.write("go", "")
    for server in servers:
        if server.process.poll() is None:
            server.kill()
    for pid in living(world):
        os.kill(pid, signal.SIGKILL)


def state(world, sql, *values):
    return world.sqlite(sql, *values, file=".headrace/state.db")


def living(world):
    """Processes of this project's runs that live."""
    if not (world.folder / ".headrace/state.db").exists():
        return []
    pids = [pid for (pid,) in state(world, "select pid from runs where state = 'running'")]
    return [pid for pid in pids if pathlib.Path(f"/proc/{pid}/stat").exists() and pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"]


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def held(world, more=""):
    world.write("pipelines/held.yaml", HELD.format(schedule=HOURLY % more if more is not None else ""))


def sums(world, schedule=""):
    world.write("pipelines/sums.yaml", SUMS.format(schedule=schedule))


def rows(world):
    return world.sqlite("select day, total, sold from sums order by day")


def test_ticks_start_runs_and_the_server_stops_cleanly(world):
    sums(world, HOURLY % "")
    server = world.server("--clock", "2026-01-05T00:30:00Z")
    ended = server.wait("ended", 2)
    assert [event["exit_code"] for event in ended[:2]] == [0, 0], ended
    assert ended[0]["request"] == "sums@2026-01-05T01:00:00Z" and ended[0]["interval"] == {"start": "2026-01-05 00:00:00", "end": "2026-01-05 01:00:00"}
    server.stop()
    assert state(world, "select trigger, environment from runs limit 1") == [("schedule", "prod")]
    assert len(state(world, "select run from requests where run <> '' group by run")) == state(world, "select count(*) from runs")[0][0]


def test_runs_outlive_a_killed_server_and_the_next_adopts_them(world):
    held(world)
    first = world.server("--clock", "2026-01-05T00:59:59Z")
    run = first.wait("started")[0]["request"]
    until(lambda: living(world))
    first.kill()
    pids = living(world)
    assert len(pids) == 1, "it lives on"
    second = world.server("--clock", "2026-01-05T01:30:00Z", speed=1)
    assert second.wait("adopted")[0]["request"] == run
    world.write("go", "")
    ended = second.wait("ended")[0]
    assert ended["request"] == run and ended["exit_code"] == 0 and ended["attempt"] == 1
    assert state(world, "select count(*) from runs where epoch = 1 and state = 'succeeded'") == [(1,)]


def test_a_stopped_server_leaves_its_runs_at_work(world):
    held(world)
    server = world.server("--clock", "2026-01-05T00:59:59Z")
    server.wait("started")
    until(lambda: living(world))
    assert "1 run goes on" in server.stop()
    assert len(living(world)) == 1


def test_a_killed_run_is_resumed(world):
    held(world)
    server = world.server("--clock", "2026-01-05T00:59:59Z", speed=1)
    server.wait("started")
    until(lambda: living(world))
    os.kill(living(world)[0], signal.SIGKILL)
    resumed = server.wait("resumed")[0]
    world.write("go", "")
    ended = server.wait("ended")[0]
    assert ended["run"] == resumed["run"] and ended["exit_code"] == 0 and ended["attempt"] == 2
    assert state(world, "select count(*) from runs") == [(1,)]


def test_of_two_servers_one_acts_and_the_other_takes_over(world):
    held(world)
    first = world.server("--clock", "2026-01-05T00:59:59Z", speed=1)
    first.wait("started")
    second = world.server("--clock", "2026-01-05T00:59:59Z", speed=1)
    second.wait("waits")
    first.kill()
    began = time.monotonic()
    second.wait("took over")
    assert time.monotonic() - began < 5, "its process is dead, so nobody waits for the lease"
    second.wait("adopted")
    world.write("go", "")
    second.wait("ended")
    assert state(world, "select count(*), sum(attempt) from requests") == [(1, 1)]


def test_a_stopped_process_that_wakes_up_again_starts_nothing(world):
    held(world, ", overlap: skip")
    first = world.server("--clock", "2026-01-05T00:30:00Z", "--lease", "2", speed=600)
    first.wait("acts")
    first.process.send_signal(signal.SIGSTOP)
    second = world.server("--clock", "2026-01-05T00:30:00Z", "--lease", "2", speed=600)
    second.wait("took over")
    second.wait("started")
    first.process.send_signal(signal.SIGCONT)
    first.wait("stepped down")
    second.wait("skipped")
    assert first.events("started") == []


def test_an_edit_makes_no_tick_in_the_past_and_a_bad_one_changes_nothing(world):
    sums(world, HOURLY % "")
    server = world.server("--clock", "2026-01-05T00:50:00Z", speed=1200)
    server.wait("ended")
    world.edit("pipelines/sums.yaml", '"0 * * * *"', '"1 * * * * *"')
    server.wait("problem")
    before = len(server.events("tick"))
    server.wait("tick", before + 1)                       # the old schedule goes on
    assert len(server.events("problem")) == 1
    assert "1 * * * * *" in pathlib.Path(f"{server.log}.err").read_text()
    world.edit("pipelines/sums.yaml", '"1 * * * * *"', '"*/30 * * * *"')
    server.wait("loaded", 2)
    at = server.events("loaded")[1]["at"]
    new = [event for event in server.wait("tick", before + 3) if event["request"].endswith("30:00Z")]
    assert new and all(event["interval"]["end"] > at for event in new), (at, new)


def test_schedules_off_runs_only_what_is_queued(world):
    world.write("headrace.yaml", PROJECT.replace("schedules: on", "schedules: off"))
    sums(world, HOURLY % "")
    server = world.server("--clock", "2026-01-05T00:30:00Z")
    assert "only backfills" in server.wait("loaded")[0]["text"]
    assert world.headrace("backfill", "sums", "--from", "2026-01-05", "--to", "2026-01-06", "--every", "1d", "--detach").code == 0
    server.wait("ended")
    assert server.events("tick") == []


def test_a_pause_leaves_ticks_out(world):
    sums(world, HOURLY % "")
    assert world.headrace("schedule", "pause", "sums").code == 0
    assert world.headrace("schedule", "pause", "sums").code == 2
    assert world.headrace("--json", "schedule", "list").json[0]["paused"] == "paused"
    assert "paused" in world.headrace("schedule", "list").out
    server = world.server()                               # from now on, so that the pause lies in its time
    assert "paused" in server.wait("left out", 2)[0]["text"]
    assert server.events("tick") == []
    assert world.headrace("schedule", "resume", "sums").code == 0
    server.wait("tick")
    assert world.headrace("--json", "schedule", "list").json[0]["paused"] is None


def undisturbed(tmp_path):
    calm = World(tmp_path / "calm")
    calm.write("headrace.yaml", PROJECT)
    calm.write("data/sales.csv", "day,amount\n" + "".join(f"2026-01-{1 + i % 20:02d},{i}\n" for i in range(200)))
    for pipeline in (calm.folder / "pipelines").iterdir():
        pipeline.unlink()
    sums(calm)
    for day in range(1, 16):
        assert calm.headrace("run", "sums", "--interval", f"2026-01-{day:02d}/2026-01-{day + 1:02d}").code == 0
    return calm


BACKFILL = ("backfill", "sums", "--from", "2026-01-01", "--to", "2026-01-16", "--parallel", "2")


def test_a_backfill_that_was_killed_goes_on_and_equals_an_undisturbed_pass(world, tmp_path):
    sums(world)
    backfill = subprocess.Popen([HEADRACE, *BACKFILL], cwd=world.folder, env=world.env, stderr=subprocess.DEVNULL)
    until(lambda: (world.folder / ".headrace/state.db").exists() and state(world, "select 1 from sqlite_master where name = 'requests'")
          and state(world, "select count(*) from requests where state = 'succeeded'")[0][0] >= 3)
    for pid in living(world)[:1]:
        os.kill(pid, signal.SIGKILL)
    backfill.kill()
    backfill.wait()
    done = world.headrace("--json", *BACKFILL)
    assert done.code == 0, done.all
    assert done.json["requests"] | {"succeeded": 0, "skipped": 0} == {"queued": 0, "started": 0, "succeeded": 0, "failed": 0, "skipped": 0, "cancelled": 0}
    assert done.json["requests"]["succeeded"] == 15
    calm = undisturbed(tmp_path)
    assert rows(world) == rows(calm) and len(rows(calm)) == 15
    ledger = "select revision, destination, digest, rows, interval_end from headrace_deliveries order by interval_end, revision"
    assert world.sqlite(ledger) == calm.sqlite(ledger)
    assert state(world, "select count(*) from runs") == [(15,)]
    assert state(world, "select parallel, count(*) from backfills group by 1") == [(2, 1)]


def test_windows_that_are_done_are_skipped_until_the_files_change(world):
    sums(world)
    short = ("backfill", "sums", "--from", "2026-01-01", "--to", "2026-01-04")
    assert world.headrace("run", "sums", "--interval", "2026-01-02/2026-01-03").code == 0
    plan = world.headrace("--json", *short, "--dry-run").json["windows"]
    assert [window["act"] for window in plan] == ["run", "skip", "run"]
    first = world.headrace("--json", *short)
    assert first.code == 0 and first.json["requests"]["succeeded"] == 2 and first.json["requests"]["skipped"] == 1, first.all
    runs = state(world, "select count(*) from runs")
    assert world.headrace(*short).code == 0 and state(world, "select count(*) from runs") == runs
    assert world.headrace(*short, "--again").code == 0 and state(world, "select count(*) from runs") == [(runs[0][0] + 3,)]
    world.edit("pipelines/sums.yaml", "coalesce(sum(amount), 0)", "coalesce(sum(amount), 0) + 1")
    before = rows(world)
    assert world.headrace(*short).code == 0
    assert rows(world) == [(day, total + 1, sold) for day, total, sold in before]


def test_a_server_runs_a_backfill_and_cancel_ends_it(world):
    held(world, None)
    server = world.server(speed=1)
    server.wait("acts")
    done = world.headrace("--json", "backfill", "held", "--from", "2026-01-01", "--to", "2026-01-05", "--parallel", "2", "--detach", "--newest-first")
    assert done.code == 0 and "headrace server" in done.err, done.all
    started = server.wait("started", 2)
    assert [event["interval"]["start"][:10] for event in started] == ["2026-01-04", "2026-01-03"]
    until(lambda: len(living(world)) == 2)
    listed = world.headrace("--json", "backfill", "list").json
    assert listed[0]["backfill"] == done.json["backfill"] and listed[0]["requests"]["queued"] == 2
    assert world.headrace("backfill", "cancel", done.json["backfill"]).code == 0
    server.wait("cancelled", 2)
    assert world.headrace("--json", "backfill", "list").json[0]["requests"] == {"queued": 0, "started": 0, "succeeded": 0, "failed": 0, "skipped": 0, "cancelled": 4}
    assert living(world) == []


def test_a_window_that_fails_is_told_and_keeps_no_other_back(world):
    sums(world)
    world.edit("pipelines/sums.yaml", "count(*) as sold", "case when $day::date = date '2026-01-02' then error('no such day') else count(*) end as sold")
    done = world.headrace("--json", "backfill", "sums", "--from", "2026-01-01", "--to", "2026-01-04")
    assert done.code == 1 and done.json["requests"]["failed"] == 1 and done.json["requests"]["succeeded"] == 2, done.all
    assert "no such day" in done.err and [(window["tenant"], window["start"]) for window in done.json["failed"]] == [("", "2026-01-02 00:00:00")], done.all
    world.edit("pipelines/sums.yaml", "case when $day::date = date '2026-01-02' then error('no such day') else count(*) end as sold", "count(*) as sold")
    assert world.headrace("backfill", "sums", "--from", "2026-01-01", "--to", "2026-01-04").code == 0
    assert len(rows(world)) == 3


def test_one_tenants_hunger_is_its_own(world):
    world.write("pipelines/lists.yaml", "name: lists\nparams: {size: {type: int}}\nsteps:\n"
                "  big: {sql: {query: 'select len(list(i)) as n from range($size) t(i)', bind: {size: '${params.size}'}}}\n"
                "  out: {deliver: {data: big, file: 'out/${tenant.name}.csv'}}\n")
    world.write("tenants/hungry.yaml", "tenant: hungry\nquotas: {runs: 1, memory: 300MiB}\nparams: {size: 60000000}\n")
    world.write("tenants/modest.yaml", "tenant: modest\nquotas: {memory: 300MiB}\nparams: {size: 1000}\n")
    world.write("tenants/rich.yaml", "tenant: rich\nparams: {size: 60000000}\n")
    done = world.headrace("--json", "backfill", "lists", "--from", "2026-01-01", "--to", "2026-01-02", "--tenant", "all", "--parallel", "3")
    assert done.code == 1 and done.json["requests"]["failed"] == 1 and done.json["requests"]["succeeded"] == 2, done.all
    assert "lists/hungry" in done.err and "memory" in done.err.lower(), done.err
    assert state(world, "select tenant, exit_code from runs where state = 'failed'") == [("hungry", 75)]
    by_hand = world.headrace("run", "lists", "--tenant", "hungry")
    assert by_hand.code == 75 and "quotas: {memory: ...}" in by_hand.err, by_hand.all


@pytest.mark.parametrize("argv, said", [
    (["sum", "--from", "2026-01-01", "--to", "2026-01-02"], "did you mean `sums`?"),
    (["sums", "--from", "2026-01-02", "--to", "2026-01-02"], "is not before"),
    (["sums", "--from", "2026-01-01", "--to", "2026-01-02", "--tenant", "acme"], "no tenant `acme`"),
    (["sums", "--from", "2090-01-01", "--to", "2090-01-02"], "no window begins"),
    (["sums", "--from", "2026-01-01", "--to", "2026-01-02", "--every", "soon"], "soon"),
    (["sums", "--from", "2026-01-01"], "which windows?"),
    (["cancel", "b0"], "there is no backfill `b0`"),
])
def test_what_cannot_be_backfilled_is_said(world, argv, said):
    sums(world)
    world.headrace("run", "sums", "--interval", "2026-01-02/2026-01-03")
    done = world.headrace("backfill", *argv)
    assert done.code == 2 and said in done.err, done.all


def test_an_idle_server_is_small_and_quiet(world):
    held(world, None)
    server = world.server(speed=1)
    server.wait("acts")
    time.sleep(1)
    about = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")")[1].split()
    spent = int(about[11]) + int(about[12])
    time.sleep(3)
    about = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")")[1].split()
    assert int(about[11]) + int(about[12]) - spent <= 3, "hundredths of a second in three seconds"
    rss = int(next(line for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])
    assert rss <= 50 * 1024, rss

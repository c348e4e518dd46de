"""Keeping house: old runs go and nothing that is needed does, the page of a whole project, and the table of a run on a terminal."""

import fcntl
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from world import HEADRACE, World, steps

WEEKS = ["2026-01-05/2026-01-12", "2026-01-12/2026-01-19", "2026-01-19/2026-01-26"]


def artifacts(world):
    return sorted(path.name for path in (world.folder / ".headrace/artifacts").rglob("*.*"))


def age(world, days=1):
    """As if all files had been written so long ago: what is young stays, whoever speaks of it."""
    for path in (world.folder / ".headrace/artifacts").rglob("*.*"):
        then = path.stat().st_mtime - days * 86400
        os.utime(path, (then, then))


def three_weeks(folder):
    """Three runs of `main` whose source differs, so that each has artifacts of its own; the rows of the last."""
    world = World(folder)
    runs = []
    for number, week in enumerate(WEEKS):
        lines = world.read("data/customers.csv").splitlines()
        world.write("data/customers.csv", "\n".join(lines[:1] + lines[2:]) + "\n")
        runs.append(world.good(interval=week))
    age(world)
    return world, [run["run"] for run in runs]


class TestGc:
    def test_first_it_says_what_would_go_then_it_goes(self, tmp_path):
        world, runs = three_weeks(tmp_path / "shop")
        before = artifacts(world)
        dry = world.headrace("gc", "--keep", "1")
        assert dry.code == 0 and "Nothing was removed yet" in dry.out and "main" in dry.out, dry.all
        assert artifacts(world) == before and len(world.headrace("--json", "runs").json) == 3
        said = world.headrace("--json", "gc", "--keep", "1").json
        done = world.headrace("--json", "gc", "--keep", "1", "--yes")
        assert done.code == 0, done.all
        assert done.json == said | {"applied": True} and said["runs"] == 2 and said["steps"] == 12
        assert said["artifacts"] == len(before) - len(artifacts(world)) > 0
        assert [run["run"] for run in world.headrace("--json", "runs").json] == [runs[2]]
        assert world.headrace("data", "last", "scores").code == 0
        assert world.headrace("show", runs[0]).code == 2
        again = world.headrace("gc", "--keep", "1", "--yes")
        assert again.code == 0 and "Nothing to remove" in again.out, again.all
        reused = world.good(interval=WEEKS[2])
        assert steps(reused)["model"] == "reused" and steps(reused)["scores"] == "reused"

    def test_the_age_may_stand_in_the_project_file(self, tmp_path):
        world, runs = three_weeks(tmp_path / "shop")
        done = world.headrace("gc")
        assert done.code == 2 and "--older-than" in done.err and "retention" in done.err, done.all
        world.edit("headrace.yaml", "name: shop", "name: shop\nretention: {runs: 1y}")
        assert world.headrace("--json", "gc").json["runs"] == 0
        world.edit("headrace.yaml", "{runs: 1y}", "{runs: 1 parsec}")
        done = world.headrace("gc", "--yes")
        assert done.code == 2 and "headrace.yaml:2" in done.err, done.all
        world.edit("headrace.yaml", "{runs: 1 parsec}", "{runs: 1y}")
        done = world.headrace("gc", "--older-than", "soon")
        assert done.code == 2 and "soon" in done.err, done.all
        done = world.headrace("gc", "--keep", "1", "--tenant", "nobody")
        assert done.code == 2 and "no run of that pipeline and tenant" in done.err, done.all

    def test_old_rows_go_and_what_is_known_of_their_runs_stays(self, tmp_path):
        world, runs = three_weeks(tmp_path / "shop")
        world.edit("headrace.yaml", "name: shop", "name: shop\nretention: {data: 1s, runs: 1y, models: forever}")
        time.sleep(1.1)
        done = world.headrace("gc", "--yes")
        assert done.code == 0 and "2 of them without their rows" in done.out, done.all
        assert world.headrace("--json", "gc", "--yes").json["artifacts"] == 0
        gone = world.headrace("data", runs[0], "scores")
        assert gone.code == 2 and "it was removed" in gone.err and "retention" in gone.err, gone.all
        shown = world.headrace("show", runs[0])
        assert shown.code == 0 and "scores" in shown.out, shown.all
        assert world.headrace("data", runs[2], "scores").code == 0
        assert world.headrace("report", runs[0], "-o", "old.html").code == 0
        assert steps(world.good(interval=WEEKS[2]))["scores"] == "reused"

    def test_a_registered_model_keeps_its_run_and_scores_on(self, tmp_path):
        world = World(tmp_path / "shop")
        first = world.good(pipeline="full", interval=WEEKS[0])
        world.write("data/customers.csv", "\n".join(world.read("data/customers.csv").splitlines()[:-20]) + "\n")
        world.edit("pipelines/full.yaml", "    gate: [auc >= 0.6]\n    register: {name: churn, promote: auto}\n", "")
        for week in WEEKS[1:]:
            world.good("--force", pipeline="full", interval=week)
        age(world)
        assert world.headrace("--json", "gc", "--keep", "0", "--yes").json["runs"] == 1
        left = [run["run"] for run in world.headrace("--json", "runs").json]
        assert first["run"] in left and len(left) == 2
        world.good(pipeline="full", interval=WEEKS[2])      # scores with churn@champion
        assert world.headrace("report", first["run"], "-o", "first.html").code == 0

    @pytest.mark.parametrize("point", ["gc.before_records:1", "gc.after_records:1", "gc.before_file:1", "gc.after_file:1", "gc.before_file:4", "gc.after_file:4"])
    def test_a_killed_gc_is_ended_by_the_next(self, point, tmp_path):
        world, runs = three_weeks(tmp_path / "shop")
        before = artifacts(world)
        kept = {name for name in before if name.split(".")[0] in {row[0] for row in world.sqlite("select digest from outputs where run = ?1 union select files from runs where id = ?1", runs[2], file=".headrace/state.db")}}
        killed = world.headrace("gc", "--keep", "1", "--yes", env={"HEADRACE_CRASH_AT": point})
        assert killed.code == -signal.SIGKILL, f"{point} was not passed: {killed.all}"
        assert kept <= set(artifacts(world)), "whenever it dies, what is needed is there"
        assert world.headrace("--json", "runs").code == 0
        done = world.headrace("--json", "gc", "--keep", "1", "--yes")
        assert done.code == 0, done.all
        assert set(artifacts(world)) == kept
        assert [run["run"] for run in world.headrace("--json", "runs").json] == [runs[2]]
        assert world.sqlite("select count(*) from steps where run not in (select id from runs)", file=".headrace/state.db") == [(0,)]

    def test_runs_beside_it_are_not_disturbed(self, tmp_path):
        world = World(tmp_path / "shop")
        world.good()
        stop, codes = threading.Event(), []

        def collect():
            while not stop.is_set():
                codes.append(world.headrace("gc", "--keep", "0", "--yes").code)

        thread = threading.Thread(target=collect)
        thread.start()
        try:
            for week in WEEKS * 2:
                run = world.run("--force", "--json", interval=week)
                assert run.code == 0, run.all
                assert world.headrace("data", run.json["run"], "scores").code in (0, 2)      # 2: a later gc took the whole run
        finally:
            stop.set()
            thread.join()
        assert codes and set(codes) == {0}

    def test_a_run_at_work_keeps_all_of_its_pipeline(self, tmp_path):
        world, runs = three_weeks(tmp_path / "shop")
        world.write("pipelines/slow.yaml", "name: slow\nsteps:\n  wait: {command: {run: [sleep, 60], outputs: []}}\n")
        world.good(pipeline="main", interval=WEEKS[2])
        slow = subprocess.Popen([HEADRACE, "run", "slow"], cwd=world.folder, env=world.env, stderr=subprocess.PIPE, text=True)
        try:
            while "running" not in world.headrace("runs", "--pipeline", "slow").out:
                assert slow.poll() is None, slow.stderr.read()
            done = world.headrace("--json", "gc", "--keep", "0", "--yes").json
            groups = {group["pipeline"]: group for group in done["groups"]}
            assert groups["slow"]["at_work"] and groups["slow"]["runs"] == 0 and not groups["main"]["at_work"] and groups["main"]["runs"] == 3
        finally:
            slow.send_signal(signal.SIGINT)
            slow.wait()


class TestProjectPage:
    def links(self, world, page="report/index.html"):
        return {(world.folder / page).parent / link for link in re.findall(r'href="(runs/[^"]+)"', world.read(page))}

    def test_cells_lead_to_pages_that_are_there_and_are_written_once(self, tmp_path):
        world = World(tmp_path / "shop")
        for week in WEEKS:
            world.good(pipeline="full", interval=week)
        rows = world.read("data/customers.csv")
        world.write("data/customers.csv", rows.replace("age", "years", 1))
        assert world.run(interval=WEEKS[0]).code == 3
        world.write("data/customers.csv", rows)
        done = world.headrace("--json", "report", "--all")
        assert done.code == 0, done.all
        assert done.json == {"report": "report/index.html", "pages_written": 4, "verdict": "1 of 2 last runs succeeded; 1 failed."}
        assert len(self.links(world)) == 4 and all(link.exists() for link in self.links(world))
        page = world.read("report/index.html")
        assert "<script" not in page and "http" not in page.replace("http-equiv", "")
        assert page.count("2026-01-1") >= 2 and "churn" in page and "AUC" in page
        assert world.headrace("--json", "report", "--all").json["pages_written"] == 0
        world.good(pipeline="full", interval=WEEKS[0])
        assert world.headrace("--json", "report", "--all").json["pages_written"] == 1

    def test_a_run_that_should_be_there_is_late(self, tmp_path):
        world = World(tmp_path / "shop")
        world.edit("pipelines/full.yaml", "timezone: Europe/Berlin", 'timezone: Europe/Berlin, finish_by: "07:30"')
        world.good(pipeline="full", interval=WEEKS[0])
        assert "late" not in world.headrace("--json", "report", "--all").json["verdict"], "schedules are off: nobody expects a run"
        world.edit("headrace.yaml", "schedules: off", "schedules: on")
        verdict = world.headrace("--json", "report", "--all", "-o", "page/index.html").json["verdict"]
        assert re.fullmatch(r"All 1 last runs succeeded; 1 late\.|The last run succeeded; 1 late\.", verdict) or "late" not in verdict, verdict
        if "late" in verdict:      # not within ninety minutes of a Monday's tick
            assert "not ready," in world.read("page/index.html")

    def test_without_runs_and_with_both_a_run_and_all(self, tmp_path):
        world = World(tmp_path / "shop")
        world.write(".headrace/.keep", "")
        done = world.headrace("--json", "report", "--all")
        assert done.code == 0 and done.json["verdict"] == "Nothing ran yet.", done.all
        assert world.headrace("report", "last", "--all").code == 2


def on_a_terminal(world, columns, *argv):
    """What a terminal of so many columns is sent."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {name: value for name, value in world.env.items() if name not in ("CI", "NO_COLOR")} | {"TERM": "xterm"}
    process = subprocess.Popen([HEADRACE, *argv], cwd=world.folder, env=env, stdin=side, stdout=side, stderr=side)
    os.close(side)
    said = b""
    while True:
        try:
            block = os.read(main, 65536)
        except OSError:      # the last writer is gone
            break
        if not block:
            break
        said += block
    os.close(main)
    return process.wait(), said.decode()


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_of_a_run_says_what_is_left_and_fits(columns, tmp_path):
    world = World(tmp_path / "shop")
    world.good()
    code, said = on_a_terminal(world, columns, "run", "main", "--force", "--interval", WEEKS[0])
    assert code == 0, said
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).rstrip("\r") for line in said.split("\n")]
    assert max(len(line) for line in lines) < columns, max(lines, key=len)
    assert any(re.search(r"running .* left", line) for line in lines), said
    assert any(re.search(r"\d of 6 steps, .*, about .* left", line) for line in lines), said
    assert "6 of 6 steps" in said and re.search(r"run \S+ succeeded in", said)


def test_elsewhere_there_are_plain_lines(tmp_path):
    world = World(tmp_path / "shop")
    world.good()
    done = world.run("--force")
    assert done.code == 0 and "\x1b" not in done.err and " left" not in done.err
    assert pathlib.Path(world.folder).exists() and len(re.findall(r"^  \w+ +\w+ +succeeded ", done.err, re.M)) == 6, done.err

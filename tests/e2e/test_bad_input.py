"""Bad input: each folder of tests/cases/runs holds what differs from the good project `project`, and `expect`, which says what must happen:

    # one sentence: what is tested
    prepare: NAME [ARGUMENT...]   a function below, called before the command (more than one line: in this order)
    command: run main             what is typed; `run main` unless said otherwise
    exit:    3                    the exit code
    says:    TEXT                 stands in what the command prints (as many lines as wanted)
    silent:  TEXT                 does not
    rows:    300                  rows in the platform's table `scores` afterwards (0: none, or no table)
    file:    out/scores.csv       exists afterwards; otherwise there is no such file under out/
    mend:    NAME [ARGUMENT...]   a function below, called before the mended run
    mended:  300                  rows in the table after a run of `project` as it is, in the same folder with its state; `no` to leave that out

Whatever the case, the program does not crash, leaves nothing half-written, and its state can be read.
"""

import contextlib
import resource
import shutil
import subprocess
import sys

import pytest

from world import CASES, INTERVAL, World

NAMES = sorted(path.parent.name for path in CASES.glob("*/expect"))


def read_expect(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# "), f"{path}: the first line says what is tested"
    expect = {"prepare": [], "says": [], "silent": [], "file": [], "mend": []}
    for line in lines[1:]:
        if not line.strip():
            continue
        key, _, value = line.partition(":")
        assert key in {"prepare", "mend", "command", "exit", "says", "silent", "rows", "file", "mended"}, f"{path}: unknown line {line!r}"
        value = value.strip()
        if isinstance(expect.get(key), list):
            expect[key].append(value)
        else:
            expect[key] = value
    return expect


class Prepare:
    """The functions that `prepare:` lines name. Each may register what is to be undone before the mended run."""

    def __init__(self, world, undo):
        self.world = world
        self.undo = undo
        self.limits = None

    def __call__(self, line):
        act, *arguments = line.split()
        getattr(self, act)(*arguments)

    def columns(self, count):
        """customers.csv with so many more columns than the pipeline needs."""
        count = int(count)
        lines = [["customer_id", *(f"c{j}" for j in range(count)), "churned"]]
        for i in range(1, 41):
            lines.append([i, *((i * 37 + i * j % 91) % 101 for j in range(count)), int(i * 37 % 101 > 50)])
        self.world.write("data/customers.csv", "\n".join(",".join(map(str, line)) for line in lines) + "\n")

    def sqlite(self, *sql):
        """A platform that is there already."""
        self.world.sqlite(" ".join(sql))

    def delivered(self):
        """An earlier interval was delivered well."""
        bad = self.world.read("data/customers.csv")
        self.world.write("data/customers.csv", (CASES / "project/data/customers.csv").read_text())
        self.world.good(interval="2025-12-29/2026-01-05")
        self.world.write("data/customers.csv", bad)
        shutil.rmtree(self.world.folder / "out")

    def holds_sqlite(self):
        """Another process has the platform locked."""
        self._other("import sqlite3, sys; c = sqlite3.connect('data/platform.sqlite'); c.execute('create table other (x)'); c.commit(); "
                    "c.execute('begin exclusive'); print('ready', flush=True); sys.stdin.read()")

    def _other(self, code):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=self.world.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline().strip() == "ready"

        def end():
            process.stdin.close()
            process.wait()
            process.stdout.close()

        self.undo.callback(end)

    def file_limit(self, size):
        """Files of the command may not grow beyond so many bytes: what a full disk or a quota does to a write."""
        self.limits = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))

    def no_folder(self, name):
        """A folder cannot be made there, because a file has its name."""
        self.world.write(name, "a file\n")
        self.undo.callback((self.world.folder / name).unlink)


@pytest.mark.parametrize("name", NAMES)
def test_bad_input(name, tmp_path):
    expect = read_expect(CASES / name / "expect")
    world = World(tmp_path / "shop", CASES / name)
    with contextlib.ExitStack() as undo:
        prepare = Prepare(world, undo)
        for line in expect["prepare"]:
            prepare(line)
        command = expect.get("command", "run main").split()
        if command[0] == "run":
            command += ["--interval", INTERVAL]
        done = world.headrace(*command, preexec=prepare.limits)
    assert done.code == int(expect["exit"]), done.all
    for text in expect["says"]:
        assert text in done.all, f"expected {text!r} in:\n{done.all}"
    for text in [*expect["silent"], str(tmp_path)]:
        assert text not in done.all, f"did not expect {text!r} in:\n{done.all}"
    assert len(world.scores()) == int(expect.get("rows", 0)), done.all
    left = sorted(str(path.relative_to(world.folder)) for path in (world.folder / "out").rglob("*") if path.is_file())
    assert left == sorted(expect["file"]), done.all
    state_is_good(world)
    if expect.get("mended", "300") != "no":
        mended = World(world.folder)
        for line in expect["mend"]:
            Prepare(mended, undo)(line)
        done = mended.run()
        assert done.code == 0, done.all
        assert len(mended.scores()) == int(expect.get("mended", 300))
        state_is_good(mended)


def state_is_good(world):
    """Recorded runs can be listed and shown, none is left running, and nothing is left in the scratch folder."""
    if not (world.folder / ".headrace").exists():
        return
    runs = world.headrace("--json", "runs")
    assert runs.code == 0, runs.all
    assert all(run["state"] != "running" for run in runs.json), runs.out
    if runs.json:
        assert world.headrace("show", "last").code == 0
        assert world.headrace("report", "last", "-o", "report.html").code == 0
    scratch = world.folder / ".headrace" / "tmp"
    assert not scratch.exists() or not list(scratch.iterdir()), list(scratch.iterdir())

"""A project in a folder of its own, and Headrace run in it. Used by the end-to-end tests.

HEADRACE names the program; without it, build/bin/headrace of this checkout.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")
CASES = SOURCE / "tests" / "cases" / "runs"
INTERVAL = "2026-01-05/2026-01-12"


@dataclasses.dataclass
class Done:
    """What a command left: exit code and what it said. `all` is everything a user sees."""

    code: int
    out: str
    err: str

    @property
    def all(self):
        return self.err + self.out

    @property
    def json(self):
        return json.loads(self.out)


class World:
    """A copy of tests/cases/runs/project, with other files laid over it."""

    def __init__(self, folder, overlay=None):
        self.folder = pathlib.Path(folder)
        shutil.copytree(CASES / "project", self.folder, dirs_exist_ok=True)
        if overlay:
            shutil.copytree(overlay, self.folder, dirs_exist_ok=True, ignore=lambda *_: ["expect"])
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}

    def headrace(self, *argv, env=None, preexec=None, prefix=()):
        done = subprocess.run([*prefix, HEADRACE, *argv], cwd=self.folder, env=self.env | (env or {}), capture_output=True, text=True,
                              timeout=240, preexec_fn=preexec, errors="replace")
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *argv, pipeline="main", interval=INTERVAL, **how):
        return self.headrace("run", pipeline, "--interval", interval, *argv, **how)

    def good(self, *argv, **how):
        """A run that must succeed; its JSON."""
        done = self.run("--json", *argv, **how)
        assert done.code == 0, done.all
        return done.json

    def write(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def edit(self, path, old, new):
        text = (self.folder / path).read_text()
        assert old in text, (path, old)
        self.write(path, text.replace(old, new))

    def read(self, path):
        return (self.folder / path).read_text()

    def sqlite(self, sql, *values, file="data/platform.sqlite"):
        with sqlite3.connect(self.folder / file, timeout=10) as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def scores(self):
        """The delivered rows of the platform, or [] when there is no such table."""
        if not (self.folder / "data/platform.sqlite").exists() or not self.sqlite("select 1 from sqlite_master where name = 'scores'"):
            return []
        return self.sqlite("select * from scores order by customer_id")

    def ledger(self, table="headrace_deliveries"):
        if not (self.folder / "data/platform.sqlite").exists() or not self.sqlite("select 1 from sqlite_master where name = ?", table):
            return []
        return self.sqlite(f"select delivery_key, revision, destination, digest, rows, interval_end from {table} order by 1, 2")


def steps(run):
    """{step: state} of a run's JSON."""
    return {step["step"]: step["state"] for step in run["steps"]}

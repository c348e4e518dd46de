"""Backfill a year for five tenants while a schedule ticks, killing servers, the command and runs on the way; hold the result to an undisturbed pass.

usage: backfill.py [--days 365] [--tenants 5] [--parallel 4] [--kills 3] [--seed 1]

One project: a CSV file of sales, a pipeline of four steps that upserts a day's sums into each tenant's SQLite file, and a small pipeline that is scheduled hourly on a
clock that runs fast. The undisturbed pass is `headrace backfill` alone. The disturbed one is a server with the same command beside it; at even shares of the windows
SIGKILL hits the server, the command and some of the runs at work, all at one moment; then both are started again.

Judged at the end: each tenant's table and ledger equal those of the undisturbed pass; each window was made by one run; every tick of the schedule has one request with one
run; nothing is queued or at work, no process is left, state.db passes its integrity check. Ends with one JSON line; exit code 1 unless missing, doubled and stuck are 0.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
FIRST = datetime.date(2025, 1, 1)
SPEED = 600          # an hourly tick each six seconds
CLOCK = datetime.datetime(2026, 2, 1, 0, 30)

PROJECT = "name: year\nenvironments: {prod: {default: true, schedules: on, deliver: live}}\n"
DAILY = """
name: daily
steps:
  sales: {extract: {file: "data/sales.csv"}, checks: [{rows: {min: 1}}]}
  day:
    sql:
      query: "select $day::date as day, category, sum(amount) as total, count(*) as sold from sales where day = $day::date and tenant = $tenant group by category order by category"
      bind: {day: "${run.interval.start}", tenant: "${tenant.name}"}
    checks: [{unique: [day, category]}]
  out: {deliver: {data: day, connection: shop, table: sums, mode: upsert, key: [day, category], allow_older: true}}
  log: {deliver: {data: day, connection: shop, table: sums_log, mode: append, allow_older: true}}
"""
PULSE = """
name: pulse
schedule: {cron: "0 * * * *", tenants: all, parallel: 5, catch_up: all}
steps:
  sales: {extract: {file: "data/sales.csv"}}
  beat: {sql: {query: "select $at::timestamp as at, count(*) as n from sales", bind: {at: "${run.interval.end}"}}}
  out: {deliver: {data: beat, connection: shop, table: beats, mode: append, allow_older: true}}
"""
LEDGER = "select delivery_key, revision, destination, digest, rows, interval_end from headrace_deliveries where destination not like '%beats%' order by 1, 2"


class Project:
    def __init__(self, folder, options):
        self.folder = pathlib.Path(folder)
        self.tenants = [f"t{i}" for i in range(options.tenants)]
        self.write("headrace.yaml", PROJECT)
        self.write("pipelines/daily.yaml", DAILY)
        self.write("pipelines/pulse.yaml", PULSE)
        for tenant in self.tenants:
            self.write(f"tenants/{tenant}.yaml", f"tenant: {tenant}\nconnections: {{shop: {{driver: sqlite, uri: data/{tenant}.sqlite}}}}\n")
        draw = random.Random(7)
        lines = [f"{FIRST + datetime.timedelta(day)},{tenant},{category},{draw.randrange(1, 100)}"
                 for day in range(options.days) for tenant in self.tenants for category in ("hats", "shoes") for _ in range(2)]
        self.write("data/sales.csv", "day,tenant,category,amount\n" + "\n".join(lines) + "\n")
        self.command = [HEADRACE, "backfill", "daily", "--from", str(FIRST), "--to", str(FIRST + datetime.timedelta(options.days)), "--tenant", "all", "--parallel", str(options.parallel)]

    def write(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def start(self, argv, name):
        return subprocess.Popen(argv, cwd=self.folder, env=ENVIRONMENT, stdout=open(self.folder / f"{name}.log", "a"), stderr=subprocess.STDOUT)

    def sql(self, sql, file=".headrace/state.db"):
        path = self.folder / file
        if not path.exists():
            return []
        connection = sqlite3.connect(path, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def done(self):
        try:
            return self.sql("select count(*) from requests where origin <> 'schedule' and state not in ('queued', 'started')")[0][0]
        except (sqlite3.OperationalError, IndexError):
            return 0

    def living(self):
        pids = [pid for (pid,) in self.sql("select pid from runs where state = 'running'")]
        return [pid for pid in pids if alive(pid)]

    def delivered(self):
        return {tenant: {what: self.sql(sql, f"data/{tenant}.sqlite") for what, sql in (("table", "select * from sums"), ("log", "select * from sums_log"), ("ledger", LEDGER))}
                for tenant in self.tenants}


def alive(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rsplit(")")[1].split()[0] not in "ZX"


def disturb(project, options, draw):
    """The pass with kills; (kills, seconds)."""
    windows, kills, began = options.days * options.tenants, 0, time.monotonic()

    def server():
        at = CLOCK + datetime.timedelta(seconds=(time.monotonic() - began) * SPEED)
        return project.start([HEADRACE, "server", "--parallel", str(options.parallel + 2), "--clock", f"{at:%Y-%m-%dT%H:%M:%S}Z", "--clock-speed", str(SPEED)], "server")

    running = [server(), project.start(project.command, "backfill")]
    for kill in range(options.kills):
        share = windows * (kill + draw.uniform(0.4, 1)) / (options.kills + 1)
        while project.done() < share:
            assert running[0].poll() is None, (project.folder / "server.log").read_text()[-3000:]
            time.sleep(0.05)
        while not (runs := project.living()):
            time.sleep(0.005)
        victims = runs[:draw.randrange(1, len(runs) + 1)]
        for process in running:
            process.kill()
        for pid in victims:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        kills += 2 + len(victims)
        for process in running:
            process.wait()
        print(f"{time.monotonic() - began:7.1f} s  {project.done()} of {windows} windows done; killed the server, the command and {len(victims)} of {len(runs)} runs", flush=True)
        running = [server(), project.start(project.command, "backfill")]
    code = running[1].wait()
    seconds = time.monotonic() - began
    end = time.monotonic() + 60
    while project.sql("select 1 from requests where state in ('queued', 'started')") and time.monotonic() < end:
        if not project.sql("select 1 from requests where state in ('queued', 'started') limit 1"):
            break
        time.sleep(0.02)
    running[0].terminate()
    running[0].wait()
    return kills, seconds, code


def main():
    parser = argparse.ArgumentParser()
    for name, value in {"days": 365, "tenants": 5, "parallel": 4, "kills": 3, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="headrace-backfill-") as folder:
        calm, rough = Project(f"{folder}/calm", options), Project(f"{folder}/rough", options)
        windows = options.days * options.tenants
        kills, seconds, code = disturb(rough, options, draw)
        print(f"{seconds:7.1f} s  the disturbed pass ended with exit code {code}", flush=True)
        began = time.monotonic()
        calm_code = calm.start(calm.command, "backfill").wait()
        calm_seconds = time.monotonic() - began
        print(f"{calm_seconds:7.1f} s  the undisturbed pass ended with exit code {calm_code}", flush=True)

        missing, doubled, found_in = collections.Counter(), collections.Counter(), rough.delivered()
        for tenant, expected in calm.delivered().items():
            for what in expected:
                want, got = collections.Counter(expected[what]), collections.Counter(found_in[tenant][what])
                missing[what] += sum((want - got).values())
                doubled[what] += sum((got - want).values())
        state = dict(rough.sql("select state, count(*) from requests where origin <> 'schedule' group by state"))
        runs = rough.sql("select count(*), count(distinct tenant || interval_start_us) from runs where pipeline = 'daily' and state = 'succeeded'")[0]
        made = rough.sql("select count(*) from runs where pipeline = 'daily'")[0][0]
        doubled["runs"] = made - windows
        missing["runs"] = windows - runs[1]
        ticks = rough.sql("select count(*), count(distinct id), sum(state = 'succeeded'), count(distinct run) from requests where origin = 'schedule'")[0]
        beats = sum(len(rough.sql("select at from beats", f"data/{tenant}.sqlite")) for tenant in rough.tenants)
        missing["ticks"] = ticks[0] - (ticks[2] or 0) + max(0, (ticks[2] or 0) - beats)
        doubled["ticks"] = ticks[0] - ticks[1] + max(0, beats - (ticks[2] or 0))
        stuck = len(rough.sql("select 1 from requests where state in ('queued', 'started')")) + len(rough.living()) + (code != 0) + (calm_code != 0)
        stuck += rough.sql("pragma integrity_check") != [("ok",)]
        failed = rough.sql("select count(*) from runs where state = 'failed'")[0][0]
        resumed = rough.sql("select count(*), coalesce(max(deaths), 0) from requests where deaths > 0")[0]
        print(json.dumps({"windows": windows, "parallel": options.parallel, "kills": kills, "missing": missing.total(), "doubled": doubled.total(), "stuck": stuck, "requests": state, "ticks": ticks[0],
                          "resumed": resumed[0], "failed_runs": failed, "seconds": round(seconds, 1), "undisturbed_seconds": round(calm_seconds, 1), "seed": options.seed}))
        if missing.total() or doubled.total() or stuck:
            print(f"missing {dict(missing)}, doubled {dict(doubled)}", (rough.folder / "server.log").read_text()[-5000:], sep="\n", file=sys.stderr)
            for run in rough.sql("select id, tenant, interval_start_us, state, message from runs where state <> 'succeeded'"):
                print(run, file=sys.stderr)
        return 1 if missing.total() or doubled.total() or stuck else 0


if __name__ == "__main__":
    sys.exit(main())

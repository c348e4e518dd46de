"""Kill a pipeline of 20 steps at random moments, let it recover, and hold what it leaves to what an undisturbed run leaves.

usage: kill.py [--count 1000] [--seed 1]      until `count` processes were killed (`make kill COUNT= SEED=`)
       kill.py --seed S --round R             one round again, with the choices it made (moments are fractions of a run's length)

A round takes a fresh copy of one project and starts a run: of one tenant, or (one round in seven) of all three with `--tenant all --parallel 2`. At a
moment uniform over a run's length it gets SIGKILL; with several tenants the one who starts them, one of those started, or everybody. Then it recovers, by
`run --resume last` or by the same `run` again; one recovery in two is killed as well, and in one round of ten up to six in a row. When one ended
by itself the round is judged: exit code 0, no process left, nothing in .headrace/tmp, no run at work in state.db, which passes
its integrity check; and in each destination the rows, the ledger, and in the registry the models are those of the undisturbed run.

Ends with one JSON line: kills, runs (processes started), lost and doubled (rows of destinations, ledgers and registry that are missing or there too
often), stuck (rounds that did not end as said above). Exit code 1 unless the last three are 0.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import duckdb

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
INTERVAL = "2026-01-05/2026-01-12"
TENANTS = ["ash", "beech", "cedar"]
LEDGER = "select delivery_key, revision, destination, digest, rows, interval_end from headrace_deliveries"
PATIENCE = 60   # seconds until an attempt that does not end is called stuck


class Sqlite:
    """One kind of destination: how a tenant's connection is written, what is delivered to it, and what lies there."""
    name = "platform"
    steps = {"scores_upserted": "mode: upsert, key: [customer_id]", "scores_replaced": "mode: replace"}

    def connection(self, tenant):
        return f"{{driver: sqlite, uri: data/{tenant}.sqlite}}"

    def query(self, world, tenant, sql):
        path = world.folder / f"data/{tenant}.sqlite"
        if not path.exists():
            return []
        connection = sqlite3.connect(path, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []
        finally:
            connection.close()


class DuckDb:
    name = "warehouse"
    steps = {"scores_appended": "mode: append", "scores_keyed": "mode: upsert, key: [customer_id]"}

    def connection(self, tenant):
        return f"{{driver: duckdb, uri: data/{tenant}.duckdb}}"

    def query(self, world, tenant, sql):
        path = world.folder / f"data/{tenant}.duckdb"
        if not path.exists():
            return []
        with duckdb.connect(str(path), read_only=True) as connection:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.CatalogException:   # there is no such table
                return []


# A kind more is a class like these two. It may start a server in its constructor; its tables must be the tenant's own and gone in a fresh world.
DESTINATIONS = [Sqlite(), DuckDb()]

PIPELINE = """\
name: main
params: {client: {type: int, default: 0}}
steps:
  customers:
    extract: {file: data/customers.csv}
    checks: [{unique: [customer_id]}, {rows: {min: 1}}]
  purchases: {extract: {file: data/purchases.csv}}
  mine: {sql: {query: "select * from customers where client = $client", bind: {client: "${params.client}"}}}
  bought: {sql: {query: "select p.* from purchases p join mine m on p.customer_id = m.customer_id"}}
  totals: {sql: {query: "select customer_id, sum(amount) as total, count(*) as times from bought group by customer_id"}}
  largest: {sql: {query: "select customer_id, max(amount) as largest from bought group by customer_id"}}
  small: {sql: {query: "select customer_id, count(*) as small from bought where amount < 20 group by customer_id"}}
  large: {sql: {query: "select customer_id, count(*) as large from bought where amount >= 20 group by customer_id"}}
  features:
    sql: {query: "select m.*, total, times, largest, small, large from mine m left join totals using (customer_id) left join largest using (customer_id)
      left join small using (customer_id) left join large using (customer_id) order by customer_id"}
    checks: [{unique: [customer_id]}]
  model:
    train:
      data: features
      target: churned
      key: [customer_id]
      ignore: [client]
      split: {by: hash(customer_id), test: 25%}
      learner: {lightgbm: {objective: binary, num_iterations: 3, num_leaves: 4, min_data_in_leaf: 5}}
    gate: [auc >= 0]
    register: {name: churn, promote: auto}
  scores: {score: {data: features, model: churn@champion, keep: [customer_id]}}
  high: {sql: {query: "select * from scores where score >= 0.5"}}
  low: {sql: {query: "select * from scores where score < 0.5"}}
  counted: {sql: {query: "select (select count(*) from high) as high, (select count(*) from low) as low"}}
  summary: {sql: {query: "select * from counted"}, after: [scores_file]}
  scores_file: {deliver: {data: scores, file: "out/scores-${params.client}.csv"}}
"""


class World:
    """A project in a folder, and what its runs leave."""

    def __init__(self, folder):
        self.folder = folder

    def make(self):
        dice = random.Random(7)
        customers = range(1, 181)
        self.write("headrace.yaml", "name: shop\nenvironments:\n  live: {default: true, schedules: off, deliver: live}\n")
        text = PIPELINE
        for destination in DESTINATIONS:
            for step, how in destination.steps.items():
                text += f"  {step}: {{deliver: {{data: scores, connection: {destination.name}, table: {step}, {how}}}}}\n"
        self.write("pipelines/main.yaml", text)
        for number, tenant in enumerate(TENANTS):
            connections = "".join(f"  {d.name}: {d.connection(tenant)}\n" for d in DESTINATIONS)
            self.write(f"tenants/{tenant}.yaml", f"tenant: {tenant}\nparams: {{client: {number}}}\nconnections:\n{connections}")
        self.write("data/customers.csv", "customer_id,client,age,churned\n" + "".join(
            f"{i},{i % len(TENANTS)},{dice.randrange(18, 80)},{int(dice.random() < 0.4)}\n" for i in customers))
        self.write("data/purchases.csv", "customer_id,day,amount\n" + "".join(
            f"{dice.choice(customers)},2025-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02},{dice.randrange(1, 5000) / 100}\n" for _ in range(600)))
        return self

    def write(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def state(self, sql):
        if not (self.folder / ".headrace/state.db").exists():
            return []
        connection = sqlite3.connect(self.folder / ".headrace/state.db", timeout=30)
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []
        finally:
            connection.close()

    def newest_run(self):
        """(id, state) of the run that --resume last means, or None."""
        return next(iter(self.state("select id, state from runs order by started_us desc, id desc limit 1")), None)

    def rows(self, tenant):
        """{place: rows in order} of all that a run of `tenant` leaves where users look, without what tells one run from another."""
        found = {}
        for destination in DESTINATIONS:
            for step in destination.steps:
                found[step] = destination.query(self, tenant, f"select * from {step}")
            found[f"ledger of {destination.name}"] = destination.query(self, tenant, LEDGER)
        out = self.folder / f"out/scores-{TENANTS.index(tenant)}.csv"
        found["file"] = out.read_text().splitlines() if out.exists() else []
        found["models"] = self.state(f"select name, version, digest, metrics, gates from models where tenant = '{tenant}'")
        found["aliases"] = self.state(f"select name, alias, version from aliases where tenant = '{tenant}'")
        found["alias moves"] = self.state(f"select name, alias, from_version, to_version from alias_moves where tenant = '{tenant}'")
        return {place: sorted(rows) for place, rows in found.items()}

    def processes(self):
        """{pid: parent} of those that work in the folder and live."""
        found = {}
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == str(self.folder):
                    state, parent = pathlib.Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[:2]
                    if state != "Z":
                        found[int(name)] = int(parent)
            except OSError:
                pass
        return found

    def left_behind(self):
        """What is not as it should be when nobody is at work, in words."""
        wrong = [f"process {pid} still lives" for pid in self.wait_for_silence()]
        wrong += [f".headrace/tmp/{path.name} was left" for path in (self.folder / ".headrace/tmp").iterdir()]
        wrong += [f"beside the file lies {path.name}" for path in (self.folder / "out").iterdir() if not path.name.startswith("scores-")]
        if self.state("pragma integrity_check") != [("ok",)]:
            wrong.append("state.db does not pass its integrity check")
        wrong += [f"run {run} is {state}" for run, state in self.state("select id, state from runs where state = 'running'")]
        wrong += [f"step {step} of the run that succeeded is {state}" for step, state in self.state(
            "select step, steps.state from steps join runs on id = run where runs.state = 'succeeded' and steps.state not in ('succeeded', 'reused')")]
        return wrong

    def wait_for_silence(self, seconds=10.0):
        """Processes of the folder that are still there after a while. Two looks, since one can miss a process that is just being started."""
        until = time.monotonic() + seconds
        quiet = 0
        while True:
            found = self.processes()
            quiet = 0 if found else quiet + 1
            if quiet == 2 or time.monotonic() > until:
                return found
            time.sleep(0.005 if found else 0.05)


class Attempt:
    """One process of headrace in a world: started, perhaps killed, and ended."""

    def __init__(self, world, *argv, env=None):
        self.world = world
        self.argv = argv
        self.killed = False
        self.started = time.monotonic()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([HEADRACE, *argv], cwd=world.folder, env=ENVIRONMENT | (env or {}), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True)

    def kill_after(self, seconds, dice):
        """SIGKILL after `seconds`, unless it ended before. Whom: the process; or, when it has started others, one of all, or all."""
        try:
            self.process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            pass
        others = sorted(pid for pid, parent in self.world.processes().items() if parent == self.process.pid)
        whom = dice.choice(["first", "child", "all"]) if others else "first"
        targets = {"first": [self.process.pid], "child": [dice.choice(others or [0])], "all": [self.process.pid, *others]}[whom]
        for pid in targets:
            try:
                os.kill(pid, signal.SIGKILL)
                self.killed = True
            except ProcessLookupError:
                pass

    def end(self):
        """Wait for its end. The exit code, or None when it had to be ended because it went on for too long."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in [self.process.pid, *self.world.processes()]:
                if shutil.which("gdb"):
                    subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 20"], stdin=subprocess.DEVNULL, stdout=self.errors, stderr=subprocess.DEVNULL)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            return None
        self.seconds = time.monotonic() - self.started
        return self.process.returncode

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-12000:]


class Judge:
    """Counts, and says what went wrong with enough to see it again."""

    def __init__(self, undisturbed):
        self.undisturbed = undisturbed
        self.kills = self.runs = self.lost = self.doubled = self.stuck = 0

    def judge(self, world, tenants, trouble):
        """The end of a round; `trouble` is what was noticed on the way. True when all is well."""
        trouble = trouble + world.left_behind()
        self.stuck += bool(trouble)
        for tenant in tenants:
            found = world.rows(tenant)
            for place, rows in self.undisturbed[tenant].items():
                expected, there = collections.Counter(rows), collections.Counter(found[place])
                lost, doubled = (expected - there).total(), (there - expected).total()
                self.lost += lost
                self.doubled += doubled
                if lost or doubled:
                    trouble.append(f"{tenant}, {place}: {lost} rows lost, {doubled} too many")
        for line in trouble:
            print(f"  {line}", flush=True)
        return not trouble

    def result(self, **more):
        return {**more, "kills": self.kills, "runs": self.runs, "lost": self.lost, "doubled": self.doubled, "stuck": self.stuck}

    def fine(self):
        return self.lost == self.doubled == self.stuck == 0


class Kills:
    """A template, what an undisturbed run of it leaves, and rounds on copies of it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.template = World(self.folder / "template").make()
        world = self.copy("undisturbed")
        self.seconds = {}
        for argv in (self.run_of("ash"), self.run_of("all")):   # a first one warms the caches and is repeated
            for _ in range(2):
                world = self.copy("undisturbed")
                attempt = Attempt(world, *argv)
                if attempt.end() != 0:
                    sys.exit(f"kill: the undisturbed run failed:\n{attempt.said()}")
                self.seconds[argv] = attempt.seconds
        wrong = world.left_behind()
        if wrong:
            sys.exit(f"kill: after the undisturbed run {wrong}")
        self.judge = Judge({tenant: world.rows(tenant) for tenant in TENANTS})
        for tenant, places in self.judge.undisturbed.items():
            for place, rows in places.items():
                if not rows:
                    sys.exit(f"kill: the undisturbed run of {tenant} left nothing in {place}")

    def copy(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(self.template.folder, self.folder / name)
        return World(self.folder / name)

    @staticmethod
    def run_of(tenant):
        return ("run", "main", "--interval", INTERVAL, "--tenant", tenant, *(("--parallel", "2") if tenant == "all" else ()))

    def round(self, seed, number):
        """One world killed and recovered. True when all is well; its folder stays when it is not."""
        dice = random.Random(f"{seed}/{number}")
        tenant = "all" if dice.random() < 1 / 7 else "ash"
        tenants = TENANTS if tenant == "all" else [tenant]
        patience = dice.choice([4, 5, 6]) if dice.random() < 0.1 else 1
        world = self.copy("world")
        again = argv = self.run_of(tenant)
        trouble, story = [], []
        for step in range(100):
            attempt = Attempt(world, *argv)
            self.judge.runs += 1
            aimed = step < patience or dice.random() < 0.5
            fraction = 1.1 * dice.random()
            if aimed:
                attempt.kill_after(fraction * self.seconds[again], dice)
            code = attempt.end()
            self.judge.kills += attempt.killed
            if step == 0:   # the machine may be faster or slower than it was
                self.seconds[again] *= 1.1 if attempt.killed and fraction > 1 else 1
                self.seconds[again] += 0 if attempt.killed or code != 0 else 0.3 * (attempt.seconds - self.seconds[again])
            story.append(f"{' '.join(argv)}: {f'killed at {fraction:.3f}' if attempt.killed else f'ended with {code}'}")
            if not attempt.killed:
                resumed_one_of_many = code == 0 and argv != again and tenant == "all"
                if code != 0:
                    trouble.append(f"`{' '.join(argv)}` " + (f"did not end in {PATIENCE} s" if code is None else f"ended with {code}") + f":\n{attempt.said()}")
                if not resumed_one_of_many:
                    break
            if world.wait_for_silence():
                trouble.append("a process outlived the one who had started it by ten seconds")
                break
            run = world.newest_run()
            resume = run is not None and run[1] != "succeeded" and dice.random() < 0.5 and not (argv != again and not attempt.killed)
            argv = ("run", "--resume", "last") if resume else again
        fine = self.judge.judge(world, tenants, trouble)
        if not fine:
            kept = self.folder / f"failed-{number}"
            world.folder.rename(kept)
            print("\n".join(["  " + line for line in story] + [f"  round {number} of seed {seed}; its world: {kept}",
                             f"  again: {sys.executable} {__file__} --seed {seed} --round {number}"]), flush=True)
        return fine

    def rounds(self, count, seed, tell=True):
        told = time.monotonic()
        number = 0
        while self.judge.kills < count and self.judge.stuck < 20:
            number += 1
            self.round(seed, number)
            if tell and time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"{self.judge.kills} of {count} killed in {number} rounds: {json.dumps(self.judge.result())}", flush=True)
        return self.judge


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--round", type=int)
    options = options.parse_args()
    folder = tempfile.mkdtemp(prefix="headrace-kill-")
    kills = Kills(folder)
    if options.round is not None:
        kills.round(options.seed, options.round)
    else:
        kills.rounds(options.count, options.seed)
    if kills.judge.fine():
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(kills.judge.result()))
    return 0 if kills.judge.fine() else 1


if __name__ == "__main__":
    sys.exit(main())

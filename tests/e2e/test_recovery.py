"""Run it again: killed runs, resumed runs, reuse, same bits, and what deliveries do to their destination."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

from world import HEADRACE, INTERVAL, SOURCE, World, steps

# Every named crash point of src/headrace/base/crash.cc, and which of its passes are tried: each one where something durable is at stake,
# the first and a later one where each step passes.
POINTS = {
    "run.before_create": [1], "run.after_create": [1], "step.before_start": [1], "step.after_start": [1, 4],
    "artifact.before_rename": [1, 3], "artifact.after_rename": [1, 3], "step.before_finish": [1, 3, 5], "step.after_finish": [1, 3],
    "model.before_register": [1], "model.after_register": [1], "alias.before_move": [1], "alias.after_move": [1],
    "deliver.before_begin": [1], "deliver.before_commit": [1, 2], "deliver.after_commit": [1, 2], "file.before_rename": [1],
    "run.before_finish": [1], "run.after_finish": [1],
    "state.before_begin": [1, 2, 5, 9, 14],
    "step.before_park": [], "step.after_park": [],   # test_people.py kills there
    "alert.before_send": [], "alert.after_send": [], "alert.after_record": [],   # test_alerts.py
    "trial.after_keep": [],   # test_tuning.py
    "gc.before_records": [], "gc.after_records": [], "gc.before_file": [], "gc.after_file": [],   # and test_house.py here
}


def outcome(world):
    """All that a run of `full` leaves where users look, without what tells one run from another."""
    done = world.headrace("run", "export")
    assert done.code == 0, done.all
    models = world.headrace("--json", "models", "list")
    assert models.code == 0, models.all
    return {
        "platform": world.scores(), "platform ledger": world.ledger(), "warehouse": world.read("export/scores.csv"),
        "warehouse ledger": world.read("export/ledger.csv"), "file": world.read("out/scores.csv"),
        "models": [(model["version"], model["digest"], model["aliases"]) for model in models.json],
        "left beside": sorted(path.name for path in (world.folder / "out").iterdir()),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("undisturbed") / "shop")
    world.good(pipeline="full")
    result = outcome(world)
    assert len(result["platform"]) == 300 and len(result["platform ledger"]) == 1
    assert result["warehouse"].count("\n") == 301 and result["warehouse ledger"].count("\n") == 2
    assert [model[0] for model in result["models"]] == [1] and result["models"][0][2] == ["champion"]
    return result


def test_every_crash_point_of_the_program_is_tried():
    source = (SOURCE / "src/headrace/base/crash.cc").read_text()
    assert set(re.findall(r'"([a-z]+\.[a-z_]+)"', source)) == set(POINTS)


@pytest.mark.parametrize("how", ["again", "resume"])
@pytest.mark.parametrize("point", [f"{name}:{n}" for name, passes in POINTS.items() for n in passes])
def test_a_killed_run_ends_as_if_nothing_had_happened(point, how, undisturbed, tmp_path):
    world = World(tmp_path / "shop")
    killed = world.run(pipeline="full", env={"HEADRACE_CRASH_AT": point})
    assert killed.code == -signal.SIGKILL, f"{point} was not passed: {killed.all}"
    runs = world.headrace("--json", "runs")
    assert runs.code == 0, runs.all
    if how == "resume" and runs.json and runs.json[0]["state"] != "succeeded":
        done = world.headrace("--json", "run", "--resume", "last")
        assert done.code == 0, done.all
        assert done.json["state"] == "succeeded" and done.json["run"] == runs.json[0]["run"]
    else:
        world.good(pipeline="full")
    assert outcome(world) == undisturbed
    runs = world.headrace("--json", "runs").json
    assert all(run["state"] != "running" for run in runs)
    known = {run["run"] for run in runs}
    assert {row[0] for row in world.sqlite("select run from headrace_deliveries")} <= known
    assert {model["run"] for model in world.headrace("--json", "models", "list").json} <= known
    assert not list((world.folder / ".headrace/tmp").iterdir())


def test_a_second_run_reuses_all_but_live_extracts_and_why_says_so(tmp_path):
    world = World(tmp_path / "shop")
    world.good(pipeline="full")
    world.edit("pipelines/main.yaml", "{file: data/customers.csv}", "{connection: warehouse, query: \"select c.*, 1 as spare from (select customer_id, label as country, customer_id % 60 as age, score * 100 as spend, customer_id % 2 as churned from scores) c\"}")
    world.edit("contracts/customers.yaml", "columns:", "extra: ignore\ncolumns:")
    first = world.good()
    again = world.good()
    assert set(steps(first).values()) == {"succeeded"}
    assert steps(again) == {"customers": "succeeded", "features": "reused", "model": "reused", "scores": "reused", "to_platform": "succeeded", "to_file": "succeeded"}
    assert [step["reason"] for step in again["steps"] if step["step"] == "customers"] == [f"read again and found equal to run {first['run']}"]
    assert all(step["delivery"]["no_op"] for step in again["steps"] if step["kind"] == "deliver")
    why = world.headrace("why", "last", "features")
    assert "nothing that determines it changed" in why.out and first["run"] in why.out
    world.edit("sql/features.sql", "(age + 1)", "(age + 2)")
    changed = world.good()
    assert steps(changed)["features"] == "succeeded"
    why = world.headrace("why", "last", "features")
    assert "(age + 1)" in why.out and "(age + 2)" in why.out, why.out


def test_a_file_that_was_only_touched_is_not_read_again(tmp_path):
    world = World(tmp_path / "shop")
    world.good()
    os.utime(world.folder / "data/customers.csv")
    assert steps(world.good())["customers"] == "reused"


def artifacts(world):
    return sorted(path.name for path in (world.folder / ".headrace/artifacts").rglob("*.*"))


def test_two_folders_make_the_same_model_file_and_the_same_tables(tmp_path, undisturbed):
    one, two = World(tmp_path / "a" / "shop"), World(tmp_path / "another place" / "x")
    one.good(pipeline="full")
    two.good(pipeline="full")
    assert artifacts(one) == artifacts(two)
    assert outcome(one) == outcome(two) == undisturbed


@pytest.mark.parametrize("prefix, env", [
    (["taskset", "-c", "0"], {}),
    ([], {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA"}),
    ([], {"TZ": "Asia/Kolkata", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}),
], ids=["one core", "no AVX2 nor FMA", "another place"])
def test_the_machine_does_not_show_in_the_bytes(prefix, env, tmp_path, undisturbed):
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip(f"{prefix[0]} is not installed")
    world = World(tmp_path / "shop")
    world.good(pipeline="full", prefix=prefix, env=env)
    assert outcome(world) == undisturbed


def test_preview_touches_no_destination(tmp_path):
    world = World(tmp_path / "shop")
    world.edit("headrace.yaml", "deliver: live", "deliver: preview")
    run = world.good(pipeline="full")
    assert run["rows_delivered"] == 300   # the file inside the project
    assert not (world.folder / "data/platform.sqlite").exists()
    assert not (world.folder / "data/warehouse.duckdb").exists()
    for step in ("to_platform", "to_warehouse"):
        assert world.read(f".headrace/preview/full.{step}.csv") == world.read("out/scores.csv")


def test_dry_run_counts_and_changes_nothing(tmp_path):
    world = World(tmp_path / "shop")
    run = world.good("--dry-run", pipeline="full")
    deliveries = {step["step"]: step["delivery"] for step in run["steps"] if step["kind"] == "deliver"}
    assert {name: d["inserted"] for name, d in deliveries.items()} == {"to_platform": 300, "to_warehouse": 300, "to_file": 300}
    assert run["rows_delivered"] == 0
    assert not (world.folder / "out/scores.csv").exists()
    assert world.scores() == [] and world.ledger() == []
    assert world.headrace("--json", "models", "list").json == []


def test_dry_run_tells_inserts_updates_and_deletes(tmp_path):
    world = World(tmp_path / "shop")
    world.good()
    before = world.scores(), world.ledger(), world.read("out/scores.csv")
    world.sqlite("update scores set score = 0.5 where customer_id <= 7")
    world.sqlite("delete from scores where customer_id > 290")
    world.sqlite("insert into scores values (1001, 0.5, '1', 'old')")
    changed = world.scores()
    world.edit("pipelines/main.yaml", "mode: upsert", "mode: replace")
    run = world.good("--dry-run")
    told = world.run("--dry-run")
    assert "was not touched, and would get 300 rows (10 inserted, 7 updated, 283 unchanged, 1 deleted)" in told.err, told.all
    delivery = next(step["delivery"] for step in run["steps"] if step["step"] == "to_platform")
    assert {key: delivery[key] for key in ("inserted", "updated", "deleted", "unchanged", "no_op", "preview")} == \
        {"inserted": 10, "updated": 7, "deleted": 1, "unchanged": 283, "no_op": False, "preview": True}
    assert (world.scores(), world.ledger()) == (changed, before[1])
    run = world.good()
    assert world.scores() == before[0], "replace leaves exactly the new rows"


def test_a_run_after_a_dry_run_registers_and_delivers(tmp_path, undisturbed):
    world = World(tmp_path / "shop")
    world.good("--dry-run", pipeline="full")
    world.good(pipeline="full")
    assert outcome(world) == undisturbed


def test_a_dry_run_that_is_resumed_stays_one(tmp_path):
    world = World(tmp_path / "shop")
    killed = world.run("--dry-run", env={"HEADRACE_CRASH_AT": "run.before_finish"})
    assert killed.code == -signal.SIGKILL
    done = world.headrace("run", "--resume", "last")
    assert done.code == 0, done.all
    assert world.scores() == [] and not (world.folder / "out/scores.csv").exists()
    world.good()
    assert len(world.scores()) == 300
    world.run(env={"HEADRACE_CRASH_AT": "run.before_finish"})
    done = world.headrace("run", "--resume", "last", "--dry-run")
    assert done.code == 2 and "cannot go on as a dry run" in done.err


def test_a_forced_run_that_is_resumed_still_reuses_nothing(tmp_path):
    world = World(tmp_path / "shop")
    world.good()
    killed = world.run("--force", env={"HEADRACE_CRASH_AT": "step.after_start:2"})
    assert killed.code == -signal.SIGKILL
    done = world.headrace("--json", "run", "--resume", "last")
    assert done.code == 0, done.all
    assert "reused" not in steps(done.json).values(), done.json
    assert "reused" in steps(world.good()).values(), "that run only"


def test_a_gate_that_refused_refuses_again_and_the_champion_stays(tmp_path):
    world = World(tmp_path / "shop")
    world.good(pipeline="full")
    world.edit("pipelines/full.yaml", "auc >= 0.6", "auc >= 0.999")
    for _ in range(2):
        done = world.run("--json", pipeline="full")
        assert done.code == 3, done.all
        assert "gate" in done.json["message"]
        assert "champion" in world.headrace("--json", "models", "show", "churn", "1").json["aliases"]


class TestDeliveryModes:
    """What a second delivery does, by mode."""

    @pytest.fixture
    def world(self, tmp_path):
        return World(tmp_path / "shop")

    def deliver(self, world, mode, rows, **how):
        world.write("data/rows.csv", "id,amount\n" + "".join(f"{i},{v}\n" for i, v in rows))
        world.write("pipelines/d.yaml", "name: d\nsteps:\n  rows: {extract: {file: data/rows.csv}}\n"
                    f"  out: {{deliver: {{data: rows, connection: platform, table: t, mode: {mode}, key: [id]}}}}\n")
        done = world.run("--json", pipeline="d", **how)
        return done, (done.json["steps"][-1].get("delivery") if done.code == 0 else None)

    def table(self, world):
        return world.sqlite("select id, amount from t order by id")

    def fences(self, world):
        """Run and fence of each revision, oldest first."""
        return world.sqlite("select run, fence from headrace_deliveries order by revision")

    def move_fences(self, world, by):
        world.sqlite(f"update headrace_deliveries set fence = fence + {by}")

    def test_upsert_updates_inserts_and_deletes_nothing(self, world):
        self.deliver(world, "upsert", [(1, 10), (2, 20)])
        done, delivery = self.deliver(world, "upsert", [(2, 21), (3, 30)])
        assert (delivery["inserted"], delivery["updated"], delivery["unchanged"], delivery["revision"]) == (1, 1, 0, 2), done.all
        assert self.table(world) == [(1, 10), (2, 21), (3, 30)]
        assert [row[1] for row in world.ledger()] == [1, 2]

    def test_the_same_rows_again_are_no_delivery(self, world):
        self.deliver(world, "upsert", [(1, 10)])
        done, delivery = self.deliver(world, "upsert", [(1, 10)])
        assert delivery["no_op"] and "already holds these rows" in done.err
        assert len(world.ledger()) == 1
        assert done.json["rows_delivered"] == 0

    @pytest.mark.parametrize("mode", ["upsert", "append", "replace"])
    def test_a_run_that_slept_while_a_later_one_delivered_is_refused(self, world, mode):
        self.deliver(world, mode, [(1, 10)])
        [(later, before)] = self.fences(world)
        self.move_fences(world, 3600_000_000)   # as if it had begun an hour from now
        done, delivery = self.deliver(world, mode, [(1, 10)])
        assert delivery["no_op"], "the rows are the same"
        done, _ = self.deliver(world, mode, [(1, 11)])
        assert done.code == 4 and f"run {later}, which began or was resumed later, has delivered other rows to platform.t" in done.err, done.all
        assert self.table(world) == [(1, 10)] and len(world.ledger()) == 1
        self.move_fences(world, -3600_000_000)
        done, _ = self.deliver(world, mode, [(1, 11)])
        assert done.code == (4 if mode == "append" else 0), done.all
        fences = [fence for _, fence in self.fences(world)]
        assert fences[0] == before and fences == sorted(set(fences))

    def test_append_adds_once_and_refuses_other_rows_for_the_interval(self, world):
        self.deliver(world, "append", [(1, 10)])
        done, delivery = self.deliver(world, "append", [(1, 10)])
        assert delivery["no_op"]
        done, _ = self.deliver(world, "append", [(2, 20)])
        assert done.code == 4 and "other rows were already appended to platform.t for this interval" in done.err
        assert self.table(world) == [(1, 10)]
        done, delivery = self.deliver(world, "append", [(2, 20)], interval="2026-01-12/2026-01-19")
        assert done.code == 0 and self.table(world) == [(1, 10), (2, 20)]

    def test_replace_leaves_exactly_the_new_rows(self, world):
        self.deliver(world, "replace", [(1, 10), (2, 20)])
        done, delivery = self.deliver(world, "replace", [(2, 20), (3, 30)])
        assert (delivery["inserted"], delivery["deleted"], delivery["unchanged"]) == (1, 1, 1), done.all
        assert self.table(world) == [(2, 20), (3, 30)]

    def test_an_older_interval_is_refused_unless_allowed(self, world):
        self.deliver(world, "upsert", [(1, 10)])
        done, _ = self.deliver(world, "upsert", [(1, 9)], interval="2025-12-29/2026-01-05")
        assert done.code == 4 and "already holds a delivery up to 2026-01-12" in done.err and "allow_older" in done.err
        assert self.table(world) == [(1, 10)]
        world.edit("pipelines/d.yaml", "key: [id]", "key: [id], allow_older: true")
        assert world.run(pipeline="d", interval="2025-12-29/2026-01-05").code == 0
        assert self.table(world) == [(1, 9)]

    def test_rows_without_or_with_a_doubled_key_are_refused_whole(self, world):
        done, _ = self.deliver(world, "upsert", [(1, 10), (1, 11)])
        assert done.code == 4 and "come more than once" in done.err
        done, _ = self.deliver(world, "upsert", [(1, 10), ("", 11)])
        assert done.code == 4 and "have no value in the key" in done.err
        assert self.table(world) == [] and world.ledger() == []


class TestFeatureParity:
    """What was not fitted must be the same when scoring."""

    @pytest.fixture
    def world(self, tmp_path):
        world = World(tmp_path / "shop")
        world.good(pipeline="full")
        world.write("pipelines/score.yaml", "name: score\nsteps:\n  customers: {extract: {file: data/customers.csv}}\n  features: {sql: {query: sql/features.sql}}\n"
                    "  scores: {score: {data: features, model: churn@champion, keep: [customer_id]}}\n  out: {deliver: {data: scores, file: out/later.csv}}\n")
        return world

    def test_the_same_sql_scores_to_the_same_bytes(self, world):
        world.good(pipeline="score")
        assert world.read("out/later.csv") == world.read("out/scores.csv")

    def test_layout_and_comments_are_no_change(self, world):
        world.write("sql/features.sql", "-- the same\n" + world.read("sql/features.sql").replace(", ", ",\n  "))
        world.good(pipeline="score")

    def test_other_sql_is_refused_with_the_difference_unless_allowed(self, world):
        world.edit("sql/features.sql", "(age + 1)", "(age + 2)")
        done = world.run(pipeline="score")
        assert done.code in (2, 3), done.all
        assert "features" in done.err and "(age + 1)" in done.err and "(age + 2)" in done.err and "features_changed: allow" in done.err
        assert not (world.folder / "out/later.csv").exists()
        world.edit("pipelines/score.yaml", "keep:", "features_changed: allow, keep:")
        world.good(pipeline="score")

    def test_a_model_file_that_was_tampered_with_scores_nothing(self, world):
        model = world.headrace("--json", "models", "show", "churn").json["file"]
        data = bytearray((world.folder / model).read_bytes())
        data[len(data) // 2] ^= 1
        (world.folder / model).write_bytes(data)
        done = world.run(pipeline="score")
        assert done.code in (1, 2), done.all
        assert "digest" in done.err or "damaged" in done.err, done.err
        assert not (world.folder / "out/later.csv").exists()


def test_two_runs_of_one_pipeline_and_interval_at_once(tmp_path):
    """The second ends at once as busy and names the first; another interval may run."""
    world = World(tmp_path / "shop")
    world.sqlite("create table other (x)")
    holder = sqlite3.connect(world.folder / "data/platform.sqlite")
    holder.execute("begin exclusive")   # the first run waits for the platform
    first = subprocess.Popen([HEADRACE, "--json", "run", "main", "--interval", INTERVAL], cwd=world.folder, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in first.stderr:
            if "to_file" in line:
                break
        second = world.run()
        assert second.code == 75, second.all
        name = world.headrace("--json", "runs").json[0]["run"]
        assert name in second.err, second.err
    finally:
        holder.rollback()
        holder.close()
        first.stderr.read()
        first.stdout.read()
        code = first.wait()
    assert code == 0
    assert len(world.scores()) == 300 and len(world.ledger()) == 1
    done = world.run()
    assert done.code == 0, done.all


def test_two_handles_on_one_duckdb_file_lose_no_row(tmp_path):
    """Two connections, a symbolic link among them, name one file; four steps of one run deliver into it at once and others read from it."""
    world = World(tmp_path / "shop")
    world.good(pipeline="full")
    (world.folder / "linked").symlink_to(world.folder / "data")
    world.edit("headrace.yaml", "connections:\n", "connections:\n  again: {driver: duckdb, uri: linked/../data/warehouse.duckdb}\n  linked: {driver: duckdb, uri: linked/warehouse.duckdb}\n")
    text = "name: many\nsteps:\n"
    for i, connection in enumerate(["warehouse", "again", "linked", "warehouse"]):
        text += f"  read{i}: {{extract: {{connection: {connection}, query: \"select *, {i} as part from scores\"}}}}\n"
        text += f"  write{i}: {{deliver: {{data: read{i}, connection: {connection}, table: part{i}, mode: replace}}}}\n"
    world.write("pipelines/many.yaml", text)
    world.good(pipeline="many")
    world.write("pipelines/count.yaml", "name: count\nsteps:\n  n: {extract: {connection: linked, query: \"" + " union all ".join(
        f"select {i} as part, count(*) as n from part{i}" for i in range(4)) + " order by 1\"}}\n  out: {deliver: {data: n, file: out/n.csv}}\n")
    world.good(pipeline="count")
    assert world.read("out/n.csv") == "part,n\n0,300\n1,300\n2,300\n3,300\n"


def test_deliveries_that_make_the_ledger_of_one_duckdb_at_once_all_arrive(tmp_path):
    """DuckDB refused the second who made it at the same moment, and the run ended as busy."""
    world = World(tmp_path / "shop")
    text = "name: many\nsteps:\n  customers: {extract: {file: data/customers.csv}}\n"
    text += "".join(f"  write{i}: {{deliver: {{data: customers, connection: warehouse, table: part{i}, mode: append}}}}\n" for i in range(8))
    world.write("pipelines/many.yaml", text)
    for _ in range(3):
        (world.folder / "data/warehouse.duckdb").unlink(missing_ok=True)
        done = world.run("--threads", "8", pipeline="many")
        assert done.code == 0, done.all


def test_a_secret_is_nowhere_to_be_read(tmp_path):
    """Connections whose uri is a secret, in a run that works and in runs that fail while opening and while delivering."""
    secret = "data/Kx9-hidden-place.sqlite"
    world = World(tmp_path / "shop")
    world.edit("headrace.yaml", "uri: data/platform.sqlite", "uri: {secret: PLATFORM_URI}")
    said = []

    def seen(done):
        said.append(done.all)
        return done

    env = {"PLATFORM_URI": secret}
    unset = seen(world.run())
    assert unset.code != 0 and "PLATFORM_URI" in unset.all
    assert seen(world.run("--report", "one.html", env=env)).code == 0
    assert (world.folder / secret).exists()
    assert seen(world.run(env={"PLATFORM_URI": "data/Kx9-hidden-folder/Kx9-hidden-place.sqlite"}, interval="2026-01-12/2026-01-19")).code == 4
    (world.folder / secret).write_text("no database, and long enough to be read as a broken one " * 20)
    assert seen(world.run(env=env, interval="2026-01-19/2026-01-26")).code != 0
    for command in (["runs"], ["show", "last"], ["logs", "last"], ["why", "last", "to_platform"], ["plan", "main"], ["report", "last", "-o", "two.html"]):
        seen(world.headrace(*command, env=env))
        seen(world.headrace("--json", *command, env=env))
    (world.folder / secret).unlink()
    hidden = [text for text in said if "Kx9" in text]
    assert not hidden, hidden[0]
    for path in world.folder.rglob("*"):
        if path.is_file():
            assert b"Kx9" not in path.read_bytes(), path

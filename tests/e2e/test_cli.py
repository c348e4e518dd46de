"""Every command: its help, one JSON document on standard output with --json, and exit codes that tell what happened."""

import json
import subprocess

import pytest

from world import CASES, HEADRACE, INTERVAL, World

COMMANDS = ["init", "validate", "test", "plan", "run", "approve", "cancel", "runs", "show", "logs", "data", "why", "report", "alerts", "checks", "check-history", "models", "schedule", "backfill", "server", "train", "score", "inspect", "profile", "drift", "performance", "contract",
            "gc", "schema", "version"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("cli") / "shop")
    world.good(pipeline="full")
    world.write("tests/features.yaml", "name: spend per year\npipeline: full\ngiven: {customers: [{customer_id: 1, age: 3, spend: 8}]}\nexpect: {features: [{spend_per_year: 2}]}\n")
    assert world.headrace("-q", "train", "data/customers.csv", "--target", "churned", "-o", "churn.model").code == 0
    return world


def test_help_lists_every_command(world):
    done = world.headrace("--help")
    assert done.code == 0 and done.err == ""
    listed = [line.split()[0] for line in done.out.split("Subcommands:")[1].split("Exit codes")[0].splitlines() if line.startswith("  ") and line[2] != " "]
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, world):
    for argv in ([command, "--help"], [command, "-h"]):
        done = world.headrace(*argv)
        assert done.code == 0 and "Usage: headrace" in done.out and done.err == "", done.all


# What each command says with --json: the keys that scripts rely on.
DOCUMENTS = {
    "init": (["init", "churn", "fresh"], {"directory"}),
    "validate": (["validate"], {"errors"}),
    "test": (["test"], {"passed", "failed", "skipped", "tests"}),
    "plan": (["plan", "full", "--interval", INTERVAL], {"step", "kind", "act"}),
    "run": (["run", "full", "--interval", INTERVAL], {"run", "pipeline", "tenant", "state", "exit_code", "rows_delivered", "steps"}),
    "runs": (["runs"], {"run", "pipeline", "state", "exit_code"}),
    "show": (["show", "last"], {"run", "state", "steps"}),
    "logs": (["logs", "last"], {"at", "step", "level", "text"}),
    "data": (["data", "last", "scores", "-n", "3"], {"customer_id", "score", "label", "model_version"}),
    "why": (["why", "last", "features"], {"run", "step", "state", "reason", "changes"}),
    "report": (["report", "last", "-o", "report.html"], {"run", "report"}),
    "report --all": (["report", "--all", "-o", "pages/index.html"], {"report", "pages_written", "verdict"}),
    "checks": (["checks"], {"verdict", "tenant", "pipeline", "step", "check", "kind", "value", "message", "run"}),
    "contract accept": (["contract", "accept", "customers", "--out", "accepted.yaml"], {"contract", "step", "run", "rows", "checks"}),
    "contract diff": (["contract", "diff", "contracts/customers.yaml", "contracts/customers.yaml"], {"before", "after", "verdict", "changes"}),
    "profile": (["profile", "data/customers.csv"], {"rows", "columns"}),
    "drift": (["drift", "data/customers.csv", "--against", "data/customers.csv"], {"data", "against", "columns"}),
    "performance": (["performance", "full", "scores", "--outcomes", "data/customers.csv", "--key", "customer_id", "--label", "churned"], {"interval", "run", "scored", "known", "metrics"}),
    "gc": (["gc", "--older-than", "1y"], {"applied", "models", "runs", "steps", "artifacts", "bytes", "groups", "left_over", "postponed"}),
    "schedule list": (["schedule", "list"], {"pipeline", "tenants", "cron", "timezone", "active", "next"}),
    "schedule next": (["schedule", "next", "full", "--count", "2", "--from", "2026-03-28"], {"pipeline", "tenants", "cron", "timezone", "ticks"}),
    "schedule pause": (["schedule", "pause", "full"], {"pipeline", "paused"}),
    "schedule resume": (["schedule", "resume", "full"], {"pipeline", "paused"}),
    "backfill": (["backfill", "full", "--from", "2026-01-05", "--to", "2026-01-12", "--dry-run"], {"backfill", "windows"}),
    "backfill list": (["backfill", "list"], set()),
    "alerts list": (["alerts", "list"], {"alerts", "disabled", "snoozes"}),
    "alerts snooze": (["alerts", "snooze", "off"], {"pipeline", "tenant", "until"}),
    "alerts send": (["alerts", "send"], {"sent", "failed", "problems"}),
    "models list": (["models", "list"], {"name", "version", "aliases", "digest"}),
    "models show": (["models", "show", "churn"], {"name", "version", "aliases", "metrics", "alias_moves"}),
    "models add": (["models", "add", "other", "churn.model"], {"name", "version"}),
    "models promote": (["models", "promote", "churn", "1"], {"name", "champion"}),
    "train": (["train", "data/customers.csv", "--target", "churned", "-o", "again.model"], {"metrics"}),
    "score": (["score", "churn.model", "data/customers.csv", "-o", "scored.csv"], {"output", "rows"}),
    "inspect": (["inspect", "churn.model"], set()),
    "schema": (["schema", "pipeline"], {"$schema"}),
    "approve": (["approve"], set()),
    "version": (["version"], {"version", "commit"}),
}


def test_no_command_is_left_out():
    assert {name.split()[0] for name in DOCUMENTS} == set(COMMANDS) - {"cancel", "server", "check-history"}   # test_people.py, test_server.py and test_baselines.py hold them


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_one_document_on_standard_output(name, world):
    argv, keys = DOCUMENTS[name]
    done = world.headrace("--json", *argv)
    assert done.code == 0, done.all
    document = json.loads(done.out)     # fails on two documents, and on anything beside
    first = (document or [{}])[0] if isinstance(document, list) else document
    assert keys <= set(first), first


def test_validate_takes_the_name_of_a_pipeline(world):
    done = world.headrace("validate", "full")
    assert done.code == 0 and "ok: 1 file" in done.err, done.all
    done = world.headrace("validate", "ful")
    assert done.code == 2 and "no pipeline `ful`" in done.err and "did you mean `full`?" in done.err, done.all
    world.write("pipelines/torn.yaml", "name: torn\nsteps:\n  rows: {extract: {file: ${X}}}\n")
    done = world.headrace("validate", "torn")
    (world.folder / "pipelines/torn.yaml").unlink()
    assert done.code == 2 and "quote it" in done.err and "no pipeline" not in done.err, done.all


def test_data_gives_numbers_as_numbers(world):
    [row] = world.headrace("--json", "data", "last", "scores", "-n", "1").json
    kinds = {column: type(value) for column, value in row.items()}
    assert kinds | {"customer_id": int, "score": float, "model_version": str} == kinds, row


@pytest.mark.parametrize("argv, code", [
    (["run", "mian"], 2), (["show", "no-such-run"], 2), (["data", "last", "scoers"], 2), (["why", "last", "scoers"], 2), (["models", "show", "churm"], 2),
    (["inspect", "data/customers.csv"], 2), (["score", "churn.model", "no.csv", "-o", "x.csv"], 2), (["train", "data/customers.csv", "--target", "chruned", "-o", "x.model"], None),
    (["validate", "pipelines/nope.yaml"], 2), (["rnu"], 2), (["run", "--bogus"], 2), (["run", "full", "--tenant", "x"], 2), (["run", "full", "--interval", "yesterday"], 2), (["schema", "pipelin"], 2),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_an_error_is_one_json_document_too(argv, code, world):
    done = world.headrace("--json", *argv)
    assert done.code in ((2, 3) if code is None else (code,)), done.all
    document = json.loads(done.out)
    assert document.get("error") or document.get("errors") or document.get("diagnostics"), document
    assert done.err.startswith("error"), done.err
    assert not (world.folder / "x.csv").exists() and not (world.folder / "x.model").exists()


@pytest.mark.parametrize("word, near", [("rnu", "run"), ("modles", "models"), ("shwo", "show"), ("reprot", "report"), ("gcc", "gc")])
def test_an_unknown_command_names_the_nearest(word, near, world):
    done = world.headrace(word)
    assert done.code == 2 and f"there is no command `{word}`" in done.err and f"did you mean `headrace {near}`?" in done.err, done.err


def test_near_names_are_suggested_everywhere(world):
    for argv, near in ((["run", "ful"], "full"), (["data", "last", "scoers"], "scores"), (["why", "last", "modl"], "model"), (["models", "show", "churm"], "churn"),
                       (["train", "data/customers.csv", "--target", "chruned", "-o", "x.model"], "churned"), (["score", "churn.model", "data/custmers.csv", "-o", "x.csv"], "customers.csv")):
        done = world.headrace(*argv)
        assert done.code in (2, 3) and near in done.err, done.all


def test_without_a_command_or_a_project(world, tmp_path):
    done = world.headrace()
    assert done.code == 2 and "headrace --help" in done.err
    done = world.headrace("-C", str(tmp_path), "runs")
    assert done.code == 2 and "headrace.yaml" in done.err, done.err


def test_nothing_but_the_document_goes_to_standard_output(world):
    done = world.run(pipeline="full")
    assert done.code == 0 and done.out == "" and "run " in done.err
    done = world.run("-q", pipeline="full")
    assert done.code == 0 and done.out == "" and done.err == ""


def test_no_colours_where_nobody_looks(world):
    for env in ({}, {"NO_COLOR": "1"}, {"CI": "1"}):
        assert "\x1b" not in world.run(pipeline="full", env=env).all


def test_output_that_does_not_arrive_is_an_error(world):
    with open("/dev/full", "w") as full:
        done = subprocess.run([HEADRACE, "--json", "runs"], cwd=world.folder, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 75 and "cannot write to standard output" in done.stderr, done


def test_a_reader_that_leaves_early_is_no_crash(world):
    done = subprocess.run(["bash", "-c", f"set -o pipefail; '{HEADRACE}' schema pipeline | head -c 10 > /dev/null; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True)
    assert done.stdout.strip() in ("0", "75") and done.stderr == "", done


def test_a_csv_is_trained_on_and_scored_without_a_project(tmp_path):
    (tmp_path / "customers.csv").write_text((CASES / "project/data/customers.csv").read_text())

    def headrace(*argv):
        return subprocess.run([HEADRACE, *argv], cwd=tmp_path, capture_output=True, text=True)

    done = headrace("train", "customers.csv", "--target", "churned", "-o", "m.model")
    assert done.returncode == 0 and "auc" in done.stderr + done.stdout and "positive" in done.stderr + done.stdout, done
    done = headrace("score", "m.model", "customers.csv", "-o", "out.csv")
    assert done.returncode == 0, done
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == 301 and lines[0].endswith("score,label,model_version")
    without = [",".join(line.split(",")[:-1]) for line in (tmp_path / "customers.csv").read_text().splitlines()]
    (tmp_path / "new.csv").write_text("\n".join(without) + "\n")
    assert headrace("score", "m.model", "new.csv", "-o", "out2.csv").returncode == 0
    assert [line.split(",")[-3:] for line in (tmp_path / "out2.csv").read_text().splitlines()] == [line.split(",")[-3:] for line in lines]
    (tmp_path / "less.csv").write_text("\n".join(",".join(line.split(",")[:2] + line.split(",")[3:]) for line in without) + "\n")
    done = headrace("score", "m.model", "less.csv", "-o", "out3.csv")
    assert done.returncode == 3 and "`age`" in done.stderr and not (tmp_path / "out3.csv").exists(), done


def test_a_damaged_model_file_is_refused_with_the_reason(world, tmp_path):
    good = (world.folder / "churn.model").read_bytes()
    damaged = {"cut": good[: len(good) // 2], "empty": b"", "flipped": good[:1000] + bytes([good[1000] ^ 1]) + good[1001:], "longer": good + b"x", "text": b"customer_id,country\n" * 50}
    for name, content in damaged.items():
        (tmp_path / f"{name}.model").write_bytes(content)
        for argv in (["inspect", str(tmp_path / f"{name}.model")], ["score", str(tmp_path / f"{name}.model"), "data/customers.csv", "-o", str(tmp_path / "out.csv")]):
            done = world.headrace(*argv)
            assert done.code == 2 and done.err.startswith("error: "), (name, done.all)
            assert not (tmp_path / "out.csv").exists()


def test_pipelines_without_a_project_file_are_no_project(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "k.yaml").write_text("name: k\nsteps: {rows: {extract: {file: a.csv}}}\n")
    for argv in (["validate"], ["run", "k"], ["plan", "k"]):
        done = subprocess.run([HEADRACE, *argv], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and "there is no headrace.yaml in" in done.stderr, (argv, done.stderr + done.stdout)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipelines"]


def test_a_state_holds_no_password_and_is_no_other_database(tmp_path):
    for state, says in (("postgresql://ann:Kx9secret@host/db", "`state` holds a password"), ("mysql://host/db", "`state` takes postgresql://HOST/DATABASE, got")):
        (tmp_path / "headrace.yaml").write_text(f"environments: {{prod: {{default: true, state: \"{state}\"}}}}\n")
        done = subprocess.run([HEADRACE, "validate"], cwd=tmp_path, capture_output=True, text=True)
        said = done.stderr + done.stdout
        assert done.returncode == 2 and says in said and "Kx9secret" not in said, said


def test_the_key_of_a_delivery_is_looked_up_before_anything_runs(tmp_path):
    world = World(tmp_path / "shop")
    world.write("contracts/few.yaml", "columns: [{name: id, type: int}, {name: n, type: int}]\n")
    world.write("pipelines/keyed.yaml", "name: keyed\nsteps:\n  rows: {extract: {file: data/few.csv}, checks: [{contract: contracts/few.yaml}]}\n"
                                        "  out: {deliver: {data: rows, connection: platform, table: t, key: [idd]}}\n")
    done = world.headrace("validate")
    assert done.code == 2 and "there is no column `idd` in `rows`, which `key` names" in done.all and "did you mean `id`?" in done.all, done.all

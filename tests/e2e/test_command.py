"""Steps of kind `command`: what a program gets, what is made of how it ends, and that nothing of it lives on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

import pytest

from world import HEADRACE, INTERVAL, World, steps

PASS_ON = 'cp "$HEADRACE_INPUT_CUSTOMERS" "$HEADRACE_OUTPUT"'


def quoted(text):
    return json.dumps(text)   # a JSON string is a YAML string


class Commands(World):
    """The project with a pipeline `main` of its own: customers -> work (a command) -> counted."""

    def pipeline(self, run, more="", beside="", counted=True, head=""):
        self.write("pipelines/main.yaml", "name: main\n" + head + "steps:\n"
                   "  customers: {extract: {file: data/customers.csv}}\n"
                   "  work:\n"
                   "    command:\n"
                   f"      run: [{', '.join(quoted(str(item)) for item in run)}]\n"
                   "      reads: [customers]\n" + "".join(f"      {line}\n" for line in more.splitlines())
                   + "".join(f"    {line}\n" for line in beside.splitlines())
                   + ('  counted: {sql: {query: "select count(*) as n from work"}}\n' if counted else ""))

    def shell(self, script, *more, **kw):
        self.pipeline(["sh", "-c", script], *more, **kw)

    def script(self, path, text):
        self.write(path, "import os, json, sys\nimport pyarrow as pa, pyarrow.parquet as pq\n" + text)

    def step(self, name="work"):
        run = self.headrace("--json", "show", "last").json
        return next(step for step in run["steps"] if step["step"] == name)

    def logs(self, *argv):
        done = self.headrace("--json", "logs", "last", *argv)
        assert done.code == 0, done.all
        return {event["level"]: event["text"] for event in done.json if event["level"] in ("stdout", "stderr")}

    def rows(self, step):
        done = self.headrace("data", "last", step, "--rows", "1000", "-o", "rows.csv")
        assert done.code == 0, done.all
        return self.read("rows.csv").splitlines()


@pytest.fixture
def world(tmp_path):
    world = Commands(tmp_path / "shop")
    for pipeline in (world.folder / "pipelines").iterdir():
        pipeline.unlink()
    return world


# --- end to end

DOUBLE = """
table = pq.read_table(os.environ["HEADRACE_INPUT_CUSTOMERS"])
factor = json.loads(os.environ["HEADRACE_PARAMS"])["factor"]
out = pa.table({"customer_id": table["customer_id"], "twice": [None if v is None else v * factor for v in table["spend"].to_pylist()]})
pq.write_table(out, os.environ["HEADRACE_OUTPUT"])
print("wrote", out.num_rows)
"""


def test_a_python_step_between_native_ones_is_reused_until_something_changes(world):
    world.script("scripts/double.py", DOUBLE)
    world.pipeline([sys.executable, "scripts/double.py"], 'code: [scripts/*.py]\nparams: {factor: "${params.factor}"}', "checks: [{unique: [customer_id]}]",
                   head="params: {factor: {type: int, default: 2}}\n")
    assert set(steps(world.good()).values()) == {"succeeded"}
    assert world.logs()["stdout"] == "wrote 300\n"
    assert set(steps(world.good()).values()) >= {"reused"} and steps(world.good())["work"] == "reused"

    world.edit("scripts/double.py", "wrote", "made")
    again = world.good()
    assert steps(again)["work"] == "succeeded" and steps(again)["counted"] == "reused", "the code changed, its rows did not"
    assert "code/scripts/double.py" in world.headrace("why", "last", "work").all

    assert steps(world.good("-p", "factor=3"))["work"] == "succeeded"
    assert steps(world.good("-p", "factor=3"))["counted"] == "reused"
    assert steps(world.good("-p", "factor=3", interval="2026-01-12/2026-01-19"))["work"] == "succeeded", "it is told the interval"


def test_checks_judge_what_it_wrote(world):
    world.shell(PASS_ON, beside="checks: [{rows: {max: 10}}]")
    done = world.run()
    assert done.code == 3 and "300" in done.err, done.all
    assert world.step("counted")["state"] == "skipped"


def test_named_outputs_are_read_by_name_and_models_as_files(world):
    world.write("pipelines/main.yaml", """name: main
steps:
  customers: {extract: {file: data/customers.csv}}
  model: {train: {data: customers, target: churned, key: [customer_id], split: {by: hash(customer_id), test: 20%}, learner: logistic}}
  work:
    command:
      run: [sh, -c, 'cp "$HEADRACE_INPUT_MODEL_TEST_PREDICTIONS" "$HEADRACE_OUTPUT_TESTS"; cp "$HEADRACE_INPUT_CUSTOMERS" "$HEADRACE_OUTPUT_EVERYONE"; head -c 2 "$HEADRACE_INPUT_MODEL"; echo " $HEADRACE_INPUT_MODEL"']
      reads: [customers, model, model.test_predictions]
      outputs: [tests, everyone]
  counted: {sql: {query: "select (select count(*) from work.tests) as tests, (select count(*) from work.everyone) as everyone"}}
""")
    world.good()
    assert world.logs()["stdout"].startswith("PK ") and world.logs()["stdout"].endswith("/model.model\n")
    assert world.rows("counted")[1].endswith(",300")


def test_it_gets_facts_of_the_run_and_nothing_of_our_environment(world):
    world.shell(PASS_ON + "; env | sort", "env: {GREETING: hello world}")
    world.good(env={"LEAK": "not for you", "LANG": "C.UTF-8", "TZ": "UTC"})
    seen = dict(line.split("=", 1) for line in world.logs()["stdout"].splitlines())
    assert seen["GREETING"] == "hello world" and seen["LANG"] == "C.UTF-8" and seen["HEADRACE_ATTEMPT"] == "1"
    assert (seen["HEADRACE_INTERVAL_START"], seen["HEADRACE_INTERVAL_END"]) == ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z")
    assert seen["HEADRACE_TENANT"] == "" and seen["HEADRACE_PARAMS"] == "{}" and seen["HEADRACE_STEP"] == "work"
    ours = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "GREETING"}
    shells = {"PWD", "OLDPWD", "_", "SHLVL"}
    assert {name for name in seen if not name.startswith("HEADRACE_")} <= ours | shells
    assert seen["PWD"] == str(world.folder) and not os.path.exists(seen["TMPDIR"])


def test_arguments_arrive_untouched(world):
    odd = ["two words", "\"double\" 'single'", "$(touch hacked) `touch hacked` $HOME ; touch hacked", "line\nbreak\ttab", "", "*", "\\n", "ä ☃"]
    world.shell(PASS_ON)
    world.pipeline([sys.executable, "-c", "import json, os, shutil, sys; print(json.dumps(sys.argv[1:])); shutil.copy(os.environ['HEADRACE_INPUT_CUSTOMERS'], os.environ['HEADRACE_OUTPUT'])", *odd])
    world.good()
    assert json.loads(world.logs()["stdout"]) == odd
    assert not (world.folder / "hacked").exists()


def test_a_program_that_damages_its_input_damages_only_its_copy(world):
    # Without outputs: an output equal to the input would mend a damaged artifact.
    world.shell('stat -c %a "$HEADRACE_INPUT_CUSTOMERS"; chmod 666 "$HEADRACE_INPUT_CUSTOMERS"; echo broken > "$HEADRACE_INPUT_CUSTOMERS"', "outputs: []", counted=False)
    world.write("pipelines/main.yaml", world.read("pipelines/main.yaml") + '  after: {sql: {query: "select * from customers"}, after: [work]}\n')
    run = world.good()
    assert world.logs()["stdout"] == "444\n"
    assert steps(run)["after"] == "succeeded" and len(world.rows("customers")) == 301
    assert steps(world.good())["customers"] in ("reused", "succeeded")


@pytest.mark.parametrize("harm", ["rm -rf $TMPDIR", "chmod 000 $TMPDIR", "rm -rf $TMPDIR; ln -s {elsewhere} $TMPDIR", "mkdir -p $TMPDIR/a/b; echo x > $TMPDIR/a/b/c",
                                  "touch $(dirname $TMPDIR)/more", "ln -s {elsewhere} $TMPDIR/link"])
def test_the_next_command_finds_its_folders_empty_whatever_the_one_before_left(world, harm):
    (world.folder / "elsewhere").mkdir()
    world.write("elsewhere/kept.txt", "kept")
    harm = harm.replace("{elsewhere}", str(world.folder / "elsewhere"))
    look = 'd=$(dirname $TMPDIR); test -d $TMPDIR -a ! -L $TMPDIR; touch $TMPDIR/mine; test "$(cd $d; find . | sort | tr "\\n" " ")" = ". ./inputs ./outputs ./tmp ./tmp/mine "'
    world.write("pipelines/main.yaml", "name: main\nsteps:\n"
                f"  first: {{command: {{run: [sh, -c, {quoted(harm)}], outputs: []}}}}\n"
                f"  second: {{command: {{run: [sh, -ec, {quoted(look)}], outputs: []}}, after: [first]}}\n"
                f"  third: {{command: {{run: [sh, -ec, {quoted(look)}], outputs: []}}, after: [second]}}\n")
    world.good()
    assert world.read("elsewhere/kept.txt") == "kept"
    assert not [path for path in (world.folder / ".headrace" / "tmp").iterdir() if "command" in path.name]


# --- how it ends

@pytest.mark.parametrize("script, code, says", [
    ("echo one >&2; echo two >&2; exit 4", 1, "`sh` failed with exit code 4; it wrote last: one\ntwo"),
    ("echo busy >&2; exit 75", 75, "asks to be run again later (exit code 75); it wrote last: busy"),
    ("kill -SEGV $$", 1, "ended by the signal SIGSEGV"),
    ("exit 0", 1, "ended with exit code 0 but wrote no file for its output"),
    ('ln -s /etc/passwd "$HEADRACE_OUTPUT"', 1, "wrote no file for its output"),
    ('echo no parquet > "$HEADRACE_OUTPUT"', 1, "ended with exit code 0, but its output cannot be read"),
    ('head -c 1000 "$HEADRACE_INPUT_CUSTOMERS" > "$HEADRACE_OUTPUT"', 1, "ended with exit code 0, but its output cannot be read"),
])
def test_a_failure_says_what_happened(world, script, code, says):
    world.shell(script)
    done = world.run()
    step = world.step()
    assert done.code == code and step["state"] == "failed" and says in step["message"], done.all
    assert world.step("counted")["state"] == "skipped"
    assert not list((world.folder / ".headrace/tmp").iterdir()), "nothing is left behind"


def test_a_program_that_is_not_there_is_named(world):
    world.pipeline(["no-such-program"])
    done = world.run()
    assert done.code == 2 and "there is no program `no-such-program` in the PATH" in done.err, done.all


def test_exit_code_75_is_tried_again(world):
    world.shell('[ "$HEADRACE_ATTEMPT" = 3 ] || exit 75; ' + PASS_ON, beside="retry: {attempts: 3, backoff: 1ms}")
    world.good()
    assert world.step()["attempt"] == 3


def test_exit_code_99_skips_the_step_and_what_depends_on_it(world):
    world.shell("echo noise >&2; echo no new customers today >&2; exit 99")
    run = world.good()
    assert steps(run) == {"customers": "succeeded", "work": "skipped", "counted": "skipped"}
    assert world.step()["reason"] == "no new customers today"


def test_a_command_without_outputs_runs_each_time_and_not_in_a_dry_run(world):
    world.shell("echo x >> ran.txt", "outputs: []", counted=False)
    world.good()
    world.good()
    assert steps(world.good("--dry-run"))["work"] == "skipped"
    assert world.read("ran.txt") == "x\nx\n"


# --- limits and logs

def test_more_memory_than_its_limit_fails_the_step_alone(world):
    world.pipeline([sys.executable, "-c", "x = bytearray(1 << 30)"], "memory: 400MiB")
    done = world.run()
    assert done.code == 1 and "MemoryError" in world.step()["message"], done.all
    assert "419,430,400 bytes of memory" in done.all


def test_more_processor_time_than_its_limit_ends_it(world):
    world.shell("while :; do :; done", "cpu_time: 1s")
    assert world.run().code == 1
    assert "used more than its `cpu_time` of 1s" in world.step()["message"]


def test_a_file_larger_than_its_limit_ends_it(world):
    world.shell('exec head -c 3000000 /dev/zero > "$HEADRACE_OUTPUT"', "file_size: 1MiB")
    assert world.run().code == 1
    assert "larger than its `file_size` of 1,048,576 bytes" in world.step()["message"]


def test_no_core_dumps_and_as_many_files_as_allowed(world):
    world.shell("ulimit -c; ulimit -n; " + PASS_ON, "files: 64")
    world.good()
    assert world.logs()["stdout"] == "0\n64\n"


def test_a_log_of_50_mib_keeps_its_beginning_and_its_end(world):
    world.shell(PASS_ON + "; echo first; head -c 52428800 /dev/zero | tr '\\0' 'x'; echo; echo last", "log_size: 64KiB")
    world.good()
    log = world.logs()["stdout"]
    assert log.startswith("first\nxxx") and log.endswith("xxx\nlast\n") and "bytes cut ...]" in log
    assert len(log) < 70_000


def test_logs_hold_no_secret_no_escape_and_only_text(world):
    world.shell(PASS_ON + """; printf '\\033[31mkey=%s\\033[0m\\377 %s\\n' "$KEY" "$KEY"; echo "refused: $KEY" >&2; exit 5""", "env: {KEY: {secret: SHOP_KEY}}")
    done = world.run(env={"SHOP_KEY": "open-sesame"})
    assert done.code == 1
    assert world.logs() == {"stdout": "key=***\ufffd ***\n", "stderr": "refused: ***\n"}
    assert "refused: ***" in world.step()["message"]
    for path in world.folder.rglob("*"):
        assert not path.is_file() or b"open-sesame" not in path.read_bytes(), path
    missing = world.run()
    assert missing.code == 2 and "secret `SHOP_KEY` is not set" in missing.err, missing.all


# --- nothing lives on

def alive(marker):
    """Processes, but for zombies, with the marker among their arguments."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            pass
    return found


LINGER = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(1000)", sys.argv[1]]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
open("ready", "w").close()
"""


def wait_for(condition, process=None):
    while not condition():   # ctest's time limit is the failure
        assert process is None or process.poll() is None, process.communicate()
        os.sched_yield()


def started(world, *argv):
    process = subprocess.Popen([HEADRACE, "run", "main", "--interval", INTERVAL, *argv], cwd=world.folder, env=world.env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    wait_for((world.folder / "ready").exists, process)
    return process


def test_what_forks_and_lingers_is_ended_with_the_step(world):
    marker = uuid.uuid4().hex
    world.pipeline([sys.executable, "-c", LINGER + "import shutil; shutil.copy(os.environ['HEADRACE_INPUT_CUSTOMERS'], os.environ['HEADRACE_OUTPUT'])", marker])
    run = world.good()
    assert steps(run)["counted"] == "succeeded" and not alive(marker)
    assert "left 2 processes running" in world.headrace("logs", "last").out


@pytest.mark.parametrize("how", ["kill -9", "interrupt twice"])
def test_a_killed_run_leaves_no_process(world, how):
    marker = uuid.uuid4().hex
    world.pipeline([sys.executable, "-c", LINGER + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)", marker])
    process = started(world)
    assert len(alive(marker)) == 3
    if how == "kill -9":
        process.kill()
    else:
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            os.sched_yield()
    process.wait()
    wait_for(lambda: not alive(marker))
    world.shell(PASS_ON)
    assert steps(world.good())["counted"] == "succeeded", "and the next run is none the worse"


def test_a_timeout_stops_the_whole_group(world):
    marker = uuid.uuid4().hex
    world.pipeline([sys.executable, "-c", LINGER + "time.sleep(1000)", marker], beside="timeout: 2s")
    done = world.run()
    assert done.code == 1 and "did not end within its timeout of 2s" in world.step()["message"], done.all
    assert not alive(marker)


def test_what_ignores_a_stop_is_killed(world):
    marker = uuid.uuid4().hex
    world.pipeline([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LINGER + "time.sleep(1000)", marker], beside="timeout: 1s")
    done = world.run()   # takes the ten seconds that it is given to clean up
    assert done.code == 1 and "did not end within its timeout of 1s" in world.step()["message"], done.all
    assert not alive(marker)


def test_an_interrupt_lets_it_clean_up(world):
    world.shell("trap 'echo cleaned up; exit 0' TERM; touch ready; while :; do sleep 0.01; done")
    process = started(world)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130, out
    assert world.logs()["stdout"] == "cleaned up\n"


# --- promise 1

def test_code_above_score_must_be_the_code_above_train(world):
    world.script("scripts/double.py", DOUBLE.replace('"customer_id": table["customer_id"]', '**{n: table[n] for n in table.column_names}'))
    body = f"""params: {{factor: {{type: int, default: 2}}}}
steps:
  customers: {{extract: {{file: data/customers.csv}}}}
  work: {{command: {{run: [{quoted(sys.executable)}, scripts/double.py, "${{params.factor}}"], reads: [customers], code: [scripts/double.py], params: {{factor: "${{params.factor}}"}}}}}}
"""
    world.write("pipelines/main.yaml", "name: main\n" + body + "  model:\n    train: {data: work, target: churned, key: [customer_id], split: {by: hash(customer_id), test: 20%}, learner: logistic}\n"
                "    register: {name: churn, promote: auto}\n")
    world.write("pipelines/score.yaml", "name: score\n" + body + "  scores: {score: {data: work, model: churn@champion}}\n")
    world.good()
    world.good("-p", "factor=3", pipeline="score")
    world.edit("scripts/double.py", "v * factor", "v + factor")
    done = world.run(pipeline="score")
    assert done.code == 2 and "the command step `work` differs from the one the model" in done.err and "scripts/double.py" in done.err, done.all


# --- what validate says

@pytest.mark.parametrize("old, new, says", [
    ('run: ["sh", "-c", "true"]', "run: python3 scripts/fit.py --fast", "write `[python3, scripts/fit.py, --fast]`"),
    ('run: ["sh", "-c", "true"]', "run: []", "`run` names no program"),
    ("from work", "from work.scores", "step `work` has no output `scores`"),
    ("reads: [customers]", "reads: [customers]\n      outputs: [a]", "step `work` has no main output"),
    ("reads: [customers]", "reads: [customers]\n      outputs: [a, A]", "both get the variable HEADRACE_OUTPUT_A"),
    ("reads: [customers]", "reads: [customers]\n      outputs: []", "has no output to read"),
    ("reads: [customers]", "reads: [custmers]", "did you mean `customers`?"),
    ("reads: [customers]", "reads: [customers]\n      memory: 2 gigs", "takes a size like 2GiB or 500MB"),
    ("reads: [customers]", "reads: [customers]\n      env: {HEADRACE_X: y}", "begin with HEADRACE_"),
    ("reads: [customers]", "reads: [customers]\n    reads: [customers]", "what a command reads stands under `command`"),
])
def test_validate_says_what_is_wrong(world, old, new, says):
    world.shell("true")
    world.edit("pipelines/main.yaml", old, new)
    done = world.headrace("validate")
    assert done.code == 2 and says in done.all, done.all


def test_validate_warns_of_a_script_that_code_does_not_name(world):
    world.write("scripts/sub/fit.py", "")
    world.pipeline(["python3", "scripts/sub/fit.py"])
    done = world.headrace("validate")
    assert done.code == 0 and "no entry of `code` matches `scripts/sub/fit.py`" in done.all, done.all
    for code in ("scripts/**", "scripts/**/*.py", "scripts/*/fit.py"):
        world.pipeline(["python3", "scripts/sub/fit.py"], f'code: ["{code}"]')
        assert "no entry" not in world.headrace("validate").all, code

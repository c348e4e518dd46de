"""A step done for each of several items, and pipelines run as steps of others."""

import hashlib
import signal
import subprocess
import time

import pytest

from world import HEADRACE, World

EVENTS = "id,region,amount\n1,de,10\n2,de,20\n3,fr,5\n4,it,7\n5,it,9\n"
LIST = """name: sums
params:
  broken: {type: text, default: none}
steps:
  events: {extract: {file: data/events.csv}}
  sums:
    for_each: {values: [de, fr, it], FAIL}
    sql:
      query: "select sum(amount) as total from events where region = $region and 1 = cast($number as int)"
      bind: {region: "${item}", number: "${case when item = params.broken then 'x' else '1' end}"}
  to_file: {deliver: {data: sums, file: out/sums.csv}}
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "shop")
    world.write("data/events.csv", EVENTS)
    return world


def write(world, text, name="sums"):
    world.write(f"pipelines/{name}.yaml", text)


def items(world, step="sums", run="last"):
    done = world.headrace("--json", "show", run, "--items", step)
    assert done.code == 0, done.all
    return {item["item"]: item["state"] for item in done.json}


def ok(done):
    assert done.code == 0, done.all
    return done


def test_reading_it_reads_the_rows_of_all_items_in_their_order(world):
    write(world, LIST.replace(", FAIL", ""))
    run = ok(world.run("--json", pipeline="sums")).json
    assert world.read("out/sums.csv") == "item,total\nde,30\nfr,5\nit,16\n"
    assert [s["items"] for s in run["steps"] if s["step"] == "sums"] == [{"total": 3, "succeeded": 3, "reused": 0, "skipped": 0, "failed": 0, "waiting": 0}]


def test_a_new_item_alone_is_done_the_others_are_reused(world):
    write(world, LIST.replace(", FAIL", ""))
    ok(world.run(pipeline="sums"))
    again = ok(world.run("--json", pipeline="sums")).json
    assert {s["step"]: s["state"] for s in again["steps"]}["sums"] == "reused", "as a whole"
    write(world, LIST.replace(", FAIL", "").replace("[de, fr, it]", "[fr, xx, de]"))
    ok(world.run(pipeline="sums"))
    assert items(world) == {"sums[fr]": "reused", "sums[xx]": "succeeded", "sums[de]": "reused"}
    assert world.read("out/sums.csv") == "item,total\nfr,5\nxx,\nde,30\n"
    assert "never ran before" in world.headrace("why", "last", "sums[xx]").out


def planned(world, step="sums"):
    done = ok(world.headrace("--json", "plan", "sums"))
    return next((row["act"], row["reason"]) for row in done.json if row["step"] == step)


def test_a_plan_looks_into_the_items(world):
    write(world, LIST.replace(", FAIL", ""))
    assert planned(world) == ("run", "3 of 3 items, the first `de`: `events` runs before it")
    ok(world.run(pipeline="sums"))
    act, reason = planned(world)
    assert act == "reuse" and reason.startswith("as in run "), (act, reason)
    write(world, LIST.replace(", FAIL", "").replace("[de, fr, it]", "[fr, xx, de]"))
    assert planned(world) == ("run", "1 of 3 items, `xx`: it never ran before")
    write(world, LIST.replace(", FAIL", "").replace("[de, fr, it]", "[fr, de]"))
    assert planned(world) == ("run", "each of 2 items is there; they are joined")


def test_an_item_that_fails_fails_the_step_after_the_others_and_resuming_does_it_alone(world):
    write(world, LIST.replace(", FAIL", ""))
    done = world.run("-p", "broken=fr", pipeline="sums")
    assert done.code == 3 and "1 of 3 items failed (`fr`)" in done.err, done.all
    assert items(world) == {"sums[de]": "succeeded", "sums[fr]": "failed", "sums[it]": "succeeded"}
    assert not (world.folder / "out/sums.csv").exists()
    world.edit("pipelines/sums.yaml", "'x'", "'1'")
    ok(world.headrace("run", "--resume", "last"))
    assert items(world) == {"sums[de]": "succeeded", "sums[fr]": "succeeded", "sums[it]": "succeeded"}
    assert world.read("out/sums.csv") == "item,total\nde,30\nfr,5\nit,16\n"


def test_resumed_with_another_item_in_front_the_others_are_known_by_their_names(world):
    write(world, LIST.replace(", FAIL", "").replace("[de, fr, it]", "[de, \"a]b\", fr, it]"))
    done = world.run("-p", "broken=fr", pipeline="sums")
    assert done.code == 3 and "1 of 4 items failed (`fr`)" in done.err, done.all
    a_b = f"sums[#{hashlib.sha256(b'a]b').hexdigest()[:12]}]"

    def started(item):
        return world.sqlite("select started_us from steps where step = ?", item, file=".headrace/state.db")[0][0]
    before = {item: started(item) for item in items(world)}
    world.edit("pipelines/sums.yaml", "'x'", "'1'")
    world.edit("pipelines/sums.yaml", "[de,", "[xx, de,")
    run = ok(world.headrace("--json", "run", "--resume", "last")).json
    assert [s["items"] for s in run["steps"] if s["step"] == "sums"] == [{"total": 5, "succeeded": 5, "reused": 0, "skipped": 0, "failed": 0, "waiting": 0}]
    assert world.read("out/sums.csv") == "item,total\nxx,\nde,30\na]b,\nfr,5\nit,16\n"
    assert len(items(world)) == 5
    assert {item for item in items(world) if started(item) == before.get(item)} == {"sums[de]", "sums[it]", a_b}, "not done again"


def test_fail_fast_starts_no_further_item(world):
    write(world, LIST.replace("FAIL", "fail: fast, parallel: 1"))
    done = world.run("-p", "broken=de", pipeline="sums")
    assert done.code == 3 and "2 were not started" in done.err, done.all
    assert items(world) == {"sums[de]": "failed"}


ROWS = """name: rows
steps:
  events: {extract: {file: data/events.csv}}
  regions: {extract: {file: data/regions.csv}}
  sums:
    for_each: {rows: regions, columns: {region: text, factor: int}}
    sql: {query: "select sum(amount) * $factor as total from events where region = $region", bind: {region: "${item.region}", factor: "${item.factor}"}}
    when: "item.factor > 0"
  to_file: {deliver: {data: sums, file: out/rows.csv}}
"""


def test_each_row_of_a_dataset_is_an_item(world):
    write(world, ROWS, "rows")
    world.write("data/regions.csv", "region,factor,note\nit,3,a\nde,2,b\nfr,0,c\n")
    ok(world.run(pipeline="rows"))
    assert world.read("out/rows.csv") == "item,total\nit,48\nde,60\n"
    assert items(world)["sums[fr]"] == "skipped"


@pytest.mark.parametrize("rows, code, says", [
    ("region,weight\nde,1\n", 3, "expects a column `factor` of type int in `regions`, which has region, weight"),
    ("region,factor\nde,1.5\n", 3, "which has it as double"),
    ("region,factor\nde,1\nde,2\n", 3, "the item `de` of `sums` comes twice"),
    ("region,factor\nde,1\n,2\n", 3, "row 2 of `regions` has no `region`"),
])
def test_rows_that_make_no_items_are_refused(world, rows, code, says):
    write(world, ROWS, "rows")
    world.write("data/regions.csv", rows)
    done = world.run(pipeline="rows")
    assert done.code == code and says in done.err, done.all


def test_items_with_awkward_names_and_equal_rows_are_kept_apart(world):
    write(world, "name: odd\nsteps:\n  a: {for_each: [\"a]b\", \"#1\", \"x\\ty\", plain, 'it''s'], sql: {query: \"select 1 as one\"}}\n  to_file: {deliver: {data: a, file: out/odd.csv}}\n", "odd")
    ok(world.run(pipeline="odd"))
    digests = [f"a[#{hashlib.sha256(text.encode()).hexdigest()[:12]}]" for text in ("a]b", "#1", "x\ty")]
    assert list(items(world, "a")) == digests + ["a[plain]", "a[it's]"]
    assert world.read("out/odd.csv") == "item,one\na]b,1\n\"#1\",1\nx\ty,1\nplain,1\nit's,1\n"


def test_items_that_give_different_columns_are_named(world):
    write(world, "name: odd\nsteps:\n  a: {for_each: [1, 2], sql: {query: \"select case when $i = 1 then 1 else 2 end as one\", bind: {i: \"${item}\"}}}\n"
                 "  b: {for_each: [de, fr], extract: {file: \"data/${item}.csv\"}}\n  to_file: {deliver: {data: b, file: out/odd.csv}}\n", "odd")
    world.write("data/de.csv", "id,x\n1,2\n")
    world.write("data/fr.csv", "id,y\n1,2\n")
    done = world.run(pipeline="odd")
    assert done.code == 3 and "`de` gives (id int, x int), `fr` gives (id int, y int)" in done.err, done.all


def test_each_item_has_its_own_retries(world):
    write(world, """name: tries
steps:
  work:
    for_each: [a, b]
    command: {run: [sh, -c, 'echo x >> "$1"; [ "$(wc -l < "$1")" -ge "$2" ] || exit 75', sh, "PLACE/${item}", "${case when item = 'a' then '1' else '3' end}"], outputs: []}
    retry: {attempts: 3, backoff: 10ms}
""".replace("PLACE", str(world.folder)), "tries")
    done = world.headrace("--json", "run", "tries")
    shown = world.headrace("--json", "show", "last", "--items", "work")
    assert {i["item"]: (i["state"], i["attempt"]) for i in shown.json} == {"work[a]": ("succeeded", 1), "work[b]": ("succeeded", 3)}, done.all


@pytest.mark.parametrize("at", ["step.after_finish:3", "step.before_start:5", "step.after_start:5"])
def test_killed_between_items_those_that_ended_are_not_done_again(world, at):
    write(world, """name: killed
steps:
  one: {sql: {query: "select 1 as n"}}
  work:
    for_each: {values: [a, b, c, d, e], parallel: 1}
    command: {run: [sh, -c, 'echo x >> "$1"; cp "$HEADRACE_INPUT_ONE" "$HEADRACE_OUTPUT"', sh, "PLACE/${item}"], reads: [one]}
  to_db: {deliver: {data: work, connection: platform, table: killed, key: [item]}}
""".replace("PLACE", str(world.folder)), "killed")
    done = world.run(pipeline="killed", env={"HEADRACE_CRASH_AT": at})
    assert done.code in (-9, 137), done.all
    before = {name for name, state in items(world, "work").items() if state == "succeeded"}
    assert before, "some ended"
    ok(world.headrace("run", "--resume", "last"))
    for name in before:
        assert world.read(name[5:-1]) == "x\n", f"{name} was done twice"
    assert world.sqlite("select item, n from killed order by item") == [(i, 1) for i in "abcde"]


def test_a_model_and_a_delivery_for_each_item(world):
    world.write("data/train.csv", "region,x,y\n" + "".join(f"{r},{i % 7},{'yes' if (i % 7) > 3 else 'no'}\n" for r in ("de", "fr") for i in range(200)))
    write(world, """name: models
steps:
  rows: {extract: {file: data/train.csv}}
  of_region: {for_each: [de, fr], sql: {query: "select x, y from rows where region = $r", bind: {r: "${item}"}}}
  model:
    for_each: [de, fr]
    train: {data: of_region, target: y, ignore: [item], learner: {logistic: {}}}
    register: {name: "model_${item}"}
  scores:
    for_each: [de, fr]
    score: {data: of_region, model: "model_${item}@champion", keep: [x, y]}
    after: [model]
  to_files: {for_each: [de, fr], deliver: {data: scores, file: "out/${item}.csv"}}
""", "models")
    ok(world.run(pipeline="models"))
    models = world.headrace("models", "list").out
    assert "model_de" in models and "model_fr" in models, models
    assert len(world.read("out/de.csv").splitlines()) == 801


def test_another_pipeline_runs_as_a_step(world):
    write(world, LIST.replace(", FAIL", ""))
    write(world, "name: outer\nsteps:\n  part: {pipeline: {name: sums, output: sums, params: {broken: none}}}\n  total: {sql: {query: \"select sum(total) as all from part\"}}\n"
                 .replace(" as all", " as whole") + "  to_file: {deliver: {data: total, file: out/outer.csv}}\n", "outer")
    run = ok(world.run("--json", pipeline="outer")).json
    assert world.read("out/outer.csv") == "whole\n51\n"
    child = next(s["child"] for s in run["steps"] if s["step"] == "part")
    assert world.headrace("--json", "show", child).json["interval"] == run["interval"]
    assert world.headrace("--json", "show", "last").json["run"] == run["run"], "`last` is what people started"


def test_a_pipeline_that_fails_as_a_step_goes_on_when_resumed(world):
    write(world, LIST.replace(", FAIL", ""))
    write(world, "name: outer\nparams:\n  broken: {type: text, default: none}\nsteps:\n  part: {pipeline: {name: sums, params: {broken: \"${params.broken}\"}}}\n", "outer")
    failed = world.run("--json", "-p", "broken=fr", pipeline="outer")
    assert failed.code == 3 and "of pipeline `sums` failed" in failed.all, failed.all
    child = next(s["child"] for s in failed.json["steps"] if s["step"] == "part")
    world.edit("pipelines/sums.yaml", "'x'", "'1'")
    resumed = ok(world.headrace("--json", "run", "--resume", failed.json["run"])).json
    assert next(s["child"] for s in resumed["steps"] if s["step"] == "part") == child, "the same run goes on"
    assert items(world, run=child) == {"sums[de]": "succeeded", "sums[fr]": "succeeded", "sums[it]": "succeeded"}


def test_pipelines_that_run_each_other_are_refused(world):
    write(world, "name: a\nsteps: {b: {pipeline: {name: b}}}\n", "a")
    write(world, "name: b\nsteps: {a: {pipeline: {name: a}}}\n", "b")
    done = world.run(pipeline="a")
    assert done.code == 2 and "pipelines run each other: a -> b -> a" in done.err, done.all


def test_what_a_pipeline_step_names_must_be_there(world):
    write(world, LIST.replace(", FAIL", ""))
    write(world, "name: outer\nsteps: {part: {pipeline: {name: sum, params: {broke: x}}}, other: {pipeline: {name: sums, params: {broke: x}}}}\n", "outer")
    done = world.headrace("validate")
    assert "no pipeline `sum`" in done.all and "did you mean `sums`?" in done.all and "did you mean `broken`?" in done.all, done.all
    write(world, "name: outer\nsteps: {part: {pipeline: {name: sums, output: sum}}}\n", "outer")
    done = world.run(pipeline="outer")
    assert done.code == 2 and "has no step `sum` to be the output" in done.err, done.all


SLOW = """name: slow
steps:
  work:
    for_each: {values: [a, b, c], parallel: 1}
    command: {run: [sh, -c, 'sleep "$2"; echo x >> "$1"', sh, "PLACE/${item}", "${case when item = 'b' then '30' else '0' end}"], outputs: []}
    MORE
"""


def test_interrupted_among_items_the_step_is_resumed_with_the_rest(world):
    write(world, SLOW.replace("PLACE", str(world.folder)).replace("    MORE\n", ""), "slow")
    running = subprocess.Popen([HEADRACE, "run", "slow"], cwd=world.folder, env=world.env, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        if (world.folder / "a").exists():
            break
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert items(world, "work") == {"work[a]": "succeeded", "work[b]": "failed"}
    world.edit("pipelines/slow.yaml", "'30'", "'0'")
    ok(world.headrace("run", "--resume", "last"))
    assert [world.read(name) for name in "abc"] == ["x\n"] * 3


def test_a_timeout_is_each_item_s_own(world):
    write(world, SLOW.replace("PLACE", str(world.folder)).replace("MORE", "timeout: 1s"), "slow")
    done = world.headrace("run", "slow")
    assert done.code == 1 and "`b`: did not end within its timeout of 1s" in done.err, done.all
    assert items(world, "work") == {"work[a]": "succeeded", "work[b]": "failed", "work[c]": "succeeded"}


def test_a_pool_counts_items(world):
    world.edit("headrace.yaml", "connections:", "pools: {one: 1}\nconnections:")
    write(world, """name: pooled
steps:
  work:
    for_each: [a, b, c, d]
    pool: one
    command: {run: [sh, -c, 'mkdir "$1" || exit 1; sleep 0.1; rmdir "$1"', sh, "PLACE/held"], outputs: []}
""".replace("PLACE", str(world.folder)), "pooled")
    ok(world.headrace("run", "pooled", "--threads", "4"))


def test_items_whose_runs_ask_people_wait_while_the_others_go_on(world):
    write(world, "name: ask\nparams:\n  of: {type: text}\nsteps:\n  rows: {sql: {query: \"select $land as land\", bind: {land: \"${params.of}\"}}}\n"
                 "  out:\n    deliver: {data: rows, file: \"out/${params.of}.csv\"}\n    approve: {within: 3d}\n", "ask")
    write(world, "name: outer\nsteps:\n  part:\n    for_each: {values: [de, fr], parallel: 1}\n    pipeline: {name: ask, params: {of: \"${item}\"}}\n"
                 "  after: {sql: {query: \"select 1 as x\"}, after: [part]}\n", "outer")
    first = world.run("--json", pipeline="outer")
    assert first.code == 75 and first.json["state"] == "waiting", first.all
    run = first.json["run"]
    assert items(world, "part", run=run) == {"part[de]": "waiting", "part[fr]": "waiting"}
    questions = world.headrace("--json", "approve").json
    assert [row["step"] for row in questions] == ["out", "out"]
    assert world.headrace("approve", questions[0]["run"], "out").code == 0
    second = world.headrace("--json", "run", "--resume", run)
    assert second.code == 75 and sorted(items(world, "part", run=run).values()) == ["succeeded", "waiting"], second.all
    assert world.headrace("approve", questions[1]["run"], "out").code == 0
    third = ok(world.headrace("--json", "run", "--resume", run)).json
    assert {s["step"]: s["state"] for s in third["steps"]} == {"part": "succeeded", "after": "succeeded"}
    assert world.read("out/de.csv") == "land\nde\n" and world.read("out/fr.csv") == "land\nfr\n"


def test_a_no_to_one_item_fails_that_item_only(world):
    write(world, "name: ask\nparams:\n  of: {type: text}\nsteps:\n  rows: {sql: {query: \"select $land as land\", bind: {land: \"${params.of}\"}}}\n"
                 "  out:\n    deliver: {data: rows, file: \"out/${params.of}.csv\"}\n    approve: {within: 3d}\n", "ask")
    write(world, "name: outer\nsteps:\n  part:\n    for_each: {values: [de, fr], parallel: 1}\n    pipeline: {name: ask, params: {of: \"${item}\"}}\n", "outer")
    run = world.run("--json", pipeline="outer").json["run"]
    no, yes = [row["run"] for row in world.headrace("--json", "approve").json]
    assert world.headrace("approve", no, "out", "--no").code == 0 and world.headrace("approve", yes, "out").code == 0
    done = world.headrace("--json", "run", "--resume", run)
    assert done.code == 3 and sorted(items(world, "part", run=run).values()) == ["failed", "succeeded"], done.all


def test_the_log_of_one_item(world):
    write(world, LIST.replace(", FAIL", ""))
    ok(world.run(pipeline="sums"))
    log = ok(world.headrace("logs", "last", "sums[de]")).out
    assert "sums[de]: succeeded" in log and "sums[fr]" not in log, log
    unknown = world.headrace("logs", "last", "sums[xx]")
    assert unknown.code == 2 and "has no step `sums[xx]`" in unknown.err, unknown.all

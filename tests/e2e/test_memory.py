"""`--memory`: what can goes to disk, with the same bytes; what cannot is an error that says what to do, and a run that can be taken up again."""

import re
import sys

import pytest

from world import World

EVENTS = """
name: main
steps:
  events:
    sql:
      query: select (i * 7919) % 30011 as customer_id, timestamp '2026-01-01' + to_seconds((i * 104729) % 864000) as happened_at, (i % 1000) / 7 as amount, 'k' || (i % 5) as kind from range(8000000) t(i)
  features:
    aggregate:
      events: events
      entity: customer_id
      as_of: "${run.interval.end}"
      windows: [7d, all]
      of: {n: count, spend: sum(amount), kinds: count(distinct kind), last: recency}
"""
TRAINING = """
name: main
steps:
  customers:
    sql: {query: "select i as customer_id, %s, (i * 31) %% 97 < 30 as label from range(200000) t(i)"}
  model:
    train: {data: customers, target: label, key: [customer_id], learner: {logistic: {}}}
""" % ", ".join(f"(i * {k * 7919 + 1}) % 1009 / 7 as x{k}" for k in range(60))
PEAK = "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode; print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "shop")


def features(world, *flags):
    done = world.run("--force", *flags, prefix=[sys.executable, "-c", PEAK])
    assert done.code == 0, done.all
    assert world.headrace("--quiet", "data", "last", "features", "-o", "features.parquet").code == 0
    return (world.folder / "features.parquet").read_bytes(), int(re.search(r"peak (\d+)", done.err)[1]) / 1024, done.err


def test_events_beyond_the_memory_wait_on_disk_and_give_the_same_bytes(world):
    world.write("pipelines/main.yaml", EVENTS)
    free, unbounded, said = features(world)
    assert "went to disk" not in said
    bounded, peak, said = features(world, "--memory", "200MiB")
    assert re.search(r"memory was too small for all events: \d+ MB went to disk and back", said), said
    assert bounded == free
    assert peak < 280 < unbounded, "200 MiB, and what is mapped of program and libraries"
    assert not [p for p in world.folder.rglob("*.events*")]


def test_what_cannot_go_to_disk_says_so_and_the_run_goes_on_with_more(world):
    world.write("pipelines/main.yaml", TRAINING[:TRAINING.index("  model:")])
    world.good()
    world.write("pipelines/main.yaml", TRAINING)
    done = world.run("--memory", "200MiB")
    assert done.code == 75, done.all
    assert "step `model`: out of memory: this process may take 200 MiB" in done.err and "`--memory`" in done.err, done.err
    again = world.headrace("run", "--resume", "last")
    assert again.code == 0, again.all


# The engine at times took the want of memory for a page too large to write: exit code 1 and a trace of its stack.
def test_a_result_too_wide_for_the_memory_says_so(world):
    world.write("pipelines/main.yaml", TRAINING[:TRAINING.index("  model:")].replace("as label", "as label, " + ", ".join(f"(i * {k * 31 + 7}) % 1013 / 7 as y{k}" for k in range(60))))
    for _ in range(2):
        done = world.run("--memory", "200MiB", "--force")
        assert done.code == 75 and "step `customers`: out of memory" in done.err and "fewer rows or columns" in done.err, done.all
        assert "Stack Trace" not in done.err and "SET " not in done.err, done.all


@pytest.mark.parametrize("size", ["2", "100MiB", "lots"])
def test_a_size_must_be_one_that_a_process_can_live_in(world, size):
    done = world.run("--memory", size)
    assert done.code == 2 and "expected a size of at least 200MiB" in done.err, done.all
    assert world.headrace("runs", env={"HEADRACE_MEMORY": size}).code == 2

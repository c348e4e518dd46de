"""What does a step cost beside its work? Graphs of steps that do nothing: a line of 100, 1 -> 1,000 -> 1, and 10,000 steps.

usage: orchestration.py [--repeats 3]                    (`make bench-orchestration`; PEERS=all for every framework, PEERS= for none)

native     the machinery alone (tests/tools/no_op_steps.cc): plan, loop, fingerprints and state in one process, each transition outlives `kill -9`;
           steps end at once, without an artifact, and with one of 4 KiB that the next step reads
command    steps that run `/bin/true`, the whole `headrace run`
sql        steps with an SQL engine and a Parquet file each: `first` all run, `again` nothing changed, `skipped` a `when` that does not hold; `parse` is
           `headrace validate`, which the others contain. 10,000 steps are more than one pipeline file may hold: there the machinery alone
plan       100,000 steps planned, handed out and reported; and how memory grows with steps

Times are milliseconds a step, the best of the repeats; peers run in turn with ours: posix_spawn + wait and fork + exec + wait (the floor of whatever starts
processes), GNU make -j2, ninja -j2. Luigi and the others are installed from PyPI into environments of their own under build/bench and are
measured once, in their own processes; what does not install is left out and said so.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from figures import HEADRACE, ROOT, figure, finish
from peers import dag_make, frameworks

BIN = os.environ.get("HEADRACE_BIN_DIR", os.path.dirname(HEADRACE))
PEERS = {"all": list(frameworks.KNOWN), "": []}.get(os.environ.get("PEERS", "luigi"), os.environ.get("PEERS", "luigi").split(","))


def line(steps):
    return {f"s{i}": [f"s{i - 1}"] if i else [] for i in range(steps)}


def wide(steps):
    middle = [f"s{i}" for i in range(steps - 2)]
    return {"root": [], **{step: ["root"] for step in middle}, "end": middle}


SHAPES = {"line": line, "wide": wide}


def write_pipeline(path, name, graph, step_of):
    """`step_of(before)` gives the text of a step without its `after`."""
    with open(path, "w") as file:
        file.write(f"name: {name}\nsteps:\n")
        for step, before in graph.items():
            text, reads = step_of(before)
            after = "" if reads or not before else f", after: [{', '.join(before)}]"
            file.write(f"  {step}: {{{text}{after}}}\n")


def sql(before):
    return (f'sql: {{query: "select x from {before[0]}"}}', True) if len(before) == 1 else ('sql: {query: "select 1 as x"}', False)


def skipped(_):
    return 'sql: {query: "select 1 as x"}, when: "1 = 0"', True


def command(_):
    return "command: {run: [/bin/true], outputs: []}", False


def headrace(folder, *args):
    """Seconds of one command, the whole process."""
    begun = time.perf_counter()
    done = subprocess.run([HEADRACE, "--quiet", *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"headrace {' '.join(args)} ended with {done.returncode}:\n{done.stderr}")
    return time.perf_counter() - begun


def machinery(shape, steps, *args):
    """What no_op_steps says of one run in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([os.path.join(BIN, "no_op_steps"), folder, shape, str(steps), *map(str, args)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"no_op_steps {shape} {steps} ended with {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)


def measure(shape, steps, repeats, frameworks_found):
    graph = SHAPES[shape](steps)
    best = {}

    def keep(case, milliseconds):
        best[case] = min(best.get(case, float("inf")), milliseconds / steps)

    with tempfile.TemporaryDirectory() as folder:
        one_file = steps < 5000
        for name, step_of in {"sql": sql, "skipped": skipped, "command": command}.items() if one_file else ():
            write_pipeline(os.path.join(folder, f"{name}.yaml"), name, graph, step_of)
        for repeat in range(repeats if one_file else 1):
            keep("native, no artifact", machinery(shape, steps)["run_ms"])
            keep("native, 4 KiB artifact", machinery(shape, steps, 4096)["run_ms"])
            keep("posix_spawn", 1000 * dag_make.spawn(min(steps, 1000)) * steps / min(steps, 1000))
            keep("fork", 1000 * dag_make.fork(min(steps, 1000)) * steps / min(steps, 1000))
            keep("make -j2", 1000 * dag_make.make(graph, folder))
            keep("ninja -j2", 1000 * dag_make.ninja(graph, folder))
            if one_file:
                keep("command", 1000 * headrace(folder, "run", "--force", "command.yaml"))
                keep("skipped", 1000 * headrace(folder, "run", "skipped.yaml"))
                keep("parse", 1000 * headrace(folder, "validate", "sql.yaml"))
                if repeat == 0:
                    keep("first", 1000 * headrace(folder, "run", "sql.yaml"))
                keep("again", 1000 * headrace(folder, "run", "sql.yaml"))
    peers = {name: best[name] for name in ("make -j2", "ninja -j2", "fork")}
    peers |= {name: found[shape, steps] for name, found in frameworks_found.items() if (shape, steps) in found}

    def tell(case, goal=None, ok=True, only=None):
        for name, theirs in peers.items() if only is None else [(only, best[only])]:
            figure("orchestration", f"{shape} of {steps:,}, {case}", "ms/step", round(best[case], 4), round(theirs, 4), name, round(theirs / best[case], 3),
                   goal, ok, floor=round(best["posix_spawn"], 4))

    tell("native, no artifact", only="posix_spawn", goal="at most 0.1 ms", ok=best["native, no artifact"] <= 0.1)
    tell("native, no artifact")
    tell("native, 4 KiB artifact")
    if one_file:
        tell("command", only="posix_spawn", goal="at most 1.3 x posix_spawn + wait", ok=best["command"] <= 1.3 * best["posix_spawn"])
        tell("command")
    for case in ("first", "again", "skipped", "parse"):
        if case in best:
            tell(case, only="make -j2")


def measure_plan():
    for shape in SHAPES:
        planned = machinery(shape, 100_000, "--plan-only")
        seconds, megabytes = planned["plan_ms"] / 1000, planned["plan_mb"]
        figure("orchestration", f"{shape} of 100,000, planned", "s", round(seconds, 4), None, None, None, "below 1 s", seconds < 1)
        figure("orchestration", f"{shape} of 100,000, planned", "MB", megabytes, None, None, None, "at most 200 MB", megabytes <= 200)
    small, middle, large = (machinery("line", steps)["mb"] for steps in (5_000, 10_000, 20_000))
    growth = (large - middle) / (2 * (middle - small))
    figure("orchestration", "memory a step of a run, 20,000 against 10,000 steps", "ratio", round(growth, 3), None, None, None, "at most 1.2: linear", growth <= 1.2)
    figure("orchestration", "memory of a run of 20,000 steps", "MB", large, None, None, None)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    for tool in ("make", "ninja"):
        if not shutil.which(tool):
            sys.exit(f"orchestration: {tool} is not on the PATH")
    environments = os.path.join(os.path.dirname(ROOT), "build", "bench")
    os.makedirs(environments, exist_ok=True)
    measured = {name: frameworks.measure(name, environments) for name in PEERS}
    for name, found in measured.items():
        for (shape, steps), milliseconds in found.items():
            print(f"orchestration {name}, {shape} of {steps:,}: {milliseconds:.5g} ms/step", flush=True)
    for shape, steps in (("line", 100), ("wide", 1002), ("line", 10_000), ("wide", 10_000)):
        measure(shape, steps, options.repeats, measured)
    measure_plan()
    finish()

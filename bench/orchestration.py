"""What does a step cost beside its work? A graph of 1,000 steps that do nothing, as a line and wide.

usage: orchestration.py [--steps 1000] [--repeats 3]        (`make bench-orchestration`)

Times are those of the whole process, start and parsing of the file included, divided by the steps; the best of the
repeats. Peers run in turn with ours: GNU make -j2 on the same graph, and posix_spawn + wait as the floor.

first    every step runs: an SQL engine of its own, a Parquet file named by its digest, its transitions recorded
again    nothing changed: every step is found and reused
skipped  every step has a `when` that does not hold: one recorded transition, nothing else
parse    `headrace validate` of the file alone, which the other three contain
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from figures import HEADRACE, figure, finish
from peers import dag_make


def line(steps):
    return {f"s{i}": [f"s{i - 1}"] if i else [] for i in range(steps)}


def wide(steps):
    middle = [f"s{i}" for i in range(steps - 2)]
    return {"root": [], **{step: ["root"] for step in middle}, "end": middle}


def write_pipeline(path, name, graph, skipped):
    with open(path, "w") as file:
        file.write(f"name: {name}\nsteps:\n")
        for step, before in graph.items():
            query = f"select x from {before[0]}" if len(before) == 1 else "select 1 as x"
            if skipped:
                file.write(f'  {step}: {{sql: {{query: "select 1 as x"}}, when: "1 = 0"}}\n')
            elif len(before) > 1:
                file.write(f'  {step}: {{sql: {{query: "{query}"}}, after: [{", ".join(before)}]}}\n')
            else:
                file.write(f'  {step}: {{sql: {{query: "{query}"}}}}\n')


def headrace(folder, *args):
    """Seconds of one command, the whole process."""
    begun = time.perf_counter()
    done = subprocess.run([HEADRACE, "--quiet", *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"headrace {' '.join(args)} ended with {done.returncode}:\n{done.stderr}")
    return time.perf_counter() - begun


def measure(shape, graph, repeats):
    steps, best = len(graph), {}

    def keep(case, seconds):
        best[case] = min(best.get(case, float("inf")), seconds * 1000 / steps)

    with tempfile.TemporaryDirectory() as folder:
        write_pipeline(os.path.join(folder, "graph.yaml"), shape, graph, skipped=False)
        write_pipeline(os.path.join(folder, "skipped.yaml"), f"{shape}-skipped", graph, skipped=True)
        for repeat in range(repeats):
            if repeat == 0:
                keep("first", headrace(folder, "run", "graph.yaml"))
            keep("again", headrace(folder, "run", "graph.yaml"))
            keep("skipped", headrace(folder, "run", "skipped.yaml"))
            keep("parse", headrace(folder, "validate", "graph.yaml"))
            keep("make", dag_make.make(graph, folder))
            keep("spawn", dag_make.spawn(steps))
    for case in ("first", "again", "skipped", "parse"):
        figure("orchestration", f"{shape} of {steps:,}, {case}", "ms/step", round(best[case], 4), round(best["make"], 4), "make -j2",
               round(best["make"] / best[case], 4), floor=round(best["spawn"], 4))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    if not shutil.which("make"):
        sys.exit("orchestration: make is not on the PATH")
    measure("line", line(options.steps), options.repeats)
    measure("wide", wide(options.steps), options.repeats)
    finish()

"""The peers' side of `orchestration`: GNU make on the same graph, and the floor below it, bare processes.

A step is a run of `true`. make starts it without a shell; nothing is recorded, nothing survives.
"""
import os
import subprocess
import time

TRUE = "/bin/true"


def make(graph, folder):
    """Seconds of `make -j2` for a graph of {step: [steps it waits for]}, the whole process."""
    path = os.path.join(folder, "graph.mk")
    with open(path, "w") as file:
        file.write(f".PHONY: all {' '.join(graph)}\nall: {' '.join(graph)}\n")
        for step, before in graph.items():
            file.write(f"{step}: {' '.join(before)}\n\t@{TRUE}\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    begun = time.perf_counter()
    subprocess.run(["make", "-s", "-j2", "-f", path, "all"], env=environment, check=True)
    return time.perf_counter() - begun


def spawn(count):
    """Seconds of `count` times posix_spawn and wait, one after the other."""
    begun = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn(TRUE, [TRUE], {}), 0)
    return time.perf_counter() - begun

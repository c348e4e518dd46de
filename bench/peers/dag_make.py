"""The processes' side of `orchestration`: GNU make and ninja on the same graph, and the floor below them, bare processes.

A step is a run of `true`. make starts it without a shell, ninja with one; nothing is recorded, nothing survives.
"""
import os
import subprocess
import time

TRUE = "/bin/true"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def make(graph, folder):
    """Seconds of `make -j2` for a graph of {step: [steps it waits for]}, the whole process."""
    path = os.path.join(folder, "graph.mk")
    with open(path, "w") as file:
        file.write(f".PHONY: all {' '.join(graph)}\nall: {' '.join(graph)}\n")
        for step, before in graph.items():
            file.write(f"{step}: {' '.join(before)}\n\t@{TRUE}\n")
    begun = time.perf_counter()
    subprocess.run(["make", "-s", "-j2", "-f", path, "all"], env=ENVIRONMENT, check=True)
    return time.perf_counter() - begun


def ninja(graph, folder):
    """The same for `ninja -j2`."""
    path = os.path.join(folder, "build.ninja")
    with open(path, "w") as file:
        file.write(f"builddir = {folder}\nrule run\n  command = {TRUE}\n")
        for step, before in graph.items():
            file.write(f"build {step}: run {' '.join(before)}\n")
    for left in (".ninja_log", ".ninja_deps"):
        if os.path.exists(os.path.join(folder, left)):
            os.remove(os.path.join(folder, left))
    begun = time.perf_counter()
    subprocess.run(["ninja", "-j2", "--quiet", "-f", path], env=ENVIRONMENT, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def spawn(count):
    """Seconds of `count` times posix_spawn and wait, one after the other."""
    begun = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn(TRUE, [TRUE], {}), 0)
    return time.perf_counter() - begun


def fork(count):
    """The same with fork and exec."""
    begun = time.perf_counter()
    for _ in range(count):
        child = os.fork()
        if child == 0:
            try:
                os.execv(TRUE, [TRUE])
            finally:
                os._exit(127)
        os.waitpid(child, 0)
    return time.perf_counter() - begun

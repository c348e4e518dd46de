"""How time and memory grow with the events, and how far a stated memory holds: the project e2e/ on one thread, on two, and on two with `--memory`.

usage: scale.py [--events 1 10 50] [--customers 500000] [--memory 1200MiB]        (`make bench-scale`)

Events are in millions; customers stay the same, so that the training costs the same each time and what grows is reading and aggregating. Each run is a process
of its own, whose time and peak memory (ru_maxrss: also what is mapped of program and libraries) are taken. Goals: memory within what is stated (and 64 MB of mapped
files), and growth that is linear: a million events more take between the two largest sizes at most 1.25 times the time that they take between the two smallest, and
never more memory than their records. The rows delivered must be the same bytes whatever the threads and memory.
"""
import argparse
import hashlib
import os
import shutil
import tempfile

from e2e import RUN
from figures import HEADRACE, ROOT, figure, finish, timed
from peers import gen_events

MAPPED_MB = 64
RECORD_MB = 48      # an event's entity, time, amount, three levels and a condition: 40 bytes, and what is not full


def run(data, folder, flags):
    shutil.copytree(os.path.join(ROOT, "e2e"), folder)
    os.symlink(data, os.path.join(folder, "data"))
    os.makedirs(os.path.join(folder, "out"))
    _, cost = timed([HEADRACE, *flags, *RUN], folder, "headrace run")
    with open(os.path.join(folder, "out", "scores.parquet"), "rb") as scores:
        cost["scores"] = hashlib.sha256(scores.read()).hexdigest()
    shutil.rmtree(folder)
    return cost


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, nargs="+", default=[1, 10, 50])
    options.add_argument("--customers", type=int, default=500_000)
    options.add_argument("--memory", default="1200MiB")
    options = options.parse_args()
    kinds = {"one thread": ["--threads", "1"], "two threads": ["--threads", "2"], f"two threads, {options.memory}": ["--threads", "2", "--memory", options.memory]}
    most = int(options.memory.removesuffix("MiB")) * 1024 * 1024 / 1e6 + MAPPED_MB
    costs = {}
    for millions in options.events:
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "data")
            gen_events.generate(data, millions * 1_000_000, options.customers)
            for kind, flags in kinds.items():
                cost = costs[kind, millions] = run(data, os.path.join(folder, "project"), flags)
                bounded = "--memory" in flags
                peak = cost["MB"] * 1024 * 1024 / 1e6
                figure("scale", f"{millions} M events, {kind}, time", "s", round(cost["s"], 2), None, None, None)
                figure("scale", f"{millions} M events, {kind}, peak memory", "MB", round(peak), None, None, None,
                       f"at most {most:.0f}" if bounded else None, not bounded or peak <= most)
        same = len({costs[kind, millions]["scores"] for kind in kinds}) == 1
        figure("scale", f"{millions} M events, the same scores of all", "", int(same), None, None, None, "1", same)
    for (a, b), (c, d) in zip([options.events[:2]], [options.events[-2:]]):
        for kind in kinds:
            def slope(unit, low, high):
                return (costs[kind, high][unit] - costs[kind, low][unit]) / (high - low)
            first, last = slope("s", a, b), slope("s", c, d)
            figure("scale", f"{kind}, time of a million events more, {c} to {d} M", "s", round(last, 3), round(first, 3), f"{a} to {b} M", round(first / last, 2), "at most 1.25 times", last <= 1.25 * first)
            memory = slope("MB", c, d) * 1.048576
            figure("scale", f"{kind}, peak memory of a million events more, {c} to {d} M", "MB", round(memory, 1), None, None, None, f"at most {RECORD_MB}", memory <= RECORD_MB)
    finish()


if __name__ == "__main__":
    main()

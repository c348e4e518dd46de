"""Two crashes: a run killed at one named point, its recovery killed at another, then left in peace. Every pair of points of base/crash.cc, once
recovering with the same `run` again and once with `run --resume last`.

usage: kill_pairs.py [--only FIRST,SECOND]

The world and what is held to what is that of kill.py. Some pairs cannot occur: a recovery that has nothing left to register never passes
`model.before_register`, and no step here waits for an approval. They are counted as not passed: what ended has to have ended well, and is judged all
the same.

Ends with one JSON line: pairs (tried, both ways), not_passed (of them, where one of the points never came), and kills, runs, lost, doubled, stuck
as kill.py. Exit code 1 unless the last three are 0.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile

from kill import SOURCE, Attempt, Kills

POINTS = re.findall(r'"([a-z]+\.[a-z_]+)"', (SOURCE / "src/headrace/base/crash.cc").read_text())


def attempt(kills, world, argv, point=None):
    """The exit code of one process told to crash at `point`; it is negative when it did."""
    process = Attempt(world, *argv, env={"HEADRACE_CRASH_AT": point} if point else None)
    code = process.end()
    kills.judge.runs += 1
    kills.judge.kills += code == -9
    return code, process.said()


def recovery(world, how):
    run = world.newest_run()
    return ("run", "--resume", "last") if how == "resume" and run and run[1] != "succeeded" else Kills.run_of("ash")


def pair(kills, first, second, how):
    """True when both points were passed."""
    world = kills.copy("world")
    trouble = []
    code, said = attempt(kills, world, Kills.run_of("ash"), first)
    if code not in (-9, 0):
        trouble.append(f"the first attempt ended with {code}: {said}")
    first_passed = code == -9
    code, said = attempt(kills, world, recovery(world, how), second)
    passed = code == -9
    if passed:
        code, said = attempt(kills, world, recovery(world, how))
    if code != 0:
        trouble.append(f"the recovery ended with {code}: {said}")
    if not kills.judge.judge(world, ["ash"], trouble):
        print(f"  {first}, then {second}, recovering by `{how}`; again: {sys.executable} {__file__} --only {first},{second}", flush=True)
    return first_passed and passed


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only")
    options = options.parse_args()
    pairs = [tuple(options.only.split(","))] if options.only else [(first, second) for first in POINTS for second in POINTS]
    folder = tempfile.mkdtemp(prefix="headrace-kill-")
    kills = Kills(folder)
    not_passed = 0
    for number, (first, second) in enumerate(pairs):
        for how in ("again", "resume"):
            not_passed += not pair(kills, first, second, how)
        if (number + 1) % len(POINTS) == 0:
            print(f"{number + 1} of {len(pairs)} pairs: not_passed {not_passed}, {json.dumps(kills.judge.result())}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(kills.judge.result(pairs=2 * len(pairs), not_passed=not_passed)))
    return 0 if kills.judge.fine() else 1


if __name__ == "__main__":
    sys.exit(main())

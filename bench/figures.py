"""What every benchmark here does at its end: one JSON line a figure, in one form, and an exit code.

ours, peer   measured in the same run, in `unit`
ratio        ours against the peer, above 1 when Headrace is better
floor        what nothing can beat, in `unit`; null when there is none
goal         in words; null for figures that only inform

A figure without a peer has null for peer, peer_name and ratio.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.abspath(__file__))
HEADRACE = os.path.abspath(os.environ.get("HEADRACE", os.path.join(ROOT, "..", "build", "bin", "headrace")))
_figures = []


def figure(bench, case, unit, ours, peer, peer_name, ratio, goal=None, ok=True, floor=None):
    """Print the figure for people, and keep it for `finish`."""
    def short(value):
        return "-" if value is None else f"{value:,.5g}"
    verdict = "" if goal is None else f"   goal: {goal}: {'met' if ok else 'MISSED'}"
    against = "" if peer_name is None else f", {peer_name} {short(peer)}, ratio {short(ratio)}"
    print(f"{bench} {case}: {short(ours)} {unit}{against}{verdict}", flush=True)
    _figures.append({"bench": bench, "case": case, "unit": unit, "ours": ours, "peer": peer, "peer_name": peer_name,
                     "ratio": ratio, "floor": floor, "goal": goal, "ok": bool(ok)})


# A process's peak memory begins with that of whoever started it, so a small process in between starts what is measured.
_MEASURED = """import json, os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as out:
    json.dump({"code": os.waitstatus_to_exitcode(status), "s": time.perf_counter() - begun, "cpu s": usage.ru_utime + usage.ru_stime, "MB": usage.ru_maxrss / 1024}, out)
"""


def timed(argv, folder, what):
    """(standard output, {seconds, cpu seconds, peak MB}) of one process run in `folder`; ends this one when it fails."""
    with tempfile.NamedTemporaryFile("r") as cost:
        done = subprocess.run([sys.executable, "-S", "-c", _MEASURED, cost.name, *argv], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{what} could not be started:\n{done.stderr}")
        figures = json.load(cost)
    if figures.pop("code") != 0:
        sys.exit(f"{what} failed:\n{done.stderr}")
    return done.stdout, figures


def finish():
    """One JSON line a figure; exit 1 when a goal was missed."""
    for line in _figures:
        print(json.dumps(line))
    sys.exit(0 if all(f["ok"] for f in _figures) else 1)

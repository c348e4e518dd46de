"""What every benchmark here does at its end: one JSON line a figure, in one form, and an exit code.

ours, peer   measured in the same run, in `unit`
ratio        ours against the peer, above 1 when Headrace is better
floor        what nothing can beat, in `unit`; null when there is none
goal         in words; null for figures that only inform

A figure without a peer has null for peer, peer_name and ratio.
"""
import json
import os
import sys

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


def finish():
    """One JSON line a figure; exit 1 when a goal was missed."""
    for line in _figures:
        print(json.dumps(line))
    sys.exit(0 if all(f["ok"] for f in _figures) else 1)

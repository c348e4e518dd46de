"""Project files broken in one place each (tests/tools/break_project.py): none may crash or hang the checker, each is checked in less than 100 ms, and
the messages name the right line and, for a one-letter slip, the right word.

    COUNT=10000 SEED=1 make long-broken_files

What counts. Time is the processor's, which other programs on the machine do not lengthen; wall time is printed too. The right line: an error stands on a line that a person would edit; for a missing key the map that lacks it, for a loop any step on it.
The right hint: a "did you mean" of some error holds the right word. A harmless change (the same meaning, or a text that may be anything) is
`still_valid` when it is accepted, and not judged; any other broken file that is accepted counts as a wrong line. SHOW=PATTERN prints the misses of those kinds.
Ends with one line of JSON; exit code 1 when a goal is missed.
"""

import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/tools"))
from break_project import Breaker  # noqa: E402
from project_words import projects  # noqa: E402

GOAL_RIGHT_LINE = 0.95
GOAL_RIGHT_HINT = 0.80
GOAL_MS = 100
BATCH = 200
SAMPLE = 100                    # one in so many also goes through the program itself

BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build/bin"))
COUNT, SEED, SHOW = int(os.environ.get("COUNT", 10_000)), int(os.environ.get("SEED", 1)), os.environ.get("SHOW", "")


class Tool:
    """validate_folders as a process that is started again when a file ends it."""

    def __init__(self):
        self.process = None

    def __call__(self, request):
        """The answer; or the signal that ended the tool."""
        if self.process is None:
            self.process = subprocess.Popen([BIN / "validate_folders"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        signal, self.process = -self.process.wait(), None
        return signal


def write(project, case, base, folder):
    """The project with its broken file; the good ones are links to `base`."""
    for name in project.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == case.file:
            path.write_bytes(case.data)
        else:
            os.link(base / name, path)


def judge(case, report):
    """(accepted, right line, right hint, right line among the first) of one report."""
    errors = [d for d in report["diagnostics"] if d["severity"] == "error"]
    at = [(d["file"], d["line"]) for d in errors]
    asked = [d["help"] for d in errors if "did you mean" in d["help"]]
    named = {word for help in asked for word in re.findall(r"[`\"]([^`\"]+)[`\"]", help)}
    return not errors, bool(case.lines & set(at)), bool(case.words & named), bool(at) and at[0] in case.lines


def run_program(case, folder):
    """What is wrong with how the program itself takes the file; "" when nothing is."""
    words = [BIN / "headrace", "-C", folder, "validate", *(case.file for _ in range(not (folder / "headrace.yaml").exists()))]
    done = subprocess.run(words, capture_output=True, timeout=60)
    text = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 2):
        return f"exit code {done.returncode}"
    if done.stdout:
        return "something on stdout"
    if done.returncode == 2 and ("error[P0" not in text or re.search(r"terminate called|Traceback|\.cc:\d+", text)):
        return "no plain message"
    return ""


class Tally:
    def __init__(self):
        self.count = collections.Counter()
        self.by_kind = collections.defaultdict(collections.Counter)
        self.slowest = self.slowest_wall = 0.0
        self.trouble = []

    def add(self, case, answer):
        kind = self.by_kind[case.kind]
        if isinstance(answer, int):
            self.count["hangs" if answer == 14 else "crashes"] += 1
            self.trouble.append(f"{case.kind}: signal {answer} on {case.file}")
            return
        self.slowest, self.slowest_wall = max(self.slowest, answer["cpu_ms"]), max(self.slowest_wall, answer["ms"])
        if answer["cpu_ms"] >= GOAL_MS:
            self.count["slow"] += 1
            self.trouble.append(f"{case.kind}: {answer['cpu_ms']:.0f} ms on {case.file}")
        accepted, line, hint, first = judge(case, answer["report"])
        if accepted and case.harmless:
            self.count["still_valid"] += 1
            return
        if case.lines and not case.harmless:
            for counts in (self.count, kind):
                counts["line_judged"] += 1
                counts["line_right"] += line
                counts["line_first"] += first
                counts["line_accepted"] += accepted
        if case.words:
            for counts in (self.count, kind):
                counts["hint_judged"] += 1
                counts["hint_right"] += hint
        if SHOW and re.search(SHOW, case.kind) and ((case.lines and not case.harmless and not line) or (case.words and not hint)):
            show(case, answer["report"])

    def share(self, what, counts=None):
        counts = counts or self.count
        judged = counts[what.split("_")[0] + "_judged"]
        return round(counts[what] / judged, 4) if judged else 1.0


def show(case, report):
    print(f"--- {case.kind} {case.file} lines {sorted(case.lines)} words {sorted(case.words)} {case.request}")
    for number in sorted(line for file, line in case.lines if file == case.file):
        rows = case.data.decode(errors="replace").split("\n")
        print(f"  {number}: {rows[number - 1][:160] if number <= len(rows) else ''}")
    for d in report["diagnostics"][:4]:
        print(f"  {d['code']} {d['file']}:{d['line']}:{d['column']} {d['message'][:200]} | {d['help'][:160]}")


def main():
    rng = random.Random(SEED)
    good = projects(SOURCE)
    tool, tally, sampled = Tool(), Tally(), 0
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as place:
        place = pathlib.Path(place)
        for project in good:
            for name, text in project.files.items():
                path = place / "good" / project.name / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            answer = tool({"path": str(place / "good" / project.name)})
            assert not isinstance(answer, int) and answer["report"]["errors"] == 0, f"{project.name} is not accepted: {answer}"
        for number in range(COUNT):
            project = good[0] if rng.random() < 0.6 else rng.choice(good)
            case = Breaker(project, rng).case()
            folder = place / "broken" / f"{number % BATCH}"
            write(project, case, place / "good" / project.name, folder)
            only = next(iter(project.files)) if len(project.files) == 1 else ""   # without a headrace.yaml the file itself is named, as people do
            request = {"path": str(folder / only), **case.request}
            answer = tool(request)
            tally.add(case, answer)
            if number % SAMPLE == 0 and not case.request:
                sampled += 1
                if wrong := run_program(case, folder):
                    tally.count["program"] += 1
                    tally.trouble.append(f"{case.kind}: {wrong}")
            shutil.rmtree(folder)
    for kind in sorted(tally.by_kind):
        counts = tally.by_kind[kind]
        print(f"{kind:32} " + " ".join(f"{key} {value}" for key, value in sorted(counts.items())))
    for line in tally.trouble[:40]:
        print(line)
    count = tally.count
    figures = {"files": COUNT, "seed": SEED, "crashes": count["crashes"], "hangs": count["hangs"], "slow": count["slow"], "slowest_ms": round(tally.slowest, 1), "slowest_wall_ms": round(tally.slowest_wall, 1),
               "right_line": tally.share("line_right"), "right_line_first": tally.share("line_first"), "lines_judged": count["line_judged"],
               "right_hint": tally.share("hint_right"), "hints_judged": count["hint_judged"], "accepted": count["line_accepted"], "still_valid": count["still_valid"],
               "program_runs": sampled, "program_wrong": count["program"]}
    print(json.dumps(figures))
    missed = count["crashes"] + count["hangs"] + count["slow"] + count["program"] > 0 or figures["right_line"] < GOAL_RIGHT_LINE or figures["right_hint"] < GOAL_RIGHT_HINT
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

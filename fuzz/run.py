"""Run the fuzzers for some time each: fuzz/run.py [--seconds N] [--seed N] [TARGET...]

New inputs that reach new code are kept in build/fuzz/corpus/TARGET and used the next time. An input that breaks a target is written to
build/fuzz/findings/TARGET; once it is understood it belongs in fuzz/regressions/TARGET under a name that says what was wrong. Ends with one JSON line a target;
exit code 1 when something was found.
"""

import argparse
import json
import pathlib
import re
import resource
import subprocess
import sys
import time

FUZZ = pathlib.Path(__file__).resolve().parent
BUILD = FUZZ.parent / "build" / "fuzz"
TARGETS = ["arrow", "expression", "forest", "model_file", "project", "xgboost"]


def run(target, seconds, seed, longest):
    kept, found = BUILD / "corpus" / target, BUILD / "findings" / target
    for folder in (kept, found):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    seeds = [str(folder / target) for folder in (FUZZ / "corpus", FUZZ / "regressions") if (folder / target).is_dir()]
    dictionary = FUZZ / "dictionaries" / f"{target}.dict"
    command = [BUILD / "bin" / f"fuzz_{target}", kept, *seeds, f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={found}/", "-timeout=20", "-rss_limit_mb=2048",
               "-print_final_stats=1", "-verbosity=1", f"-max_len={longest}", *([f"-dict={dictionary}"] if dictionary.exists() else [])]
    begin, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    tail, coverage, features = [], 0, 0
    for line in process.stderr:
        tail = (tail + [line])[-200:]
        if status := re.match(r"#\d+\s+\w+\s+cov: (\d+) ft: (\d+)", line):
            coverage, features = int(status[1]), int(status[2])
    code = process.wait()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", "".join(tail)))
    findings = sorted(set(found.iterdir()) - before)
    if code != 0:
        sys.stderr.write("".join(tail))
    return {"fuzz": target, "executions": int(stats.get("number_of_executed_units", 0)), "seconds": round(time.monotonic() - begin), "cpu_s": round(now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime), "edges": coverage, "features": features,
            "slowest_s": int(stats.get("slowest_unit_time_sec", 0)), "peak_mb": int(stats.get("peak_rss_mb", 0)), "findings": [str(f.relative_to(BUILD)) for f in findings], "exit": code}


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    flags.add_argument("--seconds", type=int, default=60)
    flags.add_argument("--seed", type=int, default=1)
    given = flags.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        flags.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    worst = 0
    for target in given.targets or TARGETS:
        line = run(target, given.seconds, given.seed, {"expression": 1024, "arrow": 8192}.get(target, 65536))
        print(json.dumps(line), flush=True)
        worst = max(worst, 1 if line["exit"] or line["findings"] else 0)
    sys.exit(worst)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Ticks of schedules against a walk through the minutes around every clock change 1970-2037, in every zone of the machine's
database, for every expression under every policy (tests/tools/cron_walk.cc says how). Ends with a JSON line of the counts.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import zoneinfo

BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR") or pathlib.Path(__file__).resolve().parents[2] / "build" / "bin")
DATABASE = pathlib.Path("/usr/share/zoneinfo")
SKIPPED = {"localtime", "posixrules", "Factory"}   # no places; Headrace refuses them

# Those that others tripped over, and one of each kind: half hours, midnight, Ramadan, lost and doubled days, odd offsets, none at all.
THIRTY = """Europe/Berlin Europe/London Europe/Dublin Europe/Istanbul Europe/Moscow America/New_York America/Los_Angeles America/St_Johns America/Havana
America/Caracas America/Santiago America/Sao_Paulo America/Asuncion Africa/Casablanca Africa/Cairo Africa/Monrovia Asia/Gaza Asia/Beirut Asia/Tehran Asia/Kathmandu
Asia/Kolkata Asia/Pyongyang Australia/Lord_Howe Australia/Adelaide Pacific/Apia Pacific/Chatham Pacific/Kwajalein Pacific/Kiritimati Antarctica/Troll UTC""".split()


def all_zones():
    """Every name, and of names with the same file the first (a link is the same zone)."""
    names = sorted(name for name in zoneinfo.available_timezones() if (DATABASE / name).is_file() and name not in SKIPPED)
    return names, sorted({(DATABASE / name).read_bytes(): name for name in reversed(names)}.values())


def walk(zones, processes=2):
    """The counts of all zones together."""
    shares = [subprocess.Popen([BIN / "cron_walk", *zones[i::processes]], stdout=subprocess.PIPE, text=True) for i in range(processes) if zones[i::processes]]
    total = {}
    for share in shares:
        out, _ = share.communicate()
        assert share.returncode in (0, 1) and out, f"cron_walk ended with {share.returncode}"
        for key, value in json.loads(out).items():
            total[key] = value if key == "expressions" else total.get(key, 0) + value
    return total


def main():
    started = time.monotonic()
    names, zones = all_zones()
    total = {"test": "cron", "names": len(names), **walk(zones), "seconds": round(time.monotonic() - started)}
    print(json.dumps(total))
    return 0 if total["differences"] == 0 and len(names) > 400 and total["expressions"] >= 40 else 1


if __name__ == "__main__":
    sys.exit(main())

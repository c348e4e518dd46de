"""Ticks of schedules: thirty zones against a walk through the minutes (tests/long/cron.py takes all zones), and common expressions
against cronsim, which imitates Debian's cron, around clock changes and away from them.

Where the two differ, and why (EXPLAINED holds each to it):
- the minute begins with `*` and the hour is fixed (`*/15 2 * * *`): real time for cronsim; here the hour alone decides, so the policies
  hold for every time of day that is named;
- the hour has a step and does not begin with `*` (`0 1-23/2 * * *`): a list of times of day for cronsim, real time here;
- `n/step` in the day of the week ends with Saturday here, with 7 (Sunday) there;
- cronsim looks for an hour in steps of 60 real minutes, so after Lord Howe's half hour it comes to 06:30 and misses `0 */6 * * *` at 06:00.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import zoneinfo

import pytest
from cronsim import CronSim

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "long"))
import cron  # noqa: E402

HEADRACE = os.environ.get("HEADRACE") or str(pathlib.Path(__file__).resolve().parents[2] / "build" / "bin" / "headrace")
UTC = datetime.timezone.utc
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "America/Santiago", "Asia/Gaza"]
EXPRESSIONS = ["0 6 * * MON", "0 0 * * *", "30 2 * * *", "0 2 * * *", "30 1 * * *", "0 3 * * *", "15,45 2 * * *", "0 1,2,3 * * *", "0 9-17 * * MON-FRI", "0 0 1 * *", "0 0 1,15 * FRI",
               "0 0 */2 * SUN", "0 12 29 2 *", "0 0 31 * *", "0 6 * JAN-MAR *", "0 0 * * 7", "0 0 * * 5-7", "5/20 4 * * *", "0 * * * *", "*/15 * * * *", "*/10 */6 * * *", "30 * * * *", "0 */6 * * *"]
STARTS = ["2024-02-25", "2025-03-05", "2025-03-28", "2025-04-03", "2025-06-15", "2025-10-02", "2025-10-24", "2025-10-31"]
EXPLAINED = [("*/15 2 * * *", "Europe/Berlin", "2025-10-25"), ("*/15 2 * * *", "Europe/Berlin", "2025-03-29"),
             ("0 1-23/2 * * *", "America/New_York", "2025-11-02"), ("0 6 * * 1/2", "UTC", "2025-06-13"),
             ("0 */6 * * *", "Australia/Lord_Howe", "2025-04-03"), ("0 */6 * * *", "Australia/Lord_Howe", "2025-10-02")]
COUNT = 12


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Ticks by (expression, zone, start): a project with a pipeline for each expression and zone, asked once a start."""
    folder = tmp_path_factory.mktemp("schedules")
    (folder / "headrace.yaml").write_text("name: schedules\n")
    (folder / "pipelines").mkdir()
    pairs = sorted({(e, z) for e in EXPRESSIONS for z in ZONES} | {(e, z) for e, z, _ in EXPLAINED})
    for i, (expression, zone) in enumerate(pairs):
        (folder / f"pipelines/p{i}.yaml").write_text(f'name: p{i}\nschedule: {{cron: "{expression}", timezone: {zone}}}\nsteps: {{rows: {{extract: {{file: a.csv}}}}}}\n')
    answers = {}
    for start in {*STARTS, *(start for _, _, start in EXPLAINED)}:
        done = subprocess.run([HEADRACE, "-q", "--json", "schedule", "next", "--from", start, "--count", str(COUNT)], cwd=folder, capture_output=True, text=True, check=True)
        for entry in json.loads(done.stdout):
            expression, zone = pairs[int(entry["pipeline"][1:])]
            answers[expression, zone, start] = [tick["at"] for tick in entry["ticks"]]
    return answers


def theirs(expression, zone, start):
    """cronsim begins after the minute it is given."""
    moment = datetime.datetime.fromisoformat(start).replace(tzinfo=UTC) - datetime.timedelta(minutes=1)
    ticks = CronSim(expression, moment.astimezone(zoneinfo.ZoneInfo(zone)))
    found = [next(ticks).astimezone(UTC) for _ in range(COUNT)]
    return [at.strftime("%Y-%m-%d %H:%M:%S") for at in found if at.year < 2038]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_common_expressions_tick_as_cronsim_says(expression, ours):
    for zone in ZONES:
        for start in STARTS:
            if (expression, zone, start) in EXPLAINED:
                continue
            assert ours[expression, zone, start] == theirs(expression, zone, start), (zone, start)


@pytest.mark.parametrize("expression, zone, start", EXPLAINED)
def test_the_differences_are_those_explained(expression, zone, start, ours):
    assert ours[expression, zone, start] != theirs(expression, zone, start)


def test_thirty_zones_tick_as_a_walk_through_the_minutes_says():
    total = cron.walk(cron.THIRTY)
    assert total["differences"] == 0 and total["zones"] == 30 and total["expressions"] >= 40 and total["changes"] > 2000, total

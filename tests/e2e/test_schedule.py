"""`headrace schedule list|next`: ticks with local time, offset, data interval and clock changes, for pipelines and tenants."""

import pytest

from world import World

STEPS = "steps: {rows: {extract: {file: a.csv}}}\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("schedule") / "shop")
    for name, schedule in {
        "nightly": '{cron: "30 2 * * *", timezone: Europe/Berlin, finish_by: "07:30"}',
        "clients": '{every: 1 month, tenants: all, timezone: America/New_York}',
        "over": '{cron: "@daily", end: 2020-01-01}',
    }.items():
        world.write(f"pipelines/{name}.yaml", f"name: {name}\nschedule: {schedule}\n{STEPS}")
    world.write("pipelines/byhand.yaml", f"name: byhand\n{STEPS}")
    world.write("tenants/aster.yaml", "tenant: aster\n")
    world.write("tenants/bolt.yaml", "tenant: bolt\n")
    world.write("tenants/cedar.yaml", "tenant: cedar\nschedule: {clients: {timezone: UTC}}\n")
    return world


def test_next_marks_the_day_the_clock_goes_forward(world):
    done = world.headrace("schedule", "next", "nightly", "--from", "2026-03-28", "--count", "3")
    assert done.code == 0
    assert done.out == """\
pipeline  tenants  local time               zone  data from (UTC)   data to (UTC)     note
nightly            2026-03-28 02:30 +01:00  CET   2026-03-27 01:30  2026-03-28 01:30
nightly            2026-03-29 03:00 +02:00  CEST  2026-03-28 01:30  2026-03-29 01:00  moved: clock goes forward at 02:00 to 03:00
nightly            2026-03-30 02:30 +02:00  CEST  2026-03-29 01:00  2026-03-30 00:30
"""
    assert "schedules: off" in done.err


def test_next_marks_the_day_the_clock_goes_back(world):
    ticks = world.headrace("-q", "--json", "schedule", "next", "nightly", "--from", "2026-10-24 12:00", "-n", "1").json[0]["ticks"]
    assert ticks == [{"at": "2026-10-25 00:30:00", "local": "2026-10-25 02:30:00", "offset": "+02:00", "zone": "CEST",
                      "interval": {"start": "2026-10-24 00:30:00", "end": "2026-10-25 00:30:00"}, "finish_by": "2026-10-25 06:30:00",
                      "moved": False, "clock_change": "clock goes back at 03:00 to 02:00"}]


def test_a_tick_at_the_very_moment_is_the_first(world):
    ticks = world.headrace("-q", "--json", "schedule", "next", "nightly", "--from", "2026-06-10T02:30:00+02:00", "-n", "1").json[0]["ticks"]
    assert ticks[0]["at"] == "2026-06-10 00:30:00"


def test_list_has_every_schedule_once_and_tenants_with_their_own_apart(world):
    done = world.headrace("-q", "--json", "schedule", "list", "--from", "2026-06-10")
    shown = [(s["pipeline"], s["tenants"], s.get("every") or s["cron"], s["timezone"], s["next"] and s["next"]["at"]) for s in done.json]
    assert shown == [("clients", ["aster", "bolt"], "1 month", "America/New_York", "2026-07-01 04:00:00"), ("clients", ["cedar"], "1 month", "UTC", "2026-07-01 00:00:00"),
                     ("full", None, "0 6 * * MON", "Europe/Berlin", "2026-06-15 04:00:00"), ("nightly", None, "30 2 * * *", "Europe/Berlin", "2026-06-10 00:30:00"),
                     ("over", None, "@daily", "UTC", None)]
    assert "never" in world.headrace("schedule", "list", "over").out


def test_what_cannot_be_shown_is_said(world):
    for argv, said in ((("schedule", "next", "byhand"), "pipeline `byhand` has no schedule"), (("schedule", "next", "nightyl"), "did you mean `nightly`?"),
                       (("schedule", "next", "--from", "noon"), "`noon` is not a timestamp"), (("schedule", "next", "--count", "0"), "--count"), (("schedule",), "schedule")):
        done = world.headrace(*argv)
        assert done.code == 2 and said in done.err and done.out == "", done.all


def test_an_error_in_the_schedule_stops_the_command_with_its_place(world):
    world.write("pipelines/odd.yaml", f'name: odd\nschedule: {{cron: "0 25 * * *"}}\n{STEPS}')
    try:
        done = world.headrace("schedule", "list")
        assert done.code == 2 and "pipelines/odd.yaml:2:21" in done.err, done.err
        assert world.headrace("schedule", "next", "nightly").code == 0, "another pipeline's error is its own"
        assert world.headrace("validate").code == 2
    finally:
        (world.folder / "pipelines/odd.yaml").unlink()

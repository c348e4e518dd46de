"""SIGKILL at any moment. The long form is tests/long/kill.py, which this runs for a few seconds."""

import os
import pathlib
import signal
import sqlite3
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "long"))
import kill  # noqa: E402


@pytest.fixture(scope="module")
def kills(tmp_path_factory):
    return kill.Kills(tmp_path_factory.mktemp("kill"))


def test_twenty_kills_at_random_moments_lose_and_double_nothing(kills):
    judge = kills.rounds(20, seed=int(os.environ.get("SEED", "1")), tell=False)
    assert judge.kills >= 20 and judge.fine(), judge.result()


def test_what_the_judge_should_see_it_sees(kills, capsys):
    """A row taken away, one written twice, a scratch file, a run left at work: each is counted."""
    def judged(harm):
        world = kills.copy("harmed")
        assert kill.Attempt(world, *kills.run_of("ash")).end() == 0
        harm(world)
        judge = kill.Judge(kills.judge.undisturbed)
        judge.judge(world, ["ash"], [])
        return judge.lost, judge.doubled, judge.stuck

    def sql(path, statement):
        def harm(world):
            connection = sqlite3.connect(world.folder / path)
            with connection:
                connection.execute(statement)
            connection.close()
        return harm

    assert judged(lambda world: None) == (0, 0, 0)
    assert judged(sql("data/ash.sqlite", "delete from scores_upserted where customer_id = 3")) == (1, 0, 0)
    assert judged(sql("data/ash.sqlite", "insert into scores_replaced select * from scores_replaced where customer_id = 3")) == (0, 1, 0)
    assert judged(sql("data/ash.sqlite", "update headrace_deliveries set revision = 2 where destination like '%replaced'")) == (1, 1, 0)
    assert judged(sql(".headrace/state.db", "update runs set state = 'running'")) == (0, 0, 1)
    assert judged(lambda world: (world.folder / ".headrace/tmp/x").touch()) == (0, 0, 1)
    assert "scores_upserted: 1 rows lost" in capsys.readouterr().out


def test_runs_of_tenants_end_when_the_one_who_started_them_is_killed(kills):
    world = kills.copy("orphans")
    held = [sqlite3.connect(world.folder / f"data/{tenant}.sqlite") for tenant in kill.TENANTS]
    for connection in held:
        connection.execute("begin exclusive")     # the runs wait for their platforms
    attempt = kill.Attempt(world, *kills.run_of("all"))
    until = time.monotonic() + 60
    while len([1 for state, in world.state("select state from steps where step = 'scores_upserted'") if state == "running"]) < 2:
        assert time.monotonic() < until and attempt.process.poll() is None, attempt.said()
    os.kill(attempt.process.pid, signal.SIGKILL)
    attempt.end()
    assert not world.wait_for_silence(seconds=20)
    assert {state for state, in world.state("select state from runs")} == {"interrupted"}
    for connection in held:
        connection.rollback()
        connection.close()
    assert kill.Attempt(world, *kills.run_of("all")).end() == 0
    assert kills.judge.judge(world, kill.TENANTS, [])

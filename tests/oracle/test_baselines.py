"""Bands of baselines against numpy and scipy, and the goal of bench/baselines.py on its stored series."""
import math
import pathlib
import sys

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import baselines  # noqa: E402

DAY = 86_400_000_000


@pytest.fixture(name="ask", scope="module")
def fixture_ask():
    """Questions to one process."""
    import json

    bands = baselines.Bands({})

    def ask(request):
        bands.process.stdin.write(json.dumps(request) + "\n")
        bands.process.stdin.flush()
        return json.loads(bands.process.stdout.readline())

    yield ask
    bands.close()


def qn(x):
    """Qn of Rousseeuw and Croux: an order statistic of the distances of all pairs, with their factors for few values."""
    n = len(x)
    half = n // 2 + 1
    few = {2: 0.399, 3: 0.994, 4: 0.512, 5: 0.844, 6: 0.611, 7: 0.857, 8: 0.669, 9: 0.872}
    factor = few.get(n) or n / (n + (1.4 if n % 2 else 3.8))
    return 2.2219 * factor * np.sort(distance.pdist(x[:, None]))[half * (half - 1) // 2 - 1]


def expected(values, within=3.0, min_change=1 / 3, min_difference=0.0):
    """The rule of docs/baselines.md, from other libraries' parts."""
    values = np.asarray(values, float)
    x = np.log(values) if (values > 0).all() else values
    n, center = len(x), np.median(x)
    spread = qn(x)
    if (values > 0).all() and min_change > 0:
        spread = math.sqrt((n * spread**2 + 4 * (math.log(2) * min_change) ** 2) / (n + 4))
    spread *= math.sqrt(1 + math.pi / 2 / n)
    middle = math.exp(center) if (values > 0).all() else center
    low, high = center - within * spread, center + within * spread
    if (values > 0).all():
        low, high = math.exp(low), middle * (1 + within * spread)
    floor = max(min_change * abs(middle), min_difference)
    counts = (values >= 0).all() and (values == np.floor(values)).all()
    if counts:
        floor = max(floor, 2 * math.sqrt(middle))
    low, high = min(low, middle - floor), max(high, middle + floor)
    return (max(0, math.ceil(low)), math.floor(high)) if counts else (low, high)


@pytest.mark.parametrize("seed", range(40))
def test_bands_are_those_of_numpy_and_scipy(ask, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 21))
    kind = seed % 4
    values = {0: rng.poisson(rng.choice([3, 50, 4000]), n), 1: rng.lognormal(6, 0.4, n), 2: rng.normal(0, 5, n), 3: rng.normal(0.03, 0.001, n)}[kind]
    rule = {"within": float(rng.uniform(0.5, 5)), "min_change": float(rng.uniform(0, 0.5)), "min_difference": float(rng.choice([0, 2]))}
    band = ask({"baseline": rule, "at": 100 * DAY, "history": [[(100 - n + i) * DAY, float(v)] for i, v in enumerate(values)]})
    low, high = expected(values, **rule)
    assert band["points"] == n
    assert band["lower"] == pytest.approx(low, rel=1e-9, abs=1e-12)
    assert band["upper"] == pytest.approx(high, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_slope_is_scipys_theil_sen(ask, seed):
    rng = np.random.default_rng(100 + seed)
    n = int(rng.integers(2, 30))
    at = np.sort(rng.choice(200, n, replace=False)).astype(float)
    values = rng.normal(0, 1, n) + 0.3 * at
    slope = ask({"at": at.tolist(), "values": values.tolist()})
    assert slope == pytest.approx(stats.theilslopes(values, at).slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_weighted_median_is_the_median_of_repeated_values(ask, seed):
    rng = np.random.default_rng(200 + seed)
    values, times = rng.normal(0, 1, int(rng.integers(1, 15))), None
    times = rng.integers(1, 6, len(values))
    answer = ask({"values": values.tolist(), "weights": times.astype(float).tolist()})
    assert answer == pytest.approx(np.median(np.repeat(values, times)), rel=1e-12)


def test_records_a_day_meet_the_goal_as_they_are():
    count = baselines.measure([baselines.bikes()[0]], {}, slow_faults=False)
    assert count["judged"] > 700
    assert count["zero"] == count["half"] == count["double"] == count["judged"]
    assert baselines.alarms(count) <= 5


def test_purchases_a_week_meet_the_goal_with_a_rule_chosen_for_them():
    weekly = [baselines.purchases()[0]]
    count = baselines.measure(weekly, baselines.TUNED, slow_faults=False)
    assert count["judged"] > 50
    assert count["zero"] == count["half"] == count["double"] == count["judged"]
    assert baselines.alarms(count) <= 5
    untuned = baselines.measure(weekly, {}, slow_faults=False)
    assert untuned["alarms"] == 0
    assert untuned["zero"] == untuned["judged"]
    assert untuned["half"] >= 0.8 * untuned["judged"]

"""Baselines on real series with planted faults, beside a plain rule of three standard deviations.

    records a day       rows of the bike rental file a day: 24, one an hour, but for a few days of snow and a hurricane with hours missing
    purchases a week    of the CDNOW shop, from 7 April 1997 on (before, each week brought new customers, and then no more)
    client's purchases  the same of a tenth of the customers: some 50 a week, so that chance alone moves them by 15 %
    rentals a day       bikes rented: a rainy day halves them
    rentals an hour     the same an hour, compared with the same hour of the same weekday

Each series is walked from its beginning, as runs would: a point is judged by those before it, and trains later ones only if it passed. Three points in a row
outside are taken for a new level, as a person would with `since:`; all three are counted as false alarms. At every judged point each fault is tried in
place of what really came: nothing (zero), half, double. `within four` is the share of halvings found when the half stays for four intervals, `creeping` that of
growth by 5 % an interval found within twelve. Nothing is random.
"""
import csv
import datetime
import gzip
import json
import math
import os
import statistics
import subprocess

from figures import ROOT, figure, finish

REPOSITORY = os.path.join(ROOT, "..")
DAY = 86_400_000_000
# Days on which hours are missing from the bike file itself: snow (18, 26, 27 January and 22 February 2011), Hurricane Irene (27, 28 August 2011), Hurricane
# Sandy (29, 30 October 2012). They are faults of the data, so they are neither false alarms nor points to plant another fault at.
REAL_FAULTS = {"2011-01-18", "2011-01-26", "2011-01-27", "2011-02-22", "2011-08-27", "2011-08-28", "2012-10-29", "2012-10-30"}


def micros(text):
    return round(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000


def rows_of(path):
    with gzip.open(os.path.join(REPOSITORY, path), "rt", newline="") as file:
        yield from csv.DictReader(file)


def bikes():
    """Records a day, rentals a day, rentals an hour (hours without a record had no rental)."""
    records, rentals, hourly = {}, {}, {}
    for row in rows_of("bench/data/bike_hourly/bike_hourly.csv.gz"):
        day, at = row["dteday"], micros(row["dteday"])
        records[at] = records.get(at, 0) + 1
        rentals[at] = rentals.get(at, 0) + int(row["cnt"])
        hourly[at + int(row["hr"]) * DAY // 24] = int(row["cnt"])
    for at in range(min(hourly), max(hourly), DAY // 24):
        hourly.setdefault(at, 0)
    return sorted(records.items()), sorted(rentals.items()), sorted(hourly.items())


def purchases(first="1997-04-07"):
    """Purchases a week of the whole shop, and of ten parts of its customers. Whole weeks from Mondays on, unless `first` is another day."""
    weeks = [{} for _ in range(11)]
    first, last = micros(first), micros("1998-06-28")
    for row in rows_of("examples/agency/data/purchases.csv.gz"):
        at = micros(row["purchased_on"])
        if not first <= at < last:
            continue
        week = first + (at - first) // (7 * DAY) * 7 * DAY
        for part in (weeks[10], weeks[int(row["customer_id"]) % 10]):
            part[week] = part.get(week, 0) + 1
    return sorted(weeks[10].items()), [sorted(part.items()) for part in weeks[:10]]


class Bands:
    """Headrace's own bands, from tests/tools/baseline_bands.cc."""

    def __init__(self, baseline):
        folder = os.environ.get("HEADRACE_BIN_DIR") or os.path.join(REPOSITORY, "build", "bin")
        self.baseline = baseline
        self.process = subprocess.Popen([os.path.join(folder, "baseline_bands")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, history, at):
        self.process.stdin.write(json.dumps({"baseline": self.baseline, "at": at, "history": history}) + "\n")
        self.process.stdin.flush()
        band = json.loads(self.process.stdout.readline())
        return None if band["learning"] else (band["lower"], band["upper"])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def three_sigma(history, _at, window=20, learn=4):
    values = [value for _, value in history[-window:]]
    if len(values) < learn:
        return None
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    return mean - 3 * spread, mean + 3 * spread


def outside(band, value):
    return band is not None and not band[0] <= value <= band[1]


def day_of(at):
    return datetime.datetime.fromtimestamp(at / 1e6, datetime.timezone.utc).date().isoformat()


def lasting(bands, history, rest, change, intervals):
    """Whether a change that stays is found within some intervals; what is not found trains."""
    history = list(history)
    for i, (at, value) in enumerate(rest[:intervals]):
        faulty = value * change(i)
        if outside(bands(history, at), faulty):
            return True
        history.append((at, faulty))
    return False


def walk(series, bands, train_all=False, keep=400, slow_faults=True):
    """Counts over one series: judged, false alarms, faults found by name."""
    count = {"judged": 0, "alarms": 0, "real": 0, "zero": 0, "half": 0, "double": 0, "lasting": 0, "lasting_of": 0, "creeping": 0, "creeping_of": 0, "levels": 0}
    history, row = [], []
    for k, (at, value) in enumerate(series):
        history = history[-keep:]
        band = bands(history, at)
        alarm = outside(band, value)
        if band is not None and day_of(at) in REAL_FAULTS:
            count["real"] += alarm
        elif band is not None:
            count["judged"] += 1
            count["alarms"] += alarm
            for fault, planted in (("zero", 0), ("half", value / 2), ("double", value * 2)):
                count[fault] += outside(band, planted)
            if slow_faults and k % 7 == 0 and k + 12 <= len(series):
                count["lasting_of"] += 1
                count["lasting"] += lasting(bands, history, series[k:], lambda i: 0.5, 4)
                count["creeping_of"] += 1
                count["creeping"] += lasting(bands, history, series[k:], lambda i: 1.05 ** (i + 1), 12)
        if train_all or not alarm:
            history.append((at, value))
            row = []
            continue
        row.append((at, value))
        if len(row) == 3:                      # the new level, as a person would say with `since:`
            history, row = row, []
            count["levels"] += 1
    return count


def together(counts):
    return {key: sum(count[key] for count in counts) for key in counts[0]}


def share(count, name):
    of = count.get(name + "_of", count["judged"])
    return 100 * count[name] / of if of else math.nan


def alarms(count):
    return 1000 * count["alarms"] / count["judged"]


def measure(series, baseline, **options):
    bands = Bands(baseline)
    try:
        return together([walk(one, bands, **options) for one in series])
    finally:
        bands.close()


def shifted_hours(hourly, baseline, days=60):
    """Of the hours of the last days: how many of a thousand are outside when all values come an hour late, and how many of the true ones."""
    bands, values = Bands(baseline), dict(hourly)
    last = [at for at, _ in hourly if at % DAY == 0][-days:]
    found = false = checks = 0
    try:
        for day in last:
            for hour in range(24):
                at = day + hour * DAY // 24
                history = [(p, values[p]) for p in range(at - 10 * 7 * DAY, at, 7 * DAY) if p in values]
                band = bands(history, at)
                checks += 1
                false += outside(band, values[at])
                found += outside(band, values.get(at - DAY // 24, 0))
    finally:
        bands.close()
    return 1000 * found / checks, 1000 * false / checks


def shifted_days(daily, hourly):
    """How many of a hundred days are outside when a day's sum is taken an hour late."""
    bands, values, found = Bands({}), dict(hourly), 0
    try:
        for k, (at, _) in enumerate(daily):
            found += outside(bands(daily[max(0, k - 20):k], at), sum(values.get(at + hour * DAY // 24, 0) for hour in range(-1, 23)))
    finally:
        bands.close()
    return 100 * found / len(daily)


# A rule chosen for the weekly purchases on their own history: a third up or down is what matters there, and the shop is judged after eight weeks.
TUNED = {"learn": 8, "within": 0.5, "min_change": 0.33}


def main():
    records, rentals, hourly = bikes()
    weekly, clients = purchases()
    cases = [("records a day", [records], {}, True), ("purchases a week", [weekly], {}, False), ("purchases a week, tuned", [weekly], TUNED, True),
             ("a client's purchases a week", clients, {}, False),
             ("a client's purchases a week, within 4", clients, {"within": 4}, False), ("rentals a day", [rentals], {}, False), ("rentals a day, with trend", [rentals], {"trend": True}, False),
             ("purchases a week, with trend", [weekly], {"trend": True}, False)]
    for name, series, baseline, goal in cases:
        ours = measure(series, baseline)
        peer = together([walk(one, three_sigma, train_all=True) for one in series])
        figure("baselines", f"{name}: false alarms", "per 1,000", alarms(ours), alarms(peer), "3 sigma", None, "at most 5" if goal else None, alarms(ours) <= 5 or not goal)
        for fault in ("zero", "half", "double"):
            figure("baselines", f"{name}: {fault} found", "%", share(ours, fault), share(peer, fault), "3 sigma", None, "all" if goal else None, share(ours, fault) == 100 or not goal)
        for fault, label in (("lasting", "half found within four"), ("creeping", "creeping found within twelve")):
            figure("baselines", f"{name}: {label}", "%", share(ours, fault), share(peer, fault), "3 sigma", None)
    figure("baselines", "rentals a day: day taken an hour late found", "%", shifted_days(rentals, hourly), None, None, None)
    found, false = shifted_hours(hourly, {"window": 10})
    figure("baselines", "rentals an hour: hours outside when they come an hour late", "per 1,000", found, None, None, None)
    figure("baselines", "rentals an hour: false alarms", "per 1,000", false, None, None, None)
    finish()


if __name__ == "__main__":
    main()

"""The `date` step as nodes of an ONNX graph: the calendar in whole numbers, as src/headrace/feature/date.cc has it."""

import datetime
import json

import numpy
import onnx
import pyarrow

from headrace import _fitting

_DAY = 86_400_000_000   # microseconds
_CYCLES = {"quarter": (1, 4), "month": (1, 12), "week": (1, 53), "day": (1, 31), "day_of_year": (1, 366), "weekday": (0, 7), "hour": (0, 24), "minute": (0, 60), "second": (0, 60)}


class _Calendar:
    """Parts of days ([N, 1], int64, since 1970-01-01) and microseconds since midnight, each made once."""

    def __init__(self, graph, days, micros):
        self.graph, self.days, self.micros, self._made = graph, days, micros, {}

    def part(self, name):
        if name not in self._made:
            self._made[name] = getattr(self, f"_{name}")()
        return self._made[name]

    def plus(self, a, b):
        return self.graph.add(a, b if isinstance(b, str) else self.graph.whole(b))

    def times(self, a, b):
        return self.graph.mul(a, self.graph.whole(b))

    def rest(self, a, by):
        """Never below 0."""
        return self.graph.op("Mod", a, self.graph.whole(by))

    def over(self, a, by):
        """Rounded downwards."""
        return self.graph.div(self.graph.sub(a, self.rest(a, by)), self.graph.whole(by))

    def at_most(self, a, bound):
        return self.graph.op("Less", a, self.graph.whole(bound + 1))

    # Howard Hinnant's civil_from_days: years that begin in March, in eras of 400

    def _shifted(self):
        return self.plus(self.days, 719468)

    def _day_of_era(self):
        return self.rest(self.part("shifted"), 146097)

    def _year_of_era(self):
        day, sub = self.part("day_of_era"), self.graph.sub
        return self.over(sub(self.plus(sub(day, self.over(day, 1460)), self.over(day, 36524)), self.over(day, 146096)), 365)

    def _day_from_march(self):
        year = self.part("year_of_era")
        return self.graph.sub(self.part("day_of_era"), self.graph.sub(self.plus(self.times(year, 365), self.over(year, 4)), self.over(year, 100)))

    def _month_from_march(self):
        return self.over(self.plus(self.times(self.part("day_from_march"), 5), 2), 153)

    def _year(self):
        year = self.plus(self.part("year_of_era"), self.times(self.over(self.part("shifted"), 146097), 400))
        return self.graph.where(self.at_most(self.part("month"), 2), self.plus(year, 1), year)

    def _month(self):
        month = self.part("month_from_march")
        return self.graph.where(self.at_most(month, 9), self.plus(month, 3), self.plus(month, -9))

    def _day(self):
        first = self.over(self.plus(self.times(self.part("month_from_march"), 153), 2), 5)
        return self.plus(self.graph.sub(self.part("day_from_march"), first), 1)

    def _quarter(self):
        return self.plus(self.over(self.plus(self.part("month"), -1), 3), 1)

    def _day_of_year(self):
        def divides(by):
            return self.at_most(self.rest(self.part("year"), by), 0)
        graph, day = self.graph, self.part("day_from_march")
        leap = graph.op("Or", divides(400), graph.op("And", divides(4), graph.op("Not", divides(100))))
        later = self.plus(self.plus(day, 60), graph.op("Cast", leap, to=onnx.TensorProto.INT64))
        return graph.where(self.at_most(self.part("month"), 2), self.plus(day, -305), later)

    def _weekday(self):
        return self.rest(self.plus(self.days, 3), 7)

    def _week(self):
        """ISO 8601: the week of a day is that of its Thursday."""
        thursday = _Calendar(self.graph, self.plus(self.graph.sub(self.days, self.part("weekday")), 3), None)
        return self.plus(self.over(self.plus(thursday.part("day_of_year"), -1), 7), 1)

    def _hour(self):
        return self.over(self.micros, 3_600_000_000)

    def _minute(self):
        return self.rest(self.over(self.micros, 60_000_000), 60)

    def _second(self):
        return self.rest(self.over(self.micros, 1_000_000), 60)


def parts(graph, step, source):
    """[N, width] and the width. `source`: a Column of dates (days since 1970-01-01) or timestamps (microseconds since then)."""
    days, micros = source.value, None
    if source.kind == "timestamp":
        micros = graph.op("Mod", days, graph.whole(_DAY))
        days = graph.div(graph.sub(days, micros), graph.whole(_DAY))
    calendar = _Calendar(graph, days, micros)
    made = [graph.double(calendar.part(name)) for name in step["parts"]]
    for name in step["cyclical"]:
        made.append(graph.entries(_turns(name), calendar.plus(calendar.part(name), -_CYCLES[name][0])))
    if step["since"] is not None:
        since = graph.double(calendar.plus(days, -_days(step["since"])))
        made.append(since if micros is None else graph.add(since, graph.div(graph.double(micros), graph.row([_DAY]))))
    if step["holidays"]:
        made.append(graph.sum(graph.double(graph.op("Equal", days, graph.constant([sorted({_days(day) for day in step["holidays"]})], numpy.int64)))))
    x = graph.beside(made)
    return (x if source.missing is None else graph.where(source.missing, graph.row([numpy.nan]), x)), len(step["parts"]) + 2 * len(step["cyclical"]) + (step["since"] is not None) + bool(step["holidays"])


def _turns(name):
    """Sine and cosine of each value of a part, the library's own bits: a tree may split at the 0 that a sine rounded otherwise would miss."""
    step = {"cyclical": [name], "holidays": [], "parts": [name], "since": None, "step": "date"}
    column = {"column": "time", "fill": None, "indicator": False, "steps": [step], "type": "timestamp"}
    transform = {"derived": [], "format": 2, "groups": [{"columns": [column], "steps": []}], "inputs": [{"name": "time", "nullable": False, "type": "timestamp"}], "refuse_missing": False}
    day = numpy.arange(8000)   # more than twenty years, and in their course every hour, minute and second
    times = pyarrow.table({"time": pyarrow.array(day * _DAY + day * 3_661_000_000 % _DAY, pyarrow.timestamp("us"))})
    values, *both = _fitting.read_transform(json.dumps(transform, sort_keys=True, separators=(",", ":"))).apply(_fitting.rows(times, [], len(day)), len(day)).T
    first, length = _CYCLES[name]
    table = numpy.full((length, 2), numpy.nan)
    table[values.astype(int) - first] = numpy.transpose(both)
    return table


def _days(text):
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days

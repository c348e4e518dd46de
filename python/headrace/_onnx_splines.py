"""The `spline` step as nodes of an ONNX graph: de Boor's recurrence, number for number as src/headrace/feature/spline.cc has it, so that the bits are the same."""

import numpy


def spline(graph, where, step, x, width):
    parts = [_bases(graph, step, knots, x if width == 1 else graph.columns(x, [k])) for k, knots in enumerate(step["knots"])]
    return graph.beside([part for part, _ in parts]), sum(wide for _, wide in parts)


def _bases(graph, step, knots, x):
    """[N, bases] of one column ([N, 1]), and how many they are. A missing value has none."""
    degree, outside = step["degree"], step["outside"]
    every = len(knots) - degree - 1
    bases = every - degree if outside == "periodic" else every
    kept = bases - (not step["bias"])
    low, high = knots[degree], knots[-degree - 1]
    missing = graph.op("IsNaN", x)
    x = at = graph.where(missing, graph.row([low]), x)
    if outside == "periodic":
        at = _turned(graph, x, low, high)
    if outside in ("constant", "linear"):   # beyond the ends it is not read
        at = graph.op("Min", graph.op("Max", x, graph.row([low])), graph.row([high]))
    interval = graph.place(at, knots[degree + 1:-degree - 1])
    some = _recurrence(graph, numpy.array(knots), degree, at, interval)
    y = None
    for d, value in enumerate(some):
        place = graph.add(interval, graph.whole(d))
        if outside == "periodic":
            place = graph.op("Mod", place, graph.whole(bases))
        here = graph.where(graph.op("Equal", place, graph.constant([list(range(kept))], numpy.int64)), value, graph.row([0.0]))
        y = here if y is None else graph.add(y, here)
    if outside in ("constant", "linear"):
        for end, beyond in ((low, graph.op("Less", x, graph.row([low]))), (high, graph.op("Greater", x, graph.row([high])))):
            values, slopes = _end(knots, degree, end)
            line = graph.row(values[:kept])
            if outside == "linear":
                line = graph.add(line, graph.mul(graph.row(slopes[:kept]), graph.sub(x, graph.row([end]))))
            y = graph.where(beyond, line, y)
    return graph.where(missing, graph.row([0.0]), y), kept


def _turned(graph, x, low, high):
    """Into the period. As Python's %: the sign of the divisor."""
    if high <= low:
        return graph.mul(x, graph.row([0.0]))
    period = graph.row([high - low])
    rest = graph.op("Mod", graph.sub(x, graph.row([low])), period, fmod=1)
    return graph.add(graph.row([low]), graph.where(graph.op("Less", rest, graph.row([0.0])), graph.add(rest, period), rest))


def _recurrence(graph, knots, degree, x, interval):
    """The degree + 1 bases that are not 0 in the interval of x, [N, 1] each. `interval`: [N, 1], its number."""
    if degree == 0:
        return [graph.add(graph.zeros(x), graph.row([1.0]))]
    count = len(knots) - 2 * degree - 1
    around = graph.entries([knots[i + 1:i + 2 * degree + 1] for i in range(count)], interval)   # the knots about each interval

    def knot(offset):
        """Of the interval that begins at knot 0, in [1 - degree, degree]."""
        return graph.columns(around, [offset + degree - 1])
    out = [graph.row([1.0])]
    for d in range(1, degree + 1):
        before, out = out, [graph.row([0.0])]
        for n in range(1, d + 1):
            right, left = knot(n), knot(n - d)
            gap = graph.sub(right, left)
            none = graph.op("Equal", gap, graph.row([0.0]))
            w = graph.where(none, graph.row([0.0]), graph.div(before[n - 1], graph.where(none, graph.row([1.0]), gap)))
            out[n - 1] = graph.add(out[n - 1], graph.mul(w, graph.sub(right, x)))
            out.append(graph.mul(w, graph.sub(x, left)))
    return out


def _evaluate(knots, degree, x):
    """The same in Python, of one number: the first base that is not 0, and the bases."""
    at, last = degree, len(knots) - degree - 2
    while at < last and x >= knots[at + 1]:
        at += 1
    out = [1.0]
    for d in range(1, degree + 1):
        before, out = out, [0.0]
        for n in range(1, d + 1):
            right, left = knots[at + n], knots[at + n - d]
            w = 0.0 if right == left else before[n - 1] / (right - left)
            out[n - 1] += w * (right - x)
            out.append(w * (x - left))
    return at - degree, out


def _end(knots, degree, x):
    """The values of all bases at an end of the base interval, and their slopes: differences of two bases of one degree less on the same knots."""
    count = len(knots) - degree - 1
    values, slopes, lower = [0.0] * count, [0.0] * count, [0.0] * (count + 1)
    first, some = _evaluate(knots, degree, x)
    values[first:first + degree + 1] = some
    if degree == 0:
        return values, slopes
    first, some = _evaluate(knots[1:-1], degree - 1, x)
    lower[first + 1:first + 1 + degree] = some
    for b in range(count):
        left, right = knots[b + degree] - knots[b], knots[b + degree + 1] - knots[b + 1]
        slopes[b] = (degree * lower[b] / left if left > 0 else 0.0) - (degree * lower[b + 1] / right if right > 0 else 0.0)
    return values, slopes

"""The steps of transform.json (src/headrace/feature) as nodes of an ONNX graph."""

import numpy

from headrace import _onnx_dates, _onnx_expressions, _onnx_splines
from headrace._onnx_graph import ML
from headrace._trace import refuse

_EPSILON = numpy.finfo(float).eps
_BOUND = 1e-7   # scikit-learn's BOUNDS_THRESHOLD
_MIDDLE = ([2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
           [5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0])
_TAIL = ([7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
         [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0])


class Column:
    """A raw column in the graph: `value` is [N, 1], string, int64 of dates and timestamps, double of what is a number; `missing` ([N, 1], bool) where that has no NaN but may be missing, else None."""

    def __init__(self, kind, value, missing=None):
        self.kind, self.value, self.missing = kind, value, missing


def vector(graph, transform, columns):
    """The learner's [N, width] and its width. `columns`: name -> Column."""
    columns = with_derived(graph, transform, columns)
    parts, width = [], 0
    for group in transform["groups"]:
        made = [_column(graph, one, columns) for one in group["columns"]]
        x, wide = graph.beside([x for x, _ in made]), sum(wide for _, wide in made)
        names = ", ".join(f"`{one['column']}`" for one in group["columns"])
        for step in group["steps"]:
            x, wide = _step(graph, f"{'columns' if len(made) > 1 else 'column'} {names}", step, x, wide)
        parts.append(x)
        width += wide
    x = graph.beside(parts)
    graph.refuse_infinite(x, missing=transform["refuse_missing"])
    return x, width


def with_derived(graph, transform, columns):
    """The columns and those derived from them, each from those before it."""
    columns = dict(columns)
    for one in transform["derived"]:
        alias = alias_of(one["expression"], columns)
        if alias is not None:
            columns[one["name"]] = columns[alias]
            continue
        numbers = {name: (column.kind, column.value) if column.kind in ("double", "int", "bool") else None for name, column in columns.items()}
        columns[one["name"]] = Column(*_onnx_expressions.derived(graph, one["name"], one["expression"], numbers))
    return columns


def read_by_steps(transform):
    """The raw columns that steps read as they are, under whatever name; an infinity in one that only expressions read is no reason to refuse a row."""
    fitted = [one for group in transform["groups"] for one in group["columns"]]
    names = {one["column"] for one in fitted} | {step["by"] for one in fitted for step in one["steps"] if step["step"] == "fill_by"}
    for one in reversed(transform["derived"]):
        if one["name"] in names:
            names |= {alias_of(one["expression"], [column["name"] for column in transform["inputs"] + transform["derived"]])} - {None}
    return names


def alias_of(expression, columns):
    """The column that the expression is another name of; None when it is more."""
    return next((name for name in columns if expression == '"' + name.replace('"', '""') + '"'), None)


def _column(graph, fitted, columns):
    source, where = columns[fitted["column"]], f"column `{fitted['column']}`"
    x, width = (None, 0) if source.kind in ("text", "date", "timestamp") else (source.value, 1)
    for step in fitted["steps"]:
        if step["step"] == "date":
            x, width = _onnx_dates.parts(graph, step, source)
        elif step["step"] in ("onehot", "level_values"):
            x, width = _encode(graph, where, step, source if x is None else x)
        elif step["step"] == "fill_by":
            fills = step["values"] + [step["otherwise"]]
            x = _fill(graph, x, graph.entries(numpy.reshape(fills, (-1, 1)), codes(graph, step, _level_source(columns[step["by"]]))))
        else:
            x, width = _step(graph, where, step, x, width)
    if fitted["indicator"]:
        x, width = graph.beside([x, graph.double(graph.op("IsNaN", source.value))]), width + 1
    return x, width


def _step(graph, where, step, x, width):
    kind = step["step"]
    if kind not in _STEPS or x is None:
        what = {"hash": "ONNX has no XXH64", "text": "words of texts are not written as ONNX"}.get(kind, "this version does not write it as ONNX")
        refuse(f"step `{kind}` of {where}", what, "docs/python.md lists what can be written")
    return _STEPS[kind](graph, where, step, x, width)


# Levels

def _level_source(column):
    return column if column.kind == "text" else column.value


def codes(graph, coder, source):
    """[N, 1], int64: the place of the row's level; after the levels that of a missing value if training had any, and last that of what training never saw.

    source  a Column of text, or the name of a number [N, 1]
    """
    levels = coder["levels"]
    unseen = len(levels) + int(coder["missing"])
    of_missing = len(levels) if coder["missing"] else unseen
    if isinstance(source, Column):
        if coder["null"] is not None and coder["null"] in levels:
            of_missing = levels.index(coder["null"])
        keys, places = levels or [""], list(range(len(levels))) or [unseen]
        found = graph.op("LabelEncoder", source.value, domain=ML, keys_strings=keys, values_int64s=places, default_int64=unseen)
        return found if source.missing is None else graph.where(source.missing, graph.whole(of_missing), found)
    at = graph.place(source, levels)
    hit = graph.op("Equal", graph.entries(numpy.array([numpy.nan, *levels]).reshape(-1, 1), at), source)
    found = graph.where(hit, graph.op("Sub", at, graph.whole(1)), graph.whole(unseen))
    return graph.where(graph.op("IsNaN", source), graph.whole(of_missing), found)


def _encode(graph, where, step, source):
    found = codes(graph, step, source)
    size = len(step["levels"]) + int(step["missing"])
    if step["step"] == "level_values":
        width = len(step["otherwise"])
        if step["refuse_unseen"]:
            graph.refuse_where(graph.op("Equal", found, graph.whole(size)))
        return graph.entries(numpy.array(step["values"] + step["otherwise"], dtype=numpy.float64).reshape(size + 1, width), found), width
    kept = {code: slot for slot, code in enumerate(sorted(set(range(size)) - set(step["rare"])))}
    together = len(kept) if step["rare"] else -1   # the output of rare levels
    slots = [kept.get(code, together) for code in range(size)] + [together if step["handle_unknown"] == "other" else -1]
    if step["handle_unknown"] == "error":
        graph.refuse_where(graph.op("Equal", found, graph.whole(size)))
    width = len(kept) + bool(step["rare"])
    return _one_of(graph, graph.entries(numpy.reshape(slots, (-1, 1)), found, numpy.int64), width), width


def _one_of(graph, places, width):
    """[N, width]: 1 at the place, which may be below 0: then nowhere."""
    return graph.double(graph.op("Equal", places, graph.constant([list(range(width))], numpy.int64)))


# Numbers, each alone

def _fill(graph, x, fill):
    return graph.where(graph.op("IsNaN", x), fill, x)


def within(graph, x, low, high):
    """NaN stays."""
    low, high = graph.row(low), graph.row(high)
    x = graph.where(graph.op("Less", x, low), low, x)
    return graph.where(graph.op("Greater", x, high), high, x)


def _clip(graph, where, step, x, width):
    low, high = ([end if bound is None else bound for bound in step[name]] for name, end in (("lower", -numpy.inf), ("upper", numpy.inf)))
    return within(graph, x, low, high), width


def _scaled(graph, step, x):
    return graph.div(graph.sub(x, graph.row(step["center"])), graph.row(step["scale"]))


def _log1p(graph, where, step, x, width):
    graph.refuse_where(graph.op("LessOrEqual", x, graph.row([-1.0])))
    return graph.log1p(x), width


def _power(graph, where, step, x, width):
    power = numpy.array(step["lambda"])
    if step["box_cox"]:
        graph.refuse_where(graph.op("LessOrEqual", x, graph.row([0.0])))
        log = graph.op("Log", x)
        plain = numpy.abs(power) < 1e-19
        y = graph.where(graph.constant([plain], bool), log, graph.div(graph.expm1(graph.mul(log, graph.row(power))), graph.row(numpy.where(plain, 1, power))))
    else:
        upper, lower = numpy.abs(power) < _EPSILON, numpy.abs(power - 2) <= _EPSILON
        positive = graph.op("GreaterOrEqual", x, graph.row([0.0]))
        log = graph.log1p(graph.op("Abs", x))
        grown = graph.expm1(graph.mul(log, graph.where(positive, graph.row(power), graph.row(2 - power))))
        above = graph.where(graph.constant([upper], bool), log, graph.div(grown, graph.row(numpy.where(upper, 1, power))))
        below = graph.where(graph.constant([lower], bool), log, graph.div(grown, graph.row(numpy.where(lower, 1, 2 - power))))
        y = graph.where(positive, above, graph.op("Neg", below))
    return (_scaled(graph, step, y) if step["center"] else y), width


def _each(graph, x, width, make):
    return graph.beside([make(x if width == 1 else graph.columns(x, [k]), k) for k in range(width)])


def _bins(graph, where, step, x, width):
    def one(x, k):
        bin, missing = graph.place(x, step["edges"][k]), graph.op("IsNaN", x)
        if not step["onehot"]:
            return graph.where(missing, x, graph.double(bin))
        return _one_of(graph, graph.where(missing, graph.whole(-1), bin), len(step["edges"][k]) + 1)
    return _each(graph, x, width, one), sum(len(edges) + 1 for edges in step["edges"]) if step["onehot"] else width


def _quantile(graph, where, step, x, width):
    def one(x, k):
        q = step["quantiles"][k]
        share = _share(graph, q, x)
        if step["normal"]:
            y = _normal_quantile(graph, _ended(graph, share, graph.op("Less", graph.sub(x, graph.row([_BOUND])), graph.row([q[0]])),
                                               graph.op("Greater", graph.add(x, graph.row([_BOUND])), graph.row([q[-1]]))))
        else:
            y = _ended(graph, share, graph.op("Equal", x, graph.row([q[0]])), graph.op("Equal", x, graph.row([q[-1]])))
        return graph.where(graph.op("IsNaN", x), x, y)
    return _each(graph, x, width, one), width


def _ended(graph, share, lowest, highest):
    return graph.where(lowest, graph.row([0.0]), graph.where(highest, graph.row([1.0]), share))


def _share(graph, quantiles, x):
    """Where x stands among the quantiles: interpolated, of equal ones the mean of the first and the last."""
    q, n = numpy.array(quantiles), len(quantiles)
    shares = numpy.append(numpy.arange(n - 1) * (1.0 / (n - 1)), 1.0) if n > 1 else numpy.zeros(1)
    table = numpy.zeros((n + 1, 6))   # by the number of quantiles that are not above x: of the last of them q, its share where x is equal, its share; slope; of the next q and share
    table[0, 0] = numpy.nan
    table[1:, 0], table[1:, 1] = q, 0.5 * (shares + shares[numpy.searchsorted(q, q)])
    table[1:n, 2], table[1:n, 4], table[1:n, 5] = shares[:-1], q[1:], shares[1:]
    apart = numpy.where(q[1:] > q[:-1], q[1:] - q[:-1], 1.0)   # between equal quantiles there is no x
    table[1:n, 3] = (shares[1:] - shares[:-1]) / apart
    table[n, 2] = table[n, 5] = shares[-1]
    found = graph.entries(table, graph.place(x, quantiles))
    at, tied, share, slope, after, share_after = (graph.columns(found, [i]) for i in range(6))
    upwards = graph.add(graph.mul(slope, graph.sub(x, at)), share)
    downwards = graph.sub(share_after, graph.mul(slope, graph.sub(after, x)))
    between = graph.mul(graph.row([0.5]), graph.add(upwards, downwards))
    y = graph.where(graph.op("Equal", slope, graph.row([0.0])), share, between)
    return graph.where(graph.op("Equal", x, at), tied, y)


def _normal_quantile(graph, share):
    """What the standard normal distribution has there, within those of _BOUND and 1 - _BOUND (Wichura's AS 241, of whose three parts the outermost lies beyond)."""
    def polynomial(x, coefficients):
        y = graph.row([coefficients[0]])
        for coefficient in coefficients[1:]:
            y = graph.add(graph.mul(y, x), graph.row([coefficient]))
        return y
    one, end = graph.row([1.0]), _BOUND - _EPSILON
    p = within(graph, share, end, 1 - end)
    q = graph.sub(p, graph.row([0.5]))
    near = graph.sub(graph.row([0.180625]), graph.mul(q, q))
    middle = graph.mul(q, graph.div(polynomial(near, _MIDDLE[0]), polynomial(near, _MIDDLE[1])))
    below = graph.op("Less", q, graph.row([0.0]))
    far = graph.sub(graph.op("Sqrt", graph.op("Neg", graph.op("Log", graph.where(below, p, graph.sub(one, p))))), graph.row([1.6]))
    tail = graph.div(polynomial(far, _TAIL[0]), polynomial(far, _TAIL[1]))
    inside = graph.op("LessOrEqual", graph.op("Abs", q), graph.row([0.425]))
    return graph.where(inside, middle, graph.where(below, graph.op("Neg", tail), tail))


# Columns together

def _polynomial(graph, where, step, x, width):
    parts, last = [x], list(range(width))   # of the products of the degree before: the last column of each
    before, count = x, width
    for _ in range(step["degree"] - 1):
        pairs = [(prefix, column) for prefix, end in enumerate(last) for column in range(end + int(step["interactions_only"]), width)]
        if not pairs:
            break
        before = graph.mul(graph.columns(before, [prefix for prefix, _ in pairs]), graph.columns(x, [column for _, column in pairs]))
        parts.append(before)
        last = [column for _, column in pairs]
        count += len(pairs)
    return graph.beside(parts), count


def _normalize(graph, where, step, x, width):
    size = graph.op("Abs", _fill(graph, x, graph.row([0.0])))
    if step["norm"] == "max":
        norm = graph.op("ReduceMax", size, graph.whole(1), keepdims=1)
    else:
        norm = graph.sum(size) if step["norm"] == "l1" else graph.op("Sqrt", graph.sum(graph.mul(size, size)))
    return graph.div(x, graph.where(graph.op("Equal", norm, graph.row([0.0])), graph.row([1.0]), norm)), width


def _reduce(graph, where, step, x, width):
    axes = numpy.array(step["axes"]).reshape(-1, width)
    return graph.op("MatMul", graph.sub(x, graph.row(step["center"])), graph.constant(axes.T)), len(axes)


_STEPS = {
    "fill": lambda graph, where, step, x, width: (_fill(graph, x, graph.row(step["value"])), width),
    "clip": _clip,
    "scale": lambda graph, where, step, x, width: (_scaled(graph, step, x), width),
    "minmax": lambda graph, where, step, x, width: (graph.add(graph.mul(x, graph.row(step["scale"])), graph.row(step["shift"])), width),
    "divide": lambda graph, where, step, x, width: (graph.div(x, graph.row(step["by"])), width),
    "log1p": _log1p, "power": _power, "bins": _bins, "quantile": _quantile, "polynomial": _polynomial, "normalize": _normalize,
    "select": lambda graph, where, step, x, width: (graph.columns(x, step["kept"]), len(step["kept"])),
    "reduce": _reduce, "spline": _onnx_splines.spline,
}

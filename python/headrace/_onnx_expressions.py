"""The expressions of `derive` (docs/expressions.md) as nodes of an ONNX graph, where they are about numbers and bools.

Everything is a double [N, 1], bools are 0 and 1; beside each value goes a mask of the rows in which it is null, and one of those in which it raises: NaN is a number in expressions. Whole numbers are
doubles too, so beyond 2^53 they are rounded.
"""

import numpy

from headrace._expressions import NotWritten, parse
from headrace._trace import refuse

_TOO_LARGE = 2.0 ** 63   # for an int


def derived(graph, name, text, columns):
    """The kind of the derived column ("int", "double", "bool"), and its values: NaN where they are missing. `columns`: what it may read, name -> (kind, [N, 1] of doubles), NaN where it is missing;
    None instead for what is no number."""
    try:
        made = _Maker(graph, columns)
        value = made.make(parse(text))
        if not made.read:
            raise NotWritten("it reads no column")
    except RecursionError:
        refuse(f"column `{name}`", "the expression that it is derived by is too deep to be written as ONNX", "let the rows bring it: derive it in a step before `train`")
    except NotWritten as error:
        refuse(f"column `{name}`", f"it is derived by the expression {text}, and {error}", "let the rows bring it: derive it in a step before `train`")
    infinite = graph.op("IsInf", value.x)
    x = graph.where(made.either(value.null, value.error, infinite), graph.row([numpy.nan]), value.x)
    return "double" if value.kind == "null" else value.kind, graph.add(x, graph.zeros(made.read))


class _Value:
    """`x`: doubles; `null` and `error`: masks, None for nowhere. What `x` holds where one of them is set does not matter."""

    def __init__(self, kind, x, null=None, error=None):
        self.kind, self.x, self.null, self.error = kind, x, null, error


class _Maker:
    def __init__(self, graph, columns):
        self.graph, self.columns, self.read = graph, columns, None
        self._known = {}   # id of a node: it, and its value

    # Masks

    def either(self, *masks):
        made = None
        for mask in masks:
            made = mask if made is None else made if mask is None else self.graph.op("Or", made, mask)
        return made

    def both(self, a, b):
        return None if a is None or b is None else self.graph.op("And", a, b)

    def unless(self, a, b):
        """a and not b."""
        return a if a is None or b is None else self.graph.op("And", a, self.graph.op("Not", b))

    def true(self, value):
        return self.unless(self.graph.op("Greater", value.x, self.graph.row([0.5])), value.null)

    def false(self, value):
        return self.unless(self.graph.op("Less", value.x, self.graph.row([0.5])), value.null)

    def of_mask(self, mask, null, error):
        return _Value("bool", self.graph.double(mask), null, error)

    # Values

    def make(self, node):
        """Once for each node, however often it is asked for."""
        if id(node) not in self._known:
            self._known[id(node)] = node, getattr(self, "_" + node[0].replace(" ", "_"))(*node[1:])
        return self._known[id(node)][1]

    def _literal(self, kind, number):
        return _Value(kind, self.graph.row([number]))

    def _null(self):
        return _Value("null", self.graph.row([0.0]), self.graph.constant([[True]], bool))

    def _name(self, name):
        if name not in self.columns:
            raise NotWritten(f"`{name}` is not written as ONNX")
        if self.columns[name] is None:
            raise NotWritten(f"`{name}` is no number")
        kind, self.read = self.columns[name]
        return _Value(kind, self.read, self.graph.op("IsNaN", self.read))

    def _whole(self, value):
        """An int raises where it has no room in 64 bits."""
        if value.kind == "int":
            high, low = self.graph.op("GreaterOrEqual", value.x, self.graph.row([_TOO_LARGE])), self.graph.op("Less", value.x, self.graph.row([-_TOO_LARGE]))
            value.error = self.either(value.error, self.unless(self.either(high, low), value.null))
        return value

    def _binary(self, symbol, left, right):
        a, b = self.make(left), self.make(right)
        null, error = self.either(a.null, b.null), self.either(a.error, b.error)
        if symbol in ("+", "-", "*"):
            kind = "int" if {a.kind, b.kind} <= {"int", "null"} else "double"
            return self._whole(_Value(kind, self.graph.op({"+": "Add", "-": "Sub", "*": "Mul"}[symbol], a.x, b.x), null, error))
        if symbol == "/":
            return _Value("double", self.graph.div(a.x, b.x), null, error)
        if symbol not in ("=", "<>", "<", "<=", ">", ">="):
            raise NotWritten(f"`{symbol}` is not written as ONNX")
        if symbol in ("=", "<>"):
            mask, negated = self._equal(a, b), symbol == "<>"
        else:
            mask, negated = self._less(a, b) if symbol in ("<", ">=") else self._less(b, a), symbol in ("<=", ">=")
        return self.of_mask(self.graph.op("Not", mask) if negated else mask, null, error)

    def _equal(self, a, b):
        same = self.graph.op("Equal", a.x, b.x)
        return same if "double" not in (a.kind, b.kind) else self.either(same, self.both(self.graph.op("IsNaN", a.x), self.graph.op("IsNaN", b.x)))

    def _less(self, a, b):
        """NaN is above all other numbers."""
        less = self.graph.op("Less", a.x, b.x)
        return less if b.kind != "double" else self.either(less, self.unless(self.graph.op("IsNaN", b.x), self.graph.op("IsNaN", a.x)))

    def _negate(self, operand):
        value = self.make(operand)
        return self._whole(_Value(value.kind, self.graph.op("Neg", value.x), value.null, value.error))

    def _not(self, operand):
        value = self.make(operand)
        return self.of_mask(self.graph.op("Less", value.x, self.graph.row([0.5])), value.null, value.error)

    def _and(self, left, right):
        return self._decided(left, right, self.false, self.true, lambda mask: self.graph.op("Not", mask))

    def _or(self, left, right):
        return self._decided(left, right, self.true, self.false, lambda mask: mask)

    def _decided(self, left, right, deciding, other, told):
        """Decided where one side decides; else null where one is. The right side is not asked where the left one decides."""
        a, b = self.make(left), self.make(right)
        decided = self.either(deciding(a), deciding(b))
        null = self.unless(self.either(a.null, b.null), decided)
        return self.of_mask(told(decided), null, self.either(a.error, self.unless(b.error, deciding(a))))

    def _is_null(self, operand):
        value = self.make(operand)
        none = self.graph.op("Less", value.x, self.graph.row([-numpy.inf]))
        return self.of_mask(none if value.null is None else value.null, None, value.error)

    def _between(self, operand, low, high):
        return self._decided_all("and", [("binary", ">=", operand, low), ("binary", "<=", operand, high)])

    def _in(self, operand, *items):
        return self._decided_all("or", [("binary", "=", operand, item) for item in items])

    def _decided_all(self, how, parts):
        """Every part is asked."""
        values, tree = [self.make(part) for part in parts], parts[0]
        for part in parts[1:]:
            tree = (how, tree, part)
        made = self.make(tree)
        made.error = self.either(*(value.error for value in values))
        return made

    def _choose(self, mask, then, otherwise, error):
        """`then` where the mask is set; its error and that of `otherwise` count where they are taken."""
        kinds = {then.kind, otherwise.kind} - {"null"}
        kind = "double" if "double" in kinds else next(iter(kinds), "null")
        null = self.either(self.both(mask, then.null), self.unless(otherwise.null, mask))
        return _Value(kind, self.graph.where(mask, then.x, otherwise.x), null, self.either(error, self.both(mask, then.error), self.unless(otherwise.error, mask)))

    def _case(self, branches, otherwise):
        made = self.make(otherwise)
        for when, then in reversed(branches):
            asked = self.make(when)
            made = self._choose(self.true(asked), self.make(then), made, asked.error)
        return made

    def _cast(self, operand, kind):
        value = self.make(operand)
        if kind == "bool":
            different = self.graph.op("Not", self.graph.op("Equal", value.x, self.graph.row([0.0])))
            return self.of_mask(different, value.null, value.error)
        if kind == "int" and value.kind == "double":
            error = self.either(value.error, self.unless(self.graph.op("IsNaN", value.x), value.null))
            return self._whole(_Value("int", self.graph.op("Round", value.x), value.null, error))   # ties to even
        return _Value(kind, value.x, value.null, value.error)

    def _call(self, name, *args):
        if name == "coalesce":
            made = self.make(args[-1])
            for arg in reversed(args[:-1]):
                value = self.make(arg)
                made = value if value.null is None else self._choose(value.null, made, _Value(value.kind, value.x, None, None), value.error)
            return made
        values = [self.make(arg) for arg in args]
        if name == "nullif":
            a, b = values
            gone = self.unless(self._equal(a, b), self.either(a.null, b.null))
            return _Value(a.kind, a.x, self.either(a.null, gone), self.either(a.error, b.error))
        if name in ("greatest", "least"):
            made = values[0]
            for value in values[1:]:
                further = self._less(made, value) if name == "greatest" else self._less(value, made)
                chosen = self._choose(self.unless(self.either(further, made.null), value.null), _Value(value.kind, value.x, value.null), _Value(made.kind, made.x, made.null), self.either(made.error, value.error))
                made = chosen
            return made
        if name in ("abs", "floor", "ceil", "ceiling", "sqrt", "ln", "exp") and len(values) == 1:
            return self._function(name, values[0])
        raise NotWritten(f"`{name}` is not written as ONNX")

    def _function(self, name, value):
        row, error = self.graph.row, value.error
        if name in ("sqrt", "ln"):   # raises at numbers that have none
            error = self.either(error, self.unless(self.graph.op("Less" if name == "sqrt" else "LessOrEqual", value.x, row([0.0])), value.null))
        made = self.graph.op({"abs": "Abs", "floor": "Floor", "ceil": "Ceil", "ceiling": "Ceil", "sqrt": "Sqrt", "ln": "Log", "exp": "Exp"}[name], value.x)
        return self._whole(_Value(value.kind if name == "abs" else "double", made, value.null, error))

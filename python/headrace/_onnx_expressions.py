"""The expressions of `derive` (docs/expressions.md) as nodes of an ONNX graph, where they are about numbers and bools.

Everything is a double [N, 1], bools are 0 and 1; beside each value goes a mask of the rows in which it is null, and one of those in which it raises: NaN is a number in expressions. Whole numbers are
doubles too, so beyond 2^53 they are rounded.
"""

import re

import numpy

from headrace._trace import refuse

_TOKEN = re.compile(r"""\s+|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*(?!@))|(?P<quoted>"(?:[^"]|"")*")|(?P<symbol>==|!=|<>|<=|>=|//|::|\|\||[-+*/%=<>(),])""")
_WORD_END = re.compile(r"[\s(),]")
_OR, _AND, _NOT, _IS, _COMPARE, _IN, _CONCAT, _ADD, _MULTIPLY, _MINUS, _CAST = range(1, 12)
_LEVELS = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "//": _MULTIPLY, "%": _MULTIPLY, "||": _CONCAT, "::": _CAST} | dict.fromkeys(("=", "==", "<>", "!=", "<", "<=", ">", ">="), _COMPARE)
_TYPES = {"int": "int", "bigint": "int", "int8": "int", "double": "double", "float8": "double", "bool": "bool", "boolean": "bool"}
_TOO_LARGE = 2.0 ** 63   # for an int


class _NotWritten(Exception):
    """What stands in the way."""


def derived(graph, name, text, columns):
    """The kind of the derived column ("int", "double", "bool"), and its values: NaN where they are missing. `columns`: what it may read, name -> (kind, [N, 1] of doubles), NaN where it is missing;
    None instead for what is no number."""
    try:
        made = _Maker(graph, columns)
        value = made.make(_Parser(text).whole())
        if not made.read:
            raise _NotWritten("it reads no column")
    except _NotWritten as error:
        refuse(f"column `{name}`", f"it is derived by the expression {text}, and {error}", "let the rows bring it: derive it in a step before `train`")
    infinite = graph.op("IsInf", value.x)
    x = graph.where(made.either(value.null, value.error, infinite), graph.row([numpy.nan]), value.x)
    return "double" if value.kind == "null" else value.kind, graph.add(x, graph.zeros(made.read))


class _Parser:
    """An expression that the program has accepted, as tuples: (what it is, its parts ...). src/headrace/expr/parser.cc has the same levels."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _NotWritten(f"`{_WORD_END.split(text[at:])[0]}` is not written as ONNX")
            if found.lastgroup:
                self.tokens.append((found.lastgroup, found[0]))
            at = found.end()
        self.at = 0

    def whole(self):
        made = self.expression(_OR)
        if self.at < len(self.tokens):
            raise _NotWritten(f"`{self.peek()}` is not written as ONNX")
        return made

    def peek(self):
        """Words in small letters; a quoted name is no word."""
        if self.at >= len(self.tokens):
            return ""
        kind, text = self.tokens[self.at]
        return text if kind == "quoted" else text.lower()

    def take(self, *wanted):
        """Whether the next one is one of them, which is then taken."""
        if self.peek() not in wanted or not wanted:
            return False
        self.at += 1
        return True

    def need(self, wanted):
        if not self.take(wanted):
            raise _NotWritten(f"`{self.peek()}` is not written as ONNX")

    def expression(self, level):
        left = self.prefix()
        while (longer := self.operator(left, level)) is not None:
            left = longer
        return left

    def operator(self, left, level):
        symbol = self.peek()
        if symbol in _LEVELS:
            if _LEVELS[symbol] < level:
                return None
            self.at += 1
            return ("cast", left, self.type()) if symbol == "::" else ("binary", {"==": "=", "!=": "<>"}.get(symbol, symbol), left, self.expression(_LEVELS[symbol] + 1))
        if symbol in ("and", "or"):
            if (_AND if symbol == "and" else _OR) < level:
                return None
            self.at += 1
            return (symbol, left, self.expression(_NOT if symbol == "and" else _AND))
        if symbol == "is" and level <= _IS:
            self.at += 1
            negated = self.take("not")
            self.need("null")
            return ("not", ("is null", left)) if negated else ("is null", left)
        if symbol in ("not", "between", "in", "like", "ilike") and level <= _IN:
            negated = self.take("not")
            return ("not", self.membership(left)) if negated else self.membership(left)
        return None

    def membership(self, left):
        if self.take("between"):
            low = self.expression(_CONCAT)
            self.need("and")
            return ("between", left, low, self.expression(_CONCAT))
        self.need("in")
        self.need("(")
        return ("in", left, *self.list())

    def list(self):
        items = [self.expression(_OR)]
        while self.take(","):
            items.append(self.expression(_OR))
        self.need(")")
        return items

    def type(self):
        name = self.peek()
        if name not in _TYPES:
            raise _NotWritten(f"a cast to {name} is not written as ONNX")
        self.at += 1
        return _TYPES[name]

    def prefix(self):
        if self.at >= len(self.tokens):
            raise _NotWritten("its end is not written as ONNX")
        kind, text = self.tokens[self.at]
        self.at += 1
        lower = text.lower()
        if kind == "number":
            return ("literal", "int" if text.isdigit() else "double", float(text))
        if kind == "quoted":
            return ("name", text[1:-1].replace('""', '"'))
        if text == "(":
            inner = self.expression(_OR)
            self.need(")")
            return inner
        if text in ("-", "+"):
            operand = self.expression(_MINUS)
            return operand if text == "+" else ("negate", operand)
        if lower == "not":
            return ("not", self.expression(_IS))
        if lower in ("true", "false"):
            return ("literal", "bool", float(lower == "true"))
        if lower == "null":
            return ("null",)
        if lower == "case":
            return self.case()
        if kind == "word" and self.take("("):
            if lower == "cast":
                operand = self.expression(_OR)
                self.need("as")
                made = ("cast", operand, self.type())
                self.need(")")
                return made
            return ("call", lower, *self.list())
        if kind == "word":
            return ("name", text)
        raise _NotWritten(f"`{text}` is not written as ONNX")

    def case(self):
        operand = None if self.peek() == "when" else self.expression(_OR)
        branches, otherwise = [], ("null",)
        while self.take("when"):
            when = self.expression(_OR)
            self.need("then")
            branches.append((when if operand is None else ("binary", "=", operand, when), self.expression(_OR)))
        if self.take("else"):
            otherwise = self.expression(_OR)
        self.need("end")
        return ("case", branches, otherwise)


class _Value:
    """`x`: doubles; `null` and `error`: masks, None for nowhere. What `x` holds where one of them is set does not matter."""

    def __init__(self, kind, x, null=None, error=None):
        self.kind, self.x, self.null, self.error = kind, x, null, error


class _Maker:
    def __init__(self, graph, columns):
        self.graph, self.columns, self.read = graph, columns, None

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
        return getattr(self, "_" + node[0].replace(" ", "_"))(*node[1:])

    def _literal(self, kind, number):
        return _Value(kind, self.graph.row([number]))

    def _null(self):
        return _Value("null", self.graph.row([0.0]), self.graph.constant([[True]], bool))

    def _name(self, name):
        if name not in self.columns:
            raise _NotWritten(f"`{name}` is not written as ONNX")
        if self.columns[name] is None:
            raise _NotWritten(f"`{name}` is no number")
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
            raise _NotWritten(f"`{symbol}` is not written as ONNX")
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
        raise _NotWritten(f"`{name}` is not written as ONNX")

    def _function(self, name, value):
        row, error = self.graph.row, value.error
        if name in ("sqrt", "ln"):   # raises at numbers that have none
            error = self.either(error, self.unless(self.graph.op("Less" if name == "sqrt" else "LessOrEqual", value.x, row([0.0])), value.null))
        made = self.graph.op({"abs": "Abs", "floor": "Floor", "ceil": "Ceil", "ceiling": "Ceil", "sqrt": "Sqrt", "ln": "Log", "exp": "Exp"}[name], value.x)
        return self._whole(_Value(value.kind if name == "abs" else "double", made, value.null, error))

"""Expressions (docs/expressions.md) read in Python, as far as they are about numbers and bools."""

import re

_TOKEN = re.compile(r"""\s+|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*(?!@))|(?P<quoted>"(?:[^"]|"")*")|(?P<symbol>==|!=|<>|<=|>=|//|::|\|\||[-+*/%=<>(),])""")
_WORD_END = re.compile(r"[\s(),]")
_OR, _AND, _NOT, _IS, _COMPARE, _IN, _CONCAT, _ADD, _MULTIPLY, _MINUS, _CAST = range(1, 12)
_LEVELS = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "//": _MULTIPLY, "%": _MULTIPLY, "||": _CONCAT, "::": _CAST} | dict.fromkeys(("=", "==", "<>", "!=", "<", "<=", ">", ">="), _COMPARE)
_TYPES = {"int": "int", "bigint": "int", "int8": "int", "double": "double", "float8": "double", "bool": "bool", "boolean": "bool"}


class NotWritten(Exception):
    """What stands in the way."""


def parse(text):
    """An expression that the program has accepted, as nested tuples: what it is, and its parts."""
    return _Parser(text).whole()


class _Parser:
    """The levels are those of src/headrace/expr/parser.cc."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise NotWritten(f"`{_WORD_END.split(text[at:])[0]}` is not written as ONNX")
            if found.lastgroup:
                self.tokens.append((found.lastgroup, found[0]))
            at = found.end()
        self.at = 0

    def whole(self):
        made = self.expression(_OR)
        if self.at < len(self.tokens):
            raise NotWritten(f"`{self.peek()}` is not written as ONNX")
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
            raise NotWritten(f"`{self.peek()}` is not written as ONNX")

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
            raise NotWritten(f"a cast to {name} is not written as ONNX")
        self.at += 1
        return _TYPES[name]

    def prefix(self):
        if self.at >= len(self.tokens):
            raise NotWritten("its end is not written as ONNX")
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
        raise NotWritten(f"`{text}` is not written as ONNX")

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

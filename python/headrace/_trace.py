"""What a scikit-learn pipeline does to its columns, as the groups and steps of transform.json (src/headrace/feature)."""

import math

from headrace import InvalidModelError


def refuse(step, why, help=""):
    raise InvalidModelError(f"cannot convert {step}: {why}", help, 2)


class Raw:
    """A column of the table, unread; `fill`: what a null text reads as."""

    def __init__(self, column, fill=None):
        self.column, self.fill = column, fill


class Number:
    """Output `at` of a block. `stamp` tells whether it still is what it was when this was made."""

    def __init__(self, block, at):
        self.block, self.at, self.stamp = block, at, block.stamps[at]


class Constant:
    """The same number in every row."""

    def __init__(self, value):
        self.value = float(value)


class Block:
    """One group of transform.json: columns, each with steps of its own, and steps on all of them together."""

    def __init__(self, columns):
        self.columns, self.steps = columns, []
        self.stamps = []

    def resize(self, width):
        self.stamps = [object() for _ in range(width)]

    def alone(self):
        """Whether it is one column whose steps may go on."""
        return len(self.columns) == 1 and not self.steps and not self.columns[0]["indicator"]

    def add(self, step):
        (self.columns[0]["steps"] if self.alone() else self.steps).append(step)


class Trace:
    """Slots are the columns of the matrix that scikit-learn would have at some step: Raw, Number or Constant."""

    def __init__(self, types):
        self.types, self.blocks, self.derived, self.opened = types, [], [], set()

    # Blocks

    def open(self, step, raw):
        """The block of a raw column; a second one reads it under another name."""
        name, kind = raw.column, self.types[raw.column]
        if kind in ("date", "timestamp"):
            refuse(step, f"column `{name}` is a {kind}", "make numbers of it before the pipeline")
        if name in self.opened:
            alias, number = name, 2
            while alias in self.opened or alias in self.types:
                alias, number = f"{name} ({number})", number + 1
            self.derived.append({"expression": '"' + name.replace('"', '""') + '"', "name": alias})
            name = alias
        self.opened.add(name)
        block = Block([{"column": name, "type": kind, "indicator": False, "fill": raw.fill, "steps": []}])
        block.resize(0 if kind == "text" else 1)
        self.blocks.append(block)
        return block

    def number(self, step, slot):
        """The slot as a number that is still what it was."""
        if isinstance(slot, Raw):
            if self.types[slot.column] == "text":
                refuse(step, f"column `{slot.column}` is text, and nothing before it makes numbers of it")
            return Number(self.open(step, slot), 0)
        if isinstance(slot, Number) and slot.block.stamps[slot.at:slot.at + 1] != [slot.stamp]:
            refuse(step, "a column that was made once goes two ways from there, which a model file cannot say", "let each way begin at the raw column")
        return slot

    def _by_block(self, step, slots):
        """Block -> {its output: place in `slots`}."""
        found = {}
        for place, slot in enumerate(slots):
            if isinstance(slot, Number) and found.setdefault(slot.block, {}).setdefault(slot.at, place) != place:
                refuse(step, "it gets the same column twice")
        return found

    # Steps that keep every column where it is

    def each(self, step, slots, kind, lists, neutral, more=None, of_constant=None):
        """A step on every number alone. `lists`: parameter -> one value a slot; `neutral`: the values that change nothing, or None where there are none."""
        slots = [self.number(step, slot) for slot in slots]
        for block, places in self._by_block(step, slots).items():
            width = len(block.stamps)
            if len(places) < width and neutral is None:
                refuse(step, f"it takes a part of what {self.describe(block)} was turned into, which a model file cannot say")
            made = {"step": kind} | (more or {})
            for name, values in lists.items():
                made[name] = [values[places[at]] if at in places else neutral[name] for at in range(width)]
            block.add(made)
            for at in places:
                block.stamps[at] = object()
        out = []
        for place, slot in enumerate(slots):
            if isinstance(slot, Constant):
                if of_constant is None:
                    refuse(step, "it gets a constant column")
                out.append(Constant(of_constant(slot.value, place)))
            else:
                out.append(Number(slot.block, slot.at))
        return out

    # Steps that make other columns

    def encode(self, step, slot):
        """The block whose one column an encoder may take next."""
        if isinstance(slot, Raw):
            return self.open(step, slot)
        slot = self.number(step, slot)
        if isinstance(slot, Constant) or not slot.block.alone() or len(slot.block.stamps) != 1:
            refuse(step, "it encodes something that is not one column any more", "encode the raw column")
        return slot.block

    def group(self, step, slots):
        """One block that holds all of `slots`, which are numbers, and the place of each among its outputs."""
        slots = [self.number(step, slot) for slot in slots]
        if any(isinstance(slot, Constant) for slot in slots):
            refuse(step, "it gets a constant column", "leave include_bias out before it")
        found = self._by_block(step, slots)
        if len(found) == 1:
            block = next(iter(found))
            return block, [slot.at for slot in slots]
        if any(block.steps for block in found):
            refuse(step, "it joins columns that were joined before in other ways")
        begin, merged = {}, Block([])
        for block in found:
            begin[block] = len(merged.stamps)
            merged.columns += block.columns
            merged.stamps += block.stamps
        self.blocks = [block for block in self.blocks if block not in found] + [merged]
        places = [begin[slot.block] + slot.at for slot in slots]
        for block in found:
            block.stamps = []
        return merged, places

    def describe(self, block):
        return " and ".join(f"`{column['column']}`" for column in block.columns)

    # The end

    def finish(self, slots, order, refuse_missing):
        """transform.json, and for each slot its place in the vector (None for a constant). `order`: the table's columns."""
        slots = [self.number("the last step", slot) for slot in slots]
        kept = [block for block in self.blocks if any(isinstance(slot, Number) and slot.block is block for slot in slots)]
        begin, at = {}, 0
        for block in kept:
            begin[block], at = at, at + len(block.stamps)
        read = {column["column"] for block in kept for column in block.columns}
        derived = [one for one in self.derived if one["name"] in read]
        read |= {one["expression"][1:-1].replace('""', '"') for one in derived}
        groups = [{"columns": block.columns, "steps": block.steps} for block in kept]
        missing = {column["column"] for block in kept for column in block.columns if column["fill"] is not None or column["indicator"] or _takes_missing(column)}
        inputs = [{"name": name, "type": self.types[name], "nullable": name in missing} for name in order if name in read]
        transform = {"derived": derived, "format": 2, "groups": groups, "inputs": inputs, "refuse_missing": bool(refuse_missing)}
        return transform, [None if isinstance(slot, Constant) else begin[slot.block] + slot.at for slot in slots], at


def _takes_missing(column):
    return any(step["step"] == "fill" or step.get("missing") for step in column["steps"])


# Levels of an encoder

def is_missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType")


class Levels:
    """The categories of one column in a model file's order: texts by their bytes, numbers by size, a missing one last."""

    def __init__(self, step, categories, block):
        column = block.columns[0]
        self.kind = column["type"]
        values = [value.item() if hasattr(value, "item") else value for value in categories]
        present = [place for place, value in enumerate(values) if not is_missing(value)]
        self.missing = [place for place, value in enumerate(values) if is_missing(value)]
        if len(self.missing) > 1:
            refuse(step, f"column `{column['column']}` has None and NaN as two categories", "use one of them for what is missing")
        text = self.kind == "text"
        if any(isinstance(values[place], str) != text for place in present):
            refuse(step, f"the categories of `{column['column']}` are not {'texts' if text else 'numbers'}, and the column of the sample is {self.kind}")
        self.places = sorted(present, key=lambda place: values[place].encode() if text else float(values[place])) + self.missing
        self.code_of = {place: code for code, place in enumerate(self.places)}
        self.json = {"levels": [values[place] if text else float(values[place]) + 0.0 for place in self.places if place not in self.missing],
                     "missing": bool(self.missing), "null": column["fill"] if text else None, "of": self.kind}

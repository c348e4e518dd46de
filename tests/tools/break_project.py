"""Breaks a good project in one place, the way people do, and knows what a good tool must then say.

`Breaker(project, rng).case()` gives a Case: which file is changed to what, the lines of which one must be named, and for a one-letter slip the word that the hint
must hold. A change that leaves the meaning as it was is marked `harmless`: it says nothing about messages.
"""

import dataclasses
import pathlib
import re
import string

import yaml

KINDS = {"extract", "sql", "train", "score", "deliver", "use", "command"}
REQUIRED = {"data", "target", "query", "model", "name", "steps", "type", "driver", "uri", "tenant", "column", "values", "pattern", "metric", "outputs",
            "columns", "fresh_for", "constant", "not_worse_than"}
ALIASES = {"num_iteration", "num_tree", "num_round"}  # other names that LightGBM has for a parameter


@dataclasses.dataclass
class Case:
    kind: str
    file: str = ""
    data: bytes = b""
    lines: set = dataclasses.field(default_factory=set)     # {(file, line)}; empty: no place in a file is meant
    words: set = dataclasses.field(default_factory=set)     # one of them must stand in a "did you mean"
    harmless: bool = False
    request: dict = dataclasses.field(default_factory=dict) # makes one pipeline concrete instead of validating all


class Breaker:
    """Makes one case after another from one project; equal seeds give equal cases."""

    WEIGHTS = {"slip": 40, "unknown_key": 5, "missing_key": 6, "wrong_type": 8, "cycle": 3, "bad_reference": 4, "indentation": 6, "tab": 3, "unclosed": 6,
               "encoding": 3, "bom_crlf": 3, "nul": 2, "duplicate_key": 3, "duplicate_step": 2, "two_kinds": 2, "missing_colon": 4, "cut": 2, "empty": 1,
               "huge_int": 1, "norway": 2, "bomb": 1, "bad_expression": 4, "command_line": 3, "sql_syntax": 3}

    def __init__(self, project, rng):
        self.project, self.rng = project, rng

    def case(self):
        while True:
            kind = self.rng.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
            if found := getattr(self, "_" + kind)():
                found.kind = found.kind or kind
                return found

    # --- small helpers

    def _text(self, file):
        return self.project.files[file]

    def _line(self, file, offset):
        return self._text(file).count("\n", 0, offset) + 1

    def _case(self, file, text, lines, kind="", **more):
        lines = {at if isinstance(at, tuple) else (file, at) for at in lines}
        case = Case(kind, file, text.encode(), lines, **more)
        case.harmless = case.harmless or (not kind.startswith("duplicate") and self._same(file, text))
        return case

    def _same(self, file, text):
        if not file.endswith(".yaml"):
            return text.split() == self._text(file).split()
        try:
            return meaning(text) == meaning(self._text(file))
        except (yaml.YAMLError, RecursionError, ValueError):
            return False

    def _replace(self, file, start, end, new):
        text = self._text(file)
        return text[:start] + new + text[end:]

    def _yaml_files(self):
        return [f for f in self.project.files if f.endswith(".yaml")]

    def _pick(self, things):
        things = sorted(things) if isinstance(things, set) else list(things)  # a set's own order changes from process to process
        return self.rng.choice(things) if things else None

    def _insert_entry(self, where, entry):
        """The text with `entry` as first entry of a map, and the line it stands on."""
        start = where.node.start_mark.index
        if where.flow:
            return self._replace(where.file, start + 1, start + 1, entry + ", "), where.node.start_mark.line + 1
        column = where.node.start_mark.column
        return self._replace(where.file, start, start, entry + "\n" + " " * column), where.node.start_mark.line + 1

    def _span(self, where, key):
        """Offsets of one entry of a map, with what separates it from the next (or the one before)."""
        entries = where.node.value
        i = next(i for i, (k, _) in enumerate(entries) if k is key)
        start = key.start_mark.index
        if i + 1 < len(entries):
            return start, entries[i + 1][0].start_mark.index
        end = entries[i][1].end_mark.index
        if where.flow and i > 0:
            return entries[i - 1][1].end_mark.index, end
        return start, end

    # --- one-letter slips

    def _slipped(self, word):
        letters = [i for i, c in enumerate(word) if c.isalpha()]
        if "." in word and not word.endswith((".sql", ".yaml")):
            letters = [i for i in letters if i > word.index(".")]      # params.x: the part that the user named
        elif "." in word:
            letters = [i for i in letters if i < word.rindex(".")]
        if len(letters) < 3:
            return None
        i = self.rng.choice(letters)
        how = self.rng.choice(["delete", "insert", "replace", "swap"])
        letter = self.rng.choice(string.ascii_lowercase)
        if how == "delete":
            out = word[:i] + word[i + 1:]
        elif how == "insert":
            out = word[:i] + letter + word[i:]
        elif how == "replace":
            out = word[:i] + letter + word[i + 1:]
        else:
            out = word[:i] + word[i + 1:i + 2] + word[i] + word[i + 2:] if i + 1 in letters else word
        known = {t.word for t in self.project.tokens} | {"table", "day", "test"}
        return None if out == word or out in known or out in ALIASES or not re.match("[A-Za-z_]", out) else out

    def _slip(self):
        kind = self._pick({t.kind for t in self.project.tokens})
        token = self._pick(t for t in self.project.tokens if t.kind == kind)
        new = self._slipped(token.word)
        if new is None:
            return None
        lines, words, request = {(token.file, token.line)}, {token.word}, {}
        if token.kind.endswith("_def"):
            words = {new}
            group = {"step_def": ("step", "table"), "param_def": ("name", "param"), "connection_def": ("connection",)}[token.kind]
            prefix = "params." if token.kind == "param_def" else ""
            uses = [t for t in self.project.tokens if t.kind in group and (t.word == token.word or t.word.endswith("." + token.word) or t.word == prefix + token.word)]
            if token.kind == "param_def":  # one file's own
                uses = [t for t in uses if t.file == token.file or t.kind == "param"]
                words |= {"params." + new}
            if not uses:
                return None
            if token.kind == "connection_def" and self.project.tenant(token.file):
                tenant = pathlib.PurePath(token.file).stem
                used = self._pick(t for t in uses if t.file.startswith("pipelines/"))
                request = {"pipeline": yaml.safe_load(self._text(used.file))["name"], "tenant": tenant}
                words = {new}
            elif token.kind == "param_def" and any(t.file != token.file for t in uses):
                words |= {token.word}  # a group's user is told the group's name, the group's file its own
            lines |= {(t.file, t.line) for t in uses}
        elif token.kind == "metric":  # a hint may name it with its argument, as `lift@10%`
            words.add(re.match(r"[\w@%.]+", self._text(token.file)[token.start:])[0])
        elif token.kind == "bind":  # a `$name` in the query and its value under `bind:` differ: either may be mended
            words |= {new, "$" + new, "$" + token.word}
            others = [t for t in self.project.tokens if t.kind == "bind" and t.word == token.word]
            lines |= {(t.file, t.line) for t in others}
        text = self._replace(token.file, token.start, token.start + len(token.word), new)
        return self._case(token.file, text, lines, "slip " + token.kind, words=words, request=request)

    def _bom_crlf(self):
        case = self._slip()
        if case is None or not case.file.endswith(".yaml"):
            return None
        how = self._pick(["bom", "crlf", "both", "lone_cr"])
        if how == "lone_cr":
            text = self._text(case.file)
            line = self.rng.randrange(1, text.count("\n") + 1)
            rows = text.split("\n")
            rows[line - 1] += "\r x"
            return self._case(case.file, "\n".join(rows), {line}, "lone_cr")
        case.kind = how
        if how != "bom":
            case.data = case.data.replace(b"\n", b"\r\n")
        if how != "crlf":
            case.data = b"\xef\xbb\xbf" + case.data
        return case

    def _command_line(self):
        file = self._pick(f for f in self._yaml_files() if f.startswith("pipelines/") and "params" in yaml.safe_load(self._text(f)))
        if file is None:
            return None
        pipeline = yaml.safe_load(self._text(file))
        param = self._pick(pipeline["params"])
        what = self._pick(["pipeline", "tenant", "param", "value"])
        tenants = [pathlib.PurePath(f).stem for f in self.project.files if self.project.tenant(f)]
        request = {"pipeline": pipeline["name"], "tenant": self._pick(tenants) or "", "params": [[param, "1"]]}
        if what == "value":
            request["params"] = [[param, "young"]]
            return Case("command_line value", request=request)
        word = {"pipeline": pipeline["name"], "tenant": request["tenant"], "param": param}[what]
        new = self._slipped(word) if word else None      # a project may have no tenant
        if new is None:
            return None
        if what == "param":
            request["params"] = [[new, "1"]]
        else:
            request[what] = new
        return Case("slip command_line " + what, request=request, words={word})

    # --- keys and types

    def _unknown_key(self):
        where = self._pick(m for m in self.project.maps if not m.named and m.node.value)
        text, line = self._insert_entry(where, "zzyzx: 1")
        return self._case(where.file, text, {line})

    def _missing_key(self):
        found = [(m, k) for m in self.project.maps if not m.named for k, v in m.node.value if k.value in REQUIRED and m.path[-1:] != ("register",)]
        found = [(m, k) for m, k in found if not (k.value == "name" and not {"columns"} & set(m.path) and m.path)]  # `name` of a check may be left out
        found = [(m, k) for m, k in found if not (k.value == "name" and m.file == "headrace.yaml")]  # else the folder's name
        found = [(m, k) for m, k in found if not (k.value == "column" and m.path[-1] == "split") and not (k.value == "query" and "extract" in m.path)]
        choice = self._pick(found)
        if choice is None:
            return None
        where, key = choice
        start, end = self._span(where, key)
        text = self._replace(where.file, start, end, "")
        first = next((k.start_mark.line + 1 for k, _ in where.node.value if k is not key), where.owner_line)
        gone = text.count("\n") - self._text(where.file).count("\n")
        first = first + gone if first > key.start_mark.line + 1 else first
        return self._case(where.file, text, {where.owner_line, where.node.start_mark.line + 1, first})

    def _wrong_type(self):
        schema = [(m, k, v) for m in self.project.maps if not m.named for k, v in m.node.value if k.value not in ("default", "uri", "description", "constant", "min", "max", "client")]
        where, key, value = self._pick(schema)
        if isinstance(value, yaml.MappingNode):
            kind, new = self._pick([("number_for_map", "17"), ("list_for_map", "[1, 2]")])
            if key.value in ("impute", "clip") and kind == "list_for_map" or key.value in ("retry", "threshold") and kind == "number_for_map":  # takes that too
                return None
        elif isinstance(value, yaml.SequenceNode):
            kind, new = "map_for_list", "{zz: 1}"
        else:
            kind, new = self._pick([("map_for_scalar", "{zz: 1}"), ("list_for_scalar", "[[a], {b: 1}]"), ("nothing", "")])
            if kind == "nothing" and key.value == "not_null":
                return None
        end = value.end_mark.index
        if not where.flow and not isinstance(value, yaml.ScalarNode) and not value.flow_style or value.start_mark.line != value.end_mark.line:
            end = len(self._text(where.file)[:end].rstrip())
        text = self._replace(where.file, key.end_mark.index, end, ": " + new)
        return self._case(where.file, text, {key.start_mark.line + 1}, kind)

    def _duplicate_key(self):
        where = self._pick(m for m in self.project.maps if m.node.value)
        key, value = self._pick(where.node.value)
        if not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">"):
            return None
        entry = self._text(where.file)[key.start_mark.index:value.end_mark.index]
        text, line = self._insert_entry(where, entry)
        second = key.start_mark.line + 1 + (0 if where.flow else 1)
        return self._case(where.file, text, {line, second}, "duplicate_key")

    def _steps(self):
        return [(m, k, v) for m in self.project.maps if m.named and m.path == ("steps",) for k, v in m.node.value]

    def _duplicate_step(self):
        found = self._pick(self._steps())
        if found is None:
            return None
        where, key, _ = found
        text, line = self._insert_entry(where, key.value + ": {extract: {file: a.csv}}")
        return self._case(where.file, text, {line, key.start_mark.line + 2}, "duplicate_step")

    def _map_of(self, value):
        return next(m for m in self.project.maps if m.node is value)

    def _two_kinds(self):
        found = self._pick(self._steps())
        if found is None:
            return None
        _, _, value = found
        own = next((k for k, _ in value.value if k.value in KINDS), None)
        if own is None:
            return None
        kind = self._pick(KINDS - {own.value})
        entry = {"extract": "extract: {file: a.csv}", "sql": "sql: {query: select 1}", "train": "train: {data: a, target: y}", "score": "score: {data: a, model: m@champion}",
                 "deliver": "deliver: {data: a, file: a.csv}", "use": "use: shared/a.yaml", "command": "command: {run: [a]}"}[kind]
        where = self._map_of(value)
        text, line = self._insert_entry(where, entry)
        return self._case(where.file, text, {line, own.start_mark.line + 1 + (not where.flow)})

    def _cycle(self):
        steps = self._steps()
        spans = {}
        for where, key, value in steps:
            spans[(where.file, key.value)] = (key.start_mark.index, value.end_mark.index, key, value)
        edges = []
        for (file, name), (start, end, key, value) in spans.items():
            edges.append(((file, name), (file, name)))
            for token in self.project.tokens:
                if token.file == file and token.kind in ("step", "table") and start <= token.start < end and (file, token.word) in spans:
                    edges.append(((file, token.word), (file, name)))
        edge = self._pick(edges)
        if edge is None:
            return None
        (file, first), (_, second) = edge
        _, _, key, value = spans[(file, first)]
        if any(k.value in ("after", "use") for k, _ in value.value):
            return None
        text, line = self._insert_entry(self._map_of(value), f"after: [{second}]")
        other = spans[(file, second)][2].start_mark.line + 1
        return self._case(file, text, {line, key.start_mark.line + 1, other, other + 1})

    def _bad_reference(self):
        token = self._pick(t for t in self.project.tokens if t.kind in ("step", "connection", "table", "path", "name", "function", "metric"))
        if token is None:
            return None
        new = {"path": "nowhere/qqq" + token.word[token.word.rfind("."):], "name": "params.qqq"}.get(token.kind, "qqqqqqq")
        return self._case(token.file, self._replace(token.file, token.start, token.start + len(token.word), new), {token.line}, "bad_reference " + token.kind)

    # --- the file as text

    def _rows(self, wanted=lambda row: row.strip() and not row.lstrip().startswith("#")):
        file = self._pick(self._yaml_files())
        rows = self._text(file).split("\n")
        return file, rows, self._pick(i for i, row in enumerate(rows) if wanted(row))

    def _indentation(self):
        file, rows, i = self._rows()
        blanks = len(rows[i]) - len(rows[i].lstrip(" "))
        shift = self._pick([s for s in (-2, -1, 1, 2, 3) if blanks + s >= 0])
        rows[i] = " " * (blanks + shift) + rows[i].lstrip(" ")
        after = next((j for j in range(i + 1, len(rows)) if rows[j].strip()), i)
        before = next((j for j in range(i - 1, -1, -1) if rows[j].strip()), i)
        lines = {i + 1, after + 1}
        if rows[before].rstrip().endswith(":"):
            lines.add(before + 1)
        return self._case(file, "\n".join(rows), lines)

    def _tab(self):
        file, rows, i = self._rows(lambda row: row.startswith("  "))
        if i is None:
            return None
        rows[i] = re.sub(r"^ +", lambda m: self._pick(["\t", "\t" + m[0], m[0][:-1] + "\t"]), rows[i])
        return self._case(file, "\n".join(rows), {i + 1})

    def _unclosed(self):
        file = self._pick(self._yaml_files())
        text = self._text(file)
        spots = []
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)):
                spots.append((token.start_mark.index, {token.start_mark.line + 1}))
            elif isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                spots.append((token.start_mark.index, {token.start_mark.line + 1}))
                spots.append((token.end_mark.index - 1, {token.start_mark.line + 1}))
        spot = self._pick(spots)
        return spot and self._case(file, text[:spot[0]] + text[spot[0] + 1:], spot[1])

    def _missing_colon(self):
        where = self._pick(m for m in self.project.maps if m.node.value)
        key, _ = self._pick(where.node.value)
        at = self._text(where.file).index(":", key.end_mark.index)
        return self._case(where.file, self._replace(where.file, at, at + 1, ""), {key.start_mark.line + 1})

    def _encoding(self):
        file = self._pick(self.project.files)
        text = self._text(file)
        if self.rng.random() < 0.3:
            return Case("utf16", file, text.encode(self._pick(["utf-16", "utf-16-le", "utf-16-be"])), {(file, 1)})
        spot = self.rng.randrange(len(text))
        return Case("latin1", file, text[:spot].encode() + b"\xe9" + text[spot:].encode(), {(file, self._line(file, spot))})

    def _nul(self):
        file = self._pick(self.project.files)
        text = self._text(file)
        spot = self.rng.randrange(len(text))
        return Case("nul", file, text[:spot].encode() + b"\0" + text[spot:].encode(), {(file, self._line(file, spot))})

    def _empty(self):
        file = self._pick(self.project.files)
        uses = {(t.file, t.line) for t in self.project.tokens if t.kind == "path" and t.word == file}
        return Case("empty", file, self._pick([b"", b"\n\n", b"# nothing\n"]), {(file, 1)} | uses, harmless=file == "headrace.yaml")

    def _cut(self):
        """Half a file. Named may be its last lines, the first line or what holds the last ones, and whoever asks for what was cut off."""
        file = self._pick(self._yaml_files())
        text = self._text(file)[:self.rng.randrange(len(self._text(file)) // 3, len(self._text(file)))]
        rows = text.split("\n")
        lines, indent = {1, len(rows), max(1, len(rows) - 1)}, len(rows[-1]) - len(rows[-1].lstrip())
        for i in range(len(rows) - 1, -1, -1):
            own = len(rows[i]) - len(rows[i].lstrip())
            if rows[i].strip() and own <= indent:
                lines.add(i + 1)
                indent = own
        lost = [t for t in self.project.tokens if t.file == file and t.start + len(t.word) > len(text)]
        words = {t.word for t in lost if t.kind.endswith("_def") or t.kind == "bind"}
        lines = {(file, line) for line in lines} | {(t.file, t.line) for t in self.project.tokens if {t.word, *t.word.split(".")} & words}
        case = self._case(file, text, lines)
        missed = any({t.word, *t.word.split(".")} & words for t in self.project.tokens if t not in lost)
        try:  # cut between two entries: a smaller file, as good as the old one
            case.harmless = case.harmless or yaml.load(text, Loader=yaml.BaseLoader) is not None and text.rstrip() == text.rstrip("\n ") and (not missed or self.project.tenant(file)) and text.endswith("\n")
        except yaml.YAMLError:
            pass
        return case

    # --- values

    def _huge_int(self):
        found = [(f, n) for f, path, n in self.project.scalars if isinstance(n, yaml.ScalarNode) and n.style is None and re.fullmatch(r"\d+", n.value) and path[-1] != "client"
                 and path[-1] not in ("default", "constant") and "values" not in path]
        choice = self._pick(found)
        if choice is None:
            return None
        file, node = choice
        new = self._pick(["9" * 30, "9223372036854775808", "1e999", "-" + "9" * 25])
        case = self._case(file, self._replace(file, node.start_mark.index, node.end_mark.index, new), {node.start_mark.line + 1})
        case.harmless = path_takes_any(file, node, self.project)
        return case

    def _norway(self):
        """`no`, `on`, `off`, `yes`, `y` are texts. Where true or false is wanted they are refused; as a text they stay what they are."""
        found = [(f, path, n) for f, path, n in self.project.scalars if isinstance(n, yaml.ScalarNode) and n.style is None]
        bools = [x for x in found if x[2].value in ("true", "false") and x[1][-1] != "default"]
        texts = [x for x in found if x[1][-1] == "description" or x[1][-2:] == ("values", "-")]
        harmless = self.rng.random() < 0.5
        choice = self._pick(texts if harmless else bools)
        if choice is None:
            return None
        file, _, node = choice
        case = self._case(file, self._replace(file, node.start_mark.index, node.end_mark.index, self._pick(["no", "on", "off", "yes", "y", "NO", "True"])), {node.start_mark.line + 1})
        case.harmless, case.kind = harmless, "norway_text" if harmless else "norway_bool"
        return case

    def _bomb(self):
        where = self._pick(m for m in self.project.maps if not m.flow and m.node.value)
        n = 100_000
        kind, entry = self._pick([
            ("deep_list", "zz: " + "[" * n), ("deep_list_closed", "zz: " + "[" * n + "]" * n), ("deep_map", "zz: " + "{a: " * n), ("deep_keys", "zz: " + "- " * n),
            ("aliases", "zz: &a [&b [x, x], *b, *b, *b]"), ("cyclic_alias", "zz: &a [*a]"), ("tag", "zz: !!python/object/apply:os.system [id]"),
            ("tag_binary", "zz: !!binary aGk="), ("big_scalar", "zz: " + "x" * (2 << 20)), ("many_values", "zz: [" + "1," * 60_000 + "1]"), ("long_key", "z" * 5000 + ": 1"),
            ("quotes", "zz: " + "'" * 99_999), ("anchor_merge", "<<: *missing")])
        text, line = self._insert_entry(where, entry)
        case = self._case(where.file, text[:0], {line}, "bomb " + kind)
        case.data, case.harmless = text.encode(), False
        if kind == "big_scalar":
            case.lines.add((where.file, 1))   # the file as a whole is too large
        return case

    def _bad_expression(self):
        found = [(f, path, n) for f, path, n in self.project.scalars if isinstance(n, yaml.ScalarNode) and ([p for p in path if p != "-"] or [""])[-1] in ("expect", "when", "gate")
                 or isinstance(n, yaml.ScalarNode) and path[-2:-1] == ("derive",)]
        choice = self._pick(found)
        if choice is None:
            return None
        file, path, node = choice
        bad = [("unknown_function", "frobnicate(a) > 1"), ("arity", "lower('a', 'b', 'c') = 'a'"), ("arity", "abs() > 1"), ("arity", "coalesce() > 1"), ("type", "'a' + 1 > 2"), ("type", "abs('x') > 1"),
               ("syntax", "a >"), ("syntax", "(a > 1"), ("syntax", "a > 1)"), ("syntax", "a = = b"), ("syntax", "'never closed"), ("syntax", "case when a then"), ("type", "not 1")]
        name, expression = self._pick(bad)
        return self._case(file, self._replace(file, node.start_mark.index, node.end_mark.index, f'"{expression}"'), {node.start_mark.line + 1}, "expression " + name)

    def _sql_syntax(self):
        file = self._pick(f for f in self.project.files if f.endswith(".sql"))
        if file is None:
            return None
        text = self._text(file)
        code = re.sub(r"--[^\n]*|'[^']*'", lambda m: " " * len(m[0]), text)
        spots = [m.span() for m in re.finditer(r"\b(select|from|where|join|on|group by|order by|and)\b|[()]", code)]
        start, end = self._pick(spots)
        if code[:start].rstrip().endswith("filter ("):  # DuckDB takes a filter without its `where`
            return None
        broken = text[:start] + text[end:]
        line = self._line(file, start)
        lines = {line, line + 1}
        if text[start] in "()":  # either of the pair
            lines.add(self._line(file, self._partner(code, start)))
        return self._case(file, broken, lines)

    @staticmethod
    def _partner(text, at):
        """Where the bracket stands that belongs to the one at `at`."""
        step = 1 if text[at] == "(" else -1
        depth = 0
        while True:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0:
                return at
            at += step


def meaning(text):
    """What a YAML text says, descriptions for people left out."""
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(held) for key, held in value.items() if key != "description" or not isinstance(held, str)}
        return [plain(item) for item in value] if isinstance(value, list) else value
    return plain(yaml.load(text, Loader=yaml.BaseLoader))


def path_takes_any(file, node, project):
    """Whether a huge number is as good as any there: LightGBM's doubles, a check's bounds."""
    path = next(p for f, p, n in project.scalars if n is node)
    return path[-1] in ("lower", "upper", "min", "max", "l2", "by", "learning_rate", "threshold", "c", "client") or "one_of" in path

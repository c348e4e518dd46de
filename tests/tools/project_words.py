"""The words of a project's files and what each is: key, step, parameter, metric, table, ... Read with PyYAML, which shares no code with the program."""

import dataclasses
import re

import yaml

NAMED = {"params", "steps", "connections", "environments", "tables", "bind", "with", "derive", "lightgbm", "env", "pools"}  # maps whose keys are the user's names
STEP_REFERENCES = {"data", "after", "reads", "outputs"}
CHOICES = {"mode", "format", "driver", "impute", "encode", "scale", "calibrate", "severity", "promote", "on_failure", "maximize", "handle_unknown",
           "features_changed", "extra"}
PATHS = {"use", "query", "contract"}
EXPRESSIONS = {"expect", "when"}
NAME_IN_EXPRESSION = re.compile(r"\b(params|run|tenant|env)(\.\w+)+")
TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]\w*)", re.I)
FUNCTION = re.compile(r"\b([a-z_]\w+)\(")


@dataclasses.dataclass
class Token:
    """A word of a file and what it is: `kind` key, step, step_def, param, param_def, connection, connection_def, choice, metric, function, name, table, bind, path."""
    file: str
    kind: str
    word: str
    start: int          # in characters
    line: int           # from 1


@dataclasses.dataclass
class Map:
    """A YAML map: its owner's line, its entries as (key node, value node), whether it is written in braces, and what it is."""
    file: str
    path: tuple
    node: yaml.Node
    owner_line: int

    @property
    def flow(self):
        return self.node.flow_style

    @property
    def named(self):
        return bool(self.path) and self.path[-1] in NAMED and not (self.path[-1] == "steps" and "transform" in self.path)


class Project:
    def __init__(self, name, files):
        self.name, self.files = name, files                 # {path: text}
        self.tokens, self.maps, self.scalars = [], [], []
        for file, text in sorted(files.items()):
            if file.endswith(".sql"):
                self._sql(file, text, 0, 1)
            else:
                self._walk(file, yaml.compose(text, Loader=yaml.SafeLoader), (), 1)
        steps = {t.word for t in self.tokens if t.kind == "step_def"} | {"as_of"}
        self.tokens = [t for t in self.tokens if t.kind != "table" or t.word in steps]

    def tenant(self, file):
        return file.startswith("tenants/")

    def _add(self, file, kind, word, start):
        self.tokens.append(Token(file, kind, word, start, self.files[file].count("\n", 0, start) + 1))

    def _sql(self, file, text, offset, line):
        text = re.sub(r"--[^\n]*", lambda m: " " * len(m[0]), text)
        for found in TABLE.finditer(text):
            self._add(file, "table", found[1], offset + found.start(1))
        for found in re.finditer(r"\$([a-z_]\w*)", text):
            self._add(file, "bind", found[1], offset + found.start(1))

    def _walk(self, file, node, path, owner_line):
        if isinstance(node, yaml.MappingNode):
            here = Map(file, path, node, owner_line)
            self.maps.append(here)
            for key, value in node.value:
                self._key(here, key)
                self._walk(file, value, path + (key.value,), key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode):
            self.scalars.append((file, path, node))
            for item in node.value:
                self._walk(file, item, path + ("-",), item.start_mark.line + 1)
        else:
            self.scalars.append((file, path, node))
            self._scalar(file, path, node)

    def _key(self, where, key):
        kind, last = "key", where.path[-1] if where.path else ""
        if where.named:
            kind = {"steps": "step_def", "params": "param" if self.tenant(where.file) else "param_def", "connections": "connection_def", "bind": "bind",
                    "with": "param", "lightgbm": "learner"}.get(last)
        if where.path[:1] == ("environments",) and len(where.path) == 1 or last == "params" and "command" in where.path:
            kind = None
        if kind:
            self._add(where.file, kind, key.value, key.start_mark.index + (key.style is not None))

    def _scalar(self, file, path, node):
        raw_start = node.start_mark.index + (1 if node.style in ("'", '"') else 0)
        raw = self.files[file][raw_start:node.end_mark.index - (1 if node.style in ("'", '"') else 0)]
        keys = [p for p in path if p != "-"]
        last = keys[-1] if keys else ""
        before = keys[-2] if len(keys) > 1 else ""
        if "${" in raw:
            for hole in re.finditer(r"\$\{(.*?)\}", raw):
                for found in NAME_IN_EXPRESSION.finditer(hole[1]):
                    self._add(file, "name", found[0], raw_start + hole.start(1) + found.start())
            return
        if last in STEP_REFERENCES or (last == "model" and not re.search("[@/]", raw)):
            if (before not in NAMED or last != "data") and (last, before) != ("outputs", "command"):  # those are its own names
                self._add(file, "step", raw, raw_start)
        elif before == "with" and re.fullmatch("[a-z_]+", raw):
            self._add(file, "step", raw, raw_start)
        elif last == "connection":
            self._add(file, "connection", raw, raw_start)
        elif last in CHOICES or (last == "type" and "bind" not in keys) or (last == "learner") or (last == "deliver" and "environments" in keys):
            if " " not in raw:
                self._add(file, "choice", raw, raw_start)
        elif last == "metric" or last == "evaluate":
            self._add(file, "metric", re.split("@", raw)[0], raw_start)
        elif last == "gate":
            self._add(file, "metric", re.match(r"\w+", raw)[0], raw_start)
        if last in PATHS and re.search(r"\.(sql|yaml)$", raw):
            self._add(file, "path", raw, raw_start)
        elif last == "query":
            self._sql(file, raw, raw_start, 0)
        if last in EXPRESSIONS or before == "derive":
            for found in FUNCTION.finditer(raw):
                self._add(file, "function", found[1], raw_start + found.start(1))
            for found in NAME_IN_EXPRESSION.finditer(raw):
                self._add(file, "name", found[0], raw_start + found.start())


def projects(source):
    """The good projects under the repository `source`, each in a folder of its own, without their tests/, which have a reader of their own."""
    agency = source / "examples/agency"
    files = {str(p.relative_to(agency)): p for p in sorted(agency.rglob("*")) if p.suffix in (".yaml", ".sql") and ".headrace" not in p.parts and "tests" not in p.relative_to(agency).parts}
    found = [Project("agency", {name: p.read_text() for name, p in files.items()})]
    for path in sorted((source / "tests/cases/accepted").glob("*.yaml")):
        found.append(Project(path.stem, {path.name: path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")}))
    for folder in sorted(p for p in (source / "tests/cases/accepted").iterdir() if p.is_dir()):
        files = {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.suffix in (".yaml", ".sql") and "tests" not in p.relative_to(folder).parts}
        found.append(Project(folder.name, files))
    return found

"""The JSON Schema that editors use agrees with the parser: it accepts what the parser accepts and refuses what is wrong in
structure. Skipped without the built program or the package jsonschema.
"""

import json
import pathlib
import subprocess

import pytest

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "bin" / "headrace"
CASES = ROOT / "tests" / "cases"

# Wrong in structure: seen without knowing what names mean.
REFUSED = ["unknown_key", "missing_keys", "wrong_types", "not_yet", "kinds", "train_details", "checks"]


class Loader(yaml.SafeLoader):
    """YAML 1.2's core scalars, as editors read them: no dates, and only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith((":timestamp", ":bool"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for letter in "tf":
    Loader.yaml_implicit_resolvers.setdefault(letter, []).append(
        ("tag:yaml.org,2002:bool", __import__("re").compile("^(true|false)$"))
    )


@pytest.fixture(scope="session")
def validator():
    if not PROGRAM.exists():
        pytest.skip("build/bin/headrace is not built")
    schema = json.loads(subprocess.run([PROGRAM, "schema"], check=True, capture_output=True, text=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def read(path):
    return yaml.load(path.read_text(encoding="utf-8-sig"), Loader)


@pytest.mark.parametrize("path", sorted((CASES / "accepted").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_schema_accepts_what_the_parser_accepts(validator, path):
    assert [error.message for error in validator.iter_errors(read(path))] == []


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_refuses_what_is_wrong_in_structure(validator, name):
    assert not validator.is_valid(read(CASES / "refused" / f"{name}.yaml"))

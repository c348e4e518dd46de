"""docs/accuracy.md names what the program has and tests that there are, and no oracle is forgotten on it."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from oracle import BIN

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
PAGE = (SOURCE / "docs" / "accuracy.md").read_text()
OTHER = {"accuracy_page", "schema"}     # of no number


def items(section):
    """What the first column of a section's table names in backticks."""
    [text] = re.findall(rf"^## {section}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    first = [row.split("|")[1] for row in text.splitlines() if row.startswith("| ")][1:]
    return [name for cell in first for name in re.findall(r"`([^`]+)`", cell)]


def learning():
    schema = json.loads(subprocess.run([BIN / "headrace", "schema"], check=True, capture_output=True, text=True).stdout)
    return schema["definitions"]["step"]["properties"]["train"]["properties"]


def choices(schema):
    """The words that a value may be, at the top and in its alternatives; `${...}` is a pattern."""
    return [*schema.get("enum", []), *(word for one in schema.get("anyOf", []) for word in choices(one))]


def maps(schema):
    """The maps of which exactly one key says what is meant."""
    if "oneOf" in schema:
        return [schema]
    inner = schema.get("anyOf", []) + ([schema["items"]] if "items" in schema else [])
    return [found for one in inner for found in maps(one)]


def kinds(schema):
    """{key that says what is meant: what it takes} of the first such map."""
    first = maps(schema)[0]
    return {required: first["properties"][required] for one in first["oneOf"] for required in one["required"]}


SYNONYMS = {"softmax", "regression_l2", "l2", "mean_squared_error", "mse", "l1", "mae", "mean_absolute_error", "multi:softmax"}


def words_of(source):
    """The objectives that a learner's parameters name, each by its own name."""
    text = (SOURCE / "src/headrace/model" / source).read_text()
    words = re.search(r'\{"objective", Kind::kWord, 0, 0, false,(.*?)\}', text, re.DOTALL)[1]
    return set(" ".join(re.findall(r'"([^"]*)"', words)).split()) - SYNONYMS


def test_every_transform_is_listed():
    transform = learning()["transform"]
    entries, steps = kinds(transform), kinds(maps(transform)[0]["properties"]["steps"])
    listed, missing = set(items("Transforms")), []
    known = set(entries) | {"steps", "indicator", "by"}
    for kind, takes in steps.items():
        named = [] if kind == "date" else choices(takes)     # the parts of a date are one item
        wanted = {f"{kind}: {word}" for word in named} or {kind}
        missing += sorted(wanted - listed)
        known |= wanted | {kind, f"{kind}: constant"}
    assert [*missing, *sorted(set(entries) - listed)] == []
    assert sorted(listed - known) == []


def test_every_learner_and_objective_is_listed():
    learner = learning()["learner"]
    wanted = set(choices(learner)) | set(kinds(learner)) | {f"{library}: {word}" for library in ("lightgbm", "xgboost") for word in words_of(f"{library}_parameters.cc")}
    assert wanted ^ (set(items("Learners")) - {"weight", "class_weight"}) == set()


def test_every_calibration_and_threshold_is_listed():
    train = learning()
    assert set(choices(train["calibrate"])) - {"none"} ^ (set(items("Calibration")) - {"by"}) == set()
    assert set(kinds(train["threshold"])) ^ set(items("Thresholds")) == set()


def test_every_metric_is_listed():
    source = (SOURCE / "src/headrace/model/metric_names.cc").read_text()
    named = set(re.findall(r'^    \{"(\w+)", (?:true|false)', source, re.MULTILINE)) | set(re.findall(r'^    \{"(\w+@)", Family', source, re.MULTILINE))
    assert len(named) > 40
    assert named ^ {re.sub("@.*", "@", name) for name in items("Metrics")} == set()


def test_every_search_is_listed():
    assert set(choices(learning()["tune"]["properties"]["search"])) ^ set(items("Splits, folds, tuning")) == set()


NAMED = re.findall(r"`(e2e/)?(\w+)::(test_\w+)`", PAGE)


def test_every_python_test_that_is_named_is_there():
    assert len(NAMED) > 100
    gone = [f"{folder}{name}::{test}" for folder, name, test in NAMED if not re.search(rf"^def {test}\(", (SOURCE / f"tests/{folder or 'oracle/'}test_{name}.py").read_text(), re.MULTILINE)]
    assert gone == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", PAGE))))
def test_every_test_in_cpp_that_is_named_is_there(name):
    suite, test = name.split(".")
    assert any(re.search(rf"^TEST(_[FP])?\({suite}, {test}\)", path.read_text(), re.MULTILINE) for path in SOURCE.glob("src/headrace/*/*_test.cc"))


def test_every_oracle_is_named():
    files = {path.stem.removeprefix("test_") for path in (SOURCE / "tests/oracle").glob("test_*.py")} - OTHER
    assert files - {name for folder, name, _ in NAMED if not folder} == set()
    assert [path.name for path in (SOURCE / "tests/oracle").glob("*.sh") if f"`oracle/{path.name}`" not in PAGE] == []

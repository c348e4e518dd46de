"""What the pages of docs/ show is true of this program: every YAML block is read by it, every command and flag is one that it has, every link leads somewhere,
every key has its place on the page of its subject, JSON has the keys that docs/json.md names, and docs/start.md can be followed from top to bottom. (docs/transforms.md: test_transform_docs.py.)"""

import csv
import functools
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import textwrap

import pytest

from world import HEADRACE, SOURCE

PAGES = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md")), *sorted((SOURCE / "examples").glob("*/README.md"))]
OUTSIDE = {"P0301", "P0401", "P0406", "P0502", "P0701", "P0702", "P0704", "P0705"}     # parameters, steps, tables, connections and files that lie outside of the block


def name_of(page):
    return str(page.relative_to(SOURCE))


def headrace(*argv, cwd, env=None):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    return subprocess.run([HEADRACE, *argv], cwd=cwd, env=clean | {"NO_COLOR": "1"} | (env or {}), capture_output=True, text=True, timeout=120)


def blocks_of(text, language):
    """What stands in the fenced blocks of a language, "" being those without one."""
    return [block for fence, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if fence == language]


def prose_of(page):
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


# ---- YAML

def files_of(block):
    """The files of a project in which the block stands where its keys say that it belongs."""
    text = textwrap.dedent(block)
    keys = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    files = {"headrace.yaml": "name: docs\npools: {warehouse: 2}\n", "tenants/acme.yaml": "tenant: acme\n"}
    if "outputs" in keys:
        files["shared/example.yaml"] = text
        text, keys = "  base: {use: shared/example.yaml, with: {since: 2026-01-01}}\n", set()
    if keys & {"environments", "connections", "alerts", "retention", "pools"} and "tenant" not in keys:
        return files | {"headrace.yaml": text}
    if "expect" in keys and "checks" not in keys:
        return files | {"tests/example.yaml": text if "pipeline" in keys else "name: example\npipeline: example\n" + text}
    if "tenant" in keys:
        return files | {"tenants/acme.yaml": text}
    if "columns" in keys or text.startswith("- {name"):
        files["contracts/example.yaml"] = text if "columns" in keys else "columns:\n" + textwrap.indent(text, "  ")
        text = "  rows: {extract: {file: rows.csv}, checks: [{contract: contracts/example.yaml}]}\n"
    elif keys & {"steps", "schedule"}:
        text = ("" if "name" in keys else "name: example\n") + text + ("" if "steps" in keys else "steps: {one: {sql: {query: select 1 as x}}}\n")
        return files | {"pipelines/example.yaml": text}
    elif "transform" in keys:
        text = "  model:\n    train:\n      data: rows\n      target: y\n" + textwrap.indent(text, " " * 6)
    elif "checks" in keys:
        text = "  scores:\n    score: {data: rows, model: some.model}\n" + textwrap.indent(text, " " * 4)
    elif keys:
        text = textwrap.indent(text, "  ")
    return files | {"pipelines/example.yaml": "name: example\nsteps:\n" + text}


YAML = [pytest.param(block, id=f"{page.name}-{i}") for page in PAGES if page.name not in ("transforms.md", "pipeline-files.md") for i, block in enumerate(blocks_of(page.read_text(), "yaml"))]


@pytest.mark.parametrize("block", YAML)
def test_a_block_of_yaml_is_read(tmp_path, block):
    for path, text in files_of(block).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    done = headrace("validate", cwd=tmp_path)
    wrong = set(re.findall(r"^(?:error|warning)\[(P\d+)\]", done.stderr + done.stdout, re.MULTILINE)) - OUTSIDE
    assert not wrong, done.stderr + done.stdout
    assert done.returncode in (0, 2), done.stderr


# ---- commands

@functools.cache
def help_of(command):
    done = headrace(*command, "--help", cwd=SOURCE)
    assert done.returncode == 0 and "Usage: headrace" in done.stdout, (command, done.stdout, done.stderr)
    commands = re.search(r"^Subcommands:\n((?:  .*\n)*)", done.stdout, re.MULTILINE)
    return done.stdout, re.findall(r"^  (\S+)", commands[1], re.MULTILINE) if commands else []


def commands_of(page):
    """Command lines of the page: those in blocks, and those in the text."""
    for block in blocks_of(page.read_text(), ""):
        yield from re.findall(r"^(?:\$ )?headrace (.*)$", block, re.MULTILINE)
    yield from re.findall(r"`headrace ([^`]*)`", prose_of(page))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "pipeline-files.md"], ids=name_of)
def test_commands_and_flags_are_those_of_the_program(page):
    for line in commands_of(page):
        words = shlex.split(re.split(r" # |&&| \| ", line + " # ")[0])
        command, known = (), help_of(())[0]
        while words and words[0].startswith("-"):                   # flags before the command
            assert re.search(rf"(?<![\w-]){re.escape(words[0])}(?![\w-])", known), line
            words = words[1 if words[0] in ("--json", "-q", "--help", "--version") else 2:]
        while words and words[0] in help_of(command)[1]:
            command, words = (*command, words[0]), words[1:]
            known += help_of(command)[0]
        needs_one = "[OPTIONS] SUBCOMMAND" in help_of(command)[0]
        assert not needs_one or not words or not re.fullmatch(r"[a-z-]+", words[0]), f"no such command: {line}"
        for flag in (word.strip(",.") for word in words if re.match(r"--?[a-z]", word)):
            assert re.search(rf"(?<![\w-]){re.escape(flag.split('=')[0])}(?![\w-])", known), f"no such flag `{flag}`: {line}"


def test_every_command_is_told_of():
    told = "".join(page.read_text() for page in PAGES)
    missing = [command for command in help_of(())[1] if f"headrace {command}" not in told]
    assert missing in ([], ["version"]), missing


# ---- links and places

def anchors(page):
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached():
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (SOURCE / "docs/README.md").read_text()))
    assert {page.name for page in (SOURCE / "docs").glob("*.md")} - {"README.md"} == linked


def keys_below(section, path):
    """Keys of docs/pipeline-files.md, which is made from the parser's own definitions, right below a path."""
    part = (SOURCE / "docs/pipeline-files.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^\| `{re.escape(path)}(\w+)` \| (?!.*\*later:)", part, re.MULTILINE)


def test_every_key_stands_on_the_page_of_its_subject():
    def text(page):
        return (SOURCE / "docs" / page).read_text()
    steps = keys_below("A step", "train.transform[].steps[].")
    assert len(steps) > 20
    assert [key for key in steps + keys_below("A step", "train.transform[].") if not re.search(rf"\b{key}\b", text("transforms.md"))] == []
    headings = " ".join(re.findall(r"^## (.*)$", text("checks.md"), re.MULTILINE))
    beside = {"at_least", "severity", "warn", "where", "by", "tags", "name"}
    assert [key for key in keys_below("A check", "") if key not in beside and not re.search(rf"\b{key}\b", headings)] == []
    assert [key for key in beside if f"| `{key}` |" not in text("checks.md")] == []
    assert [key for key in keys_below("A check", "rows.baseline.") if f"| `{key}` |" not in text("baselines.md")] == []
    assert [key for key in keys_below("A check", "drift.") if f"`{key}`" not in text("drift.md")] == []
    assert [key for key in keys_below("A step", "train.learner.") if f"`{key}`" not in text("learners.md")] == []
    assert [key for key in keys_below("A step", "train.tune.") if f"{key}" not in text("tuning.md")] == []
    assert [key for key in keys_below("A step", "command.") if f"`{key}" not in text("commands.md")] == []
    assert [key for key in keys_below("Pipelines: `pipelines/*.yaml`", "schedule.") if f"{key}" not in text("schedules.md")] == []
    assert [key for key in keys_below("Tests: `tests/*.yaml`", "expect.NAME.") if f"`{key}`" not in text("testing.md")] == []


# ---- the first ten minutes

def replace_step(path, block):
    """The step of the block in place of the one of its name; other blocks become the file, or its beginning."""
    step = re.match(r"(?:# .*\n)?  (\w+):", block)
    if step:
        text = path.read_text()
        old = re.search(rf"^  {step[1]}:.*\n(?:(?:    .*)?\n)*", text, re.MULTILINE)[0]
        path.write_text(text.replace(old, re.sub(r"^# .*\n", "", block)))
    elif block.startswith("name:"):
        path.write_text(re.sub(r"^name: .*\n", block, path.read_text(), flags=re.MULTILINE))
    else:
        path.write_text(block)


def write_customers(folder):
    """customers.csv and new.csv, which has no column `churned`: who spends and comes seldom leaves."""
    draw = random.Random(3)
    rows = [[i, draw.choice(["AT", "DE", "CH"]), round(draw.gammavariate(2, 30), 2), draw.randrange(9), f"2025-{draw.randrange(1, 13):02d}-{draw.randrange(1, 28):02d}"] for i in range(3000)]
    for name, some, more in (("customers", rows, ["churned"]), ("new", rows[:200], [])):
        with open(folder / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["customer_id", "country", "spend", "visits", "signed_up", *more]] + [
                row + ["yes" if row[2] + 8 * row[3] + draw.gauss(0, 20) < 70 else "no"][:len(more)] for row in some])


def test_the_first_ten_minutes(tmp_path):
    write_customers(tmp_path)
    page = (SOURCE / "docs/start.md").read_text()
    here, sections = tmp_path, re.split(r"^## \d\. ", page.split("## Exit codes")[0], flags=re.MULTILINE)[1:]
    assert len(sections) == 7
    for number, section in enumerate(sections, 1):
        for block in blocks_of(section, "yaml"):
            replace_step(here / ("headrace.yaml" if "environments:" in block else "pipelines/train.yaml" if "train:" in block else "pipelines/score.yaml"), block)
        for line in (line for block in blocks_of(section, "") for line in block.splitlines()):
            line = line.removeprefix("$ ")
            if line.startswith("cd "):
                here = here / line[3:]
            if line.startswith("headrace "):
                done = headrace(*shlex.split(line)[1:], cwd=here)
                assert done.returncode == 0, (line, done.stderr)
                if line == "headrace plan score":
                    assert re.search(r"^scores +score +customers +run +`spec/keep` changed$", done.stdout, re.MULTILINE), done.stdout
        if number == 3:
            assert headrace("run", "score", cwd=here).returncode == 0
            assert "`spec/keep` changed" in headrace("why", "last", "scores", cwd=here).stdout
        if number == 4:
            whole = (tmp_path / "customers.csv").read_text()
            (tmp_path / "customers.csv").write_text(whole.replace("spend", "spent", 1))
            done = headrace("run", "score", cwd=here)
            assert done.returncode == 3 and "the column `spend` is missing\n  = help: is `spent` its new name?" in done.stderr, done.stderr
            (tmp_path / "customers.csv").write_text(whole)
        if number == 5:
            done = headrace("run", "train", cwd=here)
            assert done.returncode == 0 and "gate passed: auc >= 0.7" in done.stderr, done.stderr
        if number == 6:
            assert headrace("run", "score", cwd=here).returncode == 0
            assert (here / ".headrace/preview/score.out.csv").exists()
            for again in (False, True):
                done = headrace("--env", "prod", "run", "score", cwd=here)
                assert done.returncode == 0 and ("nothing to deliver" if again else "delivered 3,000 rows to crm.churn_scores (3,000 inserted") in done.stderr, done.stderr
        if number == 7:
            assert "+01:00" in headrace("--env", "prod", "schedule", "next", "score", "--from", "2026-11-23", cwd=here).stdout


# ---- inside other programs

def test_the_examples_of_embedding_give_one_score(tmp_path):
    """The Python and the C of docs/embedding.md, on the same row."""
    write_customers(tmp_path)
    library = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build" / "bin")).parent / "lib"
    page = (SOURCE / "docs/embedding.md").read_text()
    assert headrace("train", "customers.csv", "--target", "churned", "--key", "customer_id", "-o", "churn.model", cwd=tmp_path).returncode == 0
    (tmp_path / "score.c").write_text(blocks_of(page, "c")[0])
    subprocess.run(["cc", "score.c", f"-I{SOURCE / 'src/headrace/embed'}", f"-L{library}", "-lheadrace", f"-Wl,-rpath,{library}", "-o", "score"], cwd=tmp_path, check=True)
    in_c = subprocess.run(["./score"], cwd=tmp_path, capture_output=True, text=True)
    (tmp_path / "score.py").write_text("import pandas\ncustomers = pandas.read_csv('new.csv')\n" + blocks_of(page, "python")[0] + "assert list(scored)[:2] == ['customer_id', 'score']\nprint(f'{p:.6f}')\n")
    in_python = subprocess.run([sys.executable, "score.py"], cwd=tmp_path, capture_output=True, text=True,
                               env=os.environ | {"PYTHONPATH": str(SOURCE / "python"), "HEADRACE_LIBRARY": str(library / "libheadrace.so")})
    assert (in_c.returncode, in_python.returncode) == (0, 0), in_c.stderr + in_python.stderr
    assert re.fullmatch(r"0\.\d{6}\n", in_c.stdout) and in_c.stdout == in_python.stdout


# ---- JSON

def documented(command):
    """The keys that docs/json.md names for a command, at any depth."""
    row = re.search(rf"^\|.*`{re.escape(command)}`.* \| (.*) \|$", (SOURCE / "docs/json.md").read_text(), re.MULTILINE)
    assert row, f"docs/json.md has no row for {command}"
    inherited = documented("models list") if "a version as above" in row[1] else documented("run") if "a list of runs" in row[1] else set()
    return inherited | set(re.findall(r"`(\w+)`", row[1]))


DOCUMENTS = {                                  # in the project of `headrace init churn`, after it trained and scored; MODEL is the file it made
    "run": "run score", "show": "show", "runs": "runs", "plan": "plan score", "logs": "logs", "why": "why last scores", "report": "report --all", "test": "test", "checks": "checks",
    "schedule list": "schedule list", "schedule next": "schedule next", "backfill --dry-run": "backfill score --from 2026-01-01 --to 2026-01-03 --dry-run", "alerts list": "alerts list",
    "gc": "gc --keep 1", "train": "train data/customers_2026_q2.csv --target plan -o plan.model", "score": "score plan.model data/customers_2026_q1.csv -o plans.csv", "inspect": "inspect MODEL",
    "models list": "models list", "models show": "models show churn", "models card": "models card churn", "drift": "drift data/customers_2026_q2.csv --against MODEL",
    "performance": "performance score scores --outcomes data/churned_2026_q1.csv --key customer_id --label churned",
    "contract diff": "contract diff data/customers_2026_q1.csv data/customers_2026_q2.csv", "init --list": "init --list", "version": "version"}


def test_json_has_the_keys_that_the_page_says(tmp_path):
    assert headrace("init", "churn", ".", cwd=tmp_path).returncode == 0
    (tmp_path / "pipelines/score.yaml").write_text((tmp_path / "pipelines/score.yaml").read_text() + "schedule: {every: 1 day}\n")
    page = (SOURCE / "docs/json.md").read_text()
    steps = [step for pipeline in ("train", "score") for step in json.loads(headrace("--json", "run", pipeline, cwd=tmp_path).stdout)["steps"]]
    for part in [part for step in steps for part in (step, *step.get("checks", []), step.get("model", {}), *step.get("model", {}).get("gates", []), step.get("delivery", {}))]:
        assert [key for key in part if f"`{key}`" not in page] == []
    assert [key for key in json.loads(headrace("--json", "validate", cwd=tmp_path).stdout) if f"`{key}`" not in page] == []
    model = str(next(tmp_path.glob(".headrace/artifacts/*/*.model")))
    for command, line in DOCUMENTS.items():
        done = headrace("--json", *line.replace("MODEL", model).split(), cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
        document = json.loads(done.stdout)
        assert [key for key in (document[0] if isinstance(document, list) else document) if key not in documented(command)] == [], line

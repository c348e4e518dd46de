"""Write the first inputs of every fuzzer anew: HEADRACE=build/bin/headrace python3 fuzz/make_corpus.py

Small models of every learner, their forests and proofs, the example project and the accepted cases, expressions as users write them. Needed when what we write
has changed its form (a model of the corpus no longer opens: `mutated_models` says so); regressions are never made anew.
"""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import zipfile

FUZZ = pathlib.Path(__file__).resolve().parent
SOURCE = FUZZ.parent
CORPUS = FUZZ / "corpus"
HEADRACE = os.environ.get("HEADRACE", str(SOURCE / "build" / "bin" / "headrace"))

MODELS = {
    "binary_forest": """target: bought
      key: [id]
      ignore: [plan, amount]
      split: {by: hash(id), test: 30%}
      transform:
        - {columns: [country], steps: [{impute: {constant: none}}, {encode: onehot, min_frequency: 5, handle_unknown: other}]}
        - {derive: {rate: "spend / nullif(visits, 0)"}}
      learner: {lightgbm: {num_iterations: 4, num_leaves: 5}}
      calibrate: isotonic
      segments: [country]""",
    "multiclass_logistic": """target: plan
      key: [id]
      ignore: [bought, amount]
      split: {by: hash(id), test: 30%}
      transform:
        - {columns: [visits, spend], steps: [{impute: median}, {clip: [1%, 99%]}, {scale: standard}]}
        - {columns: [country], steps: [{encode: target, smooth: 5, folds: 3}]}
      learner: logistic
      calibrate: sigmoid""",
    "regression_forest": """target: amount
      key: [id]
      ignore: [bought, plan]
      split: {by: hash(id), test: 30%}
      learner: {lightgbm: {objective: regression, num_iterations: 6, num_leaves: 4}}""",
    "regression_linear": """target: amount
      key: [id]
      ignore: [bought, plan, since]
      split: {by: hash(id), test: 30%}
      transform:
        - {columns: [spend], steps: [{impute: mean}, {spline: uniform, knots: 4}]}
        - {columns: [visits], steps: [{bins: quantile, count: 4}]}
        - {columns: [country], steps: [{encode: frequency}]}
      learner: linear""",
    "binary_xgboost": """target: bought
      key: [id]
      ignore: [plan, amount, since]
      split: {by: hash(id), test: 30%}
      learner: {xgboost: {num_boost_round: 3, max_depth: 3}}""",
    "uplift_forests": """target: bought
      key: [id]
      ignore: [plan, amount, since]
      treatment: mailed
      split: {by: hash(id), test: 30%}
      learner: {x_learner: {lightgbm: {num_iterations: 2, num_leaves: 3, min_data_in_leaf: 5}}}""",
    "calibrated_by_country": """target: bought
      key: [id]
      ignore: [plan, amount, since, mailed]
      split: {by: hash(id), test: 30%}
      learner: logistic
      calibrate: {method: sigmoid, by: country}""",
    "naive_bayes": """target: bought
      key: [id]
      ignore: [plan, amount, since]
      split: {by: hash(id), test: 30%}
      learner: naive_bayes""",
    "constant": """target: bought
      key: [id]
      ignore: [plan, amount, since, country]
      split: {by: hash(id), test: 30%}
      learner: constant""",
    "clusters": """key: [id]
      ignore: [plan, amount, since, bought]
      split: {by: hash(id), test: 30%}
      learner: {kmeans: {n_clusters: 3}}""",
}

TYPES = {"id": "int", "visits": "int", "spend": "double", "country": "text", "since": "date", "amount": "double", "plan": "text", "bought": "int"}

# Beside those of docs/expressions.md; one a line.
EXPRESSIONS = """spend / nullif(i, 0)
i + 1 > 7 and not b
d * 2.5e3 - i // 3 % 2
t like 'a%' or t is null
case when i > 0 then 'up' when i < 0 then 'down' else null end
day + 7 between date '2026-01-01' and params.as_of
at - 3d < run.interval.end and gap * 2 < 1h
cast(t as double) = d or try_cast(t as int) = i
least(i, 3, null) + greatest(i, 1)
((((((((((1))))))))))
i::text || d::text || day::text || at::text
-(-9223372036854775807) - 2
"""


def rows(count=120, mailed=False):
    draw, post = random.Random(11), random.Random(12)
    lines = ["id,visits,spend,country,since,amount,plan,bought" + (",mailed" if mailed else "")]
    for i in range(count):
        visits, country = draw.randrange(9), draw.choice(["DE", "FR", "IT", ""])
        spend = "" if draw.random() < 0.1 else round(draw.expovariate(0.02), 1)
        amount = round(3 * visits + (10 if country == "IT" else 0) + draw.gauss(0, 2), 1)
        lines.append(f"{i},{visits},{spend},{country},2025-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02},{amount},{draw.choice(['basic', 'plus', 'pro'])},{int(draw.random() < 0.2 + visits / 14)}" + (post.choice([",yes", ",no"]) if mailed else ""))
    return "\n".join(lines) + "\n"


def models(folder):
    (folder / "rows.csv").write_text(rows())
    (folder / "mailed.csv").write_text(rows(1500, mailed=True))
    found = {}
    for name, train in MODELS.items():
        project, file, types = folder / name, "rows.csv", TYPES
        project.mkdir()
        if "mailed" in train:
            file, types = "mailed.csv", {**TYPES, "mailed": "text"}
        (project / "rows.yaml").write_text("columns:\n" + "".join(f"  - {{name: {column}, type: {kind}}}\n" for column, kind in types.items()))
        (project / "p.yaml").write_text(f"""name: {name}
steps:
  rows:
    extract: {{file: ../{file}}}
    checks: [{{contract: rows.yaml}}]
  model:
    train:
      data: rows
      {train}
""")
        subprocess.run([HEADRACE, "run", "p.yaml", "--interval", "2026-01-05/2026-01-12"], cwd=project, check=True, stdout=subprocess.DEVNULL)
        (found[name],) = project.glob(".headrace/artifacts/*/*.model")
    return found


def pieces(path):
    """The form of fuzz/model_pieces.h, curves and rank lists cut short: they are most of the bytes and say the same thing again and again."""
    out = b""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "metrics.json":
                metrics = json.loads(content)
                for curve in ("roc", "precision_recall", "reliability", "histogram"):
                    metrics["curves"][curve] = metrics["curves"][curve][:3]
                content = (json.dumps(metrics, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
            out += f"@@ {name}\n".encode() + content + b"\n"
    return out


def project(folder):
    """One text of the files that the fuzzer knows."""
    parts = []
    for name in ("headrace.yaml", "pipelines/a.yaml", "pipelines/b.yaml", "shared/s.yaml", "tenants/t.yaml", "contracts/c.yaml", "sql/q.sql", "tests/t.yaml"):
        files = sorted((folder / pathlib.Path(name).parent).glob("*" + pathlib.Path(name).suffix)) if "/" in name else [folder / name]
        which = 1 if name == "pipelines/b.yaml" else 0
        if len(files) > which and files[which].exists():
            parts.append(f"=== {name}\n{files[which].read_text()}")
    return "\n".join(parts)


def write(target, name, content):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, path in models(pathlib.Path(folder)).items():
            write("model_file", name + ".pieces", pieces(path))
            with zipfile.ZipFile(path) as archive:
                if "model.txt" in archive.namelist():
                    write("forest", name + ".txt", archive.read("model.txt"))
                if "model.json" in archive.namelist():
                    write("xgboost", name + ".json", archive.read("model.json"))
                if name in ("binary_forest", "regression_linear"):
                    write("arrow", name + ".arrow", archive.read("proof.arrow"))
    draw = random.Random(5)
    for i in range(8):
        write("arrow", f"c_stream_{i}", b"C" + bytes(draw.choice([draw.randrange(240), draw.randrange(40), 255]) for _ in range(300)))
    write("expression", "ours", EXPRESSIONS)
    for i, block in enumerate(re.findall(r"```expr\n(.*?)```", (SOURCE / "docs" / "expressions.md").read_text(), re.S)):
        write("expression", f"docs_{i}", "".join(line.split("=>")[0].rstrip() + "\n" for line in block.splitlines()))
    cases = SOURCE / "tests" / "cases" / "accepted"
    write("project", "agency", project(SOURCE / "examples" / "agency"))
    write("project", "every_key", (cases / "every_key.yaml").read_text())
    write("project", "smallest", (cases / "smallest.yaml").read_text())
    for case in ("schedules", "alerts", "own_tests", "literal_dollar"):
        write("project", case, project(cases / case))
    for target in sorted(CORPUS.iterdir()):
        sizes = [f.stat().st_size for f in target.iterdir()]
        print(f"{target.name}: {len(sizes)} files, {sum(sizes):,} bytes")


if __name__ == "__main__":
    main()

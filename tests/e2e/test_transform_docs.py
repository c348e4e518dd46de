"""The examples of docs/transforms.md, each trained and scored on made-up rows with every column that they name."""

import csv
import datetime
import random
import re
import textwrap

import pytest

from world import SOURCE, World

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (SOURCE / "docs" / "transforms.md").read_text(), re.DOTALL)


def rows(count):
    draw = random.Random(7)
    for i in range(count):
        row = {name: round(draw.gammavariate(2, 10), 2) for name in ("recency_days", "spend_30d", "income", "tenure", "width", "height", "depth", "share_a", "share_b", "share_c")}
        row |= {f"{group}_{k}": round(draw.gauss(0, 1), 3) for group, count in (("f", 25), ("embedding", 10)) for k in range(count)}
        row |= {"visits_30d": draw.randrange(1, 9), "age": draw.randrange(15, 90), "hour": draw.randrange(24)}
        for name, levels in (("country", ["DE", "FR", "IT"]), ("device", ["phone", "desk"]), ("category", [f"c{k}" for k in range(12)]), ("region", ["n", "s"]), ("size", ["L", "M", "S"]),
                             ("zip", [f"z{k:02d}" for k in range(30)])):
            row[name] = draw.choice(levels)
        row["note"] = " ".join(draw.choice(["good", "late", "blue", "broken", "order", "parcel"]) for _ in range(6))
        row["joined"] = datetime.date(2025, 1, 1) + datetime.timedelta(days=draw.randrange(700))
        if i % 9 == 0:
            row["income"] = row["age"] = ""
        yield row | {"id": i, "y": int(row["spend_30d"] + draw.gauss(0, 8) > 20)}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.sub(r"\W+", " ", text)[:40].strip())
def test_example(tmp_path, example):
    world = World(tmp_path)
    made = list(rows(400))
    (tmp_path / "data").mkdir(exist_ok=True)
    with open(tmp_path / "data" / "made.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, made[0])
        writer.writeheader()
        writer.writerows(made)
    entries = example if not example.startswith("transform:") else example.split("\n", 1)[1]
    world.write("pipelines/example.yaml", f"""name: example
steps:
  rows: {{extract: {{file: data/made.csv}}}}
  model:
    train:
      data: rows
      target: y
      key: [id]
      transform:
{textwrap.indent(textwrap.dedent(entries), " " * 8)}
      learner: {{lightgbm: {{num_iterations: 5}}}}
  scores: {{score: {{data: rows, model: model, keep: [id]}}}}
""")
    done = world.run(pipeline="example")
    assert done.code == 0, done.all

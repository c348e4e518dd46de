#!/usr/bin/env bash
# `pip install .` in a clean virtual environment: then `headrace` runs from its bin folder and `import headrace` scores, the same bits, and fits, beside pandas,
# pyarrow, duckdb and scikit-learn of today. Ends with one JSON line.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

python3 -m venv "$top/venv"
begun=$(date +%s)
"$top/venv/bin/pip" install -q --disable-pip-version-check "$source_dir"
built=$(($(date +%s) - begun))
"$top/venv/bin/pip" install -q --disable-pip-version-check pandas pyarrow duckdb scikit-learn

cd "$top"
awk 'BEGIN {print "a,b,y"; for (i = 0; i < 400; i++) print (i * 37) % 101 "," (i * 53) % 17 "," ((i * 37) % 101 > 50)}' > data.csv
env -i venv/bin/headrace train data.csv --target y --learner lightgbm -o y.model
env -i venv/bin/headrace score y.model data.csv -o scores.parquet
env -i venv/bin/python - <<'P'
import duckdb, headrace, pandas, pyarrow.parquet
rows = pandas.read_csv("data.csv")
expected = pyarrow.parquet.read_table("scores.parquet")["score"].to_pylist()
model = headrace.load("y.model")
assert model.predict(rows)["score"].tolist() == expected
assert duckdb.from_arrow(pyarrow.table(model.predict(duckdb.sql("select * from 'data.csv'")))).fetchall()[5][2] == expected[5]
from headrace.sklearn import HeadraceClassifier
from sklearn.linear_model import LogisticRegression
fitted = HeadraceClassifier(learner="lightgbm").fit(rows[["a", "b"]], rows["y"])   # LightGBM's library comes with the package
assert fitted.score(rows[["a", "b"]], rows["y"]) > 0.9
assert headrace.from_sklearn(LogisticRegression().fit(rows[["a", "b"]], rows["y"]), rows).info["learner"] == "logistic"
P
echo "{\"wheel\": \"$("$top/venv/bin/headrace" version | head -1 | cut -d' ' -f2)\", \"build_s\": $built}"

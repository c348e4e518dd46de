"""`headrace profile --json` against pandas, numpy and DuckDB."""

import json
import os
import pathlib
import subprocess

import duckdb
import numpy as np
import pandas as pd
import pytest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")
PROBABILITIES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def profile(path):
    done = subprocess.run([HEADRACE, "profile", str(path), "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return answer["rows"], {column["name"]: column for column in answer["columns"]}


def write(table, path):
    duckdb.from_df(table).write_parquet(str(path))
    return path


def rows_of(n, seed):
    rng = np.random.default_rng(seed)
    amount = np.exp(rng.normal(3, 1.5, n))
    amount[rng.random(n) < 0.03] = np.nan
    return pd.DataFrame({
        "id": np.arange(n),
        "amount": pd.Series(amount).astype("Float64"),          # its NaN becomes null
        "count": rng.poisson(4, n),
        "offset": rng.normal(0, 1, n) + 1e6,
        "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D"),
        "country": rng.choice(["de", "fr", "at", "zürich", ""], n, p=[0.5, 0.2, 0.2, 0.09, 0.01]),
        "note": [f"note {i * 7919 % 10_007}" for i in range(n)],
        "flag": rng.random(n) < 0.3,
    })


def test_small_tables_are_exact(tmp_path):
    table = rows_of(9_000, 1)
    rows, columns = profile(write(table, tmp_path / "t.parquet"))
    assert rows == len(table)
    for name in ("id", "amount", "count", "offset"):
        ours, theirs = columns[name], table[name].dropna().astype(float)
        assert ours["nulls"] == table[name].isna().sum()
        assert ours["distinct"] == {"count": table[name].nunique(), "method": "exact", "standard_error": 0}
        for key, value in {"min": theirs.min(), "max": theirs.max(), "mean": theirs.mean(), "sd": theirs.std(ddof=1)}.items():
            assert ours[key] == pytest.approx(value, rel=1e-9), (name, key)
        quantiles = {q["p"]: q["value"] for q in ours["quantiles"]["values"]}
        assert list(quantiles) == PROBABILITIES and ours["quantiles"]["method"] == "exact"
        np.testing.assert_allclose(list(quantiles.values()), np.quantile(theirs, PROBABILITIES), rtol=1e-12)
        bins = ours["histogram"]["bins"]
        edges = [b["from"] for b in bins] + [bins[-1]["to"]]
        inside = theirs[(theirs >= edges[0]) & (theirs <= edges[-1])]
        np.testing.assert_array_equal([b["rows"] for b in bins], np.histogram(inside, edges)[0])
        assert ours["histogram"]["below"] + ours["histogram"]["above"] + len(inside) == len(theirs)


def test_levels_lengths_and_dates(tmp_path):
    table = rows_of(9_000, 2)
    _, columns = profile(write(table, tmp_path / "t.parquet"))
    counts = table["country"].value_counts()
    assert {t["value"]: t["rows"] for t in columns["country"]["top"]["values"]} == counts.to_dict()
    assert {t["value"]: t["rows"] for t in columns["flag"]["top"]["values"]} == {"true": table["flag"].sum(), "false": (~table["flag"]).sum()}
    lengths = table["country"].str.len()
    ours = columns["country"]["lengths"]
    assert (ours["min"], ours["max"], ours["empty"]) == (lengths.min(), lengths.max(), (lengths == 0).sum())
    assert ours["mean"] == pytest.approx(lengths.mean(), rel=1e-12)
    assert columns["day"]["min"][:10] == str(table["day"].min().date())
    assert columns["day"]["max"][:10] == str(table["day"].max().date())


def test_large_tables_stay_within_the_stated_errors(tmp_path):
    table = rows_of(400_000, 3)
    _, columns = profile(write(table, tmp_path / "t.parquet"))
    for name in ("amount", "count", "offset"):
        theirs = np.sort(table[name].dropna().astype(float).to_numpy())
        ours = columns[name]["quantiles"]
        assert ours["method"] == "sketch"
        for q in ours["values"]:
            place, slack = q["p"] * (len(theirs) - 1), ours["rank_error"] * len(theirs) + 1
            assert np.searchsorted(theirs, q["value"], "left") - slack <= place <= np.searchsorted(theirs, q["value"], "right") + slack, (name, q)
        assert columns[name]["mean"] == pytest.approx(theirs.mean(), rel=1e-9)
        assert columns[name]["sd"] == pytest.approx(theirs.std(ddof=1), rel=1e-9)
        assert (columns[name]["min"], columns[name]["max"]) == (theirs[0], theirs[-1])
    for name in ("id", "amount", "offset", "note"):
        distinct = columns[name]["distinct"]
        assert distinct["method"] == "hyperloglog"
        assert distinct["count"] == pytest.approx(table[name].nunique(), rel=4 * distinct["standard_error"]), name
    assert columns["country"]["distinct"] == {"count": 5, "method": "exact", "standard_error": 0}


def test_the_same_rows_in_every_format_have_the_same_profile(tmp_path):
    table = rows_of(3_000, 4).drop(columns=["day"])
    table["country"] = table["country"].replace("", "xx")
    answers = []
    for name in ("t.parquet", "t.csv", "t.csv.gz", "t.tsv", "t.jsonl"):
        path = tmp_path / name
        if name.endswith("parquet"):
            write(table, path)
        elif "jsonl" in name:
            with duckdb.connect() as connection:
                connection.register("t", table)
                connection.execute(f"copy t to '{path}' (format json)")
        else:
            table.to_csv(path, index=False, sep="\t" if "tsv" in name else ",", compression="infer")
        answers.append(profile(path))
    for answer in answers[1:]:
        assert answer == answers[0]

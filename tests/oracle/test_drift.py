"""`headrace drift --json` against numpy and scipy: bins, counts and every measure."""

import json
import os
import pathlib
import subprocess

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
HEADRACE = os.environ.get("HEADRACE") or str(SOURCE / "build" / "bin" / "headrace")
TOLERANCE = 1e-9


def drift(new, against, *flags):
    done = subprocess.run([HEADRACE, "drift", str(new), "--against", str(against), "--json", *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {(c["column"], c["measured"]): c for c in json.loads(done.stdout)["columns"]}


def write(table, path):
    duckdb.from_df(table).write_parquet(str(path))
    return path


def psi(a, b):
    kept = (a > 0) | (b > 0)
    p, q = np.where(a == 0, 0.5, a)[kept] / a.sum(), np.where(b == 0, 0.5, b)[kept] / b.sum()
    return np.sum((q - p) * np.log(q / p))


def check_measures(ours):
    """Every measure from the bins it printed."""
    a = np.array([b["reference"] for b in ours["bins"]], float)
    b = np.array([b["new"] for b in ours["bins"]], float)
    p, q = a / a.sum(), b / b.sum()
    assert ours["psi"] == pytest.approx(psi(a, b), rel=TOLERANCE, abs=1e-12)
    assert ours["js"] == pytest.approx(jensenshannon(p, q, base=2) ** 2, rel=TOLERANCE, abs=1e-12)
    assert ours["l_inf"] == pytest.approx(np.max(np.abs(p - q)), rel=TOLERANCE, abs=1e-12)
    if ours["measured"] == "levels":
        assert ours["ks"] is None
    else:
        codes = np.arange(len(a))
        ks = stats.ks_2samp(np.repeat(codes, a.astype(int)), np.repeat(codes, b.astype(int))).statistic
        assert ours["ks"] == pytest.approx(ks, rel=TOLERANCE, abs=1e-12)
    table = np.array([a, b])[:, (a + b) > 0]
    if table.shape[1] > 1:
        answer = stats.chi2_contingency(table, correction=False)
        assert ours["chi2"] == pytest.approx(answer.statistic, rel=TOLERANCE, abs=1e-9)
        assert ours["degrees"] == answer.dof
        assert ours["chi2_p"] == pytest.approx(answer.pvalue, rel=1e-8, abs=1e-12)
    else:
        assert ours["chi2"] is None
    return a, b


def numbers(n, kind, rng):
    if kind == "normal":
        return rng.normal(0, 1, n)
    if kind == "ties":
        return rng.poisson(1.5, n).astype(float)
    if kind == "constant":
        return np.full(n, 3.5)
    return np.exp(rng.normal(0, 2, n))


@pytest.mark.parametrize("kind", ["normal", "ties", "constant", "skewed"])
@pytest.mark.parametrize("n", [7, 300, 12_000])
def test_numbers_in_deciles_of_the_reference(kind, n, tmp_path):
    rng = np.random.default_rng(n + len(kind))
    before, now = numbers(n, kind, rng), numbers(n // 2 + 5, kind, rng) * 1.3 + 0.2
    before[rng.random(n) < 0.1] = np.nan
    before[0] = 1.0
    old = write(pd.DataFrame({"x": before}), tmp_path / "old.parquet")
    new = write(pd.DataFrame({"x": now}), tmp_path / "new.parquet")
    ours = drift(new, old)["x", "value"]
    present = before[~np.isnan(before)]
    edges = np.unique(np.quantile(present, np.arange(1, 10) / 10))
    np.testing.assert_allclose(ours["edges"], edges, rtol=1e-12)
    a, b = check_measures(ours)
    np.testing.assert_array_equal(a, np.bincount(np.searchsorted(edges, present, "left"), minlength=len(edges) + 1))
    np.testing.assert_array_equal(b, np.bincount(np.searchsorted(edges, now, "left"), minlength=len(edges) + 1))
    assert ours["reference"]["missing"] == np.isnan(before).sum()
    assert ours["reference"]["missing_share"] == pytest.approx(np.isnan(before).mean(), rel=1e-12)


def test_levels_dates_and_lengths(tmp_path):
    rng = np.random.default_rng(5)
    def table(n, levels, first, words):
        return pd.DataFrame({
            "country": rng.choice(levels, n),
            "many": [f"v{k}" for k in np.minimum(rng.geometric(0.02, n), 400)],
            "day": pd.to_datetime(first) + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
            "note": ["x" * int(k) + str(i) for i, k in enumerate(rng.poisson(words, n))],
            "flag": rng.random(n) < 0.4,
        })
    old = write(table(4_000, ["de", "fr", "at"], "2026-01-01", 9), tmp_path / "old.parquet")
    new = write(table(2_500, ["de", "fr", "ch"], "2026-02-01", 14), tmp_path / "new.parquet")
    answer = drift(new, old)
    for ours in answer.values():
        check_measures(ours)
    country = {b["bin"]: (b["reference"], b["new"]) for b in answer["country", "levels"]["bins"]}
    assert country["all others"][0] == 0 and country["all others"][1] > 700        # ch is new
    assert country["at"][1] == 0
    assert len(answer["many", "levels"]["bins"]) == 51
    assert ("note", "length") in answer and ("country", "length") not in answer
    assert answer["note", "length"]["psi"] > 0.2


def test_many_rows_have_exact_counts_in_sketched_deciles(tmp_path):
    rng = np.random.default_rng(6)
    before, now = rng.normal(0, 1, 200_000), rng.normal(0.1, 1, 150_000)
    ours = drift(write(pd.DataFrame({"x": now}), tmp_path / "new.parquet"), write(pd.DataFrame({"x": before}), tmp_path / "old.parquet"))["x", "value"]
    edges = np.array(ours["edges"])
    a, b = check_measures(ours)
    np.testing.assert_array_equal(a, np.bincount(np.searchsorted(edges, before, "left"), minlength=10))
    np.testing.assert_array_equal(b, np.bincount(np.searchsorted(edges, now, "left"), minlength=10))
    np.testing.assert_allclose(a / a.sum(), 0.1, atol=0.004)


def test_against_the_training_rows_of_a_model(tmp_path):
    rng = np.random.default_rng(7)
    def table(n, shift):
        visits = rng.poisson(4 + shift, n)
        return pd.DataFrame({"visits": visits, "spend": np.exp(rng.normal(2 + shift, 1, n)), "country": rng.choice(["de", "fr", "at"], n),
                             "comment": [f"{'long ' * (1 + int(shift * 3))}text {i % 140}" for i in range(n)], "bought": rng.random(n) < 1 / (1 + np.exp(2 - visits / 3))})
    train = write(table(3_000, 0), tmp_path / "train.parquet")
    model = tmp_path / "m.model"
    done = subprocess.run([HEADRACE, "train", str(train), "--target", "bought", "-o", str(model), "--learner", "logistic"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scored = tmp_path / "scored.parquet"
    new = write(table(2_000, 1), tmp_path / "new.parquet")
    subprocess.run([HEADRACE, "score", str(model), str(new), "-o", str(scored)], capture_output=True, text=True, check=True)
    answer = drift(scored, model)
    for ours in answer.values():
        check_measures(ours)
    assert answer["visits", "value"]["psi"] > 0.1 > answer["country", "levels"]["psi"]
    assert answer["score", "value"]["psi"] > 0.1
    assert answer["comment", "length"]["l_inf"] > 0.5
    assert ("score", "value") not in drift(new, model)                             # nobody scored these
    assert set(drift(train, model, "--columns", "visits")) == {("visits", "value")}
    assert drift(train, model)["visits", "value"]["psi"] == pytest.approx(0, abs=1e-12)

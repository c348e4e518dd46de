"""The Python package scores as the program does: the same bits, whatever kind of table comes in, and the same words when it cannot."""

import datetime
import os
import pathlib
import subprocess
import sys

import duckdb
import numpy
import pandas
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from world import HEADRACE

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HEADRACE_BIN_DIR", SOURCE / "build" / "bin"))
os.environ["HEADRACE_LIBRARY"] = str(BIN.parent / "lib" / "libheadrace.so")
sys.path.insert(0, str(SOURCE / "python"))

import headrace  # noqa: E402


def people(n, seed=1):
    random = numpy.random.default_rng(seed)
    spend = random.normal(50, 20, n)
    country = random.choice(["AT", "DE", "ES", None], n)
    visits = random.poisson(3, n)
    since = numpy.datetime64("2020-01-01") + random.integers(0, 1000, n)
    active = random.random(n) < 0.5
    lean = (50 - spend) / 10 + numpy.where(country == "ES", 1.0, 0) - visits / 4
    return pandas.DataFrame({"id": numpy.arange(n), "spend": numpy.where(random.random(n) < 0.05, numpy.nan, spend), "country": country, "visits": visits, "since": since,
                             "active": active, "churned": random.random(n) < 1 / (1 + numpy.exp(-lean)),
                             "plan": numpy.select([lean + random.normal(0, 1, n) < -1, lean < 1], ["gold", "plus"], "free"), "worth": 10 + spend * 2 + random.normal(0, 1, n)})


class Trained:
    """One model a target, made by the program, and what the program's `score` says of the rows."""

    def __init__(self, folder):
        self.folder, self.rows = folder, people(1500)
        self.rows.to_csv(folder / "people.csv", index=False)
        for target in ("churned", "plan", "worth"):
            rest = ",".join({"churned", "plan", "worth"} - {target})
            self.run("train", "people.csv", "--target", target, "--key", "id", "--ignore", rest, "-o", f"{target}.model")
            self.run("score", f"{target}.model", "people.csv", "-o", f"{target}.parquet")

    def run(self, *argv):
        done = subprocess.run([HEADRACE, *argv], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def arrow(self):
        return pyarrow.csv.read_csv(self.folder / "people.csv", convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))

    def model(self, target):
        return headrace.load(self.folder / f"{target}.model")

    def expected(self, target):
        return pyarrow.parquet.read_table(self.folder / f"{target}.parquet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"))


SCORES = {"churned": ["score"], "plan": ["score", "score_free", "score_gold", "score_plus"], "worth": ["score"]}


@pytest.mark.parametrize("target", SCORES)
@pytest.mark.parametrize("kind", ["pyarrow", "pandas", "duckdb", "batches"])
def test_the_scores_are_the_programs_whatever_the_table(trained, target, kind):
    rows = trained.arrow()
    given = {"pyarrow": lambda: rows, "pandas": lambda: rows.to_pandas(), "duckdb": lambda: duckdb.from_arrow(rows),
             "batches": lambda: pyarrow.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=77))}[kind]()
    scored = trained.model(target).predict(given)
    assert type(scored).__module__.partition(".")[0] == ("pandas" if kind == "pandas" else "pyarrow" if kind in ("pyarrow", "batches") else "headrace")
    if kind == "pandas":
        scored = pyarrow.Table.from_pandas(scored)
    expected, scored = trained.expected(target), pyarrow.table(scored)
    for name in SCORES[target]:
        assert numpy.array_equal(scored[name].to_numpy(), expected[name].to_numpy()), name
    if target != "worth":
        assert scored["label"].to_pylist() == expected["label"].to_pylist()
    assert target not in scored.column_names and scored["id"].to_pylist() == rows["id"].to_pylist()


@pytest.mark.parametrize("target", SCORES)
def test_one_row_gets_the_bits_it_gets_in_a_table(trained, target):
    model, rows = trained.model(target), trained.arrow().slice(0, 60)
    expected = model.predict(rows)
    for i, row in enumerate(rows.to_pylist()):
        score = model.predict_row(row)
        if target == "plan":
            assert score == {name: expected[f"score_{name}"][i].as_py() for name in ("free", "gold", "plus")}
        else:
            assert score == expected["score"][i].as_py()
    as_numpy = {name: numpy.int64(v) if isinstance(v, int) and not isinstance(v, bool) else numpy.float64(v) if isinstance(v, float) else v for name, v in rows.to_pylist()[0].items()}
    assert model.predict_row(as_numpy) == model.predict_row(rows.to_pylist()[0])


def test_pandas_keeps_its_index_and_the_columns_asked_for(trained):
    rows = trained.arrow().to_pandas().set_index(pandas.Index([f"p{i}" for i in range(1500)], name="person"))
    scored = trained.model("churned").predict(rows, keep=["country"], threads=2)
    assert list(scored.columns) == ["country", "score", "label", "model_version"] and scored.index.equals(rows.index)
    reasons = trained.model("churned").predict(rows.head(5), keep=[], reasons=2)
    assert list(reasons.columns) == ["score", "label", "reason_1", "reason_2", "model_version"] and reasons["reason_1"].notna().all()


def test_a_stream_is_read_once_and_freed_when_nobody_does(trained):
    import gc
    model = trained.model("churned")
    for _ in range(200):
        stream = model.predict(duckdb.sql("select 1 as id, 2.5 as spend, 'AT' as country, 3 as visits, date '2020-05-01' as since, true as active"))
        del stream
    gc.collect()
    from headrace import _library
    assert not any(stream.struct.release for stream in _library._lent)
    capsule = model.predict(duckdb.sql("select 1 as id, 2.5 as spend, 'AT' as country, 3 as visits, date '2020-05-01' as since, true as active")).__arrow_c_stream__()
    gc.collect()
    assert len(_library._lent) == 1 and _library._lent[0].struct.release, "it lives as long as somebody may read it"
    stream = model.predict(duckdb.sql("select 1 as id, 2.5 as spend, 'AT' as country, 3 as visits, date '2020-05-01' as since, true as active"))
    assert pyarrow.table(stream).num_rows == 1
    with pytest.raises(ValueError, match="read already"):
        pyarrow.table(stream)
    del capsule


def test_errors_say_what_the_program_says(trained, tmp_path):
    model, rows = trained.model("churned"), trained.arrow()
    with pytest.raises(headrace.DataError, match="`spend`") as caught:
        model.predict(rows.rename_columns(["spent" if name == "spend" else name for name in rows.column_names]))
    assert caught.value.code == 3 and "spent" in caught.value.help
    with pytest.raises(headrace.DataError, match="`spend`"):
        model.predict(rows.set_column(rows.column_names.index("spend"), "spend", pyarrow.array([float("inf")] * rows.num_rows)))
    with pytest.raises(headrace.DataError, match="`spend`"):
        model.predict_row({"country": "AT"})
    with pytest.raises(headrace.DataError, match="`visits`"):
        model.predict_row(rows.to_pylist()[0] | {"visits": "three"})
    with pytest.raises(TypeError, match="list"):
        model.predict([1, 2])
    (tmp_path / "not.model").write_bytes(b"PK\x03\x04")
    with pytest.raises(headrace.InvalidModelError, match="not.model"):
        headrace.load(tmp_path / "not.model")
    content = bytearray((trained.folder / "churned.model").read_bytes())
    assert headrace.load(bytes(content)).info["target"] == "churned"
    content[len(content) // 2] ^= 1
    with pytest.raises(headrace.InvalidModelError):
        headrace.load(bytes(content))


@pytest.mark.parametrize("given, expected", [
    (datetime.date(1970, 1, 3), 2), (datetime.datetime(1970, 1, 1, 0, 0, 1, 5), 1_000_005), (datetime.datetime(1970, 1, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), 3_600_000_000),
    (datetime.datetime(1969, 12, 31, 23, 59, 59), -1_000_000), (True, 1), (numpy.int32(-7), -7)])
def test_dates_times_and_bools_become_integers(given, expected):
    from headrace import _library
    value = _library.Value()
    headrace._fill(value, given, {"name": "x", "type": "timestamp"})
    assert (value.kind, value.as_int) == (_library.INT, expected)


def test_it_needs_no_other_package_and_says_when_the_library_is_not_there(trained):
    code = f"import sys; sys.path.insert(0, {str(SOURCE / 'python')!r}); import headrace; print(headrace.load(sys.argv[1]))"
    env = {"HEADRACE_LIBRARY": os.environ["HEADRACE_LIBRARY"], "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/usr/bin/python3", "-I", "-c", code, trained.folder / "churned.model"], capture_output=True, text=True, env=env)
    assert done.returncode == 0 and "churned" in done.stdout, done.stderr
    done = subprocess.run(["/usr/bin/python3", "-I", "-c", code, "x"], capture_output=True, text=True, env=env | {"HEADRACE_LIBRARY": "/nowhere/libheadrace.so"})
    assert done.returncode == 1 and "HEADRACE_LIBRARY" in done.stderr and "/nowhere" in done.stderr, done.stderr

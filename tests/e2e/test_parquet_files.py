"""Parquet files as a source: one that Headrace could write no better is kept byte by byte, after it has been read to its last value; folders called
`key=value` are columns below the project's folder and nowhere else."""

import hashlib
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from world import World

PIPELINE = """
name: main
steps:
  events: {{extract: {{file: {file}}}}}
  sums: {{sql: {{query: sql/sums.sql}}}}
"""


@pytest.fixture
def world(tmp_path):
    def make(folder="project", file="data/events.parquet"):
        world = World(tmp_path / folder)
        world.write("pipelines/main.yaml", PIPELINE.format(file=file))
        world.write("sql/sums.sql", "SELECT count(*) AS n, sum(amount) AS amount FROM events")
        return world
    return make


def rows(count=20000, **types):
    return pa.table({"customer_id": pa.array(range(count), types.get("customer_id", pa.int64())), "amount": pa.array([i * 0.25 for i in range(count)]),
                     "kind": [f"kind {i % 7}" for i in range(count)]})


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def extracted(run):
    return next(step for step in run["steps"] if step["step"] == "events")


def sums(world):
    done = world.headrace("data", "last", "sums", "-o", "sums.csv")
    assert done.code == 0, done.all
    return world.read("sums.csv").split()


def test_a_file_of_our_types_is_kept_byte_by_byte(world):
    world = world()
    source = world.folder / "data/events.parquet"
    pq.write_table(rows(), source, compression="snappy")
    step = extracted(world.good())
    assert (step["digest"], step["rows"]) == (digest(source), 20000)
    assert sums(world) == ["n,amount", "20000,49997500.0"]
    os.remove(source)                                     # a copy: the source may come and go
    assert sums(world) == ["n,amount", "20000,49997500.0"]


def test_other_types_are_written_as_ours(world):
    world = world()
    source = world.folder / "data/events.parquet"
    pq.write_table(rows(customer_id=pa.int32()), source)
    step = extracted(world.good())
    assert step["digest"] != digest(source) and step["rows"] == 20000
    assert sums(world) == ["n,amount", "20000,49997500.0"]


@pytest.mark.parametrize("types", [{}, {"customer_id": pa.int32()}], ids=["kept", "written"])
def test_a_damaged_file_is_refused_and_nothing_is_left_of_it(world, types):
    world = world()
    source = world.folder / "data/events.parquet"
    pq.write_table(rows(**types), source, compression="zstd")
    bytes = bytearray(source.read_bytes())
    begin = pq.ParquetFile(source).metadata.row_group(0).column(2).data_page_offset      # of the last column
    for i in range(begin, begin + 20):
        bytes[i] ^= 0xFF
    source.write_bytes(bytes)
    done = world.run()
    assert done.code == 3, done.all
    assert "data/events.parquet: is damaged" in done.all and ".headrace" not in done.all
    assert not [path for path in (world.folder / ".headrace").rglob("*") if path.suffix == ".parquet"]


def test_a_folder_above_the_project_is_no_column(world):
    world = world("client=acme/project", "data/*/events.parquet")
    for day, count in ("2026-01-05", 3), ("2026-01-06", 2):
        (world.folder / f"data/day={day}").mkdir()
        pq.write_table(rows(count), world.folder / f"data/day={day}/events.parquet")
    world.write("sql/sums.sql", "SELECT * FROM events")
    world.good()
    assert sums(world)[0] == "customer_id,amount,kind,day"
    assert sums(world)[-1].endswith("2026-01-06")

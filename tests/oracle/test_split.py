"""The hash of keys, the hash split and the folds against Python's xxhash."""

import struct

import numpy as np
import xxhash

from oracle import ask


def key_bytes(kind, value):
    if value is None:
        return b"n"
    if kind == "text":
        return b"s" + struct.pack("<Q", len(value.encode())) + value.encode()
    if kind == "double":
        bits = 0x7FF8000000000000 if value == "nan" else struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
        return b"f" + struct.pack("<Q", bits)
    return {"bool": b"b", "int": b"i", "date": b"d", "timestamp": b"t"}[kind] + struct.pack("<q", int(value))


def fraction(key, seed):
    return (xxhash.xxh64_intdigest(key, seed=seed) >> 11) / 2**53


def value_of(kind, rng):
    if rng.random() < 0.05:
        return None
    if kind == "bool":
        return bool(rng.integers(0, 2))
    if kind == "double":
        return [float(rng.normal()), "nan", 0.0, -0.0, 1e308, 5e-324][int(rng.integers(0, 6))]
    if kind == "text":
        return ["", "a", "Ä", "日本", "x" * 40, str(rng.integers(0, 10**6))][int(rng.integers(0, 6))]
    return int(rng.choice([-(2**63), -1, 0, 1, 2**63 - 1, int(rng.integers(-(10**6), 10**6))]))


def test_hashes_split_and_folds_are_those_of_xxhash():
    rng = np.random.default_rng(20271)
    kinds = ["bool", "int", "double", "text", "date", "timestamp"]
    requests, keys = [], []
    for case in range(40):
        rows = 300
        columns = []
        for c in range(int(rng.integers(0, 4))):
            kind = kinds[int(rng.integers(0, len(kinds)))]
            columns.append({"name": f"k{c}", "type": kind, "values": [value_of(kind, rng) for _ in range(rows)]})
        if columns:    # one column of many values, so that no part is empty
            columns.append({"name": "id", "type": "int", "values": [int(v) for v in rng.integers(0, 10**12, rows)]})
        requests.append({"ask": "split", "columns": columns, "key": [c["name"] for c in columns], "rows": rows,
                         "test": float(rng.choice([0.1, 0.2, 0.5])), "folds": int(rng.integers(2, 8))})
        keys.append([b"".join(key_bytes(c["type"], c["values"][row]) for c in columns) or b"i" + struct.pack("<q", row) for row in range(rows)])
    for request, answer, key in zip(requests, ask(requests), keys, strict=True):
        assert answer["hashes"] == [str(xxhash.xxh64_intdigest(k, seed=0)) for k in key]
        assert answer["test"] == [row for row, k in enumerate(key) if fraction(k, 0) < request["test"]]
        assert answer["folds"] == [int(fraction(k, 1) * request["folds"]) for k in key]


def test_folds_cut_across_the_split():
    rows = 20_000
    [answer] = ask([{"ask": "split", "columns": [], "key": [], "rows": rows, "test": 0.2, "folds": 5}])
    in_test = np.bincount(np.array(answer["folds"])[answer["test"]], minlength=5) / len(answer["test"])
    assert abs(len(answer["test"]) / rows - 0.2) < 0.01
    assert np.all(np.abs(in_test - 0.2) < 0.03)

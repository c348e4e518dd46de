"""Every transform on whole tables, made up and real (tables.py), against scikit-learn, category_encoders, pandas and numpy: rows that are fitted
and rows that come later, with nulls, ties, constant columns, levels never seen, empty texts, every alphabet. 1e-9 relative, beside what peers.py says."""

import warnings

import numpy as np
import pytest

from peers import DAYS, GROUPS, LEVELS, NUMBERS, TARGETS, TEXTS
from tables import REAL, made_up, real
from test_transforms import close, column, fit

TABLES = {f"made up {seed}": (made_up, seed) for seed in range(6)} | {name: (real, name) for name in REAL}


@pytest.fixture(params=TABLES, ids=str)
def table(request):
    make, of = TABLES[request.param]
    return make(of)


TYPES = {"number": "double", "level": "text", "text": "text", "day": "date"}


def check(peers, table, kind, target="binary"):
    """Each column of the kind goes through each of the steps, all in one fit."""
    columns, later, entries, wanted = [], [], [], []
    for name, (train, late) in table.of(kind).items():
        for steps, peer in peers:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = peer(train, late, table)
            if expected is None:
                continue
            copy = f"{len(entries)}"
            columns.append(column(copy, train, TYPES[kind]))
            later.append(column(copy, late, TYPES[kind]))
            entries.append({"columns": [copy], "steps": steps})
            wanted.append((f"{name}: {steps}", *expected))
    compare(columns, later, entries, wanted, table, target)


def compare(columns, later, entries, wanted, table, target, signless=()):
    task = {"binary": "binary", "classes": "multiclass", "number": "regression"}[target]
    answer = fit(columns, entries, target=getattr(table, target), task=task, classes=3, folds=[int(f) for f in table.folds], score=later)
    at, differ = 0, []
    for what, train, late, rounding in wanted:
        width = 1 if np.ndim(train) == 1 else np.shape(train)[1]
        for ours, theirs in ((answer["matrix"], train), (answer["scored"], late)):
            try:
                theirs = np.asarray(theirs, dtype=float).reshape(-1, width)
                rows = ~np.isinf(theirs).any(axis=1)
                made = ours[rows, at:at + width]
                close(np.abs(made) if any(word in what for word in signless) else made, theirs[rows], rounding)
            except AssertionError as difference:
                differ.append(f"{what}: {difference}")
        at += width
    assert not differ, "\n".join(differ)
    assert at == len(answer["names"])


def test_numbers(table):
    check(NUMBERS, table, "number")


def test_numbers_together(table):
    numbers = table.of("number")
    both = [np.column_stack(side) for side in zip(*numbers.values(), strict=True)]
    for target, peers in GROUPS.items():
        columns, later, entries, wanted = [], [], [], []
        for steps, peer in peers:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = peer(*both, table, getattr(table, target))
            if expected is None:
                continue
            wanted.append((str(steps), *expected))
            copies = [f"{len(entries)} {name}" for name in numbers]
            columns += [column(copy, train) for copy, (train, _) in zip(copies, numbers.values(), strict=True)]
            later += [column(copy, late) for copy, (_, late) in zip(copies, numbers.values(), strict=True)]
            entries.append({"columns": copies, "steps": steps})
        compare(columns, later, entries, wanted, table, target, signless=("reduce",))


@pytest.mark.parametrize("steps", [steps for steps, _ in NUMBERS] + [steps for steps, _ in GROUPS["binary"]], ids=str)
def test_an_infinity_is_refused_in_rows_that_are_fitted_and_in_rows_that_come_later(steps):
    values = np.array([[0.5, 1.5, 2.5, 4.5, 1.0, 7.0], [1, 0, 3, 2, 5, 4]], dtype=float).T
    odd = values.copy()
    odd[2, 0] = -np.inf
    entries = [{"columns": ["a", "b"], "steps": steps}]
    for rows, late in ((odd, values), (values, odd)):
        sides = [[column(name, side[:, k]) for k, name in enumerate("ab")] for side in (rows, late)]
        answer = fit(sides[0], entries, target=[0, 1, 0, 1, 0, 1], score=sides[1], check=False)
        assert answer["code"] == "data" and "`a` has" in answer["error"] and "infinit" in answer["error"], answer


def test_levels(table):
    check(LEVELS, table, "level")
    for target, peers in TARGETS.items():
        check(peers, table, "level", target)


def test_texts_and_days(table):
    for kind, peers in (("text", TEXTS), ("day", DAYS)):
        if table.of(kind):
            check(peers, table, kind)

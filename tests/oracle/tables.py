"""Tables for the oracles of transforms: made-up ones with every awkward value, and real ones of bench/data.

A table has rows that are fitted (`train`) and rows that come later, as columns of one kind each:

  number   doubles; None is null
  level    texts of few values
  text     texts of several words
  day      dates

and targets `binary`, `classes` (three of them) and `number`, and the fold of each fitted row. No column is without a value: such a one is left
out by definition.
"""

import datetime
import pathlib

import numpy as np
import pandas as pd

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "data"
LEVELS = ["a", "B", "", "Ä", "ß", "e\u0301", "é", "東京", "🙂", " a", "10", "9", "nan", "None", "(missing)", "a=b", "it's", "tab\there"]
WORDS = ["the", "The", "quick", "brown", "x_1", "42", "naïve", "東京", "a", "don't", "e-mail", "ÄRGER", "🙂"]


class Table:
    def __init__(self, columns, later, binary, classes, number, folds):
        self.columns, self.later = columns, later          # {name: (kind, array of objects)}
        self.binary, self.classes, self.number = (np.asarray(y, dtype=float) for y in (binary, classes, number))
        self.folds = np.asarray(folds)

    def of(self, kind):
        """(train, later) by name of the columns of a kind; numbers as doubles, null as NaN."""
        kept = {name: (values, self.later[name][1]) for name, (of, values) in self.columns.items() if of == kind}
        if kind == "number":
            return {name: tuple(np.array([np.nan if v is None else v for v in values], dtype=float) for values in both) for name, both in kept.items()}
        return kept


def nulls(rng, values, share):
    out = np.array(list(values), dtype=object)
    out[rng.random(len(out)) < share] = None
    return out


def numbers(rng, n):
    """Smooth, tied, of all magnitudes, constant, mostly 0, nearly all missing, a heap and an outlier, as whole numbers come."""
    return {
        "smooth": nulls(rng, rng.normal(rng.uniform(-5, 5), rng.uniform(0.1, 4), n), rng.choice([0, 0.2])),
        "tied": nulls(rng, rng.integers(-1, 3, n).astype(float), rng.choice([0, 0.3])),
        "magnitudes": nulls(rng, np.exp(rng.normal(0, 3, n)) * rng.choice([-1, 1], n), 0.1),
        "constant": nulls(rng, np.full(n, rng.choice([0.0, 0.1, -7.0, 1e6])), rng.choice([0, 0.3])),
        "zeros": nulls(rng, rng.choice([0.0, -0.0, 0.0, 1.5], n), 0.05),
        "rare": nulls(rng, rng.gamma(2, 10, n), 0.9),
        "outlier": nulls(rng, np.append(rng.normal(0, 1, n - 1), 1e5), 0),
        "whole": nulls(rng, rng.poisson(4, n).astype(float) ** 2, 0.1),
    }


def levels(rng, n, count):
    """A few levels for most rows and many for few, the empty text and every alphabet among them."""
    names = list(rng.permutation(LEVELS)) + [f"level {k}" for k in range(count)]
    names = np.array(names[:count], dtype=object)
    weight = 1 / np.arange(1, count + 1) ** 1.3
    return rng.choice(names, n, p=weight / weight.sum())


def words(rng, n):
    return np.array([" ".join(rng.choice(WORDS, rng.integers(0, 7))) + rng.choice(["", ".", "  ", ", and"]) for _ in range(n)], dtype=object)


def days(rng, n):
    return np.array([datetime.date(1970, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(-30000, 30000, n)], dtype=object)


def made_up(seed):
    """A table that follows from the seed alone: of 8 to 400 rows."""
    rng = np.random.default_rng([seed, 7])
    n = [8, 30, 120, 400][seed % 4]
    late = 40

    def drawn(rows):
        out = {name: ("number", values) for name, values in numbers(rng, rows).items()}
        for name, count, share in (("few", 3, 0.0), ("some", 9, 0.15), ("many", 60, 0.03)):
            out[name] = ("level", nulls(rng, levels(rng, rows, count), share if rows == n else 0.1))   # a null where training had none
        out["words"] = ("text", nulls(rng, words(rng, rows), 0.1))
        out["day"] = ("day", nulls(rng, days(rng, rows), 0.1))
        return out

    columns, later = drawn(n), drawn(late)
    for name, (_, values) in columns.items():
        if all(v is None for v in values):
            values[0] = next(v for v in later[name][1] if v is not None)
    for name, (kind, values) in later.items():
        if kind == "level":
            values[:2] = ["never seen", "\u00e4"]
        if kind == "number":
            values[:4] = [None, -1e7, 1e7, 0.0]
    lean = np.array([0.0 if v is None else min(max(v, -9), 9) for v in columns["smooth"][1]]) + np.array([len(v or "") for v in columns["some"][1]]) / 3 + rng.normal(0, 2, n)
    binary, classes = (lean > np.median(lean)).astype(float), np.digitize(lean, np.quantile(lean, [0.3, 0.7])).astype(float)
    binary[:4], classes[:6] = [0, 1, 0, 1], [0, 1, 2, 0, 1, 2]
    folds = rng.integers(0, 3, n)
    folds[:6] = [0, 0, 1, 1, 2, 2]
    return Table(columns, later, binary, classes, lean, folds)


def _telco():
    data = pd.read_csv(BENCH / "telco_churn/telco_churn.csv.gz", dtype=object)
    spent = pd.to_numeric(data["TotalCharges"], errors="coerce").to_numpy()      # eleven are blank
    months = data["tenure"].astype(float).to_numpy()
    return ({"tenure": months, "TotalCharges": spent, "SeniorCitizen": data["SeniorCitizen"].astype(float)},
            {name: data[name] for name in ("gender", "Contract", "PaymentMethod", "InternetService")}, data["Churn"] == "Yes", np.digitize(months, [12, 48]), data["MonthlyCharges"].astype(float))


def _bank():
    data = pd.read_csv(BENCH / "bank_marketing/bank_additional_full.csv.gz", sep=";")
    return ({name: data[name].astype(float) for name in ("age", "duration", "campaign", "euribor3m", "nr.employed")},
            {name: data[name].replace("unknown", None) for name in ("job", "education", "default", "month")}, data["y"] == "yes", np.digitize(data["age"], [35, 45]), data["cons.price.idx"])


def _diamonds():
    data = pd.read_csv(BENCH / "diamonds/diamonds.csv.gz")
    return ({name: data[name].astype(float) for name in ("carat", "depth", "table", "x", "y", "z")}, {name: data[name] for name in ("cut", "color", "clarity")},
            data["price"] > 2400, np.digitize(data["price"], [1000, 5000]), data["price"])


def _penguins():
    data = pd.read_csv(BENCH / "penguins/penguins.csv.gz")
    species = data["species"].astype("category").cat.codes
    return ({name: data[name].astype(float) for name in ("bill_length_mm", "bill_depth_mm", "body_mass_g", "year")}, {name: data[name] for name in ("island", "sex")},
            species == 2, species, data["flipper_length_mm"].fillna(200))


REAL = {"telco_churn": _telco, "bank_marketing": _bank, "diamonds": _diamonds, "penguins": _penguins}


def real(name, most=600):
    """Rows of a table of bench/data drawn under a fixed seed, a fifth of them to come later."""
    held, texts, binary, classes, number = REAL[name]()
    rows = np.random.default_rng(3).permutation(len(binary))[:most]
    cut = len(rows) * 4 // 5

    def columns(of):
        out = {key: ("number", np.array([None if pd.isna(v) else float(v) for v in np.asarray(values)[of]], dtype=object)) for key, values in held.items()}
        return out | {key: ("level", np.array([None if pd.isna(v) else v for v in np.asarray(values, dtype=object)[of]], dtype=object)) for key, values in texts.items()}

    train = rows[:cut]
    return Table(columns(train), columns(rows[cut:]), *(np.asarray(y)[train] for y in (binary, classes, number)), np.arange(cut) % 5)

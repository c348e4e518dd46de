"""The peers' side of `e2e`: events to delivered scores with pandas, scikit-learn and LightGBM, in one process.

usage: pipeline_pandas.py DATA OUT [--threads 2 [--trees 200]]

Counts, sums and maxima over 7, 30 and 90 days, joined with the profiles (84 numbers, 3 texts); median imputation, clip
at 1 % and 99 %, standardised, one-hot, ordinal; 200 trees of 63 leaves on 70 % of the rows, isotonic calibration on
15 %, judged on 15 %; then every customer is scored and the scores are written to Parquet and SQLite. Prints one JSON
line: seconds of each stage, the number of features, the test AUC.
"""
import json
import os
import sqlite3
import sys
import time

DATA, OUT = sys.argv[1:3]
THREADS = int(sys.argv[4]) if sys.argv[3:4] == ["--threads"] else 2
TREES = int(sys.argv[6]) if sys.argv[5:6] == ["--trees"] else 200
os.environ["OMP_NUM_THREADS"] = str(THREADS)
seconds, lap_began = {}, time.perf_counter()


def lap(stage):
    global lap_began
    now = time.perf_counter()
    seconds[stage] = round(now - lap_began, 3)
    lap_began = now


import lightgbm                                                   # noqa: E402  imports are part of what is timed
import numpy as np                                                # noqa: E402
import pandas as pd                                               # noqa: E402
from sklearn.base import BaseEstimator, TransformerMixin          # noqa: E402
from sklearn.calibration import CalibratedClassifierCV            # noqa: E402
from sklearn.compose import ColumnTransformer                     # noqa: E402
from sklearn.frozen import FrozenEstimator                        # noqa: E402
from sklearn.impute import SimpleImputer                          # noqa: E402
from sklearn.metrics import roc_auc_score                         # noqa: E402
from sklearn.model_selection import train_test_split              # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline              # noqa: E402
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler   # noqa: E402

lap("import")
END = pd.Timestamp("2026-06-01")
TEXTS = ["country", "device", "tier"]


def counts(events, by, suffix):
    table = events.groupby(["customer_id", by], observed=True).size().unstack(fill_value=0)
    table.columns = [f"n_{level}_{suffix}" for level in table.columns]
    return table


def features():
    events = pd.read_parquet(os.path.join(DATA, "events.parquet"))
    customers = pd.read_parquet(os.path.join(DATA, "profiles.parquet"))
    lap("read")
    for column in ("event_type", "category", "channel"):
        events[column] = events[column].astype("category")
    parts = []
    for days in (7, 30, 90):
        window = events[events.ts >= END - pd.Timedelta(days=days)]
        parts.append(window.groupby("customer_id").agg(**{
            f"n_{days}": ("ts", "size"), f"amount_{days}": ("amount", "sum"), f"amount_max_{days}": ("amount", "max")}))
        parts.append(counts(window, "event_type", days))
        if days < 90:
            table = window.groupby(["customer_id", "category"], observed=True).agg(n=("ts", "size"), amount=("amount", "sum")).unstack(fill_value=0)
            table.columns = [f"{what}_{level}_{days}" for what, level in table.columns]
            parts.append(table)
    parts.append(counts(events, "channel", 90))
    parts.append(((END - events.groupby("customer_id").ts.max()).dt.total_seconds() / 86400).rename("recency_d"))
    bought = events[events.event_type == "purchase"].groupby("customer_id").ts.max()
    parts.append(((END - bought).dt.total_seconds() / 86400).rename("recency_purchase_d"))
    made = pd.concat(parts, axis=1)
    lap("aggregate")
    table = customers.join(made, on="customer_id")
    table["tenure_d"] = (END - pd.to_datetime(table.signup_date)).dt.days
    zero = [c for c in made.columns if c.startswith(("n_", "amount_")) and not c.startswith("amount_max_")]
    table[zero] = table[zero].fillna(0)
    for column in TEXTS:
        table[column] = table[column].astype(object).where(table[column].notna(), None)
    lap("join")
    return table.drop(columns="signup_date")


class Clip(TransformerMixin, BaseEstimator):
    def fit(self, values, target=None):
        self.low_, self.high_ = np.percentile(values, [1, 99], axis=0)
        return self

    def transform(self, values):
        return np.clip(values, self.low_, self.high_)


def main():
    table = features()
    numbers = [c for c in table.columns if c not in [*TEXTS, "customer_id", "label"]]
    values, target = table[numbers + TEXTS].copy(), table.label.to_numpy()
    values[numbers] = values[numbers].astype(np.float64)
    train, held = train_test_split(np.arange(len(table)), test_size=0.3, random_state=1, stratify=target)
    calibrate, test = held[: len(held) // 2], held[len(held) // 2:]
    fill = SimpleImputer(missing_values=None, strategy="constant", fill_value="?")
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), Clip(), StandardScaler()), numbers),
        ("levels", make_pipeline(fill, OneHotEncoder(handle_unknown="ignore", sparse_output=False)), ["device", "tier"]),
        ("country", make_pipeline(fill, OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), ["country"])])
    vectors = prepare.fit_transform(values.iloc[train], target[train])
    lap("transform")
    trees = lightgbm.LGBMClassifier(n_estimators=TREES, num_leaves=63, n_jobs=THREADS, verbose=-1, random_state=1)
    trees.fit(vectors, target[train])
    lap("trees")
    model = CalibratedClassifierCV(FrozenEstimator(Pipeline([("prepare", prepare), ("trees", trees)])), method="isotonic")
    model.fit(values.iloc[calibrate], target[calibrate])
    lap("calibrate")
    auc = roc_auc_score(target[test], model.predict_proba(values.iloc[test])[:, 1])
    lap("evaluate")
    scores = model.predict_proba(values)[:, 1]
    lap("score")
    os.makedirs(OUT, exist_ok=True)
    pd.DataFrame({"customer_id": table.customer_id, "score": scores}).to_parquet(os.path.join(OUT, "scores.parquet"), index=False)
    with sqlite3.connect(os.path.join(OUT, "scores.sqlite")) as database:
        database.execute("create table scores (customer_id integer primary key, score real)")
        database.executemany("insert into scores values (?, ?)", zip(table.customer_id.tolist(), scores.tolist()))
    lap("deliver")
    print(json.dumps({"seconds": seconds, "features": len(numbers), "auc": auc, "rows": len(table)}))


main()

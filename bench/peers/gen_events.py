"""Made-up marketing data for `e2e`: events and profiles as Parquet; the same arguments give the same rows.

usage: gen_events.py FOLDER [--events 1000000] [--customers 500000] [--seed 7]

events     customer_id, ts (the 90 days before 2026-06-01), event_type (6), category (12), amount (of purchases and
           refunds), channel (5); in blocks of a million rows, each from a generator of its own
profiles   customer_id, country (20), age, signup_date, device (4), tier (4), some missing; label, drawn from what the
           customer did and is
"""
import argparse
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

END = 1780272000                      # 2026-06-01 00:00:00 UTC
DAYS, BLOCK = 90, 1_000_000
TYPES = {"view": 0.50, "click": 0.20, "add_to_cart": 0.10, "purchase": 0.08, "refund": 0.02, "email_open": 0.10}
CHANNELS = {"web": 0.40, "app": 0.30, "email": 0.10, "store": 0.10, "ads": 0.10}
CATEGORIES = {f"cat_{letter}": 1 / rank for rank, letter in enumerate("abcdefghijkl", 1)}
INTEREST = np.array([0.05, 0.15, 0.4, 1.0, -1.0, 0.1])       # of each event type, for the label
COUNTRIES = [f"C{i:02d}" for i in range(20)]
DEVICES, TIERS = ["ios", "android", "desktop", "tablet"], ["free", "silver", "gold", "platinum"]


def texts(codes, names, missing=None):
    indices = pa.array(codes.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names))).dictionary_decode()


def draw(shares, uniform):
    weights = np.fromiter(shares.values(), float)
    return np.searchsorted(np.cumsum(weights / weights.sum()), uniform).clip(0, len(weights) - 1)


def event_block(rng, rows, customers_upto, taste):
    customer = np.searchsorted(customers_upto, rng.random(rows)).clip(0, len(taste) - 1)
    seconds_ago = rng.random(rows) * DAYS * 86400
    kind = draw(TYPES, rng.random(rows))
    category = draw(CATEGORIES, rng.random(rows) ** (0.6 + 0.8 * taste[customer]))
    amount = np.round(np.exp(rng.normal(3.2, 1.0, rows)), 2)
    table = pa.table({
        "customer_id": pa.array(customer.astype(np.int64)),
        "ts": pa.array((END * 1_000_000 - (seconds_ago * 1e6).astype(np.int64)), pa.timestamp("us")),
        "event_type": texts(kind, TYPES),
        "category": texts(category, CATEGORIES),
        "amount": pa.array(amount, mask=(kind != 3) & (kind != 4)),
        "channel": texts(draw(CHANNELS, rng.random(rows)), CHANNELS)})
    return table, customer, np.exp(-seconds_ago / (14 * 86400)) * INTEREST[kind]


def profiles(rng, interest):
    n = len(interest)
    age, tier = rng.integers(18, 80, n), rng.choice(4, n, p=[0.6, 0.25, 0.1, 0.05])
    country, device = rng.choice(20, n), rng.choice(4, n)
    logit = (-2.2 + 0.9 * np.log1p(3 * np.maximum(interest, 0)) + 0.35 * tier - 0.012 * (age - 40) + 0.3 * (device == 0)
             + 0.025 * (country - 10))
    return pa.table({
        "customer_id": pa.array(np.arange(n, dtype=np.int64)),
        "country": texts(country, COUNTRIES, rng.random(n) < 0.02),
        "age": pa.array(age.astype(np.int32), mask=rng.random(n) < 0.08),
        "signup_date": pa.array((END // 86400 - rng.integers(1, 2000, n)).astype(np.int32), pa.date32()),
        "device": texts(device, DEVICES, rng.random(n) < 0.03),
        "tier": texts(tier, TIERS),
        "label": pa.array((rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int8))})


def generate(folder, events=1_000_000, customers=500_000, seed=7):
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng([seed, 1])
    activity = np.cumsum(rng.gamma(0.7, 1.0, customers) + 0.02)
    taste, interest = rng.random(customers), np.zeros(customers)
    writer = None
    for block, start in enumerate(range(0, events, BLOCK)):
        table, who, what = event_block(np.random.default_rng([seed, 2, block]), min(BLOCK, events - start),
                                       activity / activity[-1], taste)
        np.add.at(interest, who, what)
        writer = writer or pq.ParquetWriter(os.path.join(folder, "events.parquet"), table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()
    pq.write_table(profiles(rng, interest), os.path.join(folder, "profiles.parquet"), compression="zstd")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--customers", type=int, default=500_000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments = arguments.parse_args()
    generate(arguments.folder, arguments.events, arguments.customers, arguments.seed)

"""The peers' side of `score`: LightGBM, ONNX Runtime, scikit-learn.

usage: score_forest.py make FOLDER [--rows 1000000]     vectors, LightGBM's model, raw rows
       score_forest.py lightgbm|onnx FOLDER [--threads 1]     the forest over the vectors
       score_forest.py pipeline FOLDER [--threads 2]          raw columns to calibrated scores, the whole table and one row

Prints one JSON line of seconds, the best of three; of one row, percentiles in microseconds.
"""
import argparse
import json
import os
import time

ap = argparse.ArgumentParser()
ap.add_argument("what", choices=["make", "lightgbm", "onnx", "pipeline"])
ap.add_argument("folder")
ap.add_argument("--rows", type=int, default=1_000_000)
ap.add_argument("--threads", type=int, default=1)
ap = ap.parse_args()
os.environ["OMP_NUM_THREADS"] = str(ap.threads if ap.what != "make" else 2)

import numpy as np                       # noqa: E402

FEATURES, TRAINED = 30, 200_000
NUMBERS, TEXTS = [f"n{i}" for i in range(26)], [f"t{i}" for i in range(4)]
at = lambda name: os.path.join(ap.folder, name)


def best(work, repeats=3):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return min(times), result


def percentiles(one, calls):
    times = []
    for i in range(calls):
        begin = time.perf_counter()
        one(i)
        times.append(1e6 * (time.perf_counter() - begin))
    return {"row_p50_us": float(np.percentile(times, 50)), "row_p99_us": float(np.percentile(times, 99))}


def vectors():
    return np.fromfile(at("vectors.f64")).reshape(-1, FEATURES)


def make():
    import lightgbm
    import pyarrow as pa
    import pyarrow.parquet as pq
    draw = np.random.default_rng(0)
    x = draw.normal(size=(TRAINED, FEATURES))
    y = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(2 * x[:, 3]) + draw.normal(size=TRAINED) > 0
    model = lightgbm.train({"objective": "binary", "num_leaves": 63, "verbose": -1, "num_threads": 2}, lightgbm.Dataset(x, y), 200)
    model.save_model(at("model-full.txt"))
    text = model.model_to_string()
    with open(at("model.txt"), "w") as file:
        file.write(text[:text.index("\nparameters:")])
    draw.normal(size=(ap.rows, FEATURES)).tofile(at("vectors.f64"))
    for name, rows in (("train", TRAINED), ("rows", ap.rows)):
        numbers = draw.normal(size=(rows, len(NUMBERS)))
        numbers[draw.random(numbers.shape) < 0.05] = np.nan
        levels = draw.integers(0, 8, size=(rows, len(TEXTS)))
        signal = np.nan_to_num(numbers[:, 0]) + np.nan_to_num(numbers[:, 1] * numbers[:, 2]) + (levels[:, 0] - 3.5) / 4
        columns = {"id": np.arange(rows)}
        columns |= {n: pa.array(numbers[:, i], from_pandas=True) for i, n in enumerate(NUMBERS)}
        columns |= {t: pa.array([f"level {v}" for v in range(8)]).take(pa.array(levels[:, i])) for i, t in enumerate(TEXTS)}
        columns["y"] = signal + draw.normal(size=rows) > 0
        os.makedirs(at("data"), exist_ok=True)
        pq.write_table(pa.table(columns), at(f"data/{name}.parquet"))
    return {"rows": ap.rows}


def with_lightgbm():
    import lightgbm
    model, x = lightgbm.Booster(model_file=at("model-full.txt")), vectors()
    seconds, margins = best(lambda: model.predict(x, raw_score=True, num_threads=ap.threads))
    margins.tofile(at("lightgbm.f64"))
    some = x[:2000]
    contributions, _ = best(lambda: model.predict(some, pred_contrib=True, num_threads=1), 1)
    load, _ = best(lambda: lightgbm.Booster(model_file=at("model-full.txt")), 10)
    return {"seconds": seconds, "contributions_us": 1e6 * contributions / len(some), "load_ms": 1e3 * load,
            **percentiles(lambda i: model.predict(x[i:i + 1], raw_score=True, num_threads=1), 2000)}


def session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = ap.threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def with_onnx():
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType
    model = lightgbm.Booster(model_file=at("model-full.txt"))
    onnx = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, FEATURES]))], zipmap=False, target_opset=15)
    with open(at("model.onnx"), "wb") as file:
        file.write(onnx.SerializeToString())
    run, x = session(at("model.onnx")), vectors().astype(np.float32)
    seconds, _ = best(lambda: run.run(None, {"x": x}))
    return {"seconds": seconds, **percentiles(lambda i: run.run(None, {"x": x[i:i + 1]}), 2000)}


def with_pipeline():
    import lightgbm
    import pandas as pd
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import ColumnTransformer
    from sklearn.frozen import FrozenEstimator
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    train, rows = pd.read_parquet(at("data/train.parquet")), pd.read_parquet(at("data/rows.parquet"))
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ("texts", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist", sparse_output=False)), TEXTS)])
    learner = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=63, verbose=-1, n_jobs=ap.threads)
    fitted, held = train.iloc[:-20000], train.iloc[-20000:]
    model = make_pipeline(prepare, learner).fit(fitted, fitted.y)
    model = CalibratedClassifierCV(FrozenEstimator(model), method="isotonic").fit(held, held.y)
    seconds, _ = best(lambda: model.predict_proba(rows), 2)
    return {"seconds": seconds, **percentiles(lambda i: model.predict_proba(rows.iloc[i:i + 1]), 100)}


print(json.dumps({"make": make, "lightgbm": with_lightgbm, "onnx": with_onnx, "pipeline": with_pipeline}[ap.what]()))

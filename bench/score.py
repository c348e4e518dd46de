"""Scoring: a forest of 200 x 63 leaves over 1 M x 30, raw columns to calibrated scores, one row, loading a model, reasons.

usage: score.py [--rows 1000000] [--data FOLDER]        (`make bench-score`)

Peers: LightGBM's own predict on one and two threads, scikit-learn's pipeline, and ONNX Runtime. PEERS_PYTHON names a Python that has onnxruntime and onnxmltools; else they
are installed from PyPI into a virtual environment that is thrown away (`PEERS=` for none). The floor is the time to read the input once. Margins must be LightGBM's, bit for bit.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv

from figures import HEADRACE, ROOT, figure, finish

SPEED = os.path.join(os.environ.get("HEADRACE_BIN_DIR", os.path.dirname(HEADRACE)), "score_speed")
PEER = os.path.join(ROOT, "peers", "score_forest.py")
PACKAGES = ["numpy", "lightgbm==4.7.0", "onnxruntime", "onnxmltools", "onnx"]


def said(argv):
    """The JSON line a process ends with, or None with a reason said."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    print(f"score: {' '.join(map(str, argv[-4:]))} ended with {done.returncode}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", file=sys.stderr)
    return None


def onnx_python(folder):
    if os.environ.get("PEERS_PYTHON"):
        return os.environ["PEERS_PYTHON"]
    if os.environ.get("PEERS") == "":
        return None
    venv.create(os.path.join(folder, "venv"), with_pip=True)
    python = os.path.join(folder, "venv", "bin", "python")
    installed = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], capture_output=True)
    return python if installed.returncode == 0 else None


def trained(folder):
    """The model file of bench/score, trained on the folder's rows."""
    project = os.path.join(folder, "project")
    if not os.path.exists(project):
        shutil.copytree(os.path.join(ROOT, "score"), project)
        os.symlink(os.path.join(folder, "data"), os.path.join(project, "data"))
    done = subprocess.run([HEADRACE, "run", "train"], cwd=project, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"training failed: {done.stderr}")
    for path in glob.glob(os.path.join(project, ".headrace", "artifacts", "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if b"manifest.json" in file.read(64):
                    return path
    sys.exit("the run left no model")


def same_bits(a, b):
    with open(a, "rb") as first, open(b, "rb") as second:
        return first.read() == second.read()


def forest(folder, python):
    ours = said([SPEED, "forest", f"{folder}/model.txt", f"{folder}/vectors.f64", 30, f"{folder}/ours.f64"])
    if ours is None:
        sys.exit("score_speed failed")
    for threads, key in ((1, "one_thread_s"), (2, "two_threads_s")):
        peer = said([sys.executable, PEER, "lightgbm", folder, "--threads", threads])
        same = peer is not None and same_bits(f"{folder}/ours.f64", f"{folder}/lightgbm.f64")
        ratio = peer["seconds"] / ours[key] if peer else None
        figure("score", f"forest, {threads} thread{'s' * (threads > 1)}", "s", ours[key], peer and peer["seconds"], "LightGBM predict", ratio,
               "5 x LightGBM, the same margins bit for bit", bool(same and ratio >= 5), ours["read_s"] / threads)
        if threads == 1 and peer:
            figure("score", "forest, one vector, p50", "us", ours["row_p50_us"], peer["row_p50_us"], "LightGBM predict (Python)", peer["row_p50_us"] / ours["row_p50_us"])
            figure("score", "contributions of a row", "us", ours["contributions_us"], peer["contributions_us"], "LightGBM pred_contrib", peer["contributions_us"] / ours["contributions_us"])
            figure("score", "read a forest's text", "ms", ours["parse_ms"], peer["load_ms"], "LightGBM Booster", peer["load_ms"] / ours["parse_ms"])
        other = said([python, PEER, "onnx", folder, "--threads", threads]) if python else None
        if other:
            figure("score", f"forest, {threads} thread{'s' * (threads > 1)}", "s", ours[key], other["seconds"], "ONNX Runtime", other["seconds"] / ours[key],
                   "ahead of ONNX Runtime", other["seconds"] > ours[key], ours["read_s"] / threads)


def whole(folder):
    ours = said([SPEED, "model", trained(folder), f"{folder}/data/rows.parquet"])
    if ours is None:
        sys.exit("score_speed failed")
    peer = said([sys.executable, PEER, "pipeline", folder, "--threads", 2])
    seconds, row = (peer["seconds"], peer["row_p50_us"]) if peer else (None, None)
    figure("score", "raw columns to scores, 2 threads", "s", ours["two_threads_s"], seconds, "scikit-learn + LightGBM", seconds and seconds / ours["two_threads_s"], floor=ours["read_s"] / 2)
    figure("score", "raw columns to scores, 1 thread", "s", ours["one_thread_s"], None, None, None, floor=ours["read_s"])
    figure("score", "one raw row, p50", "us", ours["row_p50_us"], row, "scikit-learn + LightGBM", row and row / ours["row_p50_us"], "10 us", ours["row_p50_us"] <= 10)
    figure("score", "one raw row, p99", "us", ours["row_p99_us"], peer and peer["row_p99_us"], "scikit-learn + LightGBM", peer and peer["row_p99_us"] / ours["row_p99_us"], "30 us", ours["row_p99_us"] <= 30)
    figure("score", "load a model", "ms", ours["load_ms"], None, None, None, "5 ms", ours["load_ms"] <= 5)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--rows", type=int, default=1_000_000)
    ap.add_argument("--data", help="a folder to keep the data in")
    options = ap.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.abspath(os.path.join(options.data or scratch, f"score-{options.rows}"))
        if not os.path.exists(f"{folder}/data/rows.parquet"):
            os.makedirs(folder, exist_ok=True)
            if said([sys.executable, PEER, "make", folder, "--rows", options.rows]) is None:
                sys.exit("the data could not be made")
        forest(folder, onnx_python(scratch))
        whole(folder)
    finish()


if __name__ == "__main__":
    main()

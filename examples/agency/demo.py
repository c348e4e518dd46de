#!/usr/bin/env python3
"""The main job: five clients' purchase logs become calibrated scores in five databases; one bad week is caught.

usage: demo.py PATH_OF_HEADRACE

Writes under out/ (made anew) and exits 0 only when everything it promises happened. Needs nothing but python3.
"""
import csv, json, os, shutil, sqlite3, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "out")
TENANTS = ["aster", "birch", "cedar", "dahlia", "elm"]
BROKEN = "cedar"                                     # whose warehouse renames a column before week 3
WEEKS = [("1998-03-02", "1998-03-09"), ("1998-03-09", "1998-03-16"), ("1998-03-16", "1998-03-23")]
headrace = os.path.abspath(sys.argv[1])
promises = []


def say(text=""):
    print(text, flush=True)


def promise(what, kept, detail=""):
    promises.append((what, bool(kept)))
    say(f"  {'ok  ' if kept else 'FAIL'} {what}" + (f" ({detail})" if detail else ""))


def run(*args, json_out=False):
    """One headrace command; its exit code, JSON document (or None) and what it said on stderr."""
    argv = [headrace, "-C", HERE, "--env", "prod", *(["--json"] if json_out else []), *args]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout) if json_out and done.stdout.strip() else None, done.stderr


def must(*args, **kw):
    code, document, err = run(*args, **kw)
    if code != 0:
        sys.exit(f"headrace {' '.join(args)} ended with {code}:\n{err}")
    return document


class Stage:
    def __init__(self, name): self.name = name
    def __enter__(self): say(f"\n== {self.name}"); self.start = time.time()
    def __exit__(self, *_): say(f"   {time.time() - self.start:.1f} s")


def table_of(tenant):
    """Rows of the platform's score table, ordered, without the ledger; [] when there is none."""
    path = os.path.join(OUT, "platform", f"{tenant}.sqlite")
    if not os.path.exists(path):
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        if not db.execute("select 1 from sqlite_master where name = 'propensity_scores'").fetchone():
            return []
        return db.execute("select * from propensity_scores order by customer_id").fetchall()


def auc(pairs):
    """Area under the ROC curve of (score, positive) pairs, ties at half."""
    pairs.sort()
    rank_sum, positives, i = 0.0, 0, 0
    while i < len(pairs):
        j = i
        while j < len(pairs) and pairs[j][0] == pairs[i][0]: j += 1
        hits = sum(p for _, p in pairs[i:j])
        rank_sum += hits * (i + j + 1) / 2
        positives += hits
        i = j
    negatives = len(pairs) - positives
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def calibration_error(pairs):
    """Expected calibration error in ten equal bins."""
    bins = [[0, 0.0, 0] for _ in range(10)]
    for score, positive in pairs:
        b = bins[min(9, int(score * 10))]
        b[0] += 1; b[1] += score; b[2] += positive
    return sum(abs(b[1] - b[2]) for b in bins) / len(pairs)


def score_week(start, end):
    report = os.path.join(OUT, "reports", f"{{tenant}}-{end}.html")
    code, documents, err = run("run", "score", "--tenant", "all", "--parallel", "5", "--interval", f"{start}/{end}", "--report", report, json_out=True)
    return code, {d["tenant"]: d for d in documents}, err


def build_warehouses(pipeline, tenants):
    for tenant in tenants:
        path = os.path.join(OUT, "warehouse", f"{tenant}.duckdb")
        if os.path.exists(path): os.remove(path)
    code, _, err = run("run", pipeline, "--tenant", "all" if len(tenants) > 1 else tenants[0], *(["--parallel", "2"] if len(tenants) > 1 else []),
                       "--interval", "1997-01-01/1998-07-01", json_out=True)
    if code != 0: sys.exit(f"the warehouses could not be made:\n{err}")


def main():
    begun = time.time()
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(os.path.join(HERE, ".headrace"), ignore_errors=True)
    for folder in ("warehouse", "platform", "reports"): os.makedirs(os.path.join(OUT, folder))

    with Stage("1. five clients' warehouses, from the purchase log"):
        build_warehouses("warehouse", TENANTS)

    with Stage("2. train: who buys in the next 30 days?"):
        code, documents, err = run("run", "train", "--tenant", "all", "--parallel", "2", "--interval", "1998-02-28/1998-03-01",
                                   "--report", os.path.join(OUT, "reports", "{tenant}-train.html"), json_out=True)
        promise("five models trained, every gate passed", code == 0, err.strip().splitlines()[-1] if code else "")
        pooled = []
        for d in documents:
            model = next(s for s in d["steps"] if s["step"] == "model")
            shown = must("models", "show", "propensity", "--tenant", d["tenant"], json_out=True)["metrics"]
            say(f"       {d['tenant']:<7} auc {shown['auc']:.4f}  ece {shown['ece']:.4f}  logloss {shown['logloss']:.4f}  lift@10% {shown['lift@10%']:.2f}   "
                + ", ".join(f"{g['gate']}: {'passed' if g['passed'] else 'REFUSED'}" for g in model["model"]["gates"]))
            path = os.path.join(OUT, f"{d['tenant']}-test.csv")
            must("data", d["run"], "model.test_predictions", "-o", path)
            with open(path, newline="") as file:
                pooled += [(float(r["score"]), r["buys_30d"] == "true") for r in csv.DictReader(file)]
            os.remove(path)
        pooled_auc, pooled_ece = auc(pooled), calibration_error(pooled)
        promise("pooled AUC at least 0.80", pooled_auc >= 0.80, f"{pooled_auc:.4f} over {len(pooled):,} customers")
        promise("pooled calibration error at most 0.02", pooled_ece <= 0.02, f"{pooled_ece:.4f}")
        promise("no score is exactly 0 or 1", all(0 < s < 1 for s, _ in pooled))

    weeks, tables = [], {}
    with Stage("3. score three Mondays, five clients side by side"):
        for number, (start, end) in enumerate(WEEKS, 1):
            if number == 3:
                before = table_of(BROKEN)
                build_warehouses("warehouse-renamed", [BROKEN])
                say(f"       before week 3 the warehouse of {BROKEN} renames `purchased_on` to `purchase_date`")
            code, documents, err = score_week(start, end)
            weeks.append((end, documents))
            if number < 3:
                promise(f"week {number}: five clients delivered", code == 0 and all(d["rows_delivered"] > 0 for d in documents.values()),
                        f"{sum(d['rows_delivered'] for d in documents.values()):,} rows")
                tables[end] = {t: table_of(t) for t in TENANTS}
                continue
            bad = documents[BROKEN]
            promise(f"week 3: {BROKEN} stops at its contract with exit code 3", bad["exit_code"] == 3, bad["message"])
            said = bad["message"] + " ".join(s.get("help", "") for s in bad.get("steps", []))
            promise("the message names the column and its likely new name", "purchased_on" in said and "purchase_date" in said)
            promise(f"nothing was written for {BROKEN}", table_of(BROKEN) == before and bad["rows_delivered"] == 0)
            promise("the other four delivered", all(documents[t]["exit_code"] == 0 and documents[t]["rows_delivered"] > 0 for t in TENANTS if t != BROKEN))

    with Stage("4. the column is named back; week 2 again"):
        build_warehouses("warehouse", [BROKEN])
        before = {t: table_of(t) for t in TENANTS}
        code, documents, err = score_week(*WEEKS[1])
        with open(os.path.join(OUT, "rerun.json"), "w") as file: json.dump(list(documents.values()), file, indent=1)
        steps = [s for d in documents.values() for s in d["steps"]]
        promise("exit code 0", code == 0, err.strip()[-300:] if code else "")
        promise("extracts were read again and found equal", all("found equal" in s["reason"] for s in steps if s["kind"] == "extract"))
        promise("all that follows was reused", all(s["state"] == "reused" for s in steps if s["kind"] in ("aggregate", "score")))
        promise("every delivery was a no-op", all(s["delivery"]["no_op"] for s in steps if s["kind"] == "deliver"))
        promise("no table changed", before == {t: table_of(t) for t in TENANTS})

    summary = [{"tenant": t, "window": end, "state": d[t]["state"], "exit_code": d[t]["exit_code"], "rows_delivered": d[t]["rows_delivered"],
                "seconds": round(d[t]["seconds"], 3), "report": os.path.relpath(os.path.join(OUT, "reports", f"{t}-{end}.html"), HERE)}
               for end, d in weeks for t in TENANTS]
    with open(os.path.join(OUT, "summary.json"), "w") as file: json.dump(summary, file, indent=1)
    promise("every report was written", all(os.path.exists(os.path.join(HERE, s["report"])) for s in summary))
    page = os.path.join(OUT, "index.html")
    code, _, said = run("report", "--all", "-o", page)
    promise("one page says that cedar's last week is missing", code == 0 and "1 failed" in said, said.split("\n")[0])

    say(f"\n{'client':<8}" + "".join(f"{end:>34}" for _, end in WEEKS))
    for t in TENANTS:
        say(f"{t:<8}" + "".join(f"{d[t]['state']:>14} {d[t]['rows_delivered']:>8,} rows {d[t]['seconds']:>5.1f} s" for _, d in weeks))
    kept = sum(ok for _, ok in promises)
    say(f"\n{kept} of {len(promises)} promises kept in {time.time() - begun:.1f} s")
    say(f"all on one page: {os.path.relpath(page)}")
    say(f"reports: {os.path.relpath(os.path.join(OUT, 'reports'))}/*.html   summary: {os.path.relpath(os.path.join(OUT, 'summary.json'))}")
    return 0 if kept == len(promises) else 1


sys.exit(main())

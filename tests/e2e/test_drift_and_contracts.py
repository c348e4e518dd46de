"""`headrace profile`, `headrace contract diff`, `headrace drift`, bounds in contracts and `drift` checks, as a user meets them."""

import csv
import json
import random

import pytest

from world import World

CONTRACT = """columns:
  - {name: customer_id, type: int, nullable: false, unique: true}
  - {name: country, type: text, one_of: [DE, FR, AT]}
  - {name: age, type: int, min: 18, max: 99}
  - {name: mail, type: text, personal: true}
"""


def rows(n, seed, countries=("DE", "FR", "AT"), older=0, mail="canary"):
    draw = random.Random(seed)
    lines = ["customer_id,country,age,mail"]
    lines += [f"{i},{draw.choice(countries)},{draw.randint(18, 80) + older},{mail}{i}@example.com" for i in range(n)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "w")
    world.write("contracts/people.yaml", CONTRACT)
    world.write("data/people.csv", rows(500, 1))
    world.write("pipelines/people.yaml", "name: people\nsteps:\n  people:\n    extract: {file: data/people.csv}\n    checks:\n      - contract: contracts/people.yaml\n")
    return world


def test_a_profile_in_the_terminal_on_a_page_and_as_json(world):
    done = world.headrace("profile", "data/people.csv", "-o", "people.html")
    assert done.code == 0, done.all
    assert "500 rows, 4 columns" in done.out and "wrote people.html" in done.err
    page = world.read("people.html")
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert "Histogram of age" in page and "DE" in page
    document = world.headrace("profile", "data/people.csv", "--json").json
    assert [column["name"] for column in document["columns"]] == ["customer_id", "country", "age", "mail"]
    assert document["columns"][0]["distinct"] == {"count": 500, "method": "exact", "standard_error": 0}


def test_no_value_of_a_personal_column_is_told(world):
    done = world.headrace("profile", "data/people.csv", "--contract", "contracts/people.yaml", "-o", "people.html", "--write-contract", "new.yaml", "--json")
    assert done.code == 0, done.all
    for text in (done.all, world.read("people.html"), world.read("new.yaml")):
        assert "example.com" not in text and "canary" not in text
    assert "personal: not shown" in world.read("people.html")
    assert "name: mail, type: text, nullable: false, personal: true" in world.read("new.yaml")


def test_a_table_of_a_connection_is_profiled_where_it_lies(world):
    world.write("headrace.yaml", "name: people\nconnections:\n  shop: {driver: sqlite, uri: data/shop.sqlite}\n")
    world.write("tenants/aster.yaml", "tenant: aster\nconnections:\n  shop: {driver: sqlite, uri: data/aster.sqlite}\n")
    world.write("tenants/birch.yaml", "tenant: birch\n")
    for file, rows_there in (("data/shop.sqlite", 40), ("data/aster.sqlite", 7)):
        world.sqlite("create table orders(id integer, amount real)", file=file)
        world.sqlite("insert into orders with recursive k(i) as (select 1 union all select i + 1 from k where i < ?) select i, i * 1.5 from k", rows_there, file=file)
    table = ("profile", "--connection", "shop", "--table", "orders", "--json")
    assert world.headrace(*table).json["rows"] == 40
    assert world.headrace(*table, "--tenant", "aster").json["rows"] == 7
    assert world.headrace(*table, "--tenant", "birch").json["rows"] == 40
    assert world.headrace("profile", "--connection", "shop", "--table", "orders", "--write-contract", "orders.yaml").out.startswith("shop.orders: 40 rows, 2 columns")
    assert "name: amount" in world.read("orders.yaml")
    for argv, says in ((("profile", "--connection", "shp", "--table", "orders"), "did you mean `shop`?"), (("profile", "--connection", "shop"), "`--connection` needs `--table`"),
                       ((*table, "--tenant", "astr"), "no tenant `astr`"), (("profile",), "there is nothing to read"), (("profile", "data/people.csv", "--connection", "shop", "--table", "t"), "both DATA and")):
        wrong = world.headrace(*argv)
        assert wrong.code == 2 and says in wrong.err, wrong.all


def test_what_a_step_left_is_profiled_by_its_name(world):
    assert world.run(pipeline="people").code == 0
    assert world.headrace("profile", "last/people", "--json").json["rows"] == 500
    wrong = world.headrace("profile", "last/peopel")
    assert wrong.code == 2 and "did you mean `people`?" in wrong.err
    nowhere = world.headrace("profile", "data/poeple.csv")
    assert nowhere.code == 2 and "people.csv" in nowhere.err


def test_a_proposed_contract_holds_for_its_rows_and_is_never_written_over(world):
    done = world.headrace("profile", "data/people.csv", "--write-contract", "contracts/proposed.yaml")
    assert done.code == 0, done.all
    text = world.read("contracts/proposed.yaml")
    assert "{name: customer_id, type: int, nullable: false, unique: true" in text
    assert "one_of: [AT, DE, FR]" in text and "min: 18" in text
    world.edit("pipelines/people.yaml", "contracts/people.yaml", "contracts/proposed.yaml")
    assert world.run(pipeline="people").code == 0
    assert world.headrace("contract", "diff", "contracts/proposed.yaml", "data/people.csv").code == 0
    again = world.headrace("profile", "data/people.csv", "--write-contract", "contracts/proposed.yaml")
    assert again.code == 2 and world.read("contracts/proposed.yaml") == text


@pytest.mark.parametrize("change, says", [
    ("900,DE,17,a@example.com", "column `age`: 1 of 501 rows is below 18"),
    ("900,XX,20,a@example.com", "column `country`: 1 of 501 rows is none of DE, FR, AT"),
    ("1,DE,20,a@example.com", "1 row repeats a key of (customer_id)"),
])
def test_bounds_of_a_contract_are_judged_with_it(world, change, says):
    world.write("data/people.csv", rows(500, 1) + change + "\n")
    done = world.run(pipeline="people")
    assert done.code == 3 and says in done.all, done.all
    assert "example.com" not in done.all
    diff = world.headrace("contract", "diff", "contracts/people.yaml", "data/people.csv")
    assert diff.code == 3 and says in diff.out, diff.all


def test_two_contracts_are_compared_column_by_column(world):
    world.write("contracts/new.yaml", CONTRACT.replace("max: 99", "max: 120").replace("one_of: [DE, FR, AT]", "one_of: [DE, FR]").replace("name: mail", "name: email"))
    done = world.headrace("contract", "diff", "contracts/people.yaml", "contracts/new.yaml", "--json")
    assert done.code == 3, done.all
    changes = {(c["column"], c["what"]): c["breaking"] for c in done.json["changes"]}
    assert done.json["verdict"] == "breaking"
    assert changes["age", "max 99 -> 120"] is True
    assert changes["country", "is never AT any more"] is False
    assert any(column == "mail" and "likely now `email`" in what for column, what in changes)
    assert world.headrace("contract", "diff", "contracts/people.yaml", "contracts/people.yaml").code == 0
    broken = world.headrace("contract", "diff", "contracts/people.yaml", "contracts/none.yaml")
    assert broken.code == 2, broken.all


def test_a_renamed_column_is_known_by_its_contents(world):
    world.write("old.csv", rows(800, 2))
    world.write("new.csv", rows(700, 3).replace("customer_id,country,age,mail", "customer_id,herkunft,lebensjahre,mail"))
    done = world.headrace("contract", "diff", "old.csv", "new.csv")
    assert done.code == 3
    assert "likely now `herkunft` (contents alike" in done.out and "likely now `lebensjahre` (contents alike" in done.out, done.out


def test_drift_prints_what_it_takes_to_compute_it_again(world):
    world.write("old.csv", rows(1000, 4))
    world.write("new.csv", rows(1000, 5, countries=("DE", "CH"), older=20))
    done = world.headrace("drift", "new.csv", "--against", "old.csv", "--contract", "contracts/people.yaml")
    assert done.code == 0, done.all
    assert "all others" in done.out and "(q-p) ln(q/p)" in done.out and "PSI = sum of" in done.out
    assert "mail" not in done.out
    answer = world.headrace("drift", "new.csv", "--against", "old.csv", "--columns", "age", "--json").json
    assert [c["column"] for c in answer["columns"]] == ["age"] and answer["columns"][0]["psi"] > 0.2
    wrong = world.headrace("drift", "new.csv", "--against", "old.csv", "--columns", "agee")
    assert wrong.code == 2 and "did you mean `age`?" in wrong.err


def test_drift_against_the_last_run_warns_or_stops(world):
    world.edit("pipelines/people.yaml", "      - contract: contracts/people.yaml\n", "      - {drift: {against: last, columns: [age, country], psi: 0.2}}\n")
    assert world.run(pipeline="people").code == 0                        # nothing to compare with yet
    world.write("data/people.csv", rows(500, 9))
    assert world.run(pipeline="people", interval="2026-01-12/2026-01-19").code == 0
    world.write("data/people.csv", rows(500, 9, older=25))
    done = world.run(pipeline="people", interval="2026-01-19/2026-01-26")
    assert done.code == 3 and "column `age`: PSI" in done.all and "is above 0.2" in done.all, done.all
    world.edit("pipelines/people.yaml", "psi: 0.2}}", "psi: 0.2}, severity: warn}")
    done = world.run("--json", pipeline="people", interval="2026-01-26/2026-02-02")
    assert done.code == 0, done.all


def test_drift_of_features_and_scores_against_training(world):
    check = "    checks:\n      - {drift: {against: training, columns: [age, score], psi: 0.2}, severity: warn}\n"
    world.good()
    world.edit("pipelines/main.yaml", "    score: {data: features, model: model, keep: [customer_id]}\n", "    score: {data: features, model: model, keep: [customer_id]}\n" + check)
    run = world.good()
    shown = world.headrace("show", run["run"], "--json").json
    verdicts = [c for step in shown["steps"] for c in step.get("checks", []) if c["kind"] == "drift"]
    assert len(verdicts) == 1 and verdicts[0]["passed"], json.dumps(shown)[:2000]
    world.edit("pipelines/main.yaml", "psi: 0.2}, severity: warn", "psi: 0}, severity: warn")
    run = world.good()
    shown = world.headrace("show", run["run"], "--json").json
    verdicts = [c for step in shown["steps"] for c in step.get("checks", []) if c["kind"] == "drift"]
    assert not verdicts[0]["passed"] and "against the training rows of" in verdicts[0]["message"], verdicts


def test_the_report_shows_where_values_lay_and_lie(world):
    world.edit("pipelines/people.yaml", "      - contract: contracts/people.yaml\n", "      - {drift: {against: last, columns: [age, country], psi: 0.2}, severity: warn}\n")
    assert world.run(pipeline="people").code == 0
    world.write("data/people.csv", rows(500, 9, older=25))
    assert world.run(pipeline="people", interval="2026-01-12/2026-01-19").code == 0
    assert world.headrace("report", "last", "-o", "page.html").code == 0
    html = world.read("page.html")
    assert "Where values lie" in html and "age: shares before and now" in html and "country: shares before and now" in html


def test_drift_against_a_file_that_is_fixed(world):
    world.write("data/known.csv", rows(900, 12))
    world.edit("pipelines/people.yaml", "      - contract: contracts/people.yaml\n", "      - drift: {against: data/known.csv, columns: [country], l_inf: 0.2, chi2_p: 0.000001}\n")
    assert world.run(pipeline="people").code == 0
    world.write("data/people.csv", rows(500, 13, countries=("DE", "CH")))
    done = world.run(pipeline="people")
    assert done.code == 3 and "column `country`: L-infinity" in done.all and "data/known.csv" in done.all, done.all
    world.edit("pipelines/people.yaml", "data/known.csv", "data/nothing.csv")
    assert world.run(pipeline="people").code == 2


def test_late_outcomes_are_joined_to_past_scores(world):
    metrics = pytest.importorskip("sklearn.metrics")
    world.good()
    world.good(interval="2026-01-12/2026-01-19")
    people = list(csv.DictReader(world.read("data/customers.csv").splitlines()))
    known = people[: len(people) * 2 // 3]
    world.write("outcomes.csv", "customer_id,churned\n" + "".join(f"{p['customer_id']},{p['churned']}\n" for p in known))
    done = world.headrace("performance", "main", "scores", "--outcomes", "outcomes.csv", "--key", "customer_id", "--label", "churned", "--json")
    assert done.code == 0, done.all
    assert [i["interval"]["end"][:10] for i in done.json] == ["2026-01-12", "2026-01-19"]
    assert world.headrace("data", "last", "scores", "-o", "scores.csv").code == 0
    scores = {row["customer_id"]: float(row["score"]) for row in csv.DictReader(world.read("scores.csv").splitlines())}
    matched = [p for p in known if p["customer_id"] in scores]
    last = done.json[-1]
    assert (last["scored"], last["known"]) == (len(scores), len(matched))
    assert last["metrics"]["auc"] == pytest.approx(metrics.roc_auc_score([int(p["churned"]) for p in matched], [scores[p["customer_id"]] for p in matched]), rel=1e-9)
    assert "auc" in last["at_training"]
    world.write("outcomes.csv", world.read("outcomes.csv") + f"{known[0]['customer_id']},1\n")
    twice = world.headrace("performance", "main", "scores", "--outcomes", "outcomes.csv", "--key", "customer_id", "--label", "churned")
    assert twice.code == 3 and "1 key stands in the outcomes more than once" in twice.err
    nothing = world.headrace("performance", "main", "features", "--outcomes", "outcomes.csv", "--key", "customer_id", "--label", "churned")
    assert nothing.code in (2, 3), nothing.all


def test_late_outcomes_of_several_classes_are_joined_by_their_names(world):
    from sklearn import metrics
    draw = random.Random(4)
    classes = ["ash", "birch", "cedar"]
    trees = [(i, draw.gauss(i % 3, 0.7), draw.gauss(0, 1), classes[i % 3]) for i in range(600)]
    world.write("data/trees.csv", "id,height,width,kind\n" + "".join(f"{i},{h:.4f},{w:.4f},{kind}\n" for i, h, w, kind in trees))
    world.write("pipelines/trees.yaml", "name: trees\nsteps:\n  trees: {extract: {file: data/trees.csv}}\n  model: {train: {data: trees, target: kind, key: [id], split: {by: hash(id), test: 30%}}}\n"
                                        "  scores: {score: {data: trees, model: model, keep: [id]}}\n")
    assert world.run(pipeline="trees").code == 0
    world.write("outcomes.csv", "id,kind\n" + "".join(f"{i},{kind}\n" for i, _, _, kind in trees[:400]))
    asked = ("performance", "trees", "scores", "--outcomes", "outcomes.csv", "--key", "id", "--label", "kind", "--json")
    done = world.headrace(*asked)
    assert done.code == 0, done.all
    last = done.json[-1]
    assert (last["scored"], last["known"]) == (600, 400)
    assert world.headrace("data", "last", "scores", "-o", "scores.csv").code == 0
    scored = {int(row["id"]): [float(row[f"score_{name}"]) for name in classes] for row in csv.DictReader(world.read("scores.csv").splitlines())}
    truth, probabilities = [kind for _, _, _, kind in trees[:400]], [scored[i] for i, _, _, _ in trees[:400]]
    assert last["metrics"]["logloss"] == pytest.approx(metrics.log_loss(truth, probabilities, labels=classes), rel=1e-9)
    assert last["metrics"]["accuracy"] == pytest.approx(metrics.accuracy_score(truth, [classes[max(range(3), key=p.__getitem__)] for p in probabilities]), rel=1e-9)
    assert set(last["at_training"]) >= {"logloss", "accuracy"}
    world.edit("outcomes.csv", "0,ash", "0,oak")
    strange = world.headrace(*asked)
    assert strange.code == 3 and "its classes are ash, birch, cedar" in strange.err and "oak" not in strange.err

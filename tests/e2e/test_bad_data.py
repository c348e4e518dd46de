"""Bad data, one fault at a time: a good table of 60 orders is spoilt in one way, and the run must stop before anything is delivered, with exit code 3 and a
message that says which column, how many rows, and where to look first. `test_bad_input.py` has the faults of files and databases; here are those of values.

Each case: what is spoilt, and the texts that must stand in what the run prints, records or shows.
"""

import pytest

from world import World

COLUMNS = ["id", "customer_id", "email", "country", "currency", "day", "updated_at", "amount", "quantity", "paid", "site"]
CONTRACT = """columns:
  - {name: id, type: int, nullable: false}
  - {name: customer_id, type: int, nullable: false}
  - {name: email, type: text, personal: true}
  - {name: country, type: text, nullable: false}
  - {name: currency, type: text, nullable: false}
  - {name: day, type: date, nullable: false}
  - {name: updated_at, type: timestamp}
  - {name: amount, type: double}
  - {name: quantity, type: int}
  - {name: paid, type: bool}
  - {name: site, type: text}
"""
CHECKS = [
    "{contract: contracts/orders.yaml}",
    "{rows: {min: 50, max: 80}}",
    "{unique: [id]}",
    "{unique: [customer_id, day]}",
    "{range: {column: amount, min: 0, max: 1000}}",
    "{range: {column: quantity, min: 1, max: 20}}",
    "{range: {column: day, min: 2025-11-01, max: 2026-01-31}}",
    "{one_of: {column: country, values: [DE, AT, CH]}}",
    "{matches: {column: site, pattern: \"https://shop[.]example/.*\"}}",
    "{type_of_text: {column: email, is: email}}",
    "{type_of_text: {column: currency, is: currency}}",
    "{type_of_text: {column: country, is: country}}",
    "{type_of_text: {column: site, is: url}}",
    "{expect: \"paid or amount < 900\", name: big orders are paid}",
    "{sum: {column: amount, min: 1000, max: 5000}}",
    "{mean: {column: quantity, min: 1.5, max: 5}}",
    "{quantile: {column: amount, q: 90%, max: 200}}",
    "{distinct: {column: country, min: 3}}",
    "{metric: {of: \"null_share(email)\", max: 0.05}}",
    "{metric: {of: \"sum(amount) / sum(quantity)\", min: 5, max: 60}}",
    "{fresh: {column: updated_at, within: 3d}}",
    "{sequence: {column: day}}",
    "{ordered: {columns: [updated_at]}}",
    "{monotone: {columns: [id]}}",
    "{foreign_key: {column: customer_id, to: customers.id}}",
    "{rows: {min: 15}, by: [country], name: rows by country}",
    "{not_null: [amount], where: \"paid\", name: paid orders have an amount}",
    "{sql: \"select orders.id, orders.amount from orders join refunds using (id) where refunds.amount > orders.amount\", name: refunds are not larger than orders}",
    "{same_as: {dataset: copy, columns: [id]}}",
]
PIPELINE = """name: orders
steps:
  customers: {extract: {file: data/buyers.csv}}
  refunds: {extract: {file: data/refunds.csv}}
  copy: {extract: {file: data/copy.csv}}
  orders:
    extract: {file: data/orders.csv}
    checks:
%s
  out: {deliver: {data: orders, file: out/orders.csv}}
"""


def orders():
    rows = []
    for i in range(1, 61):
        day = f"2026-01-{(i - 1) // 10 + 5:02d}"
        rows.append({"id": i, "customer_id": 100 + (i * 7) % 30, "email": f"canary{i}@example.org", "country": ["DE", "AT", "CH"][i % 3], "currency": "EUR", "day": day,
                     "updated_at": f"{day} 08:{i - 1:02d}:00", "amount": 20 + i % 7 * 10.5, "quantity": 1 + i % 5, "paid": "false" if i % 4 == 0 else "true", "site": f"https://shop.example/p/{i}"})
    return rows


def csv(rows, columns=None):
    columns = columns or list(rows[0])
    return "\n".join([",".join(columns), *(",".join(str(row[c]) for c in columns) for row in rows)]) + "\n"


def make(tmp_path, text, checks=CHECKS, extra=""):
    world = World(tmp_path / "shop")
    world.write("contracts/orders.yaml", CONTRACT)
    world.write("data/orders.csv", text)
    world.write("data/copy.csv", csv([{"id": row["id"]} for row in orders()]))
    world.write("data/buyers.csv", csv([{"id": 100 + k} for k in range(30)]))
    world.write("data/refunds.csv", "id,amount\n3,5\n7,10\n")
    world.write("pipelines/orders.yaml", PIPELINE % "\n".join(f"      - {check}" for check in checks) + extra)
    return world


def put(**values):
    """Set cells: column=(rows, value); rows are ids."""

    def act(rows):
        for column, (ids, value) in values.items():
            for i in ids:
                rows[i - 1][column] = value(rows[i - 1][column]) if callable(value) else value
        return csv(rows)

    return act


def keep(test):
    return lambda rows: csv([row for row in rows if test(row)])


def text(change):
    return lambda rows: change(csv(rows))


def renamed(old, new):
    return lambda rows: csv(rows).replace(old, new, 1)


def without(column):
    return lambda rows: csv(rows, [c for c in COLUMNS if c != column])


CASES = {
    # --- what is in a file
    "a field too many": (text(lambda t: t.replace("canary9@example.org", "canary9,@example.org")), ["orders.csv:10", "expected 11 fields as in the header, found 12"]),
    "a field too few": (text(lambda t: t.replace("canary9@example.org,", "")), ["orders.csv:10", "expected 11 fields as in the header, found 10"]),
    "decimal comma": (put(amount=([5], "20,5")), ["orders.csv:6", "expected 11 fields"]),
    "decimal comma in quotes": (put(amount=([5], '"20,5"')), ["column `amount` is declared double, but 1 cell does not read so", "row 5"]),
    "thousands in a number": (put(amount=([5, 6], "1.000.5")), ["column `amount` is declared double, but 2 cells do not read so", "row 5"]),
    "currency sign in a number": (put(amount=([8], "20 EUR")), ["column `amount` is declared double, but 1 cell does not read so", "row 8"]),
    "percent sign in a number": (put(amount=([8], "20%")), ["column `amount` is declared double", "row 8"]),
    "words in an int": (put(quantity=([11, 12, 13], "unknown")), ["column `quantity` is declared int, but 3 cells do not read so", "row 11"]),
    "a fraction in an int": (put(quantity=([11], "1.5")), ["column `quantity` is declared int, but 1 cell does not read so", "row 11"]),
    "an int beyond 64 bits": (put(quantity=([14], "9223372036854775808")), ["column `quantity` is declared int, but 1 cell does not read so", "row 14"]),
    "a German date": (put(day=([1], "05.01.2026")), ["column `day` is declared date, but 1 cell does not read so", "row 1"]),
    "a day that is none": (put(day=([2], "2026-02-30")), ["column `day` is declared date, but 1 cell does not read so", "row 2"]),
    "a date as a number of a spreadsheet": (put(day=(range(1, 61), "46027")), ["column `day` is declared date, but 60 cells do not read so", "row 1"]),
    "a time without a date": (put(updated_at=([20], "08:00")), ["column `updated_at` is declared timestamp, but 1 cell does not read so", "row 20"]),
    "a word for a bool": (put(paid=([30], "maybe")), ["column `paid` is declared bool, but 1 cell does not read so", "row 30"]),
    "a line of totals": (text(lambda t: t + "total,,,,,,,2940,,,\n"), ["column `id` is declared int, but 1 cell does not read so", "row 61"]),
    "a header twice": (text(lambda t: t + t.split("\n")[0] + "\n"), ["column `id` is declared int, but 1 cell does not read so", "row 61"]),
    "a dropped column": (without("quantity"), ["the column `quantity` is missing"]),
    "a renamed column": (renamed("currency", "curr_code"), ["the column `currency` is missing", "curr_code"]),
    "a column in capitals": (renamed("country", "COUNTRY"), ["the column `country` is missing", "is `COUNTRY` its new name?"]),
    "a new column": (lambda rows: csv([row | {"note": 1} for row in rows]), ["the column `note` is not declared"]),
    "ten thousand new columns": (lambda rows: csv([row | {f"c{k}": 1 for k in range(10_000)} for row in rows]), ["the column `c0` is not declared"]),
    "a column twice": (renamed("quantity", "amount"), ["two columns are called `amount`"]),
    # --- nulls
    "a null in a key": (put(id=([17], "")), ["column `id`: 1 of 60 rows is null", "row 17"]),
    "nulls in two columns": (put(country=([3, 4], ""), currency=([4, 5], "")), ["3 of 60 rows have a null in `country` (2), `currency` (2)", "row 3"]),
    "a column all null": (put(country=(range(1, 61), "")), ["column `country`: 60 of 60 rows are null", "row 1"]),
    "e-mails vanish": (put(email=(range(1, 11), "")), ["`null_share(email)` to be at most 0.05, got 0.16666666666666666"]),
    "paid without an amount": (put(amount=([9], "")), ["column `amount`: 1 of 45 rows is null", "row 9"]),
    # --- keys
    "a row twice": (text(lambda t: t + t.split("\n")[-2] + "\n"), ["1 row repeats a key of (id)", "row 61"]),
    "all rows twice": (text(lambda t: t + "\n".join(t.split("\n")[1:])), ["expected at most 80 rows, got 120"]),
    "two orders of a day": (put(customer_id=([12], 107), day=([12], "2026-01-05")), ["1 row repeats a key of (customer_id, day)", "row 12"]),
    "an unknown customer": (put(customer_id=([21, 22], lambda v: v + 500)), ["column `customer_id`: 2 of 60 rows are not in `customers.id`", "row 21"]),
    "a repeated number": (put(id=([40], 39)), ["1 row repeats a key of (id)", "row 40"]),
    "numbers out of order": (lambda rows: csv(rows[:30] + [rows[31], rows[30]] + rows[32:]), ["1 of 60 rows does not come", "(updated_at)", "row 32"]),
    # --- values
    "a negative amount": (put(amount=([6], -3)), ["column `amount`: 1 of 60 rows is below 0", "row 6"]),
    "amounts too large": (put(amount=([6, 7], 5000)), ["column `amount`: 2 of 60 rows are above 1000", "row 6"]),
    "a quantity of zero": (put(quantity=([50], 0)), ["column `quantity`: 1 of 60 rows is below 1", "row 50"]),
    "NaN for a number": (put(amount=([6], "nan")), ["column `amount`: 1 of 45 rows is null", "row 6"]),
    "an infinity": (put(amount=([6], "inf")), ["column `amount`: 1 of 60 rows is above 1000", "row 6"]),
    "a day to come": (put(day=([60], "2062-01-10")), ["column `day`: 1 of 60 rows is above 2026-01-31", "row 60"]),
    "a day of 1970": (put(day=([1], "1970-01-01")), ["column `day`: 1 of 60 rows is below 2025-11-01", "row 1"]),
    "an unseen country": (put(country=([33], "LI")), ["column `country`: 1 of 60 rows is none of DE, AT, CH", "row 33"]),
    "a country in small letters": (put(country=([33], "de")), ["column `country`: 1 of 60 rows is none of DE, AT, CH", "row 33"]),
    "a space after a country": (put(country=([33, 36], "DE ")), ["column `country`: 2 of 60 rows are none of DE, AT, CH", "row 33"]),
    "a country that is no code": (put(country=([34], "UK")), ["column `country`: 1 of 60 rows", "row 34"]),
    "a currency in words": (put(currency=([2, 3], "Euro")), ["column `currency`: 2 of 60 rows are not a currency code of ISO 4217", "row 2"]),
    "a broken e-mail": (put(email=([44], "canary44.example.org")), ["column `email`: 1 of 60 rows is not an e-mail address", "row 44"]),
    "another shop's pages": (put(site=([45], "https://other.example/p/1")), ["column `site`: 1 of 60 rows does not match", "row 45"]),
    "no URL": (put(site=([45], "https://shop.example/a b")), ["column `site`: 1 of 60 rows is not an http(s) URL", "row 45"]),
    "a big order unpaid": (put(amount=([4], 950)), ["1 of 60 rows fails `paid or amount < 900`", "row 4"]),
    # --- the whole
    "no rows": (text(lambda t: t.split("\n")[0] + "\n"), ["orders.csv: a header, but no rows"]),
    "half of the rows": (keep(lambda row: row["id"] % 2), ["expected at least 50 rows, got 30"]),
    "cents for euros": (put(amount=(range(1, 61), lambda v: v * 10)), ["the sum of `amount` to be at most 5000, got 30"]),
    "some amounts tenfold": (put(amount=(range(1, 12), lambda v: v + 180)), ["the 0.9 quantile of `amount` to be at most 200"]),
    "all amounts zero": (put(amount=(range(1, 61), 0)), ["the sum of `amount` to be at least 1000, got 0"]),
    "all quantities one": (put(quantity=(range(1, 61), 1)), ["the mean of `quantity` to be at least 1.5, got 1"]),
    "quantities blown up": (put(quantity=(range(1, 61), 20)), ["the mean of `quantity` to be at most 5, got 20"]),
    "one country only": (put(country=(range(1, 61), "DE")), ["column `country`: expected at least 3 different values, got 1"]),
    "one country's rows cut": (keep(lambda row: row["country"] != "CH" or row["id"] > 20), ["[country=CH] expected at least 15 rows, got 13"]),
    "stale rows": (lambda rows: csv([row | {"updated_at": row["updated_at"].replace("2026-01-", "2025-12-")} for row in rows]), ["expected the newest `updated_at` within 3d of 2026-01-12 00:00:00, got 2025-12-10 08:59:00"]),
    "a day missing": (keep(lambda row: row["day"] != "2026-01-07"), ["column `day`: 1 day is missing between 2026-01-05 and 2026-01-10, first 2026-01-07"]),
    "other rows than the copy": (put(id=([60], 99)), ["not the same as `copy`: 60 rows on both sides, but other values in `id`"]),
    "refunds larger than orders": (put(amount=([7], 1.5)), ["the query should give no row, but gives 1"]),
}


def test_there_are_sixty():
    assert len(CASES) >= 60


def test_the_good_table_passes(tmp_path):
    done = make(tmp_path, csv(orders())).run(pipeline="orders")
    assert done.code == 0, done.all


@pytest.mark.parametrize("name", CASES)
def test_is_caught(name, tmp_path):
    spoil, says = CASES[name]
    world = make(tmp_path, spoil(orders()))
    done = world.run(pipeline="orders")
    assert done.code == 3, done.all
    assert "step `orders`" in done.all, done.all
    run = world.headrace("--json", "show", "last").json
    step = next(step for step in run["steps"] if step["step"] == "orders")
    told = done.all + "".join(check["message"] + "\n" for check in step.get("checks", []))
    world.headrace("report", "last", "-o", "report.html")
    page = world.read("report.html")
    for wanted in says:
        assert wanted in told + page, f"expected {wanted!r} in:\n{told}"
    assert not list((world.folder / "out").glob("*"))
    assert "canary" not in told + page, "a personal value is told"


QUARANTINE = """    quarantine: {at_most: 10%}
  bad: {sql: {query: "select id, failed_checks from orders.quarantine order by id"}}
  bad_out: {deliver: {data: bad, file: out/bad.csv}}
  out: {deliver: {data: orders, file: out/orders.csv}}
"""
ROW_CHECKS = ["{contract: contracts/orders.yaml}", "{unique: [id]}", "{range: {column: amount, min: 0}, name: amounts}", "{type_of_text: {column: email, is: email}, name: mails}",
              "{one_of: {column: country, values: [DE, AT]}, severity: warn}"]


def quarantined(tmp_path, spoil):
    world = make(tmp_path, spoil(orders()))
    world.write("pipelines/orders.yaml", PIPELINE.rsplit("  out:", 1)[0] % "\n".join(f"      - {check}" for check in ROW_CHECKS) + QUARANTINE)
    return world


def test_bad_rows_go_aside_with_their_reasons(tmp_path):
    world = quarantined(tmp_path, put(amount=([6, 9], -1), email=([9], "canary-broken"), country=([20], "")))
    done = world.run("--json", pipeline="orders")
    assert done.code == 0, done.all
    step = next(step for step in done.json["steps"] if step["step"] == "orders")
    assert step["quarantine"] == {"rows_in": 60, "rows_out": 57, "rows_aside": 3}
    assert step["rows"] == 57
    assert world.read("out/bad.csv").splitlines() == ["id,failed_checks", "6,amounts", "9,amounts; mails", '20,contract: contracts/orders.yaml']
    assert [line.split(",")[0] for line in world.read("out/orders.csv").splitlines()[1:]] == [str(i) for i in range(1, 61) if i not in (6, 9, 20)]
    messages = {check["name"]: check for check in step["checks"]}
    assert messages["amounts"]["severity"] == "warn" and messages["amounts"]["message"] == "column `amount`: 2 of 60 rows are below 0; put aside"
    shown = world.headrace("show", "last")
    world.headrace("report", "last", "-o", "report.html")
    assert "3 of 60 rows are put aside" in world.read("report.html")
    assert "canary" not in done.all + shown.all + world.read("report.html")
    data = world.headrace("data", "last", "orders.quarantine")
    assert data.code == 0 and "amounts; mails" in data.out, data.all


def test_no_bad_row_leaves_an_empty_quarantine(tmp_path):
    world = quarantined(tmp_path, csv)
    done = world.run("--json", pipeline="orders")
    assert done.code == 0, done.all
    step = next(step for step in done.json["steps"] if step["step"] == "orders")
    assert step["quarantine"] == {"rows_in": 60, "rows_out": 60, "rows_aside": 0}
    assert world.read("out/bad.csv").splitlines() == ["id,failed_checks"]
    again = world.run("--json", pipeline="orders").json
    assert next(step for step in again["steps"] if step["step"] == "orders")["state"] == "reused"


def test_more_bad_rows_than_the_budget_fail(tmp_path):
    world = quarantined(tmp_path, put(amount=(range(1, 8), -1)))
    done = world.run(pipeline="orders")
    assert done.code == 3, done.all
    assert "7 of 60 rows are bad (11.667%), and at most 10% may go to the quarantine; column `amount`: 7 of 60 rows are below 0" in done.all
    assert not list((world.folder / "out").glob("*"))


def test_a_warning_comes_before_the_error(tmp_path):
    world = make(tmp_path, csv(orders()), ["{rows: {min: 10}, warn: {min: 100}, tags: [volume]}", "{metric: {of: \"sum(amount)\", min: 0}, by: [country], tags: finance}"])
    done = world.run("--json", pipeline="orders")
    assert done.code == 0, done.all
    checks = next(step for step in done.json["steps"] if step["step"] == "orders")["checks"]
    assert (checks[0]["passed"], checks[0]["severity"], checks[0]["message"], checks[0]["tags"]) == (False, "warn", "expected at least 100 rows, got 60", ["volume"])
    assert [(check["segment"], check["passed"]) for check in checks[1:]] == [("country=AT", True), ("country=CH", True), ("country=DE", True)]
    assert sum(check["value"] for check in checks[1:]) == sum(row["amount"] for row in orders())


def test_fresh_is_judged_anew_for_another_interval(tmp_path):
    world = make(tmp_path, csv(orders()), ["{fresh: {column: updated_at, within: 3d}}"])
    assert world.run(pipeline="orders").code == 0
    later = world.run(pipeline="orders", interval="2026-01-12/2026-01-19")
    assert later.code == 3 and "within 3d of 2026-01-19" in later.all, later.all


def test_a_changed_other_dataset_is_checked_again(tmp_path):
    world = make(tmp_path, csv(orders()), ["{foreign_key: {column: customer_id, to: customers.id}}"])
    assert world.run(pipeline="orders").code == 0
    world.write("data/buyers.csv", "id\n100\n")
    done = world.run(pipeline="orders")
    assert done.code == 3 and "are not in `customers.id`" in done.all, done.all

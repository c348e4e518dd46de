"""The weeks that Headrace exists for: each fault is caught before anything downstream runs, one client's stays that client's, and people are told by a real web server and a real mail server."""

import datetime

import pytest
from standardwebhooks.webhooks import Webhook

from listeners import Mail, Shop, Web

KEY = "whsec_b2xkLXNlY3JldC1vZi10aGUtdGVzdHM="
MONDAY = datetime.date(2026, 1, 5)
GOOD_WEEKS = 6
PIPELINE = """
name: weekly
owner: data@agency.example
steps:
  orders:
    extract: {connection: shop, query: "select id, customer, email, amount from orders where week = $week order by id", bind: {week: "${cast(run.interval.start as date)}"}}
    checks:
      - contract: contracts/orders.yaml
      - rows: {baseline: auto}
      - mean: {column: amount, baseline: auto}
  spend: {sql: {query: "select customer, sum(amount) as spend from orders group by customer order by customer"}}
  to_platform: {deliver: {data: spend, connection: platform, table: spend, mode: upsert, key: [customer]}}
"""
CONTRACT = """columns:
  - {name: id, type: int, nullable: false}
  - {name: customer, type: int, nullable: false}
  - {name: email, type: text, personal: true}
  - {name: amount, type: double}
"""


def week(n):
    return MONDAY + datetime.timedelta(days=7 * n)


class Agency(Shop):
    """Two clients, `ada` and `bea`, each with a shop's database and a platform."""

    def __init__(self, folder, web, mail):
        super().__init__(folder, f'  ops: {{webhook: {{url: "{web.url}/hook", allow_private: true, secrets: [{{secret: KEY}}]}}}}\n'
                                 f'  team: {{email: {{url: "{mail.url}", from: headrace@agency.example, to: ann@agency.example, starttls: off, allow_private: true}}}}\n', PIPELINE, "weekly")
        self.env["KEY"] = KEY
        self.write("contracts/orders.yaml", CONTRACT)
        for client in ("ada", "bea"):
            self.write(f"tenants/{client}.yaml", f"tenant: {client}\nconnections:\n  shop: {{driver: sqlite, uri: data/{client}.shop}}\n  platform: {{driver: sqlite, uri: data/{client}.platform}}\n")
            self.shop(client, "create table orders(id integer, customer integer, email text, amount real, week text)")
            for n in range(GOOD_WEEKS):
                self.load(client, n)

    def shop(self, client, sql, *values):
        return self.sqlite(sql, *values, file=f"data/{client}.shop")

    def load(self, client, n):
        self.shop(client, "insert into orders with recursive k(i) as (select 1 union all select i + 1 from k where i < ?) select i, i % 20, 'canary' || i || '@people.example', 20 + i % 7 + ? * 0.25, ? from k",
                  100 + 3 * n % 8, n, str(week(n)))

    def platform(self, client):
        return self.sqlite("select customer, spend from spend order by customer", file=f"data/{client}.platform")

    def week(self, n):
        return self.run("--json", "--tenant", "all", pipeline="weekly", interval=f"{week(n)}/{week(n + 1)}")


def column_renamed(agency, n):
    agency.shop("bea", "alter table orders rename column amount to amount_eur")


def volume_halved(agency, n):
    agency.shop("bea", "delete from orders where week = ? and id % 2 = 0", str(week(n)))


def euros_become_cents(agency, n):
    agency.shop("bea", "update orders set amount = amount * 100 where week = ?", str(week(n)))


def last_week_comes_again(agency, n):
    agency.shop("bea", "delete from orders where week = ?", str(week(n)))
    agency.shop("bea", "insert into orders select id, customer, email, amount, ? from orders where week = ?", str(week(n)), str(week(n - 1)))


def table_truncated(agency, n):
    agency.shop("bea", "delete from orders")


@pytest.mark.parametrize("fault, says", [
    (column_renamed, "amount"),
    (volume_halved, "rows 51: expected 63 to 155"),
    (euros_become_cents, "mean(amount) 2"),
    (last_week_comes_again, "the same 107 rows as run"),
    (table_truncated, "no row"),
])
def test_a_fault_is_caught_and_told(fault, says, tmp_path):
    web, mail = Web(), Mail()
    try:
        agency = Agency(tmp_path / "agency", web, mail)
        for n in range(GOOD_WEEKS):
            done = agency.week(n)
            assert done.code == 0, done.all
        before = agency.platform("ada"), agency.platform("bea")
        assert before[0] and web.requests == [] and mail.messages == []
        for client in ("ada", "bea"):
            agency.load(client, GOOD_WEEKS)
        fault(agency, GOOD_WEEKS)
        done = agency.week(GOOD_WEEKS)
        assert done.code == 3, done.all
        assert agency.platform("ada") != before[0] and agency.platform("bea") == before[1], "the other client's scores arrive, this one's stay"

        run = next(run for run in agency.headrace("--json", "runs").json if run["tenant"] == "bea")
        steps = {step["step"]: step["state"] for step in agency.headrace("--json", "show", run["run"]).json["steps"]}
        assert steps == {"orders": "failed", "spend": "skipped", "to_platform": "skipped"}

        assert len(web.requests) == 1 and len(mail.messages) == 1
        Webhook(KEY).verify(web.requests[0]["body"], web.requests[0]["headers"])
        alert = web.events()[0]["data"]["alerts"][0]
        assert alert["tenant"] == "bea" and alert["step"] == "orders" and alert["run"] == run["run"] and alert["held_back"] == ["to_platform"]
        assert says in alert["message"], alert["message"]
        assert says in mail.messages[0]["text"] and "bea" in mail.messages[0]["message"]["Subject"]
        for text in (done.all, web.requests[0]["body"].decode(), mail.messages[0]["text"]):
            assert "canary" not in text
    finally:
        web.close()
        mail.close()


CANARIES = [f"canary{i:03}@people.example" for i in range(200)]
EVERY_CHECK = """
name: people
steps:
  known: {extract: {file: data/known.csv}}
  people:
    extract: {file: data/people.csv}
    checks:
      - {contract: contracts/people.yaml, severity: warn}
      - {unique: [email], severity: warn}
      - {one_of: {column: email, values: [x]}, severity: warn}
      - {matches: {column: email, pattern: "[A-Z]+"}, severity: warn}
      - {expect: "length(email) < 3", severity: warn}
      - {type_of_text: {column: email, is: url}, severity: warn}
      - {ordered: {columns: [email]}, severity: warn}
      - {distinct: {column: email, max: 3}, severity: warn}
      - {metric: {of: "max(length(email))", max: 3}, severity: warn}
      - {foreign_key: {column: email, to: known.email}, severity: warn}
      - {same_as: {dataset: known, columns: [email]}, severity: warn}
      - {sql: "select email, id from people", severity: warn}
      - {not_null: [id], by: [id], where: "length(email) > 3", severity: warn, tags: [personal]}
  aside:
    extract: {file: data/people.csv}
    checks: [{contract: contracts/mail.yaml}, {matches: {column: email, pattern: "[^0]+"}}]
    quarantine: {at_most: 90%}
  strict:
    extract: {file: data/people.csv}
    checks: [{contract: contracts/mail.yaml}, {matches: {column: email, pattern: "[A-Z]+"}}]
  out: {deliver: {data: strict, file: out/people.csv}}
"""


def test_no_value_of_a_personal_column_is_told_anywhere(tmp_path):
    web, mail = Web(), Mail()
    try:
        shop = Shop(tmp_path / "shop", f'  ops: {{webhook: {{url: "{web.url}/hook", allow_private: true}}, when: [failed, check_warned]}}\n'
                                       f'  team: {{email: {{url: "{mail.url}", from: a@b.example, to: c@d.example, starttls: off, allow_private: true}}, when: [failed, check_warned]}}\n', EVERY_CHECK, "people")
        shop.write("data/people.csv", "id,email\n" + "".join(f"{i % 150},{name}\n" for i, name in enumerate([*reversed(CANARIES), CANARIES[7]])))
        shop.write("data/known.csv", "email\nnobody@people.example\n")
        shop.write("contracts/mail.yaml", "columns: [{name: id, type: int}, {name: email, type: text, personal: true}]\n")
        shop.write("contracts/people.yaml", "columns: [{name: id, type: int, max: 3}, {name: email, type: text, personal: true, unique: true, one_of: [x], matches: \"[A-Z]+\"}]\n")
        done = shop.go()
        assert done.code == 3, done.all
        told = {"run": done.all, "report": ""}
        for name, argv in {"show": ["show", "last"], "checks": ["checks"], "logs": ["logs", "last"], "runs": ["runs"], "why": ["why", "last", "people"],
                           "profile": ["profile", "data/people.csv", "--contract", "contracts/mail.yaml"], "page": ["report", "last", "-o", "report.html"],
                           "profile page": ["profile", "data/people.csv", "--contract", "contracts/mail.yaml", "-o", "profile.html"], "alerts": ["alerts", "list", "--all"]}.items():
            for flags in ([], ["--json"]):
                answer = shop.headrace(*flags, *argv)
                assert answer.code == 0, answer.all
                told[name] = told.get(name, "") + answer.all
        told["report"] = shop.read("report.html") + shop.read("profile.html")
        assert "***" in told["report"] and len(web.requests) >= 1 and len(mail.messages) >= 1
        told["web"] = "".join(request["body"].decode() for request in web.requests)
        told["mail"] = "".join(message["text"] + str(message["message"]["Subject"]) for message in mail.messages)
        told["state"] = "".join(path.read_bytes().decode("latin-1") for path in (shop.folder / ".headrace").glob("state.db*"))
        for place, text in told.items():
            assert text and "canary" not in text, f"{place}: {text[max(0, text.find('canary') - 300):][:400]}"
        failed = [line for line in shop.headrace("--json", "checks").json if line["verdict"] != "passed"]
        assert len(failed) >= 14, "the checks failed, else nothing could have been told"
    finally:
        web.close()
        mail.close()

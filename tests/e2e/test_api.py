"""Rows from an API: read as declared, and whatever is not a list of rows is a failure that says what came."""

import json

import pytest

from listeners import Mail, Shop, Web

PIPELINE = """
name: orders
steps:
  orders:
    extract:
      api:
        url: "{url}/v1/orders?since=${{run.interval.start}}&key=in-the-query"
        headers: {{Authorization: {{secret: API_TOKEN}}, X-Shop: "shop ${{run.interval.start}}"}}
        rows: $.data
        allow_private: true
    checks: [{{contract: contracts/orders.yaml}}]
  total: {{sql: {{query: "select count(*) as n, sum(price) as total from orders"}}}}
  out: {{deliver: {{data: orders, file: out/orders.csv}}}}
"""
CONTRACT = "columns:\n  - {name: id, type: text, nullable: false}\n  - {name: price, type: double}\n  - {name: day, type: date}\n  - {name: email, type: text, personal: true}\n"
ROWS = {"data": [{"id": "007", "price": 1.5, "day": "2026-01-05", "email": "canary1@people.example"}, {"id": "8", "price": None, "day": "2026-01-06", "email": "canary2@people.example"}]}
TOKEN = "Bearer hidden-api-token"


@pytest.fixture
def api():
    server = Web(ROWS)
    yield server
    server.close()


def world(tmp_path, api, alerts=""):
    shop = Shop(tmp_path / "shop", alerts, PIPELINE.format(url=api.url), "orders")
    shop.write("contracts/orders.yaml", CONTRACT)
    shop.env["API_TOKEN"] = TOKEN
    return shop


def test_rows_are_typed_by_the_contract_and_the_body_is_kept(tmp_path, api):
    shop = world(tmp_path, api)
    done = shop.go()
    assert done.code == 0, done.all
    request = api.requests[0]
    assert request["method"] == "GET" and request["headers"]["authorization"] == TOKEN and "2026-01-05" in request["headers"]["x-shop"]
    assert request["path"].startswith("/v1/orders?since=2026-01-05")
    assert shop.read("out/orders.csv") == "id,price,day,email\n007,1.5,2026-01-05,canary1@people.example\n8,,2026-01-06,canary2@people.example\n"
    assert json.loads(shop.headrace("data", "last", "orders.body").out) == ROWS
    assert len(api.requests) == 1
    again = shop.go()
    assert again.code == 0 and len(api.requests) == 2, "a live source is read each time"
    assert not list((shop.folder / ".headrace/tmp").iterdir())


def test_each_client_asks_with_a_token_of_its_own(tmp_path, api):
    shop = world(tmp_path, api)
    shop.edit("pipelines/orders.yaml", "name: orders\n", "name: orders\nparams: {token: {type: secret}}\n")
    shop.edit("pipelines/orders.yaml", "{secret: API_TOKEN}", '"${params.token}"')
    for tenant in ("acme", "zeta"):
        shop.write(f"tenants/{tenant}.yaml", f"tenant: {tenant}\nparams: {{token: {{secret: {tenant.upper()}_TOKEN}}}}\n")
        shop.env[f"{tenant.upper()}_TOKEN"] = f"token of {tenant}"
    assert shop.headrace("validate").code == 0
    for tenant in ("acme", "zeta"):
        done = shop.go("--tenant", tenant)
        assert done.code == 0, done.all
        assert api.requests[-1]["headers"]["authorization"] == f"token of {tenant}"
        assert "token of" not in done.all + shop.headrace("show", "last", "--json").out


def test_a_resumed_run_does_not_ask_again(tmp_path, api):
    shop = world(tmp_path, api)
    assert shop.go(env={"HEADRACE_CRASH_AT": "step.after_start:2"}).code < 0
    assert shop.headrace("run", "--resume", "last").code == 0
    assert len(api.requests) == 1


HTML = b"<html><head><title>Sign in to continue</title></head>"
CUT = json.dumps(ROWS).encode()[:60]


@pytest.mark.parametrize("answers, code, says", [
    ([{"data": []}], 3, ["`$.data` is empty", "200, application/json"]),
    ([(200, {"Content-Type": "text/html; charset=utf-8"}, HTML)], 3, ["200, text/html", "<html><head><title>Sign in to continue"]),
    ([(200, {"Content-Type": "application/json"}, HTML)], 3, ["is not JSON", "<html>"]),
    ([(200, {"Content-Type": "application/json", "Content-Length": "5000"}, CUT)], 3, ["broke off before the end", '{"data": [{"id": ..., "price": ...']),
    ([(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(CUT), CUT))], 3, ["broke off before the end", '{"data": [{"id": ..., "price": ...']),
    ([(200, {"Content-Type": "application/json"}, CUT)], 3, ["not all of it came"]),
    ([(200, {"Content-Type": "application/json"}, b"")], 3, ["is not JSON", "without a body"]),
    ([{"error": "quota used up"}], 3, ["has no `data`; it has `error`"]),
    ([{"data": "none"}], 3, ["is a text, not a list of rows"]),
    ([{"data": [{"id": "1"}]}], 3, ["price"]),
    ([(404, {"Content-Type": "text/plain"}, b"no such thing")], 3, ["404, text/plain", "no such thing"]),
    ([(401, {}, b"")], 3, ["does not let us in"]),
    ([(302, {"Location": "/sign-in"}, b"")], 3, ["302", "not followed"]),
    ([(429, {"Retry-After": "0"}, b"slow down, key sk_live_1234567890abcdef")], 75, ["asked too often", "429", "slow down, key ..."]),
    ([(503, {"Retry-After": "0"}, b"")], 75, ["503"]),
], ids=lambda value: None if not isinstance(value, list) else str(value[0])[:30])
def test_what_is_no_list_of_rows_is_caught_before_anything_downstream_and_told(answers, code, says, tmp_path, api):
    api.answers = answers
    told, mail = Web(), Mail()
    alerts = f'  ops: {{webhook: {{url: "{told.url}", allow_private: true}}}}\n  team: {{email: {{url: "{mail.url}", from: a@b.example, to: c@d.example, starttls: off, allow_private: true}}}}\n'
    shop = world(tmp_path, api, alerts)
    done = shop.go()
    assert done.code == code, done.all
    states = {step["step"]: step["state"] for step in done.json["steps"]}
    assert states == {"orders": "failed", "total": "skipped", "out": "skipped"}
    assert not (shop.folder / "out/orders.csv").exists()
    message = next(step for step in done.json["steps"] if step["step"] == "orders")["message"]
    for text in says:
        assert text in message, message
    alert = told.events()[0]["data"]["alerts"][0]
    assert alert["step"] == "orders" and alert["held_back"] == ["out"]
    assert len(mail.messages) == 1 and says[0].split("`")[0].strip() in mail.messages[0]["text"].replace("\r\n  ", "\n")
    everything = done.all + str(told.events()) + mail.messages[0]["text"]
    for hidden in ("hidden-api-token", "in-the-query", "canary1", "1234567890abcdef"):
        assert hidden not in everything, message
    assert not list((shop.folder / ".headrace/tmp").iterdir())
    told.close()
    mail.close()


def test_an_empty_list_is_a_table_without_rows_where_that_is_fine(tmp_path, api):
    api.answers = [{"data": []}]
    shop = world(tmp_path, api)
    done = shop.go()
    assert done.code == 3 and "empty: allow" in done.all
    shop.edit("pipelines/orders.yaml", "    extract:\n", "    extract:\n      empty: allow\n")
    done = shop.go()
    assert done.code == 0, done.all
    assert shop.read("out/orders.csv") == "id,price,day,email\n"
    api.answers = [(200, {"Content-Type": "application/json"}, b"")]
    assert shop.go().code == 3, "no list at all is no empty list"
    shop.edit("pipelines/orders.yaml", "    checks: [{contract: contracts/orders.yaml}]\n", "")
    done = shop.go()
    assert done.code == 2 and "needs a contract: an empty list names no column" in done.all


def test_asked_too_often_once_is_asked_again(tmp_path, api):
    api.answers = [(429, {"Retry-After": "1"}, b""), ROWS]
    assert world(tmp_path, api).go().code == 0
    assert len(api.requests) == 2


def test_a_private_address_needs_a_word_of_the_project(tmp_path, api):
    shop = world(tmp_path, api)
    shop.edit("pipelines/orders.yaml", "allow_private: true", "allow_private: false")
    done = shop.go()
    assert done.code == 2 and "no address of the public internet" in done.all
    assert api.requests == []


def test_a_projects_tests_never_ask(tmp_path, api):
    shop = world(tmp_path, api)
    shop.write("tests/total.yaml", "name: prices are added up\npipeline: orders\ngiven:\n  orders:\n    - {id: a, price: 1.5, day: 2026-01-05, email: x}\n    - {id: b, price: 2, day: 2026-01-05, email: y}\nexpect:\n  total: [{n: 2, total: 3.5}]\n")
    done = shop.headrace("test")
    assert done.code == 0, done.all
    shop.write("tests/total.yaml", "name: nothing is given\npipeline: orders\nexpect:\n  total: [{n: 2, total: 3.5}]\n")
    done = shop.headrace("test")
    assert done.code != 0 and "asks an API" in done.all
    assert api.requests == []


def test_a_path_or_address_that_cannot_be_is_refused_at_once(tmp_path, api):
    shop = world(tmp_path, api)
    shop.edit("pipelines/orders.yaml", "rows: $.data", "rows: data[0]")
    done = shop.headrace("validate")
    assert done.code == 2 and "`data[0]` is no path to rows" in done.all
    shop.edit("pipelines/orders.yaml", "rows: data[0]", "rows: $.data")
    shop.edit("pipelines/orders.yaml", f"{api.url}/v1/orders?since=${{run.interval.start}}&key=in-the-query", "ftp://api.example/orders")
    done = shop.headrace("validate")
    assert done.code == 2 and "begins with https:// or http://" in done.all

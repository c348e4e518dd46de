"""Whom a failed run tells, and that it does: to real servers, once, signed, killed anywhere."""

import json
import signal
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from listeners import GOOD, PROJECT, SHORT, SUMS, Mail, Shop, Web, self_signed
from world import World

OLD, NEW = "whsec_b2xkLXNlY3JldC1vZi10aGUtdGVzdHM=", "whsec_bmV3LXNlY3JldC1vZi10aGUtdGVzdHM="


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


def hook(server, more="", extra=""):
    return f'  ops: {{webhook: {{url: "{server.url}/hook", allow_private: true{extra}}}{more}}}\n'


def test_a_failed_run_is_told_once_and_signed_with_both_secrets(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web, extra=", secrets: [{secret: OLD_KEY}, {secret: NEW_KEY}]"))
    shop.env |= {"OLD_KEY": OLD, "NEW_KEY": NEW}
    failed = shop.go()
    assert failed.code == 3, failed.all
    run = failed.json["run"]
    assert len(web.requests) == 1
    request = web.requests[0]
    assert request["method"] == "POST" and request["headers"]["content-type"] == "application/cloudevents+json"
    for secret in (OLD, NEW):
        Webhook(secret).verify(request["body"], request["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(request["body"].replace(b"sums", b"sumz"), request["headers"])
    assert len(request["headers"]["webhook-signature"].split(" ")) == 2
    event = web.events()[0]
    assert event["specversion"] == "1.0" and event["type"] == "headrace.failed" and event["source"] == "/headrace/shop" and event["subject"] == "sums"
    assert event["id"] == request["headers"]["webhook-id"]
    data, alert = event["data"], event["data"]["alerts"][0]
    assert data["owner"] == "data@agency.example" and data["runbook"] == "https://wiki.agency.example/sums" and data["environment"] == "prod"
    assert alert["run"] == run and alert["step"] == "sales" and "expected at least 3 rows, got 1" in alert["message"]
    assert alert["held_back"] == ["out"] and f"headrace show {run}" in alert["look"] and alert["since"]
    assert not (shop.folder / "data/platform.sqlite").exists()
    shop.go()
    assert "2 runs in a row" in web.events()[1]["data"]["alerts"][0]["since"]
    shop.write("data/sales.csv", GOOD)
    assert shop.go().code == 0
    assert [event["type"] for event in web.events()] == ["headrace.failed", "headrace.failed", "headrace.recovered"]
    assert shop.go().code == 0
    assert len(web.requests) == 3, "a run that succeeds again tells nobody"
    assert len({event["id"] for event in web.events()}) == 3


def test_a_project_without_alerts_writes_no_outbox(tmp_path):
    shop = Shop(tmp_path / "shop")
    assert shop.go().code == 3
    assert shop.alerts() == []


def test_a_mail_says_all_of_it(tmp_path):
    mail = Mail()
    try:
        shop = Shop(tmp_path / "shop", f'  team: {{email: {{url: "{mail.url}", from: headrace@agency.example, to: [ann@agency.example, bob@agency.example], starttls: off, allow_private: true}}}}\n')
        run = shop.go().json["run"]
        assert len(mail.messages) == 1
        one = mail.messages[0]
        assert one["from"] == "headrace@agency.example" and one["to"] == ["ann@agency.example", "bob@agency.example"]
        assert one["message"]["Subject"] == "[headrace] sums failed" and one["message"]["Message-ID"].endswith("@headrace>")
        for text in (run, "expected at least 3 rows, got 1", "held back: out", "owner: data@agency.example", "runbook: https://wiki.agency.example/sums", f"headrace show {run}"):
            assert text in one["text"], one["text"]
    finally:
        mail.close()


def test_a_mail_server_without_tls_is_refused_unless_the_project_says_so(tmp_path):
    mail = Mail()
    try:
        shop = Shop(tmp_path / "shop", f'  team: {{email: {{url: "{mail.url}", from: a@b.example, to: c@d.example, allow_private: true}}}}\n')
        assert "does not offer TLS" in shop.go().err
        assert mail.messages == []
    finally:
        mail.close()


@pytest.mark.parametrize("tls", ["starttls", "smtps"])
def test_a_mail_goes_over_tls_to_a_server_whose_certificate_is_trusted(tmp_path, tls):
    certificate = self_signed(tmp_path)
    mail = Mail(tls, certificate)
    try:
        shop = Shop(tmp_path / "shop", f'  team: {{email: {{url: "{mail.url}", from: a@b.example, to: c@d.example, allow_private: true}}}}\n')
        done = shop.go(env={"SSL_CERT_FILE": certificate[0]})
        assert len(mail.messages) == 1 and mail.messages[0]["tls"], done.err
        shop.go()                                                   # nobody vouches for it: nothing is sent, and what did not get through is kept
        assert len(mail.messages) == 1
        assert [entry["state"] for entry in shop.alerts()].count("pending") == 1
    finally:
        mail.close()


def test_five_clients_that_broke_alike_are_one_message(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web))
    for tenant in ("ada", "bea", "cid", "dan", "eve"):
        shop.write(f"tenants/{tenant}.yaml", f"tenant: {tenant}\n")
    assert shop.go("--tenant", "all").code == 3
    assert len(web.requests) == 1
    data = web.events()[0]["data"]
    assert [alert["tenant"] for alert in data["alerts"]] == ["ada", "bea", "cid", "dan", "eve"]
    assert data["title"] == "sums failed for 5 clients: ada, bea, cid, dan, eve"
    assert len({entry["told_with"] for entry in shop.alerts()}) == 1


def test_what_does_not_get_through_is_sent_again_under_the_same_id(tmp_path, web):
    web.answers = [(503, {"Retry-After": "600"}, b""), (200, {}, b"")]
    shop = Shop(tmp_path / "shop", hook(web))
    failed = shop.go()
    assert failed.code == 3 and "answered 503; it is tried again" in failed.err
    assert [(entry["state"], entry["attempts"]) for entry in shop.alerts()] == [("pending", 1)]
    assert shop.headrace("alerts", "send").code == 0
    assert [entry["state"] for entry in shop.alerts()] == ["sent"]
    assert len({event["id"] for event in web.events()}) == 1 and web.requests[0]["body"] == web.requests[1]["body"]


def test_gone_is_left_alone_until_it_is_edited(tmp_path, web):
    web.answers = [(410, {}, b"")]
    shop = Shop(tmp_path / "shop", hook(web))
    assert "until its address is another" in shop.go().err
    shop.go()
    assert shop.headrace("alerts", "send").code == 0
    assert len(web.requests) == 1
    listed = shop.headrace("--json", "alerts", "list").json
    assert listed["disabled"][0]["destination"] == "ops" and "410" in listed["disabled"][0]["reason"]
    web.answers = [(200, {}, b"")]
    shop.edit("headrace.yaml", "/hook", "/new-hook")
    assert shop.headrace("alerts", "send").code == 0
    assert [request["path"] for request in web.requests] == ["/hook", "/new-hook", "/new-hook"], "the first was sent before, so it stays a message of its own"
    assert web.events()[0]["id"] == web.events()[1]["id"]


@pytest.mark.parametrize("point, told_before", [("run.before_finish", 0), ("run.after_finish", 0), ("alert.before_send", 0), ("alert.after_send", 1), ("alert.after_record", 1)])
def test_a_killed_process_loses_no_message(point, told_before, tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web))
    killed = shop.go(env={"HEADRACE_CRASH_AT": point})
    assert killed.code == -signal.SIGKILL, f"{point} was not passed: {killed.all}"
    assert len(web.requests) == told_before
    if point == "run.before_finish":
        assert shop.alerts() == [], "the end of the run and its messages are one transaction"
        assert shop.headrace("run", "--resume", "last").code == 3
    else:
        shop.sqlite("update alerts set next_us = 0", file=".headrace/state.db")      # as if the minute had passed
        assert shop.headrace("alerts", "send").code == 0
    assert len(web.requests) == (2 if point == "alert.after_send" else 1)
    assert len({event["id"] for event in web.events()}) == 1
    assert [entry["state"] for entry in shop.alerts()] == ["sent"]


def test_a_private_address_is_refused_unless_the_project_allows_it(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web).replace(", allow_private: true", ""))
    failed = shop.go()
    assert failed.code == 3 and "no address of the public internet" in failed.err
    assert web.requests == []


def test_a_redirect_is_not_followed(tmp_path, web):
    other = Web()
    web.answers = [(302, {"Location": f"{other.url}/elsewhere"}, b"")]
    shop = Shop(tmp_path / "shop", hook(web))
    assert "answered 302" in shop.go().err
    assert other.requests == []
    other.close()


def test_neither_secrets_nor_personal_values_are_told_or_kept(tmp_path, web):
    canaries = [f"canary{n}@people.example" for n in range(50)]
    pipeline = """
name: sums
steps:
  people:
    extract: {file: data/people.csv}
    checks: [{contract: contracts/people.yaml}, {matches: {column: email, pattern: "[a-z]+"}}, {expect: "age < 18", severity: warn}]
  out: {deliver: {data: people, file: out/people.csv}}
"""
    shop = Shop(tmp_path / "shop", '  ops: {webhook: {url: {secret: HOOK}, secrets: [{secret: KEY}], allow_private: true}, when: [failed, check_warned]}\n', pipeline)
    shop.env |= {"HOOK": f"{web.url}/hidden-token-4711", "KEY": OLD}
    shop.write("contracts/people.yaml", "columns:\n  - {name: email, type: text, personal: true}\n  - {name: age, type: int}\n")
    shop.write("data/people.csv", "email,age\n" + "".join(f"{canary},{20 + n}\n" for n, canary in enumerate(canaries)))
    failed = shop.go()
    assert failed.code == 3
    assert sorted(event["type"] for event in web.events()) == ["headrace.check_warned", "headrace.failed"]
    web.answers = [(500, {}, b"hidden-token-4711")]
    shop.go()
    state = b"".join(path.read_bytes() for path in (shop.folder / ".headrace").glob("state.db*"))
    seen = [request["body"] for request in web.requests] + [state, failed.all.encode(), shop.headrace("alerts", "list", "--all").all.encode(), shop.headrace("show", "last").all.encode()]
    for secret in [*canaries, "hidden-token-4711", OLD, OLD[6:]]:
        for text in seen:
            assert secret.encode() not in text, secret


def test_acknowledged_snoozed_and_told_again(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web))
    shop.env["USER"] = "ann"
    run = shop.go().json["run"]
    assert [alert["acknowledged_by"] for alert in shop.headrace("--json", "alerts", "list").json["alerts"]] == [""]
    assert shop.headrace("alerts", "ack", run).code == 0
    assert shop.headrace("--json", "alerts", "list").json["alerts"] == []
    shop.go()
    assert len(web.requests) == 1, "somebody knows"
    shop.write("data/sales.csv", GOOD)
    shop.go()
    shop.write("data/sales.csv", SHORT)
    shop.go()
    assert [event["type"] for event in web.events()] == ["headrace.failed", "headrace.recovered", "headrace.failed"]
    assert shop.headrace("alerts", "snooze", "2h", "--pipeline", "sums").code == 0
    shop.go()
    assert len(web.requests) == 3
    assert shop.headrace("--json", "alerts", "list").json["snoozes"][0]["by"] == "ann"
    assert shop.headrace("alerts", "snooze", "off", "--pipeline", "sums").code == 0
    shop.go()
    assert len(web.requests) == 4
    unknown = shop.headrace("alerts", "snooze", "2h", "--pipeline", "sum")
    assert unknown.code == 2 and "did you mean `sums`?" in unknown.err
    assert shop.headrace("alerts", "ack", "nothing").code == 2


def test_a_program_and_a_file_are_told(tmp_path):
    shop = Shop(tmp_path / "shop", '  program: {command: [scripts/tell.sh, now]}\n  log: {file: out/alerts.jsonl, when: [failed, recovered]}\n')
    shop.write("scripts/tell.sh", '#!/bin/sh\ncp "$HEADRACE_ALERT" "told-$1.json"; env > env.txt; pwd > pwd.txt\n')
    (shop.folder / "scripts/tell.sh").chmod(0o755)
    shop.env["API_TOKEN"] = "hidden"
    shop.go()
    shop.write("data/sales.csv", GOOD)
    shop.go()
    assert json.loads(shop.read("told-now.json"))["type"] == "headrace.recovered"
    assert "hidden" not in shop.read("env.txt") and shop.read("pwd.txt").strip() == str(shop.folder.resolve())
    assert [json.loads(line)["type"] for line in shop.read("out/alerts.jsonl").splitlines()] == ["headrace.failed", "headrace.recovered"]
    assert not list((shop.folder / ".headrace/tmp").iterdir())


def test_each_service_gets_the_shape_it_knows(tmp_path, web):
    ways = f"""
  slack: {{slack: {{url: "{web.url}/slack", allow_private: true}}}}
  teams: {{teams: {{url: "{web.url}/teams", allow_private: true}}}}
  pager: {{pagerduty: {{url: "{web.url}/pagerduty", key: {{secret: PAGER}}, allow_private: true}}}}
  genie: {{opsgenie: {{url: "{web.url}/opsgenie", key: {{secret: GENIE}}, allow_private: true}}}}
"""
    shop = Shop(tmp_path / "shop", ways)
    shop.env |= {"PAGER": "routing", "GENIE": "genie-key"}
    shop.go()
    shop.write("data/sales.csv", GOOD)
    shop.go()
    by_path = {}
    for request in web.requests:
        by_path.setdefault(request["path"].split("?")[0], []).append(request)
    slack = json.loads(by_path["/slack"][0]["body"])
    assert slack["text"].startswith("sums failed\n") and "expected at least 3 rows, got 1" in slack["text"]
    card = json.loads(by_path["/teams"][0]["body"])["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive" and card["content"]["body"][0]["text"] == "sums failed"
    trigger, resolve = (json.loads(request["body"]) for request in by_path["/pagerduty"])
    assert trigger["event_action"] == "trigger" and trigger["routing_key"] == "routing" and trigger["payload"]["severity"] == "error"
    assert resolve["event_action"] == "resolve" and resolve["dedup_key"] == trigger["dedup_key"]
    genie = json.loads(by_path["/opsgenie"][0]["body"])
    assert genie["message"] == "sums failed" and by_path["/opsgenie"][0]["headers"]["authorization"] == "GenieKey genie-key"
    assert by_path[f"/opsgenie/{genie['alias']}/close"], "closed when it has recovered"


def test_trying_a_destination(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web))
    assert shop.headrace("alerts", "test", "ops").code == 0
    assert "nothing is wrong" in web.events()[0]["data"]["alerts"][0]["message"]
    assert "there is ops" in shop.headrace("alerts", "test", "op").err
    web.answers = [(404, {}, b"")]
    assert shop.headrace("alerts", "test", "ops").code == 4


def test_a_moved_champion_and_a_refused_gate_are_told(tmp_path, web):
    world = World(tmp_path / "shop")
    with open(world.folder / "headrace.yaml", "a") as file:
        file.write("alerts:\n" + hook(web, more=", when: [failed, champion_moved, gate_refused]"))
    world.good(pipeline="full")
    world.good(pipeline="full")
    assert [event["type"] for event in web.events()] == ["headrace.champion_moved"], "once"
    assert "version 1 of `churn` is the champion now; it had none before" in web.events()[0]["data"]["alerts"][0]["message"]
    world.edit("pipelines/full.yaml", "auc >= 0.6", "auc >= 2")
    world.edit("pipelines/full.yaml", "num_iterations: 10", "num_iterations: 11")     # else it is the same model, which is version 1
    assert world.run(pipeline="full").code == 3
    assert [event["type"] for event in web.events()] == ["headrace.champion_moved", "headrace.gate_refused"], "and not as failed beside it"
    alert = web.events()[1]["data"]["alerts"][0]
    assert alert["step"] == "model" and "`auc >= 2`" in alert["message"] and "the champion stays" in alert["message"]
    world.edit("headrace.yaml", "[failed, champion_moved, gate_refused]", "[failed, champion_moved]")
    assert world.headrace("models", "promote", "churn", "2").code == 0
    assert "version 2 of `churn` is the champion now; before it was version 1" in web.events()[2]["data"]["alerts"][0]["message"]


def test_a_server_tells_what_is_late_and_waits_for_those_alike(tmp_path, web):
    shop = Shop(tmp_path / "shop", hook(web, more=", group: 1s"), "name: held\nschedule: {cron: '0 6 * * *', finish_by: '06:30'}\nsteps:\n  wait: {command: {run: [sleep, 60], outputs: []}}\n", "held")
    import subprocess
    from world import HEADRACE
    server = subprocess.Popen([HEADRACE, "server", "--clock", "2026-03-02 05:59", "--clock-speed", "600"], cwd=shop.folder, env=shop.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 60
        while not web.requests and time.monotonic() < end:
            time.sleep(0.1)
        event = web.events()[0]
        assert event["type"] == "headrace.late" and "expected to end by 2026-03-02 06:30" in event["data"]["alerts"][0]["message"]
    finally:
        run = shop.headrace("--json", "runs").json
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        for one in run:
            shop.headrace("cancel", one["run"])

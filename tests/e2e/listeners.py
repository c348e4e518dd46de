"""Servers that the tests of alerts and API sources start: they answer as told, and remember what came. And a small project to talk to them."""

import email
import email.policy
import http.server
import json
import pathlib
import ssl
import subprocess
import threading

from aiosmtpd.controller import Controller

from world import World


class Web:
    """An HTTP server on 127.0.0.1. `answers` is used up one by one, the last one for ever: (status, headers, body), or a body for 200 and JSON."""

    def __init__(self, *answers):
        self.answers = list(answers) or [(204, {}, b"")]
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.requests.append({"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": self.rfile.read(length)})
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if not isinstance(answer, tuple):
                    answer = (200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers and "Transfer-Encoding" not in headers and status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            do_GET = do_POST = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def events(self):
        return [json.loads(request["body"]) for request in self.requests]


class Mail:
    """An SMTP server on 127.0.0.1. `tls` is None, "starttls" (asked for before anything is sent) or "smtps" (from the first byte), with the certificate of `self_signed`."""

    def __init__(self, tls=None, certificate=None):
        self.messages = []
        ways = {}
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            ways = {"ssl_context": context} if tls == "smtps" else {"tls_context": context, "require_starttls": True}
        outer = self

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                outer.messages.append({"from": envelope.mail_from, "to": envelope.rcpt_tos, "message": message, "text": message.get_content(), "tls": session.ssl is not None or tls == "smtps"})
                return "250 OK"

        self.controller = Controller(Handler(), hostname="127.0.0.1", port=free_port(), **ways)
        self.controller.start()
        self.url = f"{'smtps' if tls == 'smtps' else 'smtp'}://127.0.0.1:{self.controller.port}"

    def close(self):
        self.controller.stop()


def self_signed(folder, name="127.0.0.1"):
    """A certificate that vouches for itself, and its key: two files."""
    certificate, key = str(folder / "mail.pem"), str(folder / "mail.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail", "-addext", f"subjectAltName=IP:{name}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


PROJECT = """
name: shop
environments: {{prod: {{default: true, schedules: on, deliver: live}}}}
connections: {{platform: {{driver: sqlite, uri: "data/platform.sqlite"}}}}
{alerts}
"""
SUMS = """
name: sums
owner: data@agency.example
runbook: https://wiki.agency.example/sums
steps:
  sales: {extract: {file: data/sales.csv}, checks: [{rows: {min: 3}}]}
  out: {deliver: {data: sales, connection: platform, table: sums, mode: upsert, key: [day], allow_older: true}}
"""
GOOD = "day,total\n2026-01-01,1\n2026-01-02,2\n2026-01-03,3\n"
SHORT = "day,total\n2026-01-01,1\n"


class Shop(World):
    """A project of one pipeline that fails as long as data/sales.csv is SHORT."""

    def __init__(self, folder, alerts="", pipeline=SUMS, name="sums"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.env = World(self.folder.parent / "unused").env
        self.write("headrace.yaml", PROJECT.format(alerts=f"alerts:\n{alerts}" if alerts else ""))
        self.write(f"pipelines/{name}.yaml", pipeline)
        self.write("data/sales.csv", SHORT)
        self.name = name

    def go(self, *argv, **how):
        return self.run("--json", *argv, pipeline=self.name, **how)

    def alerts(self, *argv):
        done = self.headrace("--json", "alerts", "list", "--all", *argv)
        assert done.code == 0, done.all
        return done.json["alerts"]

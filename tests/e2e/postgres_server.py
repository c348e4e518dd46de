"""A PostgreSQL 15 server of its own in a temporary directory, for tests.

    with PostgresServer() as server:
        server.psql("create table t (x int)")
        ... server.uri ...

It listens on a unix socket; `tcp=True` adds a port on 127.0.0.1. Nobody needs a password, unless `host_auth` asks for one on
TCP. Nothing is flushed to the disk: what a crash of the machine would leave is not what these tests are about.
"""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

USER = "headrace"
DATABASE = "postgres"


def program(name):
    """The path of one of PostgreSQL 15's programs."""
    for place in ("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin"):
        if os.access(f"{place}/{name}", os.X_OK):
            return f"{place}/{name}"
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"PostgreSQL's {name} is not installed: install the package postgresql-15 (scripts/setup.sh test does)")
    return found


def _owner():
    """The user that the server runs as: ourselves, or, because it refuses to run as root, one who is not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


class PostgresServer:
    """`uri`, `socket_dir` and `port` are good between start and stop, which a `with` calls."""

    def __init__(self, tcp=False, host_auth="trust", settings=None):
        self.tcp = tcp
        self.host_auth = host_auth
        self.settings = settings or {}
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        owner = _owner()
        self._as = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if owner else []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-pg-"))   # short: a socket's path has at most 107 bytes
        self.socket_dir = str(self.folder)
        if owner:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.port = 5432
        if self.tcp:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        try:
            self._run(program("initdb"), "-D", self.folder / "data", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync",
                      "--auth-local=trust", f"--auth-host={self.host_auth}")
            settings = {"listen_addresses": "127.0.0.1" if self.tcp else "", "unix_socket_directories": self.socket_dir, "port": self.port,
                        "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": 50} | self.settings
            flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            with open(self.folder / "log", "wb") as log:
                self.process = subprocess.Popen([*self._as, program("postgres"), "-D", self.folder / "data", *flags], cwd="/",
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)   # ends sessions, then itself
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def uri(self):
        return self.uri_of(DATABASE)

    def uri_of(self, database):
        return f"postgresql://{USER}@/{database}?host={self.socket_dir}&port={self.port}"

    @property
    def socket_path(self):
        return f"{self.socket_dir}/.s.PGSQL.{self.port}"

    def command(self, *more, database=DATABASE):
        """The command line of a psql that prints bare rows, columns separated by |."""
        return [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.socket_dir, "-p", str(self.port), "-U", USER, "-d", database, *more]

    def psql(self, sql, database=DATABASE):
        """Run `sql`, several statements if need be; the rows as text."""
        done = subprocess.run(self.command("-c", sql, database=database), capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{sql}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def _run(self, *argv):
        done = subprocess.run([*self._as, *argv], cwd="/", capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]}: {done.stderr or done.stdout}")

    def _wait(self):
        deadline = time.monotonic() + 120
        while True:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended: " + (self.folder / "log").read_text())
            ready = subprocess.run(self.command("-c", "select 1"), capture_output=True, text=True)
            if ready.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer: {ready.stderr}")
            time.sleep(0.05)

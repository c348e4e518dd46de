"""A TCP proxy between a client and PostgreSQL that breaks the connection at a chosen point, once; later connections pass unharmed.

    with Proxy(server, cut=AfterBytes(1000)) as proxy:
        ... postgresql://user@127.0.0.1:{proxy.port}/database?sslmode=disable&gssencmode=disable ...

A cut has a `fresh` one for each connection, which is asked about each piece of the two streams, as they come, and answers how many bytes of it may pass before
the connection ends; None lets all pass.
"""

import socket
import struct
import threading


class AfterBytes:
    """Cut when `count` bytes have passed since the first BEGIN, both directions together. `passed` is how many have."""

    def __init__(self, count=float("inf")):
        self.count = count
        self.passed = 0
        self.begun = False

    def fresh(self):
        return self   # counts on over all connections

    def client(self, data):
        self.begun = self.begun or b"BEGIN" in data
        return self.server(data)

    def server(self, data):
        before = self.passed
        self.passed += len(data) if self.begun else 0
        return self.count - before if self.passed > self.count else None


class AtCommit:
    """Cut at COMMIT: `before` it reaches the server, `sent` when it just has, or when its `reply` comes."""

    def __init__(self, when):
        assert when in ("before", "sent", "reply")
        self.when = when
        self.buffer = b""
        self.started = False
        self.named = False       # a statement COMMIT has been prepared
        self.committing = False  # and was sent to be executed

    def fresh(self):
        return AtCommit(self.when)

    def client(self, data):
        before = len(self.buffer)
        self.buffer += data
        at = 0
        while True:
            head = 4 if not self.started else 5
            if len(self.buffer) - at < head:
                break
            length = struct.unpack_from("!i", self.buffer, at + head - 4)[0] + head - 4
            if len(self.buffer) - at < length:
                break
            message = self.buffer[at:at + length]
            if not self.started:
                self.started = struct.unpack_from("!i", message, 4)[0] == 196608   # not a question for SSL or GSS
            elif message[:1] == b"Q" and message[5:-1] == b"COMMIT":
                self.committing = True
            elif message[:1] == b"P" and message[5:].split(b"\0")[1] == b"COMMIT":
                self.named = True
            elif message[:1] == b"E" and self.named:
                self.committing = True
            if self.committing and self.when == "before":
                return max(at - before, 0)
            at += length
        self.buffer = self.buffer[at:]
        if self.committing and self.when == "sent":
            return len(data)
        return None

    def server(self, data):
        return 0 if self.committing else None


class Proxy:
    """`port` is where it listens, `was_cut` whether the cut has happened."""

    def __init__(self, server, cut=None):
        self.server = server
        self.cut = cut
        self.was_cut = False
        self.lock = threading.Lock()
        self.open = set()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        with self.lock:
            for one in list(self.open):
                self._end(one)

    def uri(self, database, user="headrace"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server.socket_path)
            with self.lock:
                self.open |= {client, server}
            cut = self.cut and self.cut.fresh()
            threading.Thread(target=self._pump, args=(client, server, cut and cut.client), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, cut and cut.server), daemon=True).start()

    def _pump(self, source, target, ask):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with self.lock:
                allowed = None
                if data and ask and not self.was_cut:
                    allowed = ask(data)
                    self.was_cut = allowed is not None
                end = not data or allowed is not None
                if data:
                    try:
                        target.sendall(data[:allowed])
                    except OSError:
                        end = True
                if end:
                    self._end(source)
                    self._end(target)
                    return

    def _end(self, one):
        self.open.discard(one)
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()

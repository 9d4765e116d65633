"""A door served as its terminal serves it, over real sockets, and senders whose order of completion is known."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import structlog

from aristobot.settings import Settings
from aristobot.terminals.receiver import terminal as receiver
from aristobot.wiring import House
from tests.support.ports import neighbours

LOCK = "hashtext('log.events')"
OK, UNKNOWN, TOO_LARGE = b"200", b"401", b"413"


def alert(number):
    """Return one of many alerts that differ only in their number."""
    return f'{{"Action":"PING","UserID":1,"IndicateurName":"number {number}","BarTime":"2026-03-02T09:25:00Z"}}'


class Sender:
    """A connection to the door that has sent everything but the last byte of its body."""

    def __init__(self, door, body, token=None):
        self.body, self._socket = body, socket.create_connection(("127.0.0.1", door.port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw = body.encode()
        self._rest = raw[-1:]
        head = f"POST /webhook/receive?token={token or door.token} HTTP/1.1\r\nHost: door\r\n"
        # The door hangs up on a body that is too large while we still send it.
        self._socket.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw[:-1])

    def complete(self):
        with suppress(ConnectionError):
            self._socket.sendall(self._rest)

    def answer(self):
        """Return the status of the answer."""
        with self._socket as connection:
            said = b""
            while b"\r\n" not in said:
                more = connection.recv(256)
                assert more, "the door hung up before it answered"
                said += more
        return said.split(b" ")[1]


class Served:
    """A door served as its terminal serves it, and what it has recorded."""

    def __init__(self, database, port, tokens, spool):
        self.database, self.port, self.tokens, self.spool = database, port, tokens, spool
        self.store, self.token = database.store(), tokens.rotate(1)

    def send(self, bodies, tokens=None):
        """Connect for all bodies, then complete them in this order, and return the senders."""
        senders = [
            Sender(self, body, token) for body, token in zip(bodies, tokens or [None] * len(bodies), strict=True)
        ]
        self.settle()
        for sender in senders:
            sender.complete()
        return senders

    def settle(self):
        """Wait until the door has read everything sent so far, which it has once it answers a later request."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: door\r\n\r\n")
            assert connection.recv(64)

    def log(self):
        """Return topic and body of every webhook event in log order. The body of a repetition is None."""
        read = self.store.read(0, 2000, topics=["Webhook.Received", "Webhook.Repeated"])
        return [(one.topic.partition(".")[2], getattr(one.event, "body", None)) for one in read]

    def received(self):
        return [body for topic, body in self.log() if topic == "Received"]

    def commits(self):
        """Return the number of webhook events in each commit."""
        query = "SELECT count(*) FROM log.events WHERE topic LIKE 'Webhook.%' GROUP BY xmin ORDER BY min(position)"
        return [row[0] for row in self.database.connect().execute(query)]

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Let no append go through meanwhile."""
        with self.database.connect() as other:
            other.execute(f"SELECT pg_advisory_lock({LOCK})")
            yield
            other.execute(f"SELECT pg_advisory_unlock({LOCK})")

    def waits(self):
        """Return the number of appends that wait for the lock."""
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return self.database.connect().execute(query).fetchone()[0]


@contextmanager
def served(database, valkey, home, monkeypatch) -> Iterator[Served]:
    """Serve a door on a real port in a thread."""
    port = neighbours(1)
    given = {"SECRET_KEY": database.secret, "HOME": str(home), "REDIS_URL": valkey.url, "WEBHOOK_PORT": str(port)}
    for name, value in given.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}", value)

    def house(role):
        monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for(role))
        return House(Settings.read())

    web, own, stopping = house("aristobot_web"), house("aristobot_writer"), threading.Event()
    with web.pool, own.pool, ExitStack() as opened:
        served = Served(database, port, web.tokens, Path(home / "spool"))  # its token is there before the door reads
        serving = threading.Thread(target=receiver.run, args=(own, structlog.get_logger(), stopping))
        serving.start()
        opened.callback(serving.join)
        opened.callback(stopping.set)
        _until_open(port)
        yield served


def _until_open(port):
    for _ in range(3000):
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 10).close()
            return
        threading.Event().wait(0.01)
    raise AssertionError("the door does not open")

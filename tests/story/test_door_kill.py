"""The door's durability: each door is killed with SIGKILL as soon as its answer can be read.

A door is a process that runs `aristobot terminal receiver` from its command line on. A hatchery imports the program
once and forks every door from itself. Otherwise a thousand doors could not die in one test.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapters.database.migrate import migrate, url_for
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from adapters.vault.tokens import TokenTable
from adapters.vault.vault import Vault
from application.people.users import register
from aristobot.servers.postgres import Postgres
from tests.support.samples import thoroughly
from web.door import PATIENCE_SECONDS

REPOSITORY = Path(__file__).parents[2]
DOORS = 4
WHILE_AWAY = 30
HATCHERY = """
import os, signal, sys, traceback
import aristobot.terminals.receiver.terminal
import web.door
import uvicorn.lifespan.on, uvicorn.loops.auto, uvicorn.protocols.http.auto, uvicorn.protocols.websockets.auto
from aristobot.__main__ import main
from aristobot.servers.process import dies_with_parent

hatchery, web.door.PATIENCE_SECONDS = os.getpid(), float(sys.argv[1])
for line in sys.stdin:
    word, number = line.split()
    if word == "open":
        door = os.fork()
        if door == 0:
            try:
                dies_with_parent(signal.SIGKILL, hatchery)
                os.environ["ARISTOBOT_WEBHOOK_PORT"] = number
                os._exit(main(["terminal", "receiver"]))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        print(door, flush=True)
    else:
        print(os.waitstatus_to_exitcode(os.waitpid(int(number), 0)[1]), flush=True)
"""


class Doors:
    """A hatchery and the doors that it opens on one HOME and one database."""

    def __init__(self, environment: dict[str, str], patience: float, eventually: Callable[..., Any]) -> None:
        self._eventually = eventually
        self._token = ""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_")}
        self._hatchery = subprocess.Popen(
            [sys.executable, "-c", HATCHERY, str(patience)],
            cwd=REPOSITORY, env=clean | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        """End the hatchery; a door that still lives dies with it."""
        self._hatchery.communicate()

    def register(self, url: str, master: MasterKey) -> None:
        """Register the user whose token all deliveries carry."""
        with open_pool(url_for(url, "aristobot_web", master)) as pool:
            vault = Vault(pool, master)
            user = register(Store(pool, master), vault, "somebody", "a long password of nobody 42")
            self._token = TokenTable(pool, master).rotate(user.number)

    def open(self, port: int) -> int:
        """Start a door and return its process id without waiting for it."""
        return self._ask(f"open {port}")

    def deliver(self, port: int, body: str, killing: int | None = None) -> str:
        """Post a body to the door on this port and return the status line.

        `killing` is the process that gets SIGKILL the moment the door has answered.
        """
        head = f"POST /webhook/receive?token={self._token} HTTP/1.1\r\nHost: door\r\n"
        with self._eventually(lambda: _connected(port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            said = b""
            while b"\r\n" not in said:
                more = connection.recv(64)
                assert more, "the door hung up before it answered"
                said += more
            if killing is not None:
                self.kill(killing)
        return said.partition(b"\r\n")[0].decode()

    def kill(self, door: int) -> None:
        """Kill a door (kill -9) and check that nothing else has ended it."""
        os.kill(door, signal.SIGKILL)
        assert self._ask(f"bury {door}") == -signal.SIGKILL

    def _ask(self, what: str) -> int:
        print(what, file=self._hatchery.stdin, flush=True)
        return int(self._hatchery.stdout.readline())


def _connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), 60)
    except ConnectionRefusedError:
        return None


def _alert(number: int) -> str:
    """Return one of many alerts that differ only in their indicator's name."""
    return (
        '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
        '"BarTime":"2026-03-02T09:30:00Z","Action":"BuyMarket","Prix":NaN,"PrixSL":NaN,"PrixTP":NaN,"PourCent":5,'
        f'"UserID":1,"IndicateurName":"number {number}","UserExchangeID":1}}'
    )


def _received(store: Store) -> list[str]:
    """Return the body of every delivery in the log, in log order."""
    return [recorded.event.body for recorded in store.read(0, 10_000, topics=["Webhook.Received"])]


@pytest.fixture
def new_doors(eventually: Callable[..., Any]) -> Iterator[Callable[..., Doors]]:
    """Yield `new_doors(home, url, valkey_url, secret)`, which starts a hatchery with those settings.

    `patience` is the number of seconds in which a delivery may reach the log before it goes to disk.
    """
    with ExitStack() as opened:

        def make(
            home: Path, database_url: str, redis_url: str, secret: str, patience: float = PATIENCE_SECONDS
        ) -> Doors:
            given = {"HOME": str(home), "DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": secret}
            made = Doors({f"ARISTOBOT_{name}": value for name, value in given.items()}, patience, eventually)
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """Yield ports on which one door after another may listen; no other process is given one of them."""
    with ExitStack() as opened:
        kept = [opened.enter_context(socket.socket()) for _ in range(DOORS)]
        for one in kept:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        yield [one.getsockname()[1] for one in kept]


@pytest.mark.parametrize("deliveries", [100, thoroughly(1000)])
def test_what_was_answered_is_in_the_log_whenever_the_door_dies(
    deliveries: int, new_doors: Callable[..., Doors], ports: list[int], database: Any, valkey: Any, tmp_path: Path
) -> None:
    """Each alert has a door of its own, killed right after its 200. The log has every alert once, byte for byte."""
    store, heads = database.store(), []
    # No delivery goes to disk, however busy the machine is: one door of a thousand may be slow.
    doors = new_doors(tmp_path, database.url, valkey.url, database.secret, patience=30)
    doors.register(database.url, database.master)
    before, alerts = store.head(), [_alert(number) for number in range(deliveries)]
    waiting = deque((port, doors.open(port)) for port in ports)
    # When each door is killed as soon as it has answered.
    for alert in alerts:
        port, door = waiting.popleft()
        assert doors.deliver(port, alert, killing=door) == "HTTP/1.1 200 OK"
        heads.append(store.head())
        waiting.append((port, doors.open(port)))  # starts while the others are in use
    # Then the log has every alert, recorded before its answer.
    assert _received(store) == alerts
    assert heads == [*range(before + 1, before + deliveries + 1)], "an answer came before its alert was recorded"
    assert not [*(tmp_path / "spool").iterdir()], "PostgreSQL was there all the time"
    topics = database.connect().execute("SELECT DISTINCT topic FROM log.events WHERE topic LIKE 'Webhook.%'").fetchall()
    assert topics == [("Webhook.Received",)]


def test_what_was_answered_while_postgresql_was_away_comes_into_the_log_in_its_order(
    new_doors: Callable[..., Doors], ports: list[int], valkey: Any, short_home: Path, tmp_path: Path, eventually: Any
) -> None:
    """Each door is killed after its 200, and some while they drain. No alert is lost, doubled or overtaken."""
    # Given a database that is away.
    master = MasterKey("a secret of its own")
    server = Postgres(short_home / "away", master)
    server.start()
    migrate(server.url, master)
    doors = new_doors(tmp_path, server.url, valkey.url, "a secret of its own")
    doors.register(server.url, master)
    server.stop()
    # When each door is killed after its answer, and others while they drain the spool.
    alerts = [_alert(number) for number in range(WHILE_AWAY + 1)]
    for alert in alerts[:-1]:
        assert doors.deliver(ports[0], alert, killing=doors.open(ports[0])) == "HTTP/1.1 200 OK"

    def spooled() -> int:
        return len([*(tmp_path / "spool").glob("*.delivery")])

    assert spooled() == WHILE_AWAY
    server.start()
    try:
        door = doors.open(ports[0])
        assert doors.deliver(ports[0], alerts[-1]) == "HTTP/1.1 200 OK"
        while waiting := spooled():
            eventually(lambda before=waiting: spooled() < before)
            doors.kill(door)
            door = doors.open(ports[0])
        # Then the log has every alert in its order.
        with open_pool(url_for(server.url, "aristobot_writer", master)) as pool:
            assert _received(Store(pool, master)) == alerts
    finally:
        server.stop()

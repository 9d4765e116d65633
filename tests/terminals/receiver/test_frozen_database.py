"""The door while PostgreSQL is frozen, connected but silent: it answers in time and loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
import structlog

from adapters.database.migrate import migrate, url_for
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from adapters.vault.tokens import TokenTable
from adapters.vault.vault import Vault
from application.people.users import register
from aristobot.servers.postgres import Postgres
from aristobot.settings import Settings
from aristobot.terminals.receiver import terminal as receiver
from aristobot.wiring import House
from tests.support.ports import neighbours

SECRET = "the secret of the frozen server"
WHILE_FROZEN = 5


class Frost:
    """A PostgreSQL server of the test's own, which can be frozen in the middle of its work."""

    def __init__(self, server: Postgres, master: MasterKey) -> None:
        self.server, self.master = server, master

    def _family(self) -> list[int]:
        """Return the server's process ids, the postmaster first: once it is stopped, it starts no more children."""
        postmaster = self.server._process.pid
        parents = {int(folder.name): _stat(int(folder.name))[1] for folder in Path("/proc").glob("[0-9]*")}
        return [postmaster, *(pid for pid, parent in parents.items() if parent == str(postmaster))]

    def frozen(self) -> bool:
        """Return True when none of the processes runs."""
        return all(_stat(pid)[0] in {"T", "Z"} for pid in self._family())

    @contextmanager
    def freezing(self, eventually) -> Iterator[None]:
        """Stop all processes (SIGSTOP), and continue them at the end (SIGCONT)."""
        os.kill(self.server._process.pid, signal.SIGSTOP)
        try:
            eventually(lambda: _stat(self.server._process.pid)[0] == "T")
            for pid in self._family():
                os.kill(pid, signal.SIGSTOP)
            eventually(self.frozen)
            yield
        finally:
            for pid in reversed(self._family()):  # the postmaster last: until then no process id is reused
                os.kill(pid, signal.SIGCONT)

    def received(self) -> list[str]:
        """Return the body of every delivery that the log holds as new, in log order."""
        with open_pool(url_for(self.server.url, "aristobot_writer", self.master)) as pool:
            log = Store(pool, self.master).read(0, topics=["Webhook.Received"])
            return [recorded.event.body for recorded in log]


def _stat(pid: int) -> tuple[str, str]:
    """Return the state and the parent of a process, or two empty texts once it is gone."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "", ""
    return state, parent


def _alert(number: int) -> str:
    return f'{{"Action":"PING","UserID":1,"IndicateurName":"number {number}","BarTime":"2026-03-02T09:25:00Z"}}'


@pytest.fixture
def frost(short_home: Path) -> Iterator[Frost]:
    """Start a new, migrated server."""
    master = MasterKey(SECRET)
    with tempfile.TemporaryDirectory(dir=short_home) as home:
        Path(home).chmod(0o755)
        server = Postgres(Path(home), master)
        server.start()
        try:
            migrate(server.url, master)
            yield Frost(server, master)
        finally:
            server.stop()


@pytest.fixture
def door(frost, valkey, tmp_path, monkeypatch) -> Iterator[tuple[str, Path]]:
    """Run the receiver as its terminal does; yield the address for deliveries and the folder of its spool."""
    with open_pool(url_for(frost.server.url, "aristobot_web", frost.master)) as pool:
        vault = Vault(pool, frost.master)
        user = register(Store(pool, frost.master), vault, "somebody", "a long password 42")
        token = TokenTable(pool, frost.master).rotate(user.number)
    port = neighbours(1)
    given = {
        "SECRET_KEY": SECRET, "HOME": str(tmp_path), "REDIS_URL": valkey.url, "WEBHOOK_PORT": str(port),
        "DATABASE_URL": url_for(frost.server.url, "aristobot_writer", frost.master),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}", value)
    house, stopping = House(Settings.read()), threading.Event()
    with house.pool:
        serving = threading.Thread(target=receiver.run, args=(house, structlog.get_logger(), stopping))
        serving.start()
        yield f"http://127.0.0.1:{port}/webhook/receive?token={token}", tmp_path / "spool"
        stopping.set()
        serving.join()


def delivered(address: str, alert: str) -> bool:
    """Return True when the door took the alert."""
    try:
        return httpx.post(address, content=alert, timeout=30).status_code == 200
    except httpx.ConnectError:
        return False


async def answers_at_once(address: str, alerts: list[str]) -> list[int]:
    """Deliver all alerts at the same time and return the status of each."""
    async with httpx.AsyncClient(timeout=30) as sender:
        answers = await asyncio.gather(*(sender.post(address, content=alert) for alert in alerts))
    return [answer.status_code for answer in answers]


def test_a_frozen_postgresql_delays_no_answer_and_loses_nothing(door, frost, eventually):
    """Each delivery is answered while the server is frozen. Afterwards the log has it once and in order."""
    address, spool = door
    alerts = [_alert(number) for number in range(WHILE_FROZEN + 2)]
    eventually(lambda: delivered(address, alerts[0]))
    with frost.freezing(eventually):
        for alert in alerts[1:-1]:
            assert delivered(address, alert)
        assert len([*spool.glob("*.delivery")]) >= WHILE_FROZEN
        assert frost.frozen()
    assert delivered(address, alerts[-1])
    eventually(lambda: not [*spool.iterdir()])
    assert frost.received() == alerts


def test_as_many_deliveries_at_once_as_anybody_sends_are_answered_too(door, frost, eventually):
    """More deliveries come at once than the door has threads that can wait for PostgreSQL."""
    address, spool = door
    alerts = [_alert(number) for number in range(20)]
    eventually(lambda: delivered(address, _alert(-1)))
    with frost.freezing(eventually):
        assert asyncio.run(answers_at_once(address, alerts)) == [200] * len(alerts)
        assert frost.frozen()
    eventually(lambda: not [*spool.iterdir()])
    assert sorted(frost.received()) == sorted([_alert(-1), *alerts])


def test_a_server_that_freezes_within_an_append_is_no_loss(door, frost, eventually):
    """A lock holds the append up until the freeze. It goes through later, and no second delivery is recorded."""
    address, spool = door
    eventually(lambda: delivered(address, _alert(0)))
    with psycopg.connect(frost.server._superuser_url("aristobot")) as other:
        other.execute("LOCK TABLE log.events IN ACCESS EXCLUSIVE MODE")
        sender = threading.Thread(target=delivered, args=(address, _alert(1)))
        sender.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: other.execute(waits).fetchone()[0])
        with frost.freezing(eventually):
            sender.join()
            assert [*spool.glob("*.delivery")]
            assert frost.frozen()
    eventually(lambda: not [*spool.iterdir()])
    eventually(lambda: frost.received() == [_alert(0), _alert(1)])

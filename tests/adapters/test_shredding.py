"""What forgotten persons leave in the database's files is removed, and nobody else's things are."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from adapters.database import shredding
from adapters.database.migrate import migrate, url_for
from adapters.database.shredding import OldSnapshot, shred
from adapters.log.eventstore import Store, open_pool
from adapters.vault.channels import ChannelTable
from adapters.vault.keys import MasterKey
from adapters.vault.vault import Vault
from application.people import users
from application.webhooks.reception import receive
from aristobot.servers.postgres import Postgres
from projections.books.projector import PAGE, Books

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MASTER = MasterKey("the secret of the shredder")
WORDS = ("Zebulon", "Quinquagesima", "192.0.2.77", "Mozilla-Nabuchodonosor")
SEALED = "Wolkenkuckuck"
OTHERS = ("Honorine", "Sexagesima")


class Server:
    """A server of the test's own with two users, whose words are in the books, the vault and the service tables."""

    def __init__(self, server):
        self.server, self.url = server, server.url
        migrate(self.url, MASTER)
        self.books = Books(psycopg.connect(url_for(self.url, "aristobot_projector", MASTER), autocommit=True))
        with open_pool(self.url) as pool:
            store, vault = Store(pool, MASTER), Vault(pool, MASTER)
            for number, (name, indicator) in enumerate((OTHERS, WORDS[:2]), 1):
                users.register(store, vault, name, "a long password 42")
                for bar in range(30):
                    receive(store, number, self._alert(number, indicator, bar), f"192.0.2.7{number + 5}", NOW)
            channels = ChannelTable(pool, MASTER, private=True)
            users.add_channel(store, channels, 2, SEALED, f"json://127.0.0.1/{SEALED}")
            with pool.connection() as connection:
                connection.execute(
                    "INSERT INTO service.sessions (token_hash, user_id, csrf, address, agent)"
                    " VALUES ('x', 2, 'c', %s, %s)",
                    (WORDS[2], WORDS[3]),
                )
        self.project()
        with psycopg.connect(self.url, autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE")
            owner.execute("CHECKPOINT")

    @staticmethod
    def _alert(user, indicator, bar):
        return (
            f'{{"Action":"PING","UserID":{user},"IndicateurName":"{indicator}","N":{bar},'
            f'"BarTime":"2026-03-02T09:{bar:02d}:00Z"}}'
        ).encode()

    def project(self):
        with open_pool(self.url) as pool:
            while self.books.step(Store(pool, MASTER).read, PAGE)[0]:
                pass

    def forget(self):
        with open_pool(self.url) as pool:
            users.forget(Store(pool, MASTER), Vault(pool, MASTER), 2, by=1)

    def found(self, words=WORDS):
        """Return the words that stand in any file of the server."""
        files = [file for file in self.server.data.rglob("*") if file.is_file()]
        return {word for file in files for word in words if word.encode() in file.read_bytes()}


@pytest.fixture(scope="module")
def server(short_home):
    with tempfile.TemporaryDirectory(dir=short_home) as home:
        Path(home).chmod(0o755)
        started = Postgres(Path(home), MASTER)
        started.start()
        try:
            yield Server(started)
        finally:
            started.stop()


def test_nothing_of_a_forgotten_person_is_left_in_any_file(server, monkeypatch):
    """Deleted rows stay in their pages, samples in the statistics, all of it in the write-ahead log, until shredded."""
    monkeypatch.setattr(shredding, "PATIENCE_SECONDS", 0.5)
    assert server.found((*WORDS, SEALED)) == set(WORDS)
    server.forget()
    assert shred(server.url) == []  # the books still have the rows
    with psycopg.connect(server.url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1 FROM log.events LIMIT 1")
        server.project()
        with pytest.raises(OldSnapshot):  # somebody still sees them: they would be written anew
            shred(server.url)
    assert server.found() == set(WORDS)
    assert shred(server.url) == [2]
    assert server.found() == set()
    assert server.found(OTHERS) == set(OTHERS)
    assert shred(server.url) == []

"""The console's API in this process, on a real database, with two users who must not see each other's things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.eventstore import Store, open_pool
from adapters.vault import Vault
from application.accounts import connect_broker, register
from application.exchange import Credentials
from domain.broker import Exchange, Venue
from projections.projector import PAGE, Books
from web.app import create_app
from web.context import Context

PASSWORDS = {"alice": "correct horse battery", "bob": "another long phrase"}


class Console:
    """Two users, each with a broker: number 1 is alice's, number 2 is bob's."""

    def __init__(self, database: Any, pool: Any) -> None:
        self.database = database
        self.store, self.vault = Store(pool, database.master), Vault(pool, database.master)
        for name, password in PASSWORDS.items():
            user = register(self.store, self.vault, name, password)
            keys = Credentials(f"key of {name}", f"secret of {name}")
            connect_broker(self.store, self.vault, user.number, Exchange.BINANCE, Venue.PAPER, name, keys)
        self._books = Books(database.connect("aristobot_projector"))
        self.project()
        disk = {"free": 1, "total": 2}
        url = "http://127.0.0.1:8888/webhook/receive"
        self.app = create_app(Context(self.store, self.vault, pool, list, url, self.store.head, lambda: disk))

    def project(self) -> None:
        """Bring the books to the head of the log."""
        while self._books.step(self.store.read, PAGE)[0]:
            pass

    def client(self) -> TestClient:
        """A browser on this machine in which nobody is logged in."""
        return TestClient(
            self.app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), raise_server_exceptions=False
        )

    def logged_in(self, name: str) -> TestClient:
        """A browser in which this user is logged in."""
        client = self.client()
        answer = client.post("/api/session", json={"username": name, "password": PASSWORDS[name]})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


@pytest.fixture
def console(database: Any) -> Iterator[Console]:
    """The console on an empty database."""
    with open_pool(database.url_for("aristobot_web"), 4) as pool:
        yield Console(database, pool)


@pytest.fixture
def alice(console: Console) -> TestClient:
    """A browser in which alice is logged in."""
    return console.logged_in("alice")


@pytest.fixture
def problem() -> Callable[..., None]:
    """`problem(answer, status, code)` checks the one shape of every error."""

    def check(answer: Any, status: int, code: str | None = None) -> None:
        assert answer.status_code == status, f"{answer.url}: {answer.text}"
        assert set(answer.json()) == {"code", "message", "field"}
        assert code in {None, answer.json()["code"]}

    return check

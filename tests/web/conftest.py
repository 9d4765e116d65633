"""The console's API in this process, on a real database, with two users who must not see each other's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from adapters.candles.coverage import Coverage
from adapters.candles.loads import LoadTable
from adapters.candles.store import CandleStore
from adapters.exchanges.catalogue import CATALOGUE
from adapters.log.eventstore import Store, open_pool
from adapters.log.story import history_of
from adapters.sandbox.drawing import Drawing
from adapters.sandbox.sandbox import one_worker
from adapters.tables.debug_mode import DebugMode
from adapters.tables.drafts import DraftTable
from adapters.tables.reference import MarketTable
from adapters.vault.channels import ChannelTable
from adapters.vault.invitations import Invitations
from adapters.vault.second_factor import SecondFactorTable, begun_factor
from adapters.vault.tickets import TicketSeal
from adapters.vault.tokens import Owner, TokenTable
from adapters.vault.vault import Vault
from application.market.charting import Charting
from application.people import users
from application.people.brokers import connect_broker
from application.people.users import register
from application.ports.requests import Action, Answer, GatewayAway, Request
from application.ports.statements import Credentials
from aristobot.wiring import utc_now
from domain.people.broker import Exchange, Venue
from projections.books.projector import PAGE, Books
from web.app import create_app
from web.context import Context, People, Platform, Records

PASSWORDS = {"alice": "correct horse battery", "bob": "another long phrase"}


COMPARED = {"broker": 1, "completed": True, "failure": None, "phases": [], "discrepancies": []}
SAID: dict[Action, dict[str, Any]] = {
    Action.LOAD_MARKETS: {"count": 7, "shared": False},
    Action.RECONCILE: COMPARED,
    Action.QUERY_ORDER: {"found": False},
}


class Answering:
    """A stand-in for the gateway that gives the answers a test has set, or is away."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.says: dict[str, Any] | None = {
            "ok": True, "answered": True, "code": None, "detail": None, "balances": {"USDT": "100"},
            "may_trade": True, "may_withdraw": False, "address_bound": False, "milliseconds": 3.0,
        }  # fmt: skip

    def ask(self, request: Request, seconds: float = 1) -> Iterator[Answer]:
        """Yield one step, then the final answer."""
        self.asked.append(request)
        yield Answer(request.request_id, progress="exchange")
        if self.says is None:
            raise GatewayAway("it is away")
        yield Answer(request.request_id, success=True, data=SAID.get(request.action, self.says))


@cache
def published() -> dict[str, Any]:
    """Return the operations of the published API by path. It is the same for every console, and slow to make."""
    paths: dict[str, Any] = create_app(None).openapi()["paths"]  # type: ignore[arg-type]
    return paths


class Console:
    """Two users with one broker each: number 1 is alice's, number 2 is bob's."""

    def __init__(self, database: Any, pool: Any) -> None:
        self.database = database
        self.store, self.vault = Store(pool, database.master), Vault(pool, database.master)
        self.tokens = TokenTable(pool, database.master)
        for name, password in PASSWORDS.items():
            user = register(self.store, self.vault, name, password)
            keys = Credentials(f"key of {name}", f"secret of {name}")
            connect_broker(self.store, self.vault, user.number, Exchange.BINANCE, Venue.PAPER, name, keys)
        self._books = Books(database.connect("aristobot_projector"))
        self.project()
        self.factors = SecondFactorTable(pool, database.master)
        self.channels, self.invitations = (
            ChannelTable(pool, database.master, private=True),
            Invitations(pool, database.master),
        )
        self.debug, self.gateway = DebugMode(pool, True, database.master.password_of_developer()), Answering()
        self.context = Context(
            records=Records(
                store=self.store,
                pool=pool,
                candles=CandleStore(database.store("aristobot_web").pool, utc_now, keeps=False),
                coverage=Coverage(pool).held,
                loads=LoadTable(database.store("aristobot_web").pool),
                drafts=DraftTable(pool),
                head=self.store.head,
                markets=MarketTable(pool),
                forget=lambda number, by: users.forget(self.store, self.vault, number, by),
                history=lambda user: history_of(self.store, user),
            ),
            people=People(
                vault=self.vault,
                tickets=TicketSeal(database.master),
                tokens=self.tokens,
                factors=self.factors,
                channels=self.channels,
                invitations=self.invitations,
                debug=self.debug,
                begin_factor=lambda user, name: begun_factor(self.factors, user, name),
                send=lambda *_: None,
            ),
            platform=Platform(
                gateway=self.gateway,
                terminals=list,
                webhook_url="http://127.0.0.1:8888/webhook/receive",
                disk=lambda: {"free": 1, "total": 2},
                exchanges=[*CATALOGUE.values()],
            ),
        )
        self.app = create_app(self.context)

    def change(self, part: str, **values: Any) -> None:
        """Replace values in one part of the context that is served."""
        served = self.app.state.context
        self.app.state.context = replace(served, **{part: replace(getattr(served, part), **values)})

    def owner(self, token: str) -> Owner | None:
        """Return whose webhook token it is, as the door sees it."""
        table = TokenTable(self.database.store("aristobot_writer").pool, self.database.master)
        return table.owner_in(table.owners(), token)

    def project(self) -> None:
        """Bring the books to the head of the log."""
        while self._books.step(self.store.read, PAGE)[0]:
            pass

    def client(self) -> TestClient:
        """Return a browser on this machine that is not logged in."""
        client = TestClient(
            self.app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), raise_server_exceptions=False
        )
        client.event_hooks = {"response": [self.check_published]}
        return client

    def check_published(self, answer: httpx.Response) -> None:
        """Fail for an answer whose status the published API does not list."""
        method, asked = answer.request.method.lower(), answer.request.url.path
        for path, operations in published().items():
            if method in operations and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), asked):
                assert str(answer.status_code) in operations[method]["responses"], (
                    f"{method} {path}: {answer.status_code}"
                )
                return

    def logged_in(self, name: str) -> TestClient:
        """Return a browser in which this user is logged in."""
        client = self.client()
        answer = client.post("/api/session", json={"username": name, "password": PASSWORDS[name]})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


@pytest.fixture
def console(database: Any) -> Iterator[Console]:
    """Yield the console on an empty database."""
    with open_pool(database.url_for("aristobot_web"), 4) as pool:
        yield Console(database, pool)


@pytest.fixture
def sandboxed(console: Console, zygote: Path) -> None:
    """Let the console reach a sandbox."""
    drawing = Drawing(zygote)
    console.change(
        "platform",
        worker=lambda: one_worker(zygote, 20, 30),
        draw=Charting(console.context.records.candles, drawing.draw).draw,
        functions=drawing.functions,
    )


@pytest.fixture
def alice(console: Console) -> Iterator[TestClient]:
    """Yield a browser in which alice is logged in. Its live sockets share one loop, as they do in the server."""
    with console.logged_in("alice") as browser:
        yield browser


@pytest.fixture
def problem() -> Callable[..., None]:
    """Return `problem(answer, status, code)`, which checks that a response is an error in the one shape."""

    def check(answer: Any, status: int, code: str | None = None) -> None:
        assert answer.status_code == status, f"{answer.url}: {answer.text}"
        assert set(answer.json()) == {"code", "message", "field"}
        assert code in {None, answer.json()["code"]}

    return check

"""A request for another user's object is answered as if the object did not exist, and has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from adapters.log.story import story_of
from application.alerts import tell
from application.people.users import registry_of
from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.orders.execution import Execution
from domain.orders.wish import Side
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook
from tests.web.conftest import PASSWORDS
from tests.web.strategies.conftest import CROSSING
from tests.web.test_changes_api import SEEN, rests
from tests.web.test_tickets_api import BTC, BUY, knows, lists
from web.app import create_app

Problem = Callable[..., None]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEYS = {"key": "anewkey", "secret": "anewsecret"}
EVERYBODYS = {("PUT", "/api/candles/loads/{number}")}
"""Addresses of what all users share."""
ROUTES = {
    (method.upper(), path)
    for path, methods in create_app(None).openapi()["paths"].items()
    for method in methods
    if "{" in path
}
THINGS: dict[tuple[str, str], tuple[str, dict[str, Any] | None]] = {
    ("POST", "/api/orders/{order}/amend"): (
        "resting",
        {"request": str(uuid4()), "wanted": {"price": "41000"}, "seen": SEEN, "filled": "0"},
    ),
    ("PUT", "/api/alerts/{alert}/acknowledged"): ("alert", None),
    ("POST", "/api/channels/{channel}/test"): ("channel", None),
    ("DELETE", "/api/channels/{channel}"): ("channel", None),
    ("DELETE", "/api/account/sessions/{session}"): ("session", None),
    ("GET", "/api/story/{stream}"): ("streams", None),
    ("POST", "/api/brokers/{number}/test"): ("broker", None),
    ("PUT", "/api/brokers/{number}/credentials"): ("broker", {"keys": KEYS, "insist": True}),
    ("PUT", "/api/brokers/{number}"): ("broker", {"name": "Renamed", "usage": "off"}),
    ("PUT", "/api/brokers/{number}/default"): ("broker", None),
    ("POST", "/api/brokers/{number}/markets"): ("broker", None),
    ("DELETE", "/api/brokers/{number}"): ("broker", None),
    ("POST", "/api/brokers/{number}/reconcile"): ("broker", None),
    ("GET", "/api/orders/{order}/sides"): ("order", None),
    ("POST", "/api/orders/{order}/resolve"): (
        "doubt",
        {"outcome": "cancelled", "reason": "it is not there", "password": PASSWORDS["alice"]},
    ),
    ("POST", "/api/orders/{order}/send-again"): ("late", None),
    ("POST", "/api/orders/{order}/cancel"): ("sent", None),
    ("POST", "/api/positions/{position}/protection"): (
        "position",
        {"request": str(uuid4()), "stop_loss": "40000", "seen": {}},
    ),
    ("POST", "/api/positions/{position}/close"): ("position", {"percent": "50", "request": str(uuid4())}),
    ("POST", "/api/brokers/{number}/stop"): ("broker", None),
    ("POST", "/api/brokers/{number}/resume"): ("broker", None),
    ("PUT", "/api/users/{number}/enabled"): ("user", {"enabled": True}),
    ("DELETE", "/api/invitations/{invitation}"): ("invitation", None),
    ("POST", "/api/webhooks/streams/{stream}/pause"): ("alerts", None),
    ("POST", "/api/webhooks/streams/{stream}/monitor"): ("alerts", None),
    ("POST", "/api/webhooks/streams/{stream}/close"): ("alerts", None),
    ("PUT", "/api/webhooks/streams/{stream}/gates"): ("alerts", {"locked": True}),
    ("PUT", "/api/brokers/{number}/gates"): ("broker", {"locked": True}),
    ("POST", "/api/webhooks/{webhook}/approve"): ("approvable", None),
    ("POST", "/api/webhooks/{webhook}/decline"): ("declinable", None),
    ("POST", "/api/tickets/{ticket}/execute"): ("ticket", None),
    ("GET", "/api/strategies/{number}"): ("strategy", None),
    ("PATCH", "/api/strategies/{number}"): ("strategy", {"name": "Renamed"}),
    ("PUT", "/api/strategies/{number}/draft"): ("strategy", {"code": "a = 1", "based_on": 1}),
    ("DELETE", "/api/strategies/{number}/draft"): ("strategy", None),
    ("GET", "/api/strategies/{number}/versions"): ("strategy", None),
    ("POST", "/api/strategies/{number}/versions"): ("strategy", {"code": CROSSING, "based_on": 1}),
    ("GET", "/api/strategies/{number}/versions/{version}"): ("strategy", None),
    ("POST", "/api/strategies/{number}/versions/{version}/check"): ("strategy", None),
    ("DELETE", "/api/strategies/{number}"): ("strategy", None),
    ("DELETE", "/api/users/{number}"): ("user", {"username": "alice"}),
}
"""The kind of object each path names, and a request body that is valid when alice sends it."""


@dataclass
class Call:
    """One request as it is sent."""

    method: str
    path: str
    body: dict[str, Any] | None

    def by(self, browser: Any) -> Any:
        return browser.request(self.method, self.path, json=self.body)


@pytest.fixture
def calls(console: Any, alice: Any, sandboxed: None) -> list[Call]:
    """Return a call for every path with each of alice's ids that fits it; deletions come last."""
    store = console.store
    lists(console, BTC)
    knows(console)
    console.change("records", story=lambda user, stream: story_of(store, stream, user))
    console.logged_in("alice")
    order = console.database.filled(store)
    doubt = console.database.submitted(store)
    late = console.database.order(side=Side.SELL)
    with carrying(user="1"):
        doubt.doubt("no answer")
        late.refuse("stale")
        store.save(doubt, late)
    tell(store, 1, Cause.DAILY_HEAD, "today", {"position": "1", "head": "00"})
    with carrying(user="1"):
        position = Position(1, 1, "BTC/USDT", "webhook")
        position.grow(Execution(order.id, "t1", Decimal(1), Decimal(100), Decimal(0), "USDT", NOW))
        store.save(position)
    with carrying(user="1"):
        alerts = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        store.save(alerts)
    session = next(kept for kept in alice.get("/api/account/sessions").json()["items"] if not kept["current"])
    alice.post("/api/invitations")
    channel = alice.post("/api/channels", json={"name": "phone", "address": "json://127.0.0.1:1/x"}).json()
    webhook = receive(store, 1, b"neither here nor there", "192.0.2.9", NOW)
    asked = [receive(store, 1, b"an entry", "192.0.2.9", NOW + n * timedelta(minutes=1)) for n in range(2)]
    for one in store.get_all(Webhook, asked):
        with carrying(user="1"):
            one.ask(datetime.now(UTC) + timedelta(minutes=5))
            store.save(one)
    ids: dict[str, list[Any]] = {
        "alert": [Alert.create_id(1, f"{Cause.DAILY_HEAD}/today")],
        "channel": [channel["id"]],
        "session": [session["id"]],
        "invitation": [alice.get("/api/invitations").json()["items"][0]["id"]],
        "streams": [order.id, webhook, position.id],
        "broker": [1],
        "user": [1],
        "order": [order.id],
        "doubt": [doubt.id],
        "sent": [console.database.submitted(store).id],
        "resting": [rests(store).id],
        "late": [late.id],
        "alerts": [alerts.id],
        "approvable": asked[:1],
        "declinable": asked[1:],
        "position": [position.id],
        "strategy": [_strategy(console)],
        "ticket": [alice.post("/api/tickets", json=BUY).json()["id"]],
    }
    assert set(THINGS) == ROUTES - EVERYBODYS, "every address with an id in it is walked"
    assert all(path.replace("{version}", "1").count("{") == 1 for _, path in THINGS)
    return [
        Call(method, _with_id(path.replace("{version}", "1"), one), body)
        for (method, path), (what, body) in sorted(THINGS.items(), key=lambda thing: thing[0][0] == "DELETE")
        for one in ids[what]
    ]


def _with_id(path: str, one: Any) -> str:
    return f"{path[: path.index('{')]}{one}{path[path.index('}') + 1 :]}"


def _strategy(console: Any) -> int:
    """Create a strategy of alice's with one version, number 7 so that its number is nothing else's."""
    with carrying(user="1"):
        registry = registry_of(console.store)
        number = [registry.number_strategy(1) for _ in range(7)][-1]
        strategy = Strategy.create(number, 1, "Crossing", "", "1m")
        strategy.change_code(CROSSING, 1000, 0)
        console.store.save(registry, strategy)
    console.project()
    return strategy.number


def _state(console: Any) -> list[Any]:
    """Return everything that must not change: the log, the gateway's requests, and the tables beside the log."""
    connection = console.database.connect()
    tables = (
        "service.drafts",
        "vault.credentials",
        "vault.passwords",
        "vault.channels",
        "vault.person_keys",
        "service.invitations",
    )
    kept = [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]
    sessions = connection.execute("SELECT id, user_id FROM service.sessions ORDER BY id").fetchall()
    return [console.store.head(), console.gateway.asked.copy(), kept, sessions]


def test_these_things_are_alices(alice: Any, calls: list[Call]) -> None:
    """Every call reaches an existing object when alice makes it, so the other tests use real ids."""
    assert len(calls) == len(THINGS) + 2
    for call in calls:
        answer = call.by(alice)
        kept = call.path == "/api/users/1" or (call.method, call.path) == ("DELETE", "/api/brokers/1")
        expected = {409} if kept else {200, 201, 202, 204}  # the admin and a broker with open orders cannot go
        assert answer.status_code in expected, f"{call}: {answer.text}"


def test_for_bob_they_are_not_there(console: Any, calls: list[Call], problem: Problem) -> None:
    """Each call returns 404. No event is appended, the gateway is not asked, and no table beside the log changes."""
    bob = console.logged_in("bob")
    before = _state(console)
    for call in calls:
        problem(call.by(bob), 404, "not_found")
        assert _state(console) == before, call


def test_a_thing_of_somebody_else_is_answered_like_none(console: Any, calls: list[Call]) -> None:
    """The responses are identical word for word, so they do not reveal which ids exist."""
    bob = console.logged_in("bob")
    for call in calls:
        *_, named = (part for part in call.path.split("/") if part.isdigit() or len(part) >= 36)
        free = "99" if named.isdigit() else str(uuid4())
        none = replace(call, path=call.path.replace(f"/{named}", f"/{free}"))
        there, absent = call.by(bob), none.by(bob)
        assert absent.status_code == 404, none
        assert there.text == absent.text.replace(free, named), call

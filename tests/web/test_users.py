"""The admin's decisions about accounts: inviting, disabling, forgetting; and the export of a user's own data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyotp
import pytest
from psycopg.sql import SQL, Identifier

from adapters.database.migrate import rebuild_books, verify_books
from adapters.log.audit import PublishedHead, verify
from adapters.log.eventmapper import form_of
from adapters.vault.keys import FORGOTTEN
from application.alerts import tell
from application.people import users
from application.webhooks.reception import receive
from domain.aggregate import Personal, carrying
from domain.alert import Cause
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.reconciliation import Occasion, Reconciliation
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from projections.models import MODELS

Problem = Callable[..., None]
PASSWORDS = {"alice": "correct horse battery", "bob": "another long phrase"}
BODY = b'{"Symbol": "BTCUSDT", "Action": BuyMarket, "PourCent": 10, "UserID": %d, "UserExchangeID": %d}'
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _one(console: Any, query: str, *values: Any) -> Any:
    return console.database.connect().execute(query, values).fetchone()[0]


def _forget(browser: Any, name: str = "bob", number: int = 2) -> Any:
    return browser.request("DELETE", f"/api/users/{number}", json={"username": name})


def _log_in(console: Any, name: str = "bob") -> Any:
    return console.client().post("/api/session", json={"username": name, "password": PASSWORDS[name]})


def _rows(console: Any, user: int) -> dict[str, int]:
    query = SQL("SELECT count(*) FROM books.{} WHERE user_id = %s")
    connection = console.database.connect()
    return {m.name: connection.execute(query.format(Identifier(m.name)), (user,)).fetchone()[0] for m in MODELS}


def _accounts(browser: Any) -> list[tuple[int, str, str, bool]]:
    items = browser.get("/api/users").json()["items"]
    return [(one["number"], one["username"], one["role"], one["enabled"]) for one in items]


class Life:
    """One of everything a user can have; `secrets` lists what no later response may show."""

    def __init__(self, console: Any, name: str, number: int) -> None:
        self.browser = console.logged_in(name)
        self._trade(console, number)
        tell(console.store, number, Cause.DAILY_HEAD, "2026-03-02", {"position": "1", "head": "00"})
        address = f"json://127.0.0.1:1/hook-of-{name}"
        assert self.browser.post("/api/channels", json={"name": "mine", "address": address}).status_code == 201
        begun = self.browser.post("/api/account/second-factor", json={"current": PASSWORDS[name]}).json()
        code = {"code": pyotp.TOTP(begun["secret"]).now()}
        recovery = self.browser.put("/api/account/second-factor", json=code).json()["codes"]
        token = self.browser.get("/api/webhooks/url").json()["url"].partition("token=")[2]
        self.secrets = [
            address, begun["secret"], *recovery, token, PASSWORDS[name], f"key of {name}", f"secret of {name}",
            _one(console, "SELECT hash FROM vault.passwords WHERE user_id = %s", number),
            self.browser.cookies["aristobot_session"], self.browser.headers["X-CSRF-Token"],
        ]  # fmt: skip
        console.project()

    @staticmethod
    def _trade(console: Any, user: int) -> None:
        store = console.store
        receive(store, user, b"neither here nor there", "192.0.2.9", NOW)
        webhook = receive(store, user, BODY % (user, user), "192.0.2.9", NOW)
        order = console.database.filled(store, user, user)
        with carrying(user=str(user)):
            linked = Order.place(
                order_id=uuid4(), user=user, broker=user, source=Source.WEBHOOK, requester="Webhooks", cause=webhook,
                wish=Wish(symbol="BTC/USDT", side=Side.BUY, type=Type.MARKET, quantity=Decimal(1)),
                client_order_id=f"ARISTO_{user}_linked",
            )  # fmt: skip
            linked.refuse("stale")
            position = Position(user, user, "BTC/USDT", "webhooks")
            position.grow(Execution(order.id, "t1", Decimal(1), Decimal(100), Decimal(0), "USDT", NOW))
            position.reduce(Execution(linked.id, "t2", Decimal(1), Decimal(110), Decimal(0), "USDT", NOW), Decimal(0))
            stream = WebhookStream.open(StreamKey(user, user, "BTCUSDT", "5", "EMA"))
            stream.monitor(user, NOW)
            strategy = Strategy.create(user, user, f"crossing of {user}", "", "1m")
            strategy.change_code(f"secret = 'idea of {user}'", 1000, 0)
            console.context.records.drafts.keep(user, user, f"half an idea of {user}", 1, 1000, None)
            store.save(stream, linked, position, strategy, Reconciliation(uuid4(), user, user, Occasion.REQUEST, NOW))


@pytest.fixture
def bobs(console: Any) -> Life:
    """Give bob a row in every book."""
    life = Life(console, "bob", 2)
    assert all(_rows(console, 2).values()), _rows(console, 2)
    return life


# --- the admin alone ---------------------------------------------------------------------------------------------


def test_users_are_the_admins_business(console: Any, alice: Any, problem: Problem) -> None:
    """Alice, the admin, sees all accounts. For bob these addresses answer 404, and his requests have no effect."""
    bob = console.logged_in("bob")
    assert _accounts(alice) == [(1, "alice", "admin", True), (2, "bob", "trader", True)]
    head = console.store.head()
    for method, path, body in (
        ("GET", "/api/users", None),
        ("GET", "/api/invitations", None),
        ("POST", "/api/invitations", None),
        ("DELETE", f"/api/invitations/{uuid4()}", None),
        *(("PUT", f"/api/users/{n}/enabled", {"enabled": on}) for n in (1, 2, 9) for on in (True, False)),
        *(("DELETE", f"/api/users/{n}", {"username": name}) for n, name in ((1, "alice"), (2, "bob"), (9, "eve"))),
    ):
        problem(bob.request(method, path, json=body), 404, "not_found")
    assert console.store.head() == head
    assert _one(console, "SELECT count(*) FROM service.invitations") == 0


def test_the_admin_sees_who_was_here_last(console: Any, alice: Any) -> None:
    """An account tells how many sessions it has and when one was last seen, and nothing once they have ended."""
    bob = console.logged_in("bob")
    console.logged_in("bob")
    seen = {one["number"]: (one["sessions"], one["seen_at"]) for one in alice.get("/api/users").json()["items"]}
    assert (seen[1][0], seen[2][0]) == (1, 2)
    assert datetime.now(UTC) - datetime.fromisoformat(seen[2][1]) < timedelta(minutes=1)
    bob.delete("/api/account/sessions")
    bob.delete("/api/session")
    [_, gone] = alice.get("/api/users").json()["items"]
    assert (gone["sessions"], gone["seen_at"]) == (0, None)


def test_an_invitation_can_be_withdrawn(console: Any, alice: Any, problem: Problem) -> None:
    """Outstanding invitations are listed without their codes. A withdrawn one lets nobody in, and is gone."""
    kept, withdrawn = (alice.post("/api/invitations").json()["code"] for _ in range(2))
    listed = alice.get("/api/invitations")
    assert not any(code in listed.text for code in (kept, withdrawn))
    _, last = listed.json()["items"]
    assert alice.delete(f"/api/invitations/{last['id']}").status_code == 204
    problem(alice.delete(f"/api/invitations/{last['id']}"), 404, "not_found")
    account = {"username": "carol", "password": "yet another long phrase"}
    problem(console.client().post("/api/users", json={**account, "code": withdrawn}), 422, "invitation_wrong")
    assert console.client().post("/api/users", json={**account, "code": kept}).status_code == 201
    assert alice.get("/api/invitations").json()["items"] == []


def test_the_admin_stays(console: Any, alice: Any, problem: Problem) -> None:
    """The admin cannot disable or forget their own account. Unknown numbers answer 404."""
    head = console.store.head()
    problem(alice.put("/api/users/1/enabled", json={"enabled": False}), 409, "admin_stays")
    problem(_forget(alice, "alice", 1), 409, "admin_stays")
    problem(alice.put("/api/users/9/enabled", json={"enabled": False}), 404, "not_found")
    problem(_forget(alice, "bob", 9), 404, "not_found")
    assert console.store.head() == head
    assert alice.get("/api/session").status_code == 200


def test_a_disabled_account_is_out_at_once(console: Any, alice: Any, problem: Problem) -> None:
    """Every session ends and no login succeeds until the account is enabled again."""
    browsers = [console.logged_in("bob") for _ in range(2)]
    assert alice.put("/api/users/2/enabled", json={"enabled": False}).status_code == 204
    for browser in browsers:
        problem(browser.get("/api/brokers"), 401, "not_logged_in")
    problem(_log_in(console), 409, "account_disabled")
    assert _accounts(alice)[1] == (2, "bob", "trader", False)
    assert alice.put("/api/users/2/enabled", json={"enabled": True}).status_code == 204
    assert _log_in(console).status_code == 200
    assert _accounts(alice)[1] == (2, "bob", "trader", True)


# --- being forgotten ---------------------------------------------------------------------------------------------


def test_forgetting_needs_the_name(console: Any, alice: Any, problem: Problem) -> None:
    """Forgetting cannot be undone, so the request has to repeat the user's name."""
    head = console.store.head()
    for name in ("", "alice", "Bob", " bob"):
        answer = _forget(alice, name)
        problem(answer, 422, "name_not_repeated")
        assert answer.json()["field"] == "username"
    assert console.store.head() == head
    assert _log_in(console).status_code == 200


def test_nobody_with_open_orders_is_forgotten(console: Any, alice: Any, problem: Problem) -> None:
    """A user cannot be forgotten while an order waits, is being sent or rests. Once it has ended, they can."""
    store, database = console.store, console.database
    waiting = database.placed(store, 2, 2)
    problem(_forget(alice), 409, "orders_open")
    with carrying(user="2"):
        waiting.refuse("stale")
        store.save(waiting)
    order = database.submitted(store, 2, 2)
    problem(_forget(alice), 409, "orders_open")
    with carrying(user="2"):
        order.accept("X1", Personal("{}"))
        store.save(order)
    problem(_forget(alice), 409, "orders_open")
    assert _log_in(console).status_code == 200
    assert _one(console, "SELECT count(*) FROM vault.credentials WHERE user_id = 2") == 1
    with carrying(user="2"):
        order.cancel("asked", Personal("{}"))
        store.save(order)
    assert _forget(alice).status_code == 204


def test_a_forgotten_user_is_gone(console: Any, alice: Any, bobs: Life, problem: Problem) -> None:
    """Sessions, secrets and rows are deleted. The number is never used again; the name may be."""
    token = bobs.browser.get("/api/webhooks/url").json()["url"].partition("token=")[2]
    bobs.browser.patch("/api/account/layout", json={"dock": 50})
    assert _forget(alice).status_code == 204
    console.project()
    assert _one(console, "SELECT count(*) FROM service.layouts WHERE user_id = 2") == 0
    assert _one(console, "SELECT count(*) FROM service.drafts WHERE user_id = 2") == 0
    problem(bobs.browser.get("/api/session"), 401, "not_logged_in")
    problem(_log_in(console), 401, "login_wrong")
    problem(alice.put("/api/users/2/enabled", json={"enabled": True}), 404, "not_found")
    assert console.owner(token).forgotten
    for table in ("passwords", "credentials", "webhook_tokens", "second_factors", "channels"):
        assert _one(console, f"SELECT count(*) FROM vault.{table} WHERE user_id = 2") == 0
    assert _one(console, "SELECT key FROM vault.person_keys WHERE person = 2") is None
    assert set(_rows(console, 2).values()) == {0}
    assert all(_rows(console, 1)[name] for name in ("users", "brokers"))
    assert _accounts(alice) == [(1, "alice", "admin", True)]
    again = {"username": "bob", "password": PASSWORDS["bob"], "code": alice.post("/api/invitations").json()["code"]}
    assert console.client().post("/api/users", json=again).json()["user"] == 3


def test_the_log_of_a_forgotten_user_is_whole_and_mute(console: Any, alice: Any, bobs: Life) -> None:
    """Each of bob's texts reads as forgotten, alice's remain readable, and no event was changed for it."""
    before = _one(console, "SELECT encode(hash, 'hex') FROM log.events ORDER BY position DESC LIMIT 1")
    assert _forget(alice).status_code == 204
    console.project()
    texts: dict[str, list[str]] = {"1": [], "2": []}
    for recorded in console.database.store().read(0, 10_000):
        told = [getattr(recorded.event, name) for name in form_of(type(recorded.event)).personal]
        texts[recorded.event.metadata["user"]] += [text for text in told if text is not None]
    assert set(texts["2"]) == {FORGOTTEN}
    assert len(texts["2"]) > 6
    assert "alice" in texts["1"]
    assert FORGOTTEN not in texts["1"]
    assert verify(console.database.connect(), PublishedHead(before)).fault is None


def test_the_books_can_be_rebuilt_without_a_forgotten_user(console: Any, alice: Any, bobs: Life) -> None:
    """A rebuild from a log with unreadable texts gives the same books, without a row of that user."""
    assert _forget(alice).status_code == 204
    receive(console.store, 2, b"too late", "192.0.2.9", NOW)
    console.project()
    connection, url = console.database.connect(), console.database.url
    assert verify_books(connection, url, console.database.master).differences == []
    assert rebuild_books(connection, url, console.database.master) == console.store.head()
    assert verify_books(connection, url, console.database.master).differences == []
    assert set(_rows(console, 2).values()) == {0}


def test_forgetting_twice_does_no_more(console: Any, alice: Any) -> None:
    """Repeating it records no event, whether over the web or directly."""
    assert _forget(alice).status_code == 204
    head = console.store.head()
    at = _one(console, "SELECT forgotten_at FROM vault.person_keys WHERE person = 2")
    assert _forget(alice).status_code in {204, 404}
    users.forget(console.store, console.vault, 2, 1)
    assert console.store.head() == head
    assert _one(console, "SELECT forgotten_at FROM vault.person_keys WHERE person = 2") == at


def test_what_a_crash_left_of_a_user_goes_when_it_is_said_again(console: Any, alice: Any, monkeypatch: Any) -> None:
    """After a crash between the record and the deletion, the admin repeats the request to finish the forgetting."""
    bob = console.logged_in("bob")

    def crash(_: int) -> None:
        raise RuntimeError("the power is out")

    with monkeypatch.context() as broken:
        broken.setattr(console.vault, "forget", crash)
        assert _forget(alice).status_code == 500
    _forget(alice)
    assert _one(console, "SELECT key FROM vault.person_keys WHERE person = 2") is None
    assert bob.get("/api/session").status_code == 401


# --- exporting one's own data ------------------------------------------------------------------------------------


def test_an_export_holds_everything_of_its_user_alone(console: Any, alice: Any, bobs: Life) -> None:
    """The export has the user's sessions, books and events with readable texts, and nothing of other users."""
    # Given two users with a life, when bob exports his
    Life(console, "alice", 1)
    answer = bobs.browser.get("/api/account/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["content-disposition"] == 'attachment; filename="aristobot-2.json"'
    # Then it holds every row and event of his in readable form
    told = answer.json()
    assert [*told] == ["sessions", "layout", "equity", "drafts", *(model.name for model in MODELS), "events"]
    assert {name: len(told[name]) for name in _rows(console, 2)} == _rows(console, 2)
    assert {row["user_id"] for model in MODELS for row in told[model.name]} == {2}
    assert [kept["current"] for kept in told["sessions"]] == [True]
    mine = [r.position for r in console.store.read(0, 10_000) if r.event.metadata.get("user") == "2"]
    assert [event["position"] for event in told["events"]] == mine
    assert {event["facts"].get("body") for event in told["events"]} >= {(BODY % (2, 2)).decode()}
    assert any(event["raw"] for event in told["events"])
    assert "192.0.2.9" in answer.text
    # And nothing sealed, and nothing of alice's
    assert "sealed:" not in answer.text
    assert "alice" not in answer.text


def test_an_export_holds_no_secret(console: Any, bobs: Life) -> None:
    """An export has no password hash, exchange keys, webhook token, channel address or session cookie."""
    text = bobs.browser.get("/api/account/export").text
    assert [secret for secret in bobs.secrets if secret in text] == []
    assert len(bobs.secrets) > 18

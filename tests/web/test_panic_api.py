"""The panic over the console's API: what it would do, its beginning by a typed word, its steps, and its end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from application.trading.panics import Pursuit, in_force
from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import Type
from domain.trading.position import Position


@pytest.fixture
def held(console: Any, alice: Any) -> Any:
    """Return alice's console; she holds BTC of webhooks and coins of elsewhere, and an order of hers rests."""
    for owner in ("webhook", "external"):
        with carrying(user="1"):
            position = Position(1, 1, "BTC/USDT", owner)
            bought = Execution(
                uuid4(), owner, Decimal("0.01"), Decimal(50000), Decimal(0), "USDT", datetime.now(UTC), None
            )
            position.grow(bought)
            console.store.save(position)
    console.database.placed(
        console.store, user=1, broker=1, type=Type.LIMIT, quantity=Decimal("0.01"), price=Decimal(40000)
    )
    return alice


def asked(word: str = "PANIC") -> dict[str, str]:
    return {"word": word, "request": str(uuid4())}


def pursued(console: Any) -> list[Any]:
    """Let the engine look once at every panic."""
    pursuit, now = Pursuit(console.store), datetime.now(UTC)
    return [order for user in in_force(console.store) for order in pursuit.of(user, now)]


def test_it_says_first_what_it_does(held: Any) -> None:
    said = held.get("/api/trading/panic").json()
    assert (said["panic"], said["since"], said["steps"], said["orders"]) == (None, None, [], 1)
    assert [(one["symbol"], one["owner"], one["held"]) for one in said["positions"]] == [
        ("BTC/USDT", "webhook", "0.01")
    ]


@pytest.mark.parametrize("given", [{}, {"word": "PANIC"}, asked("panic"), asked(""), {**asked(), "request": "1"}])
def test_it_begins_by_its_word_alone(held: Any, given: Any, problem: Any) -> None:
    problem(held.post("/api/trading/panic", json=given), 422, "invalid")
    assert held.get("/api/trading/panic").json()["panic"] is None


def test_each_step_is_told(console: Any, held: Any, problem: Any) -> None:
    """The order that it cancels and the exit that it places; then it is lifted, and trading stays halted."""
    given = asked("PANIQUE")
    for _ in range(2):
        assert held.post("/api/trading/panic", json=given).json() == {"recorded": True}
    pursued(console)
    console.project()
    said = held.get("/api/trading/panic").json()
    assert (said["panic"], said["orders"]) == (given["request"], 0)
    assert {(one["sells"], one["side"], one["state"], one["cancel_requested"]) for one in said["steps"]} == {
        (True, "sell", "placed", False),
        (False, "buy", "placed", True),
    }
    health = held.get("/api/health/terminals").json()
    assert (health["in_panic"], health["trading_stopped"], health["panic_at"]) == (True, True, said["since"])
    problem(held.post("/api/trading/resume"), 409, "panic_in_force")
    assert held.post("/api/trading/panic/lift").status_code == 204
    console.project()
    health = held.get("/api/health/terminals").json()
    assert (health["in_panic"], health["trading_stopped"], health["panic_at"]) == (False, True, None)
    problem(held.post("/api/trading/panic", json=given), 409, "panic_lifted")


def test_it_is_each_users_own(console: Any, held: Any) -> None:
    """Bob sees nothing of alice's coins; his panic cancels and sells nothing of hers."""
    bob = console.logged_in("bob")
    said = bob.get("/api/trading/panic").json()
    assert (said["orders"], said["positions"]) == (0, [])
    assert bob.post("/api/trading/panic", json=asked()).json() == {"recorded": True}
    assert pursued(console) == []
    assert held.get("/api/trading/panic").json()["panic"] is None


def test_it_needs_the_console(console: Any, held: Any) -> None:
    """Neither a stranger nor a request without the session's token begins one."""
    del held.headers["X-CSRF-Token"]
    assert held.post("/api/trading/panic", json=asked()).status_code == 403
    held.cookies.clear()
    assert held.post("/api/trading/panic", json=asked()).status_code == 401
    assert held.get("/api/trading/panic").status_code == 401

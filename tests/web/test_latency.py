"""How long the steps of signals take, by exchange, from the stamps of their events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.orders.order import Order, Personal
from domain.orders.wish import Side, Source, Type, Wish

BAR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def signal(
    console: Any, *, user: int = 1, broker: int = 1, took: timedelta = timedelta(seconds=1),
    bar: str = BAR.isoformat(), interval: str = "5",
) -> UUID:  # fmt: skip
    """Record an alert for the bar of 5 minutes that began at `BAR`, received so much after its end, and its order.

    Return the id of the webhook.
    """
    body = (
        f'{{"UserID": {user}, "UserExchangeID": {broker}, "Symbol": "BTCUSDT", "Action": "BuyMarket",'
        f' "Interval": "{interval}", "BarTime": "{bar}", "x": "{uuid4()}"}}'
    )
    received_at = BAR + timedelta(minutes=5) + took
    webhook: UUID = receive(console.store, user, body.encode(), "192.0.2.1", received_at)
    now = datetime.now(UTC)
    with carrying(user=str(user)):
        order = Order.place(
            order_id=uuid4(), user=user, broker=broker, wish=Wish("BTC/USDT", Side.BUY, Type.MARKET, cost=Decimal(100)),
            source=Source.WEBHOOK, requester="Webhooks", client_order_id=f"ARISTO_{uuid4().hex[:20]}", cause=webhook,
        )  # fmt: skip
        order.submit(uuid4(), now=now, valid_until=now, quantity=None, cost=Decimal(100), price=None)
        order.accept("x-1", Personal("{}"))
        console.store.save(order)
    console.project()
    return webhook


def test_nothing_was_sent(alice: Any) -> None:
    assert alice.get("/api/latency").json() == {"exchanges": [], "slowest": []}


def test_steps_are_told_by_exchange(console: Any, alice: Any) -> None:
    """A median, a 95th percentile, and the slowest signals first."""
    webhooks = [signal(console, took=timedelta(seconds=seconds)) for seconds in (1, 2, 3)]
    signal(console, user=2, broker=2)
    told = alice.get("/api/latency").json()
    [exchange] = told["exchanges"]
    assert (exchange["exchange"], exchange["venue"], exchange["signals"]) == ("binance", "paper", 3)
    steps = {step["step"]: step for step in exchange["steps"]}
    assert (steps["delivery"]["signals"], steps["delivery"]["p50_ms"], steps["delivery"]["p95_ms"]) == (3, 2000, 2900)
    assert {"decision", "sending", "acknowledgement", "total"} < {*steps}
    assert "protection" not in steps
    # The earlier it was received, the longer ago that is from its acknowledgement now.
    assert [one["id"] for one in told["slowest"]] == [str(webhook) for webhook in webhooks]
    stamps = told["slowest"][0]["stamps"]
    assert datetime.fromisoformat(stamps["bar_closed_at"]) == BAR + timedelta(minutes=5)
    assert stamps["received_at"] < stamps["decided_at"] < stamps["acknowledged_at"]


@pytest.mark.parametrize(("bar", "interval"), [("9999-12-31T23:59:00Z", "5"), ("9000-12-31T23:59:00Z", "9999M")])
def test_a_bar_of_any_time_hinders_nothing(console: Any, alice: Any, bar: str, interval: str) -> None:
    """A bar that has not closed, or that no calendar holds, tells nothing about the delivery."""
    signal(console, bar=bar, interval=interval)
    [exchange] = alice.get("/api/latency").json()["exchanges"]
    assert exchange["signals"] == 1
    assert "delivery" not in {step["step"] for step in exchange["steps"]}


def test_days_are_bounded(alice: Any, problem: Any) -> None:
    for days in ("0", "91", "x", "-1"):
        problem(alice.get("/api/latency", params={"days": days}), 422, "invalid")

"""The dashboard's metrics are computed from complete trades in the books, after fees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from application.ports.requests import Answer
from aristobot.terminals.monitor import metrics_for
from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.trading.metrics import CompletedTrade, calculate_metrics
from domain.trading.position import Position

NOW, DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC), timedelta(days=1)
FEE = Decimal("0.5")


@pytest.fixture
def traded(console: Any) -> list[CompletedTrade]:
    """Make three trades of alice's, each bought and sold with a fee and two of them overlapping, and return them."""

    def ask(request: Any, seconds: float = 1) -> Any:
        yield Answer(request.request_id, success=True, data=metrics_for(request))

    console.gateway.ask = ask
    made = []
    for symbol, begins, exit_price in (("BTC/USDT", 0, 110), ("ETH/USDT", 1, 95), ("BTC/USDT", 3, 120)):
        opened, closed = NOW + begins * DAY, NOW + (begins + 2) * DAY
        with carrying(user="1"):
            position = console.store.find(Position, Position.create_id(1, 1, symbol, "webhook"))
            position = position or Position(1, 1, symbol, "webhook")
            orders = [console.database.filled(console.store, symbol=symbol).id for _ in range(2)]
            position.grow(Execution(orders[0], "t1", Decimal(2), Decimal(100), FEE, "USDT", opened))
            position.reduce(
                Execution(orders[1], "t2", Decimal(2), Decimal(exit_price), FEE, "USDT", closed), Decimal(0)
            )
            console.store.save(position)
        made.append(CompletedTrade(opened, closed, Decimal(200), 2 * Decimal(exit_price - 100) - 2 * FEE))
    console.project()
    return made


def test_the_metrics_are_those_of_the_trades_after_their_fees(alice: Any, traded: list[CompletedTrade]) -> None:
    """All ten metrics agree. The opening times tell how much was invested at once."""
    [told] = alice.get("/api/metrics").json()["items"]
    expected = vars(calculate_metrics(traded))
    assert (told.pop("currency"), told.pop("fees_left_out")) == ("USDT", 0)
    assert set(told) == set(expected)
    for name, value in expected.items():
        assert told[name] == value or Decimal(told[name]) == value, name


def test_what_results_leave_out_is_told_with_them(alice: Any, console: Any, traded: list[CompletedTrade]) -> None:
    """A fee in BNB with a known value is part of the net result. A fee without one is reported as left out."""
    for symbol, value in (("SOL/USDT", Decimal(3)), ("ADA/USDT", None)):
        with carrying(user="1"):
            position = Position(1, 1, symbol, "webhook")
            orders = [console.database.filled(console.store, symbol=symbol).id for _ in range(2)]
            position.grow(Execution(orders[0], "t1", Decimal(2), Decimal(100), FEE, "BNB", NOW, value))
            position.reduce(Execution(orders[1], "t2", Decimal(2), Decimal(110), FEE, "USDT", NOW), Decimal(0))
            console.store.save(position)
    console.project()
    rows = {row["symbol"]: row for row in alice.get("/api/gains").json()["items"]}
    told = {symbol: (Decimal(row["net"]), row["fees_left_out"]) for symbol, row in rows.items()}
    assert told["SOL/USDT"] == (20 - 3 - FEE, False)
    assert told["ADA/USDT"] == (20 - FEE, True)
    assert not told["ETH/USDT"][1]
    [metrics] = alice.get("/api/metrics").json()["items"]
    assert (metrics["trades"], metrics["fees_left_out"]) == (len(traded) + 2, 1)


def test_metrics_are_calculated_once_for_the_same_trades(
    alice: Any, console: Any, traded: list[CompletedTrade]
) -> None:
    """They are told again without a calculation, until another trade is complete."""
    asked: list[Any] = []
    ask = console.gateway.ask
    console.gateway.ask = lambda request, seconds=1: asked.append(request) or ask(request, seconds)
    first = alice.get("/api/metrics").json()
    assert alice.get("/api/metrics").json() == first
    assert len(asked) == 1
    with carrying(user="1"):
        position = Position(1, 1, "SOL/USDT", "webhook")
        orders = [console.database.filled(console.store, symbol="SOL/USDT").id for _ in range(2)]
        position.grow(Execution(orders[0], "t1", Decimal(2), Decimal(100), FEE, "USDT", NOW))
        position.reduce(Execution(orders[1], "t2", Decimal(2), Decimal(110), FEE, "USDT", NOW), Decimal(0))
        console.store.save(position)
    console.project()
    [told] = alice.get("/api/metrics").json()["items"]
    assert (told["trades"], len(asked)) == (len(traded) + 1, 2)

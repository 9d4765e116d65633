"""Complete trades, written into the log as the platform would record them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from adapters.log.eventstore import Store
from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.trading.position import Position

PER_COMMIT = 100


def write_trades(store: Store, user: int, broker: int, symbol: str, count: int) -> None:
    """Write complete trades, each in a stream of its own with one buy and one sell."""
    position, at = Position(user, broker, symbol, "webhook"), datetime.now(UTC) - timedelta(days=90)
    pending: list[Any] = []
    for _ in range(count):
        for side in (Side.BUY, Side.SELL):
            order = _executed(user, broker, symbol, side, at)
            bought = Execution(order.id, uuid4().hex, Decimal("0.001"), Decimal(60000), Decimal(0), None, at)
            with carrying(user=str(user), source="engine"):
                if side is Side.BUY:
                    position.enter(order.id, None)
                    position.grow(bought)
                else:
                    position.leave(order.id)
                    position.reduce(bought, Decimal("0.00001"))
            pending.append(order)
        pending.append(position)
        with carrying(user=str(user), source="engine"):
            position = position.next(())
        if len(pending) >= PER_COMMIT * 3:
            store.save(*pending)
            pending = []
    store.save(*pending, position)


def _executed(user: int, broker: int, symbol: str, side: Side, at: datetime) -> Order:
    """Return an order that was sent and filled completely."""
    quantity, price = Decimal("0.001"), Decimal(60000)
    with carrying(user=str(user), source="gateway"):
        order = Order.place(
            order_id=uuid4(), user=user, broker=broker, wish=Wish(symbol, side, Type.MARKET, quantity=quantity),
            source=Source.WEBHOOK, requester="Webhooks", client_order_id=f"ARISTO_{uuid4().hex[:20]}",
        )  # fmt: skip
        order.submit(uuid4(), now=at, valid_until=at, quantity=quantity, cost=None, price=None)
        order.accept(uuid4().hex[:12], "{}")  # type: ignore[arg-type]
        order.fill(uuid4().hex, quantity, price, Decimal(0), None, at, False, "{}")  # type: ignore[arg-type]
    return order

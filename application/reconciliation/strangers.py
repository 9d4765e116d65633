"""Strangers: orders at an exchange that the log has no history of."""

from __future__ import annotations

import asyncio
from uuid import UUID

from application.orders.orders import Orders
from application.ports.statements import OrderReport
from domain.aggregate import carrying
from domain.market import Market
from domain.orders.external import ELSEWHERE, HISTORY_LOST
from domain.orders.names import OURS
from domain.orders.order import Order
from domain.orders.wish import PRICED, TRIGGERED, Type, Wish
from domain.people.broker import Broker


async def adopt(orders: Orders, market: Market, report: OrderReport, run: UUID) -> Order:
    """Adopt a stranger into the log in the name of a reconciliation. Raises `Invalid` as `adopted`."""
    broker = orders.account.broker
    with carrying(user=str(broker.user), source="reconciliation", correlation_id=str(run), causation_id=str(run)):
        order = adopted(broker, market, report)
        await asyncio.to_thread(orders.store.save, order)
    orders.know(order)
    return order


def adopted(broker: Broker, market: Market, report: OrderReport) -> Order:
    """Return a stranger as an external order for the log. Raises `Invalid` when an amount is not above zero.

    One whose client id begins like ours was made by the platform: a part of the log is lost.
    """
    kind = report.type or (Type.LIMIT if report.price else Type.MARKET)
    wish = Wish(
        market.symbol,
        report.side,
        kind,
        quantity=report.quantity,
        price=report.price if kind in PRICED else None,
        stop_price=report.stop_price if kind in TRIGGERED else None,
    )
    return Order.adopt(
        user=broker.user,
        broker=broker.number,
        exchange_order_id=report.exchange_order_id,
        wish=wish,
        requester=HISTORY_LOST if report.client_order_id.startswith(OURS) else ELSEWHERE,
        raw=report.raw,
    )

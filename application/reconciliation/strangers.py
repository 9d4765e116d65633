"""Strangers: orders on an exchange that nobody here has a history of."""

from __future__ import annotations

from application.ports.exchange import OrderReport
from domain.broker import Broker
from domain.market import Market
from domain.names import OURS
from domain.order import ELSEWHERE, HISTORY_LOST, Order
from domain.wish import PRICED, TRIGGERED, Type, Wish


def adopted(broker: Broker, market: Market, report: OrderReport) -> Order:
    """The order as the books take it in. Raises `Invalid` for amounts that are none.

    One that bears our name was made by the platform: then a part of the log is lost.
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

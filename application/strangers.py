"""Strangers: orders on an exchange that nobody here has a history of."""

from __future__ import annotations

from application.exchange import OrderReport
from domain.broker import Broker
from domain.market import Market
from domain.order import Order
from domain.wish import PRICED, TRIGGERED, Type, Wish

OUR_FORMAT = "ARISTO_"


def adopted(broker: Broker, market: Market, report: OrderReport) -> Order:
    """The order as the books take it in. Raises `Invalid` for amounts that are none."""
    kind = report.type or (Type.LIMIT if report.price else Type.MARKET)
    wish = Wish(
        market.symbol,
        report.side,
        kind,
        quantity=report.quantity,
        price=report.price if kind in PRICED else None,
        stop_price=report.stop_price if kind in TRIGGERED else None,
    )
    number = report.exchange_order_id
    return Order.adopt(user=broker.user, broker=broker.number, exchange_order_id=number, wish=wish, raw=report.raw)


def bears_our_name(report: OrderReport) -> bool:
    """Whether the platform made it: then a part of the log is lost."""
    return report.client_order_id.startswith(OUR_FORMAT)

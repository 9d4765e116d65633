"""Changes of orders that rest, and of the protection of positions, by their owner."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter

from application.people.brokers import broker_of
from application.trading import amending, protecting
from application.trading.closing import position_of_user
from application.trading.decisions import order_of
from domain.amounts import ZERO, difference, is_amount, product
from domain.orders.order import Order
from domain.orders.wish import Protection, Side
from domain.people.broker import Broker
from domain.refusals import Invalid
from web.context import By, Context, InContext
from web.forms import amending as forms
from web.forms.trading import Levels, Protecting

router = APIRouter(prefix="/api", tags=["trading"])
OLDEST_PRICE, OLDEST_BALANCE = 15.0, 60.0
"""Seconds after which a price or a balance judges nothing any more."""


@router.post("/orders/{order}/amend", status_code=202)
def amend(order: UUID, given: forms.Amending, by: By, context: InContext) -> forms.Amended:
    """Change the price or the quantity of an order that rests.

    It keeps its place in the queue only where nothing but its quantity becomes smaller, and its exchange can do that.
    Otherwise it is cancelled, and what is left of it is placed anew once its end is known. Responds 409 when it has
    changed since it was seen.
    """
    records = context.records
    found = order_of(records.store, by.user, order)
    broker = broker_of(records.store, by.user, found.broker)
    entry = context.platform.entry_of(broker.exchange)
    wanted = _shape(given.wanted)
    _check_affordable(context, found, wanted)
    change = amending.Change(given.request, wanted, _shape(given.seen), given.filled)
    keeps = amending.amend(
        records.store, records.markets, by.user, order, change, datetime.now(UTC),
        shrinks=entry.capabilities.amend_quantity, last=_last(context, broker, found.wish.symbol), dry=given.dry,
    )  # fmt: skip
    return forms.Amended(keeps_queue=keeps)


def _shape(given: forms.Shape) -> amending.Shape:
    return amending.Shape(given.quantity, given.price, given.stop_price)


def _check_affordable(context: Context, order: Order, wanted: amending.Shape) -> None:
    """Raise `Invalid` when a buy would cost more than is free and what it has locked, as far as that is known."""
    told = context.platform.balances(order.broker)
    quantity, price = wanted.quantity or order.quantity, wanted.price or order.price
    if order.wish.side is Side.SELL or told is None or told[1] > OLDEST_BALANCE or quantity is None or price is None:
        return
    if not (is_amount(quantity) and is_amount(price)):
        return  # refused where it is judged
    free = Decimal(told[0].get(order.wish.symbol.partition("/")[2], ("0", "0"))[0])
    locked = product(order.remaining or ZERO, order.price or ZERO)
    if product(difference(quantity, order.filled), price) > free + locked:
        raise Invalid(f"{free:f} is free", code="insufficient_funds", field="quantity")


@router.post("/positions/{position}/protection", status_code=202)
def protect(position: UUID, given: Protecting, by: By, context: InContext) -> None:
    """Set or move the stop and the target of a position, for all of it. The former ones rest until the new ones do.

    Responds 409 when they have changed since they were seen.
    """
    records = context.records
    found = position_of_user(records.store, by.user, position)
    broker = broker_of(records.store, by.user, found.broker)
    last = _last(context, broker, found.symbol)
    asked, seen = _levels(given), _levels(given.seen)
    protecting.protect(records.store, records.markets, by.user, position, asked, seen, given.request, last)


def _last(context: Context, broker: Broker, symbol: str) -> Decimal | None:
    """Return the last price of a market, None when it is not known, or old."""
    told = context.platform.prices(broker.exchange, broker.venue).get(symbol)
    return Decimal(told[0]) if told is not None and told[1] <= OLDEST_PRICE else None


def _levels(given: Levels) -> Protection:
    return Protection(given.stop_loss, given.take_profit)

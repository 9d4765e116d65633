"""Amending: a person changes the price or the quantity of an order that rests.

Where nothing but the quantity becomes smaller, and the exchange can do that, the order keeps its place in the queue.
Otherwise it is cancelled, and what is left of it is placed anew once its end is known: nothing is executed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.commands import on_fresh_state
from application.people.brokers import broker_of
from application.people.users import by_hand
from application.ports.stores import Markets, Store
from application.trading.decisions import order_of
from application.trading.halts import protects
from application.trading.positions import listed, on_tick
from domain.amounts import ZERO, check_positive, difference, product
from domain.market import Market
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.replacement import Replacement
from domain.orders.wish import Protection, Side, Source, TimeInForce, check_not_passed
from domain.people.broker import Broker, Usage
from domain.people.user import User
from domain.refusals import Impossible, Invalid
from domain.ticket import REQUESTER

AMENDED_WITHIN = timedelta(seconds=10)
"""The time within which the exchange may be asked to make an order smaller."""


@dataclass(frozen=True)
class Shape:
    """The size (base) and the prices (quote per base) of an order. In a change, None stays as it is."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True)
class Change:
    """A change of an order as its owner `seen` it, with what was `filled` (base) by then. One `request` counts once."""

    request: UUID
    wanted: Shape
    seen: Shape
    filled: Decimal


@on_fresh_state
def amend(
    store: Store, markets: Markets, user: int, order_id: UUID, change: Change, now: datetime, *, shrinks: bool,
    last: Decimal | None = None, dry: bool = False,
) -> bool:  # fmt: skip
    """Change an order that rests; return True when it keeps its place in the queue. A `dry` change does nothing.

    `shrinks` says that its exchange makes orders smaller where they rest, `last` is the last price where it is known.
    Raises `NotFound` for another user's order, `Impossible` for one that does not rest, protects coins, was made
    elsewhere, has changed since it was seen, or would not be sent now, and `Invalid`, naming the field, for a size or a
    price that its market, its broker or its own protection does not take.
    """
    order = order_of(store, user, order_id)
    replacement = store.find(Replacement, Replacement.create_id(order_id))
    if replacement is not None and replacement.request == change.request:
        return False
    _check_amendable(order, change)
    broker, subject = broker_of(store, user, order.broker), store.get(User, User.create_id(user))
    _check_may_be_sent(order, broker, subject)
    market = listed(markets, broker, order.wish.symbol)
    if market is None:
        raise Invalid(f"{order.wish.symbol} is not known", code="symbol_unknown", field="symbol")
    wanted = _wanted(order, change, market)
    _check_prices(order, wanted, broker, last)
    keeps = shrinks and _only_shrinks(order, wanted)
    if dry:
        return keeps
    with by_hand(user):
        if keeps:
            name = wish_name(user, change.request, now)
            order.request_amend(name, wanted.quantity, None, now + AMENDED_WITHIN)
            store.save(order)
            return True
        shape = wanted.quantity, wanted.price, wanted.stop_price
        if replacement is None:
            replacement = Replacement(user, order.id, change.request, *shape)
        else:
            replacement.want(change.request, *shape)
        order.request_cancel(REQUESTER)
        store.save(order, replacement)
    return False


def _check_amendable(order: Order, change: Change) -> None:
    if protects(order):
        raise Impossible("it protects coins: move the stop of their position", code="order_protects")
    if order.is_external:
        raise Impossible("it was made elsewhere", code="order_external")
    if order.status is not Status.OPEN or order.amendment is not None or order.cancel_requested:
        raise Impossible(f"a {order.status} order cannot be changed", code="order_changed")
    if order.quantity is None:
        raise Impossible("it is sized by its cost", code="amend_not_possible")
    now = Shape(order.quantity, order.price, order.stop_price)
    if change.seen != now or change.filled != order.filled:
        raise Impossible("it has changed in the meantime", code="order_changed")


def _check_may_be_sent(order: Order, broker: Broker, user: User) -> None:
    """Raise `Impossible` while what is placed anew would not be sent: the order stays as it is."""
    if broker.usage is Usage.OFF:
        raise Impossible("this broker is switched off", code="broker_off")
    if order.source is not Source.MANUAL and (user.trading_stopped or broker.trading_stopped):
        raise Impossible("automatic trading is halted", code="paused")
    if order.wish.side is Side.BUY and user.panic is not None:
        raise Impossible("a panic is in force: lift it first", code="panic_in_force")


def _check_prices(order: Order, wanted: Shape, broker: Broker, last: Decimal | None) -> None:
    """Raise `Invalid` for prices at which it would not be taken, or would not rest under its own protection."""
    buys, price = order.wish.side is Side.BUY, wanted.price or wanted.stop_price
    left = difference(wanted.quantity or ZERO, order.filled)
    most = broker.limits.per_order if broker.limits.currency == order.wish.symbol.partition("/")[2] else None
    if buys and most is not None and price is not None and product(left, price) > most:
        raise Invalid(f"{product(left, price):f} is above {most:f}", code="limit_per_order", field="quantity")
    if last is not None and wanted.stop_price is not None and wanted.stop_price != order.stop_price:
        check_not_passed(order.wish.side, order.wish.type, wanted.stop_price, last)
    if order.wish.time_in_force is TimeInForce.PO and last is not None and wanted.price is not None:
        crosses = wanted.price >= last if buys else wanted.price <= last
        if crosses:
            raise Invalid(f"{last} is traded: it would not rest", code="would_take", field="price")
    protection = order.wish.protection or Protection()
    if price is not None and protection.stop_loss is not None and price <= protection.stop_loss:
        raise Invalid(f"the stop {protection.stop_loss} is not below {price}", code="stop_not_below", field="price")
    if price is not None and protection.take_profit is not None and price >= protection.take_profit:
        raise Invalid(f"the target is not above {price}", code="target_not_above", field="price")


def _wanted(order: Order, change: Change, market: Market) -> Shape:
    """Return the whole shape that is wanted, by the rules of its market."""
    given = change.wanted
    check_positive(quantity=given.quantity, price=given.price, stop_price=given.stop_price)
    for name in ("price", "stop_price"):
        if getattr(given, name) is not None and getattr(order, name) is None:
            raise Invalid(f"this order has no {name}", code="price_not_taken", field=name)
    quantity = order.quantity if given.quantity is None else market.round_quantity(given.quantity, order.wish.type)
    price = order.price if given.price is None else on_tick(given.price, market, "price")
    stop_price = order.stop_price if given.stop_price is None else on_tick(given.stop_price, market, "stop_price")
    wanted = Shape(quantity, price, stop_price)
    if wanted == change.seen:
        raise Invalid("nothing would change", code="amendment_empty", field="price")
    left = difference(quantity or ZERO, order.filled)
    if left <= 0:
        raise Invalid(f"{order.filled} is filled already", code="quantity_filled", field="quantity")
    market.check(order.wish.type, left, None, price, stop_price or price or ZERO, order.wish.side)
    return wanted


def _only_shrinks(order: Order, wanted: Shape) -> bool:
    smaller = wanted.quantity is not None and order.quantity is not None and wanted.quantity < order.quantity
    return smaller and (wanted.price, wanted.stop_price) == (order.price, order.stop_price) and order.stop_price is None

"""Replacing: what is left of an order that its owner has changed is placed anew once the order has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from application.ports.stores import Reader
from application.trading.positions import owner_of, position_of, wished
from domain.aggregate import Aggregate
from domain.amounts import difference
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.replacement import Replacement
from domain.orders.wish import Side, Wish
from domain.people.user import User
from domain.refusals import Invalid
from domain.ticket import SENDABLE_FOR


def pending(order: Order, store: Reader) -> Replacement | None:
    """Return the replacement of an order that waits for its end, None when there is none."""
    found = store.find(Replacement, Replacement.create_id(order.id)) if order.cancel_requested else None
    return found if found is not None and found.is_pending else None


def succeeded(order: Order, store: Reader, now: datetime) -> list[Aggregate]:
    """Place what is left of a cancelled order anew, when it was to be replaced; return what has changed."""
    replacement = pending(order, store)
    if replacement is None or replacement.quantity is None:
        return []
    left = difference(replacement.quantity, order.filled)
    in_panic = store.get(User, User.create_id(order.user)).panic is not None
    if left <= 0 or in_panic:
        replacement.fail("panic_in_force" if in_panic else "quantity_filled")
        return [replacement]
    order_id = Order.id_for(replacement.request, "replacement")
    try:
        placed = Order.place(
            order_id=order_id, user=order.user, broker=order.broker, wish=_wish_of(order, replacement, left, store),
            source=order.source, requester=order.requester, client_order_id=wish_name(order.user, order_id, now),
            not_after=now + SENDABLE_FOR, cause=order.cause,
        )  # fmt: skip
    except Invalid as error:
        replacement.fail(error.code)
        return [replacement]
    replacement.carry_out(placed.id)
    return [replacement, placed, wished(placed, store)]


def failed(order: Order, store: Reader, reason: str) -> list[Aggregate]:
    """Record that an order is not replaced after all: it was executed, or its exchange keeps it."""
    replacement = store.find(Replacement, Replacement.create_id(order.id))
    if replacement is None or not replacement.is_pending:
        return []
    replacement.fail(reason)
    return [replacement]


def _wish_of(order: Order, replacement: Replacement, left: Decimal, store: Reader) -> Wish:
    """Return the wish for what is left, with the protection that a buy still brings: one that was moved stays moved."""
    wish, terms = order.wish, order.wish.terms
    if terms is not None and terms.iceberg_qty is not None:
        terms = replace(terms, iceberg_qty=min(terms.iceberg_qty, left))
    protection = wish.protection
    if wish.side is Side.BUY:
        position = position_of(store, order.user, order.broker, wish.symbol, owner_of(order.source))
        protection = position.entries.get(order.id, wish.protection)
    return replace(
        wish.of(left), price=replacement.price, stop_price=replacement.stop_price, terms=terms, protection=protection
    )

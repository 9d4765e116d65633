"""Halts: halting and resuming automatic trading, and cancelling orders of a user."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.commands import on_fresh_state
from application.people.brokers import broker_of
from application.people.users import by_hand
from application.ports.stores import Store
from application.trading.decisions import order_of
from application.trading.replacing import pending
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import LIVE, Status
from domain.orders.replacement import Replacement
from domain.orders.wish import TRIGGERED, Side
from domain.people.broker import Broker
from domain.people.user import User
from domain.refusals import Impossible
from domain.ticket import REQUESTER

RESUME_WITHIN = 5.0
"""Seconds within which a request to resume is carried out, or never: the console waits longer for its answer."""


def protects(order: Order) -> bool:
    """Return True for a stop or a target of a position, and for a triggered sell that was placed elsewhere."""
    elsewhere = order.is_external and order.wish.side is Side.SELL and order.wish.type in TRIGGERED
    return order.requester == PROTECTION or elsewhere


def guards(order: Order) -> bool:
    """Return True for every sell behind a trigger, and every sell that was placed elsewhere.

    Coins lie under it, whoever placed it; one that was placed elsewhere may be a leg of a list that has a stop.
    """
    stops = order.wish.type in TRIGGERED or order.is_external
    return protects(order) or (order.wish.side is Side.SELL and stops)


@on_fresh_state
def halt(store: Store, user: int, number: int | None = None) -> None:
    """Halt automatic trading on all brokers of a user, or on one of them."""
    with by_hand(user):
        subject = _subject(store, user, number)
        subject.stop_trading()
        store.save(subject)


@on_fresh_state
def resume(store: Store, user: int, number: int | None = None, *, asked_at: float | None = None) -> None:
    """Resume automatic trading on all brokers of a user, or on one of them.

    `asked_at` is the time of the request (monotonic). Raises `Impossible` when it has waited too long, as it does while
    the database hangs: whoever asked has been told that it was not confirmed, and may have halted again since.
    """
    with by_hand(user):
        subject = _subject(store, user, number)
        if asked_at is not None and time.monotonic() - asked_at > RESUME_WITHIN:
            raise Impossible("the request to resume has waited too long", code="resume_too_late")
        subject.resume_trading()
        store.save(subject)


def _subject(store: Store, user: int, number: int | None) -> User | Broker:
    return store.get(User, User.create_id(user)) if number is None else broker_of(store, user, number)


def orders_of(store: Store, user: int) -> list[Order]:
    """Return the orders of a user that have not ended."""
    return [order for order in store.get_all(Order, store.orders_not_ended()) if order.user == user]


@dataclass(frozen=True)
class Effect:
    """The effect of cancelling all: the orders that it cancels, and the number of those that stay.

    Orders that protect coins stay, including a stop that was placed elsewhere: without them a panic would leave the
    coins to the market.
    """

    cancelled: Sequence[Order]
    stay: int


def effect_of_cancel_all(store: Store, user: int, broker: int | None = None, symbol: str | None = None) -> Effect:
    """Return the effect that cancelling all would have now, or all of one broker, or of one market."""
    orders = [
        order
        for order in orders_of(store, user)
        if broker in {None, order.broker} and symbol in {None, order.wish.symbol}
    ]
    live = [order for order in orders if order.status in {*LIVE, Status.PLACED}]
    stay = sum(guards(order) for order in live)
    ending = [order for order in live if not guards(order)]
    return Effect([order for order in ending if not order.cancel_requested or pending(order, store)], stay)


def cancel_all(store: Store, user: int, broker: int | None = None, symbol: str | None = None) -> Effect:
    """Request the cancellation of all these orders of a user that protect no coins; return what was requested."""
    effect = effect_of_cancel_all(store, user, broker, symbol)
    return Effect([order for order in effect.cancelled if _request_cancel(store, user, order.id)], effect.stay)


@on_fresh_state
def cancel(store: Store, user: int, order_id: UUID) -> None:
    """Request the cancellation of one order. What it has executed stays.

    Raises `NotFound` for another user's order, and `Impossible` for one that has ended or protects coins: a stop goes
    with its position only.
    """
    order = order_of(store, user, order_id)
    if protects(order):
        raise Impossible("it protects coins: it goes with their position", code="order_protects")
    with by_hand(user):
        order.request_cancel(REQUESTER)
        store.save(order, *not_replaced(order, store))


def not_replaced(order: Order, store: Store) -> list[Replacement]:
    """Return the replacement of an order that is to be gone for good, given up."""
    replacement = pending(order, store)
    if replacement is None:
        return []
    replacement.fail("cancelled")
    return [replacement]


@on_fresh_state
def _request_cancel(store: Store, user: int, order_id: UUID) -> bool:
    """Request a cancellation; return False when the order has just ended."""
    with by_hand(user):
        order = store.get(Order, order_id)
        try:
            order.request_cancel("cancel all")
        except Impossible:
            return False
        store.save(order, *not_replaced(order, store))
    return True

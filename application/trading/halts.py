"""Halts: halting and resuming automatic trading, and cancelling all orders of a user."""

from __future__ import annotations

from application.commands import on_fresh_state
from application.people.brokers import broker_of
from application.people.users import by_hand
from application.ports.stores import Store
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import LIVE, Status
from domain.orders.wish import TRIGGERED, Side
from domain.people.broker import Broker
from domain.people.user import User
from domain.refusals import Impossible


def _protects(order: Order) -> bool:
    """Return True for a stop or a target of a position, and for a triggered sell that was placed elsewhere."""
    elsewhere = order.is_external and order.wish.side is Side.SELL and order.wish.type in TRIGGERED
    return order.requester == PROTECTION or elsewhere


@on_fresh_state
def halt(store: Store, user: int, number: int | None = None) -> None:
    """Halt automatic trading on all brokers of a user, or on one of them."""
    with by_hand(user):
        subject = _subject(store, user, number)
        subject.stop_trading()
        store.save(subject)


@on_fresh_state
def resume(store: Store, user: int, number: int | None = None) -> None:
    """Resume automatic trading on all brokers of a user, or on one of them."""
    with by_hand(user):
        subject = _subject(store, user, number)
        subject.resume_trading()
        store.save(subject)


def _subject(store: Store, user: int, number: int | None) -> User | Broker:
    return store.get(User, User.create_id(user)) if number is None else broker_of(store, user, number)


def cancel_all(store: Store, user: int) -> int:
    """Request the cancellation of all orders of a user that have not ended; return the number of requests.

    Orders that protect coins stay, including a stop that was placed elsewhere: without them a panic would leave the
    coins to the market.
    """
    asked = 0
    with by_hand(user):
        for order_id in store.orders_not_ended():
            order = store.get(Order, order_id)
            if order.user != user or order.cancel_requested or order.status not in {*LIVE, Status.PLACED}:
                continue
            if _protects(order):
                continue
            try:
                order.request_cancel("cancel all")
            except Impossible:
                continue  # it has just ended
            store.save(order)
            asked += 1
    return asked

"""Stops: no automatic trading until resumed, and taking every order off the book."""

from __future__ import annotations

from application.brokers import broker_of
from application.commands import on_fresh_state
from application.ports import Store
from application.users import by_hand
from domain.order import LIVE, PROTECTION, Order, Status
from domain.refusals import Impossible
from domain.user import User
from domain.wish import TRIGGERED, Side


def _protects(order: Order) -> bool:
    """Whether it is a stop or a target of a position, or one that somebody set for coins elsewhere."""
    elsewhere = order.is_external and order.wish.side is Side.SELL and order.wish.type in TRIGGERED
    return order.requester == PROTECTION or elsewhere


@on_fresh_state
def switch_trading(store: Store, user: int, *, stopped: bool, number: int | None = None) -> None:
    """Stop or resume automatic trading for all of a user's brokers, or for one."""
    with by_hand(user):
        subject = store.get(User, User.create_id(user)) if number is None else broker_of(store, user, number)
        subject.stop_trading() if stopped else subject.resume_trading()
        store.save(subject)


def cancel_all(store: Store, user: int) -> int:
    """Ask for every order of the user that has not ended to be taken off; answers how many are asked for.

    What protects coins stays, also a stop that was placed elsewhere: without it a panic would leave them to the
    market.
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
                continue  # it ended this very moment
            store.save(order)
            asked += 1
    return asked

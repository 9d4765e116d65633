"""Decisions that only a person can take: ending a doubt, and sending an exit that came too late."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.stores import Store
from application.trading.positions import INSISTED, wished
from domain.names import wish_name
from domain.order import Order, Status
from domain.refusals import Impossible, NotFound
from domain.webhook import Webhook
from domain.webhook_message import again_id
from domain.wish import Side

AGE_OF_INSISTED = timedelta(seconds=30)
TOO_LATE = frozenset({"stale", "exit_in_doubt", "paused"})
"""Why an exit was not sent that its owner may still want. Not that the broker is off: nothing is sent there by hand."""


def order_of(store: Store, user: int, order_id: UUID) -> Order:
    """An order of this user. Raises `NotFound`, for another user's too."""
    order = store.find(Order, order_id)
    if order is None or order.user != user:
        raise NotFound("there is no such order")
    return order


@on_fresh_state
def resolve(store: Store, user: int, order_id: UUID, outcome: Status, reason: str) -> None:
    """End the doubt about an order by the word of its owner. Raises `Impossible`, `Invalid` or `NotFound`."""
    order = order_of(store, user, order_id)
    with by_hand(user):
        order.resolve(user, outcome, reason)
        store.save(order)


@on_fresh_state
def send_again(store: Store, user: int, order_id: UUID, now: datetime) -> UUID:
    """Send an exit after all that was refused because it came too late; returns the new order, always the same one.

    It waits for no doubt and no pause: a person has looked. Raises `Impossible` for any other order, and when the same
    alert has come again meanwhile and was judged anew.
    """
    late = order_of(store, user, order_id)
    if late.status is not Status.REFUSED or late.reason not in TOO_LATE or late.wish.side is not Side.SELL:
        raise Impossible("only an exit that came too late can be sent again", code="not_sent_again")
    again = Order.id_for(late.id, "again")
    if store.find(Order, again) is not None:
        return again
    if late.cause is not None and store.find(Webhook, again_id(late.cause)) is not None:
        raise Impossible("its alert came again and was judged anew", code="not_sent_again")
    with by_hand(user):
        order = Order.place(
            order_id=again,
            user=user,
            broker=late.broker,
            wish=late.wish,
            source=late.source,
            requester=INSISTED,
            client_order_id=wish_name(user, again, now),
            not_after=now + AGE_OF_INSISTED,
            cause=late.cause,
        )
        store.save(order, wished(order, store))
    return again

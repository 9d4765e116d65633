"""Decisions that only a person can make: ending a doubt, and sending an exit that came too late."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.stores import Store
from application.trading.positions import INSISTED, wished
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side
from domain.refusals import Impossible, NotFound
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import again_id

AGE_OF_INSISTED = timedelta(seconds=30)
"""The time within which an insisted exit may be sent."""
TOO_LATE = frozenset({"stale", "exit_in_doubt", "paused", "stream_paused"})
"""The reasons for which an exit was not sent although its owner may still want it.

A broker that is off is not among them: nothing is sent there, even by hand.
"""


def came_too_late(status: Status, reason: str | None, side: Side) -> bool:
    """Return True for an exit that was not sent although its owner may still want it."""
    return status is Status.REFUSED and reason in TOO_LATE and side is Side.SELL


def followers_of(order_id: UUID, cause: UUID | None) -> tuple[UUID, UUID | None]:
    """Return the id of the order that sends a late exit again, and that of the webhook of its alert, come again.

    Once either exists, the late exit is not sent again. The second is None for an order without a webhook.
    """
    return Order.id_for(order_id, "again"), None if cause is None else again_id(cause)


def order_of(store: Store, user: int, order_id: UUID) -> Order:
    """Return an order of this user. Raises `NotFound` when it is another user's or does not exist."""
    order = store.find(Order, order_id)
    if order is None or order.user != user:
        raise NotFound("there is no such order")
    return order


@on_fresh_state
def resolve(store: Store, user: int, order_id: UUID, outcome: Status, reason: str) -> None:
    """End the doubt about an order with its owner's statement. Raises `Impossible`, `Invalid` or `NotFound`."""
    order = order_of(store, user, order_id)
    with by_hand(user):
        order.resolve(user, outcome, reason)
        store.save(order)


@on_fresh_state
def send_again(store: Store, user: int, order_id: UUID, now: datetime) -> UUID:
    """Send an exit that was refused because it came too late; return the id of the new order, always the same.

    Neither a doubt nor a halt holds it up: a person has looked. Raises `Impossible` for any other order, and when the
    same alert has meanwhile come again and been judged anew. Raises `NotFound` as `order_of`.
    """
    late = order_of(store, user, order_id)
    if not came_too_late(late.status, late.reason, late.wish.side):
        raise Impossible("only an exit that came too late can be sent again", code="not_sent_again")
    again, judged = followers_of(late.id, late.cause)
    if store.find(Order, again) is not None:
        return again
    if judged is not None and store.find(Webhook, judged) is not None:
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

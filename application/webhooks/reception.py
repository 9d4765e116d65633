"""Reception: recording deliveries at the door, each of them once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from application.ports.stores import Store
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.refusals import Conflict, Invalid
from domain.webhooks.webhook import Webhook, WebhookStatus
from domain.webhooks.webhook_message import WebhookMessage, again_id, unparsable_id

FORMER_UNTIL = datetime.now(UTC) + timedelta(hours=1)
"""Deliveries received until then may repeat one recorded under the former id (`WebhookMessage.former_id`).

An upgrade restarts the door, so the upgrade precedes the start of this process. An hour from that start covers the hour
after the upgrade, and every delivery that an older door left in the spool was received earlier. So no setting or table
has to record the time of the upgrade. A later restart costs one more query per delivery for an hour, which finds
nothing.
"""


@dataclass(frozen=True)
class Delivered:
    """A delivery at the door. `user` is the owner of its token."""

    user: int
    body: bytes
    address: str
    received_at: datetime


def receive_all(
    store: Store, deliveries: Sequence[Delivered], *, former_until: datetime = FORMER_UNTIL
) -> Iterator[UUID]:
    """Append deliveries in their order, and yield the webhook id of each once it is recorded.

    New deliveries are saved in one commit. When one of them repeats a webhook in the log, they are received one by one.
    When one repeats another of them, it is saved after the commit of that one.
    """
    for run in _runs(zip(_first_ids(store, deliveries, former_until), deliveries, strict=True)):
        try:
            store.save(*(_webhook(webhook_id, *_parts(one)) for webhook_id, one in run.items()))
        except Conflict:
            for one in run.values():
                yield receive(store, *_parts(one), former_until=former_until)
        else:
            yield from run


def _parts(one: Delivered) -> tuple[int, bytes, str, datetime]:
    return one.user, one.body, one.address, one.received_at


def _runs(named: Iterable[tuple[UUID, Delivered]]) -> Iterator[dict[UUID, Delivered]]:
    """Yield the deliveries in consecutive runs, none of which contains the same webhook twice."""
    run = dict[UUID, Delivered]()
    for webhook_id, one in named:
        if webhook_id in run:
            yield run
            run = {}
        run[webhook_id] = one
    if run:
        yield run


def _webhook(webhook_id: UUID, user: int, body: bytes, address: str, received_at: datetime) -> Webhook:
    with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
        return Webhook.receive(webhook_id, user, body, address, received_at)


def receive(
    store: Store, user: int, body: bytes, address: str, received_at: datetime, *, former_until: datetime = FORMER_UNTIL
) -> UUID:
    """Append a delivery and return the id of its webhook: a new one, or the one that it repeats.

    A repetition is recorded but never executed. A repeated exit that came to nothing the first time is judged anew, in
    a stream of its own. The id of that stream is derived from the previous one, so that a replay leads to the same
    streams.
    """
    message = _parsed(body)
    if message is None:
        webhook_id = unparsable_id(user, body, received_at)
    else:
        webhook_id = _first_id(message, user, received_at, lambda former: store.find(Webhook, former), former_until)
    while True:
        with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
            try:
                store.save(_webhook(webhook_id, user, body, address, received_at))
            except Conflict:
                if message is None or not _is_judged_anew(message, store.get(Webhook, webhook_id), received_at, store):
                    _repeat(store, webhook_id, received_at)
                    return webhook_id
            else:
                return webhook_id
        webhook_id = again_id(webhook_id)


def _parsed(body: bytes) -> WebhookMessage | None:
    try:
        return WebhookMessage.parse(body)
    except Invalid:
        return None


def _first_ids(store: Store, deliveries: Sequence[Delivered], former_until: datetime) -> list[UUID]:
    """Return the first id of each delivery, with a single query for all former ids."""
    messages = [(one, _parsed(one.body)) for one in deliveries]
    asked = [
        message.former_id(one.user, one.received_at)
        for one, message in messages
        if message is not None and one.received_at <= former_until
    ]
    before = {webhook.id: webhook for webhook in store.get_all(Webhook, asked)} if asked else {}
    return [
        unparsable_id(one.user, one.body, one.received_at)
        if message is None
        else _first_id(message, one.user, one.received_at, before.get, former_until)
        for one, message in messages
    ]


def _first_id(
    message: WebhookMessage,
    user: int,
    received_at: datetime,
    find: Callable[[UUID], Webhook | None],
    former_until: datetime,
) -> UUID:
    """Return the id of an alert's webhook: the one under its former id, if that exists and says the same.

    Only a delivery received by `former_until` can have one.
    """
    if received_at <= former_until:
        former = find(message.former_id(user, received_at))
        # Alerts that differ only in unknown fields shared the former id: the stored body tells which one it was.
        said_before = None if former is None else _parsed(former.raw)
        if former is not None and said_before is not None and said_before.said == message.said:
            return former.id
    return message.webhook_id(user, received_at)


def _is_judged_anew(message: WebhookMessage, before: Webhook, received_at: datetime, store: Store) -> bool:
    """Return True when a repeated exit is to be judged anew: the one before has ended without executing anything."""
    if not message.is_exit or before.received_at == received_at:
        return False  # the same time means the same delivery, appended before a crash and drained again afterwards
    if before.status in {WebhookStatus.IGNORED, WebhookStatus.REFUSED}:
        return True
    return before.status is WebhookStatus.FAILED and all(
        order.status in {Status.REFUSED, Status.REJECTED}
        and order.reason != "cancelled_before_sending"  # by its owner's own request
        and not order.filled
        for order_id in before.orders
        for order in _attempts(order_id, store)
    )


def _attempts(order_id: UUID, store: Store) -> Iterator[Order]:
    """Yield an order, and then the orders by which its owner sent it again."""
    while (order := store.find(Order, order_id)) is not None:
        yield order
        order_id = Order.id_for(order_id, "again")


def _repeat(store: Store, webhook_id: UUID, received_at: datetime) -> None:
    while True:
        webhook = store.get(Webhook, webhook_id)
        webhook.repeat(received_at)
        try:
            store.save(webhook)
        except Conflict:
            continue  # another process was faster, and the repetition has not been recorded yet
        return

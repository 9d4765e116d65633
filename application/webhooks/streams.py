"""Streams: which stream an alert belongs to, and what its trader decides about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from application.commands import on_fresh_state
from application.people.brokers import broker_of, check_twin, may_be_twin
from application.people.users import by_hand
from application.ports.stores import Reader, Store
from domain.orders.order import Order
from domain.people.broker import Broker
from domain.refusals import Invalid, NotFound
from domain.trading.position import Position
from domain.webhooks.gates import Gates
from domain.webhooks.interval import Interval
from domain.webhooks.slots import slot_of
from domain.webhooks.stream import SELF, WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import Action, WebhookMessage, ticker_of, twin_id_of


def arrived(webhook: Webhook, store: Reader) -> WebhookStream | None:
    """Take an alert into its stream, whatever it asks for and whether it can be carried out.

    Return None for one that names no stream: without a pair, an interval or a broker of the user it belongs to none.
    A new stream begins with the gates of its broker.
    """
    said = _said(webhook)
    key = _key_of(said, webhook.user)
    broker = None if key is None or webhook.twin is not None else store.find(Broker, Broker.create_id(key.broker))
    if key is None or broker is None or broker.user != key.user or broker.removed:
        return None
    stream = store.find(WebhookStream, key.id)
    if stream is None:
        stream = WebhookStream.open(key)
        stream.set_gates(broker.gates, SELF)
    stream.arrive(webhook.id, said.get("bar_time"), webhook.received_at)
    return stream


def of(webhook: Webhook, store: Reader) -> WebhookStream | None:
    """Return the stream of an alert that has come before, None for one of no stream."""
    key = None if webhook.twin is not None else _key_of(_said(webhook), webhook.user)
    return None if key is None else store.find(WebhookStream, key.id)


def twins(webhook: Webhook, stream: WebhookStream, store: Reader) -> list[Webhook]:
    """Return the webhook by which the paper twin of a stream carries out the same, if the stream has a twin.

    It has no stream and passes no gate: it shows what would have been. A PING asks for nothing.
    """
    twin = stream.gates.twin if _said(webhook).get("action") != Action.PING else None
    broker = None if twin is None else store.find(Broker, Broker.create_id(twin))
    if broker is None or not may_be_twin(broker, stream.user, stream.broker):
        return []
    # An exit that is judged anew is another webhook of the same alert: its twin has carried it out already.
    try:
        alert = WebhookMessage.parse(webhook.raw).webhook_id(webhook.user, webhook.received_at)
    except Invalid:
        return []
    twin_id = twin_id_of(alert)
    return [] if store.find(Webhook, twin_id) is not None else [webhook.for_twin(twin_id, broker.number)]


def repeated(webhook: Webhook, received_at: datetime, store: Reader) -> WebhookStream | None:
    """Take in a repetition that stands for a slot of its own, None for any other.

    Alerts that say the same and name no bar count as one within a minute (UTC). Two of them can still be for two slots
    of a minute, when the second comes a little early by our clock.
    """
    said = _said(webhook)
    key = None if said.get("bar_time") is not None else _key_of(said, webhook.user)
    calendar = None if key is None else Interval.parse(key.interval)
    if key is None or calendar is None:
        return None
    if slot_of(calendar, None, received_at) == slot_of(calendar, None, webhook.received_at):
        return None
    if (stream := store.find(WebhookStream, key.id)) is not None:
        stream.arrive(webhook.id, None, received_at)
    return stream


def behind(position: Position, lost_at: datetime, store: Reader) -> list[WebhookStream]:
    """Tell the streams whose alerts opened a trade that it was lost, and return them."""
    orders = store.get_all(Order, [*position.entries])
    webhooks = store.get_all(Webhook, [order.cause for order in orders if order.cause is not None])
    found = {stream.id: stream for webhook in webhooks if (stream := of(webhook, store)) is not None}.values()
    for stream in found:
        stream.lose(lost_at)
    return [*found]


def _said(webhook: Webhook) -> dict[str, Any]:
    try:
        return WebhookMessage.readable(webhook.raw)
    except Invalid:
        return {}


def _key_of(said: dict[str, Any], user: int) -> StreamKey | None:
    symbol, notation, broker = said.get("symbol"), said.get("interval"), said.get("broker")
    if not symbol or not notation or not broker or said.get("user") != user:
        return None
    interval = Interval.parse(notation)
    spelt = notation.strip() if interval is None else interval.name
    return StreamKey(user, broker, ticker_of(symbol), spelt, said.get("indicator") or "")


def of_removed_broker(broker: Broker, store: Reader) -> list[WebhookStream]:
    """Close the streams of a broker that was removed: their alerts are refused from now on."""
    streams = [one for one in _open_ones(store) if one.broker == broker.number]
    for stream in streams:
        stream.close(SELF)
    return streams


@on_fresh_state
def monitor(store: Store, user: int, stream_id: UUID, now: datetime) -> None:
    """Monitor a stream from its next slot on. Raises `Impossible` when its interval names no period."""
    with by_hand(user):
        stream = _stream_in_use(store, user, stream_id)
        stream.monitor(user, now)
        store.save(stream)


def close(store: Store, user: int, stream_id: UUID) -> None:
    """Monitor a stream no longer: its alert was deleted. What it still sends is executed as ever."""
    _decide(store, user, stream_id, lambda stream: stream.close(user))


def set_gates(store: Store, user: int, stream_id: UUID, gates: Gates) -> None:
    """Set the gates of a stream.

    Raises `Invalid` for a number that is out of range, and for a twin that is no paper broker of the user for webhooks.
    """

    def decide(stream: WebhookStream) -> None:
        check_twin(gates, stream.gates, broker_of(store, user, stream.broker), store)
        stream.set_gates(gates, user)

    _decide(store, user, stream_id, decide)


def pause(store: Store, user: int, stream_id: UUID) -> None:
    """Execute nothing that a stream sends, until its trader resumes it."""
    _decide(store, user, stream_id, lambda stream: stream.pause(user))


@on_fresh_state
def _decide(store: Store, user: int, stream_id: UUID, decide: Callable[[WebhookStream], None]) -> None:
    """Carry out what a user decides about a stream. Raises `NotFound` when it is not theirs."""
    with by_hand(user):
        stream = _stream_of(store, user, stream_id)
        decide(stream)
        store.save(stream)


@on_fresh_state
def resume(store: Store, user: int, stream_id: UUID | None, now: datetime) -> None:
    """Resume a paused stream, or without one all that have paused themselves."""
    with by_hand(user):
        streams = critical_ones(store, user) if stream_id is None else [_stream_in_use(store, user, stream_id)]
        for stream in streams:
            stream.resume(user, now)
        store.save(*streams)


def critical_ones(store: Reader, user: int) -> Sequence[WebhookStream]:
    """Return the streams of a user that have paused themselves."""
    return [one for one in _open_ones(store) if one.user == user and one.status is StreamStatus.CRITICAL]


def _open_ones(store: Reader) -> Sequence[WebhookStream]:
    return store.get_all(WebhookStream, store.webhook_streams_open())


def _stream_in_use(store: Store, user: int, stream_id: UUID) -> WebhookStream:
    stream = _stream_of(store, user, stream_id)
    broker_of(store, user, stream.broker)
    return stream


def _stream_of(store: Store, user: int, stream_id: UUID) -> WebhookStream:
    stream = store.find(WebhookStream, stream_id)
    if stream is None or stream.user != user:
        raise NotFound("there is no such stream")
    return stream

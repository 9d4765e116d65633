"""Webhooks: recording a delivery, and deciding what it means. The door does the first, the engine the second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from application.ports import Markets, Store
from domain.aggregate import Aggregate, carrying
from domain.broker import Broker
from domain.market import Market
from domain.order import Order
from domain.refusals import Conflict, Invalid
from domain.signal import TRADING, Action, Signal, unparsable_id
from domain.user import User
from domain.webhook import Webhook
from domain.wish import Side, Source, TimeInForce, Type, Wish

AGE_OF_ENTRY = timedelta(seconds=60)
_ORDERS = {
    Action.BUY_MARKET: (Side.BUY, Type.MARKET),
    Action.SELL_MARKET: (Side.SELL, Type.MARKET),
    Action.BUY_LIMIT: (Side.BUY, Type.LIMIT),
    Action.SELL_LIMIT: (Side.SELL, Type.LIMIT),
}


class MarketsNotLoaded(Exception):
    """Whether the symbol exists cannot be told yet: the event is tried again."""


def receive(store: Store, user: int, body: bytes, address: str, received_at: datetime) -> UUID:
    """Append a delivery: a new webhook, or a repetition of one that came before. Answers the webhook's id."""
    try:
        webhook_id = Signal.parse(body).webhook_id(user, received_at)
    except Invalid:
        webhook_id = unparsable_id(user, body, received_at)
    with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
        try:
            store.save(Webhook.receive(webhook_id, user, body, address, received_at))
        except Conflict:
            _repeat(store, webhook_id, received_at)
    return webhook_id


def _repeat(store: Store, webhook_id: UUID, received_at: datetime) -> None:
    while True:
        webhook = store.get(Webhook, webhook_id)
        webhook.repeat(received_at)
        try:
            store.save(webhook)
        except Conflict:
            continue  # the engine was faster: the repetition still has to be recorded
        return


def decide(webhook: Webhook, store: Store, markets: Markets, now: datetime) -> list[Aggregate]:
    """What a received webhook leads to, all to be saved in one commit.

    Raises `MarketsNotLoaded` while the symbol cannot be judged and the webhook is not too old for waiting.
    """
    try:
        signal = Signal.parse(webhook.raw)
        if signal.action is Action.PING:
            webhook.ignore("ping")
            return [webhook]
        broker = _checked(signal, webhook, store)
        if _stopped(broker, store):
            webhook.ignore("paused")
            return [webhook]
        if now > webhook.received_at + AGE_OF_ENTRY:
            webhook.ignore("stale")
            return [webhook]
        order = Order.place(
            order_id=Order.id_for(webhook.id),
            user=webhook.user,
            broker=broker.number,
            wish=_wish(signal, broker, markets),
            source=Source.WEBHOOK,
            requester="Webhooks",
            client_order_id=client_order_id(webhook.user, Order.id_for(webhook.id), now),
            not_after=webhook.received_at + AGE_OF_ENTRY,
            cause=webhook.id,
        )
    except Invalid as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]
    webhook.take([order.id])
    return [webhook, order]


def _checked(signal: Signal, webhook: Webhook, store: Store) -> Broker:
    """The broker that is meant. Raises `Invalid` for whatever the signal may not or cannot ask for."""
    if signal.user != webhook.user:
        raise Invalid(f"UserID was {signal.user}, the token is another user's", code="user_foreign", field="UserID")
    broker = store.find(Broker, Broker.create_id(signal.broker or 0))
    if broker is None or broker.user != webhook.user:
        raise Invalid(f"UserExchangeID was {signal.broker}", code="broker_foreign", field="UserExchangeID")
    if signal.action not in TRADING:
        raise Invalid(f"{signal.action} is not carried out yet", code="action_not_supported", field="Action")
    if signal.stop_loss or signal.take_profit:
        # Never ignored: an entry whose protection cannot be placed is not made.
        raise Invalid("protection cannot be placed yet", code="protection_not_supported", field="PrixSL")
    return broker


def _stopped(broker: Broker, store: Store) -> bool:
    return broker.trading_stopped or store.get(User, User.create_id(broker.user)).trading_stopped


def _wish(signal: Signal, broker: Broker, markets: Markets) -> Wish:
    side, order_type = _ORDERS[signal.action]
    limit = order_type is Type.LIMIT
    return Wish(
        symbol=resolve(signal, markets.of(broker.exchange, broker.venue)).symbol,
        side=side,
        type=order_type,
        percent=signal.percent,
        price=signal.price if limit else None,
        time_in_force=TimeInForce.GTC if limit else None,
    )


def resolve(signal: Signal, markets: Mapping[str, Market]) -> Market:
    """The market that a ticker names. Raises `Invalid` when there is none, `MarketsNotLoaded` while none is known."""
    if not markets:
        raise MarketsNotLoaded
    ticker = (signal.symbol or "").rpartition(":")[2].upper()
    native = ticker.replace("/", "").replace("-", "")
    market = markets.get(native)
    if market is None:
        raise Invalid(f"{signal.symbol} is no market of this exchange", code="symbol_unknown", field="Symbol")
    for said, field, is_ in (
        (signal.currency, "Currency", market.quote),
        (signal.base_currency, "BaseCurrency", market.base),
    ):
        if said is not None and said.upper() != is_:
            raise Invalid(f"{field} was {said}, {market.symbol} has {is_}", code="symbol_contradicts", field=field)
    return market


def client_order_id(user: int, order_id: UUID, now: datetime) -> str:
    """`ARISTO_{user}_{time}_{short id}`: at most 32 characters, legal on every exchange, made once per order."""
    return f"ARISTO_{user}_{now.astimezone(UTC):%y%m%d%H%M%S}_{order_id.hex[:8]}"

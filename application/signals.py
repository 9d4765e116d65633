"""Webhooks: recording a delivery, and deciding what it means. The door does the first, the engine the second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.ports import Markets, Store
from application.positions import move_protection, superseded, wished
from domain.aggregate import Aggregate, carrying
from domain.broker import Broker, Usage
from domain.market import Market
from domain.order import Order
from domain.refusals import Conflict, Impossible, Invalid
from domain.signal import Action, Signal, unparsable_id
from domain.user import User
from domain.webhook import Webhook
from domain.wish import HUNDRED_PERCENT, Protection, Side, Source, TimeInForce, Type, Wish

AGE_OF_ENTRY = timedelta(seconds=60)
AGE_OF_EXIT = timedelta(seconds=90)
"""Longer than a doubt about the same symbol can last until it is proven, so that an exit outlives it."""
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
        _check_usage(broker)
        if now > webhook.received_at + AGE_OF_ENTRY:
            webhook.ignore("stale")
            return [webhook]
        market = resolve(signal, markets.of(broker.exchange, broker.venue))
        if signal.action is Action.UPDATE_PROTECTION:
            return move_protection(webhook, signal, broker, market.symbol, store)
        order = Order.place(
            order_id=Order.id_for(webhook.id),
            user=webhook.user,
            broker=broker.number,
            wish=_wish(signal, market),
            source=Source.WEBHOOK,
            requester="Webhooks",
            client_order_id=client_order_id(webhook.user, Order.id_for(webhook.id), now),
            not_after=webhook.received_at + _age_of(signal),
            cause=webhook.id,
        )
        position, overtaken = wished(order, store), list[Aggregate]()
        if order.wish.side is Side.SELL and (kept := _protection(signal)) is not None and position.is_open:
            # A sell that carries prices moves the protection of what it leaves.
            before = position.request
            position.want(kept, HUNDRED_PERCENT, webhook.id, awaited=())
            overtaken = superseded(before, webhook, store)
    except (Invalid, Impossible) as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]
    webhook.take([order.id])
    return [webhook, order, position, *overtaken]


def _checked(signal: Signal, webhook: Webhook, store: Store) -> Broker:
    """The broker that is meant. Raises `Invalid` for whatever the signal may not ask for."""
    if signal.user != webhook.user:
        raise Invalid(f"UserID was {signal.user}, the token is another user's", code="user_foreign", field="UserID")
    broker = store.find(Broker, Broker.create_id(signal.broker or 0))
    if broker is None or broker.user != webhook.user or broker.removed:
        raise Invalid(f"UserExchangeID was {signal.broker}", code="broker_foreign", field="UserExchangeID")
    return broker


def _check_usage(broker: Broker) -> None:
    if broker.usage is Usage.OFF:
        raise Impossible(f"{broker.name} is off", code="broker_off")
    if broker.usage is not Usage.WEBHOOKS:
        raise Impossible(f"{broker.name} is not used for webhooks", code="broker_not_for_webhooks")


def _stopped(broker: Broker, store: Store) -> bool:
    user = store.get(User, User.create_id(broker.user))
    return broker.trading_stopped or user.trading_stopped or not user.enabled


def _age_of(signal: Signal) -> timedelta:
    """How long after its alert an order may still be sent."""
    side, _ = _ORDERS[signal.action]
    return AGE_OF_ENTRY if side is Side.BUY else AGE_OF_EXIT


def _wish(signal: Signal, market: Market) -> Wish:
    side, order_type = _ORDERS[signal.action]
    limit = order_type is Type.LIMIT
    protection = _protection(signal) if side is Side.BUY else None
    if protection is not None and limit and signal.price is not None:
        _check_sides(protection, signal.price)
    return Wish(
        symbol=market.symbol,
        side=side,
        type=order_type,
        percent=signal.percent,
        price=signal.price if limit else None,
        time_in_force=TimeInForce.GTC if limit else None,
        protection=protection,
    )


def _protection(signal: Signal) -> Protection | None:
    if not signal.stop_loss and not signal.take_profit:
        return None
    return Protection(signal.stop_loss or None, signal.take_profit or None)


def _check_sides(protection: Protection, entry: Decimal) -> None:
    """A stop lies below the price at which it is bought, a target above it."""
    for name, price, wrong in (
        ("PrixSL", protection.stop_loss, protection.stop_loss is not None and protection.stop_loss >= entry),
        ("PrixTP", protection.take_profit, protection.take_profit is not None and protection.take_profit <= entry),
    ):
        if wrong:
            raise Invalid(f"{name} was {price}, bought is at {entry}", code="protection_wrong_side", field=name)


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

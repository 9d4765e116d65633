"""Deciding: what a webhook that was received leads to, by the facts of the log alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from application.ports.stores import Markets, Reader
from application.trading.positions import move_protection, wished
from domain.aggregate import Aggregate
from domain.market import Market
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, Protection, Side, Source, TimeInForce, Type, Wish
from domain.people.broker import Broker, Usage
from domain.people.user import User
from domain.refusals import Impossible, Invalid
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import Action, WebhookMessage, ticker_of

AGE_OF_ENTRY = timedelta(seconds=60)
"""The time after its reception within which an entry, or a move of protection, may be executed."""
AGE_OF_EXIT = timedelta(seconds=90)
"""The same for an exit.

It is longer than a doubt about the same symbol can last before it is proven, so that the exit outlives the doubt.
"""
_ORDERS = {
    Action.BUY_MARKET: (Side.BUY, Type.MARKET),
    Action.SELL_MARKET: (Side.SELL, Type.MARKET),
    Action.BUY_LIMIT: (Side.BUY, Type.LIMIT),
    Action.SELL_LIMIT: (Side.SELL, Type.LIMIT),
}


class MarketsNotLoaded(Exception):
    """The markets are not loaded, so a symbol cannot be resolved yet; the event is tried again."""


def decide(
    webhook: Webhook, store: Reader, markets: Markets, now: datetime, stream: WebhookStream | None = None
) -> list[Aggregate]:
    """Decide on a received webhook; return the aggregates to save in one commit.

    Nothing is executed that a paused `stream` sends, and no entry that its gates hold back. Raises `MarketsNotLoaded`
    while the symbol cannot be resolved and the webhook is not too old to wait.
    """
    try:
        message = WebhookMessage.parse(webhook.raw)
        if message.action is Action.PING:
            webhook.ignore("ping")
            return [webhook]
        broker = _checked(message, webhook, store)
        hindrance = _hindrance(message, webhook, broker, store, now, stream)
        listed = markets.of(broker.exchange, broker.venue)
        if hindrance is not None and not (message.is_exit and listed):
            webhook.ignore(hindrance)
            return [webhook]
        _check_entry(message, webhook, broker, stream, now)
        market = resolve(message, listed)
        if message.action is Action.UPDATE_PROTECTION:
            return move_protection(webhook, message, broker, market, store)
        order = _order(message, webhook, broker, market, now)
        if hindrance is not None:
            # Placed and refused instead of ignored, so that its owner can still send it.
            order.refuse(hindrance, hindrance)
            webhook.take([order.id])
            return [webhook, order]
        position = wished(order, store)
        if message.is_exit and (kept := _protection(message)) is not None and position.is_open:
            # A sell with protection prices moves the protection of the coins that it leaves.
            position.want(kept, HUNDRED_PERCENT, webhook.id, awaited=())
    except (Invalid, Impossible) as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]
    webhook.take([order.id])
    if stream is not None and message.is_entry:
        stream.enter(now)
    return [webhook, order, position]


def _hindrance(
    message: WebhookMessage,
    webhook: Webhook,
    broker: Broker,
    store: Reader,
    now: datetime,
    stream: WebhookStream | None,
) -> str | None:
    """Return why a valid alert is not to be executed, None when it is.

    Raises `Impossible` when the broker is off or not used for webhooks.
    """
    if _stopped(broker, store):
        return "paused"
    _check_usage(broker)
    if now > webhook.received_at + _age_of(message):
        return "stale"
    return "stream_paused" if stream is not None and stream.is_paused else None


def _check_entry(
    message: WebhookMessage, webhook: Webhook, broker: Broker, stream: WebhookStream | None, now: datetime
) -> None:
    """Raise `Impossible` for an entry that a gate of its stream holds back, or whose bar is too old for its broker.

    The bar of a move of protection must not be too old either. An exit always passes.
    """
    if message.is_entry and stream is not None and (gate := stream.refusal(now)) is not None:
        raise Impossible(f"{gate}: the stream lets no entry through now", code=gate)
    age = message.bars_old(webhook.received_at)
    if broker.oldest_bar is None or message.is_exit or age is None or age <= broker.oldest_bar:
        return
    raise Impossible(f"the bar ended {age:.1f} bars ago, at most {broker.oldest_bar} may pass", code="bar_too_old")


def _order(message: WebhookMessage, webhook: Webhook, broker: Broker, market: Market, now: datetime) -> Order:
    order_id = Order.id_for(webhook.id)
    return Order.place(
        order_id=order_id,
        user=webhook.user,
        broker=broker.number,
        wish=_wish(message, market),
        source=Source.WEBHOOK,
        requester="Webhooks",
        client_order_id=wish_name(webhook.user, order_id, now),
        not_after=webhook.received_at + _age_of(message),
        cause=webhook.id,
    )


def _checked(message: WebhookMessage, webhook: Webhook, store: Reader) -> Broker:
    """Return the broker that the message names. Raises `Invalid` when it or the user is not the token owner's."""
    if message.user != webhook.user:
        raise Invalid(f"UserID was {message.user}, the token is another user's", code="user_foreign", field="UserID")
    broker = store.find(Broker, Broker.create_id(message.broker or 0))
    if broker is None or broker.user != webhook.user or broker.removed:
        raise Invalid(f"UserExchangeID was {message.broker}", code="broker_foreign", field="UserExchangeID")
    return broker


def _check_usage(broker: Broker) -> None:
    if broker.usage is Usage.OFF:
        raise Impossible(f"{broker.name} is off", code="broker_off")
    if broker.usage is not Usage.WEBHOOKS:
        raise Impossible(f"{broker.name} is not used for webhooks", code="broker_not_for_webhooks")


def _stopped(broker: Broker, store: Reader) -> bool:
    user = store.get(User, User.create_id(broker.user))
    return broker.trading_stopped or user.trading_stopped or not user.enabled


def _age_of(message: WebhookMessage) -> timedelta:
    """Return the time after its reception within which an alert may be executed."""
    return AGE_OF_EXIT if message.is_exit else AGE_OF_ENTRY


def _wish(message: WebhookMessage, market: Market) -> Wish:
    side, order_type = _ORDERS[message.action]
    limit = order_type is Type.LIMIT
    protection = _protection(message) if side is Side.BUY else None
    if protection is not None and limit and message.price is not None:
        _check_sides(protection, message.price)
    return Wish(
        symbol=market.symbol,
        side=side,
        type=order_type,
        percent=message.percent,
        price=message.price if limit else None,
        time_in_force=TimeInForce.GTC if limit else None,
        protection=protection,
    )


def _protection(message: WebhookMessage) -> Protection | None:
    if not message.stop_loss and not message.take_profit:
        return None
    return Protection(message.stop_loss or None, message.take_profit or None)


def _check_sides(protection: Protection, entry: Decimal) -> None:
    """Raise `Invalid` unless the stop is below the entry price (quote per base) and the target above it."""
    for name, price, wrong in (
        ("PrixSL", protection.stop_loss, protection.stop_loss is not None and protection.stop_loss >= entry),
        ("PrixTP", protection.take_profit, protection.take_profit is not None and protection.take_profit <= entry),
    ):
        if wrong:
            raise Invalid(f"{name} was {price}, bought is at {entry}", code="protection_wrong_side", field=name)


def resolve(message: WebhookMessage, markets: Mapping[str, Market]) -> Market:
    """Return the market that the message's ticker names.

    Raises `Invalid` when there is none or its currencies contradict the message, `MarketsNotLoaded` while no market is
    loaded.
    """
    if not markets:
        raise MarketsNotLoaded
    market = markets.get(ticker_of(message.symbol or ""))
    if market is None:
        raise Invalid(f"{message.symbol} is no market of this exchange", code="symbol_unknown", field="Symbol")
    for said, field, is_ in (
        (message.currency, "Currency", market.quote),
        (message.base_currency, "BaseCurrency", market.base),
    ):
        if said is not None and said.upper() != is_:
            raise Invalid(f"{field} was {said}, {market.symbol} has {is_}", code="symbol_contradicts", field=field)
    return market

"""Deciding: what a webhook that was received leads to, by the facts of the log alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from application.ports.stores import Markets, Reader
from application.trading.positions import move_protection, position_of, wished
from application.webhooks.case import WEBHOOKS, Case, case_of, check_entry, hindrance_of, resolve
from domain.aggregate import Aggregate
from domain.market import Market
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, Protection, Side, Source, TimeInForce, Type, Wish
from domain.refusals import Impossible, Invalid
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook import NOBODY, Webhook, WebhookStatus
from domain.webhooks.webhook_message import Action, WebhookMessage

ANSWER_WITHIN = timedelta(minutes=5)
"""The time after its reception within which an entry may be approved."""
_TYPES = {Action.BUY_LIMIT: Type.LIMIT, Action.SELL_LIMIT: Type.LIMIT}
TURNED = "turned"
"""The order of the other side, after the first one of an alert could not lead to the share that is to be held."""


def decide(
    webhook: Webhook, store: Reader, markets: Markets, now: datetime, stream: WebhookStream | None = None
) -> list[Aggregate]:
    """Decide on a webhook that was received or approved; return the aggregates to save in one commit.

    Nothing is executed that a paused `stream` sends, and no entry that its gates hold back. Raises `MarketsNotLoaded`
    while the symbol cannot be resolved and the webhook is not too old to wait.
    """
    try:
        message = WebhookMessage.parse(webhook.raw)
        if message.action is Action.PING:
            webhook.ignore("ping")
            return [webhook]
        case = case_of(webhook, message, store, markets, now, stream)
        hindrance = hindrance_of(case)
        if hindrance is not None and not (case.sells and case.listed):
            webhook.ignore(hindrance)
            return [webhook]
        check_entry(case)
        market = resolve(message, case.listed)
        if message.action is Action.UPDATE_PROTECTION:
            return move_protection(webhook, message, case.broker, market, store)
        if case.buys:
            return _buy(case, market)
        return _sell(case, market, hindrance)
    except (Invalid, Impossible) as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]


def turn(
    order: Order, webhook: Webhook, store: Reader, markets: Markets, now: datetime, stream: WebhookStream | None
) -> list[Aggregate]:
    """Trade in the other direction, after the first order of an alert that says what is to be held was the wrong one.

    Return nothing for an alert that names its side, and after a second order. The gates hold back a buy like any other.
    """
    message = WebhookMessage.understood(webhook.raw)
    if message.action is not Action.POSITION or order.id != Order.id_for(webhook.id):
        return []
    try:
        sells = order.wish.side is Side.BUY
        case = replace(case_of(webhook, message, store, markets, now, stream), sells=sells)
        hindrance, market = hindrance_of(case), resolve(message, case.listed)
        if sells:
            turned = _sell(case, market, hindrance)
        elif hindrance is not None:
            webhook.fail(hindrance, hindrance)
            turned = [webhook]
        else:
            check_entry(case)
            turned = _buy(case, market)
    except (Invalid, Impossible) as refused:
        webhook.fail(refused.code, str(refused))
        turned = [webhook]
    known = [one for one in turned if isinstance(one, Position)]
    position = known[0] if known else position_of(store, webhook.user, order.broker, order.wish.symbol, WEBHOOKS)
    position.withdraw(order.id)
    return turned if known else [*turned, position]


def _buy(case: Case, market: Market) -> list[Aggregate]:
    """Place the entry, or ask for its trader's approval where the stream wants that."""
    webhook, stream = case.webhook, case.stream
    order = _order(case, market, Side.BUY)
    if stream is None:
        if not webhook.is_under_way:
            webhook.take([order.id])
        return [webhook, order, wished(order, case.store)]
    approved = webhook.approved_at is not None
    overtaken = decline_asked(stream, case.store)
    if stream.wants_approval and not approved:
        webhook.ask(webhook.received_at + ANSWER_WITHIN)
        stream.ask(webhook.id)
        return [webhook, stream, *overtaken]
    if not webhook.is_under_way:
        webhook.take([order.id])
    stream.enter(case.now)
    if approved:
        stream.approve(webhook.id)
    return [webhook, order, wished(order, case.store), stream, *overtaken]


def _sell(case: Case, market: Market, hindrance: str | None) -> list[Aggregate]:
    """Place the exit. With a hindrance it is placed and refused at once, so that its owner can still send it."""
    webhook, order = case.webhook, _order(case, market, Side.SELL)
    overtaken = [] if case.stream is None else decline_asked(case.stream, case.store)
    if not webhook.is_under_way:
        webhook.take([order.id])
    if hindrance is not None:
        order.refuse(hindrance, hindrance)
        return [webhook, order, *overtaken]
    position = wished(order, case.store)
    if (kept := _protection(case.message)) is not None and position.is_open:
        # A sell with protection prices moves the protection of the coins that it leaves.
        position.want(kept, HUNDRED_PERCENT, webhook.id, awaited=())
    return [webhook, order, position, *overtaken]


def decline_asked(stream: WebhookStream, store: Reader) -> list[Webhook]:
    """Decline the entry of a stream that still waits for approval: what the stream sends now has overtaken it."""
    asked = None if stream.asking is None else store.find(Webhook, stream.asking)
    if asked is None or asked.status is not WebhookStatus.ASKED:
        return []
    asked.decline("approval_overtaken", NOBODY)
    return [asked]


def _order(case: Case, market: Market, side: Side) -> Order:
    webhook = case.webhook
    order_id = Order.id_for(webhook.id)
    if webhook.orders:
        order_id = Order.id_for(webhook.id, TURNED)
    return Order.place(
        order_id=order_id,
        user=webhook.user,
        broker=case.broker.number,
        wish=_wish(case.message, market, side),
        source=Source.WEBHOOK,
        requester="Webhooks",
        client_order_id=wish_name(webhook.user, order_id, case.now),
        not_after=case.not_after,
        cause=webhook.id,
    )


def _wish(message: WebhookMessage, market: Market, side: Side) -> Wish:
    order_type = _TYPES.get(message.action, Type.MARKET)
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
        holding=message.holding,
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

"""Deciding: what a webhook that was received leads to, by the facts of the log alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from application.ports.stores import Markets, Reader
from application.trading.positions import TURNED, move_protection, position_of, wished
from application.webhooks.case import WEBHOOKS, Case, case_of, check_entry, hindrance_of, resolve
from domain.aggregate import Aggregate
from domain.market import Market
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import Protection, Side, Source, TimeInForce, Type, Wish
from domain.refusals import Impossible, Invalid
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook import NOBODY, Webhook, WebhookStatus
from domain.webhooks.webhook_message import Action, WebhookMessage

ANSWER_WITHIN = timedelta(minutes=5)
"""The time after its reception within which an entry may be approved."""
_TYPES = {Action.BUY_LIMIT: Type.LIMIT, Action.SELL_LIMIT: Type.LIMIT}


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
        if hindrance is not None and not case.is_exit:
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
    Raises as `decide`.
    """
    message = WebhookMessage.understood(webhook.raw)
    if message.action is not Action.POSITION or order.id != Order.id_for(webhook.id):
        return []
    case = replace(case_of(webhook, message, store, markets, now, stream), sells=order.wish.side is Side.BUY)
    try:
        turned = _turned(case)
    except (Invalid, Impossible) as refused:
        webhook.fail(refused.code, str(refused))
        turned = [webhook]
    known = [one for one in turned if isinstance(one, Position)]
    position = known[0] if known else position_of(store, webhook.user, order.broker, order.wish.symbol, WEBHOOKS)
    position.withdraw(order.id)
    return turned if known else [*turned, position]


def _turned(case: Case) -> list[Aggregate]:
    """Place the second order. A sale that cannot be carried out is placed and refused, so that its owner is told."""
    if case.sells:
        market = resolve(case.message, case.listed)
        try:
            return _sell(case, market, hindrance_of(case))
        except (Invalid, Impossible) as refused:
            return _sell(case, market, refused.code)
    if (hindrance := hindrance_of(case)) is not None:
        raise Impossible(hindrance, code=hindrance)
    check_entry(case)
    return _buy(case, resolve(case.message, case.listed))


def _buy(case: Case, market: Market) -> list[Aggregate]:
    """Place the entry, or ask for its trader's approval where the stream wants that."""
    webhook, stream = case.webhook, case.stream
    order = _order(case, market, Side.BUY)
    overtaken = decline_asked(case)
    approved = webhook.approved_at is not None
    if stream is not None and stream.wants_approval and not approved:
        webhook.ask(webhook.received_at + ANSWER_WITHIN)
        stream.ask(webhook.id)
        return [webhook, stream, *overtaken]
    # What a buy brings protects what is bought. One that leads to a share may find it held, so it moves at once.
    position = wished(order, case.store, None if order.wish.holding is None else _protection(case.message))
    if not webhook.is_under_way:
        webhook.take([order.id])
    if stream is not None and order.wish.holding is None:
        entered(stream, webhook, case.now)
    return [webhook, order, position, *([] if stream is None else [stream]), *overtaken]


def entered(stream: WebhookStream, webhook: Webhook, now: datetime) -> None:
    """Count an entry of a stream, and the approval that let it through."""
    stream.enter(now)
    if webhook.approved_at is not None:
        stream.approve(webhook.id)


def _sell(case: Case, market: Market, hindrance: str | None) -> list[Aggregate]:
    """Place the exit. With a hindrance it is placed and refused at once, so that its owner can still send it."""
    webhook, order = case.webhook, _order(case, market, Side.SELL)
    position: list[Aggregate] = []
    if hindrance is not None:
        order.refuse(hindrance, hindrance)
    else:
        # A sell with protection prices moves the protection of the coins that it leaves.
        request = webhook.id if order.wish.holding is None else None
        position = [wished(order, case.store, _protection(case.message), request)]
    if not webhook.is_under_way:
        webhook.take([order.id])
    return [webhook, order, *position, *decline_asked(case)]


def decline_asked(case: Case) -> list[Webhook]:
    """Decline the entry of a stream that waits for approval, or to be carried out: this alert has overtaken it."""
    stream, webhook = case.stream, case.webhook
    if stream is None or stream.asking in {None, webhook.id}:
        return []
    asked = case.store.find(Webhook, stream.asking)
    if asked is None or asked.status not in {WebhookStatus.ASKED, WebhookStatus.APPROVED}:
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

"""Positions: what wishes, executions and requests mean for what is held. The engine says all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.ports.stores import Markets, Reader
from application.trading.counting import explained
from domain.aggregate import Aggregate
from domain.amounts import ZERO, difference
from domain.broker import Broker
from domain.market import Market
from domain.names import follow_up_name
from domain.order import ENDED, PROTECTION, Order, Status
from domain.position import Execution, Position
from domain.protectable import too_small
from domain.refusals import Invalid
from domain.webhook import Webhook
from domain.webhook_message import WebhookMessage
from domain.wish import HUNDRED_PERCENT, Protection, Side, Source, Type, Wish

INSISTED = "Insisted"
"""The requester of an exit that its owner sends although it came too late: it waits for nothing any more."""
UNHINDERED = frozenset({PROTECTION, INSISTED})
"""Who wants orders that no doubt holds up, and that no doubt makes smaller."""
RECENT_ENTRIES = 20
REST, ONCE_MORE = "rest", "once_more"
"""The orders that go on with another one: what is left of a sale above the market's lot, and a second try."""


def owner_of(source: Source) -> str:
    """Whose position an order of this source changes."""
    return source.value


def position_of(store: Reader, user: int, broker: int, symbol: str, owner: str) -> Position:
    """Return the position of the newest trade, which begins as an empty one."""
    newest = store.position_newest(user, broker, symbol, owner)
    return Position(user, broker, symbol, owner) if newest is None else store.get(Position, newest)


def position_id_of(order: Order, store: Reader) -> UUID:
    """Return the stream that an order changes, whether or not it exists yet.

    What protects a position names it; everything else concerns the newest trade.
    """
    if order.requester == PROTECTION and order.cause is not None:
        return order.cause
    key = order.user, order.broker, order.wish.symbol, owner_of(order.source)
    return store.position_newest(*key) or Position.create_id(*key)


def is_sent_once_more(order: Order) -> bool:
    """Return whether an exit that has ended is to be tried again: it traded nothing, or not all, and is the first."""
    ended = order.status in {Status.EXPIRED, Status.CANCELLED} and not order.cancel_requested
    at_once = ended and order.wish.side is Side.SELL and order.wish.trades_at_once
    first = order.cause is not None and order.requester != PROTECTION and order.id == Order.id_for(order.cause)
    return at_once and first and bool(order.remaining)


def follow_up(order: Order, leg: str, wish: Wish) -> Order:
    """Return an order that goes on with what another one has begun: always the same one for the same `leg`."""
    order_id = Order.id_for(order.id, leg)
    return Order.place(
        order_id=order_id,
        user=order.user,
        broker=order.broker,
        wish=wish,
        source=order.source,
        requester=order.requester,
        client_order_id=follow_up_name(order.user, order_id),
        not_after=order.not_after,
        cause=order.cause,
    )


def _position_behind(order: Order, store: Reader) -> Position:
    return position_of(store, order.user, order.broker, order.wish.symbol, owner_of(order.source))


def wished(order: Order, store: Reader) -> Position:
    """The position as it knows of an order that is about to be placed."""
    position = _position_behind(order, store)
    if order.wish.side is Side.BUY:
        if position.is_left_over and not _awaited(position, store):
            position.abandon()
        position.enter(order.id, order.wish.protection)
    else:
        position.leave(order.id)
    return position


def executed(event: Any, store: Reader, markets: Markets) -> list[Aggregate]:
    """A fill counts once, in the position of the order's owner; what was sold beyond it, in those of the others."""
    order = store.get(Order, event.originator_id)
    position = _position_behind(order, store)
    execution = Execution(
        order.id, event.trade_id, event.quantity, event.price, event.fee, event.fee_currency, event.executed_at,
        event.fee_value,
    )  # fmt: skip
    if _is_counted(execution, order, position, store):
        return []
    if order.wish.side is Side.BUY:
        position.grow(execution)
        return [position]
    smallest = smallest_of(market_of(store, markets, order), event.price)
    beyond = difference(execution.quantity, position.held)
    by_protection = order.requester == PROTECTION
    by_target = by_protection and order.wish.type is Type.LIMIT
    position.reduce(execution, smallest, by_protection=by_protection, by_target=by_target)
    reduced = [position, *_reduced_besides(order, execution, beyond, smallest, store)]
    return [one for changed in reduced for one in (changed, *_succeeded(changed, store))]


def _is_counted(execution: Execution, order: Order, position: Position, store: Reader) -> bool:
    """Whether a fill is known to the newest trade, or to the one before, which may have ended with it."""
    if execution.key in position.executions:
        return True
    if position.previous is None or order.created_on > position.created_on:
        return False
    return execution.key in store.get(Position, position.previous).executions


def _succeeded(position: Position, store: Reader) -> list[Position]:
    """The stream of the next trade, begun in the commit that ends this one."""
    if not position.has_just_closed:
        return []
    orders = store.get_all(Order, [*position.entries])
    # One that has ended may have bought what is not counted yet: that is held in the next trade.
    alive = {order.id for order in orders if order.status not in ENDED or not explained(position, [order])}
    return [position.next(alive)]


def _reduced_besides(
    order: Order, sold: Execution, beyond: Decimal, smallest: Decimal, store: Reader
) -> Iterator[Position]:
    """Coins that the seller did not hold were somebody else's: those bought elsewhere go first, then by hand.

    Not those under a resting stop, which is to be taken off before they can be sold: the account had others.
    """
    for source in (Source.EXTERNAL, Source.MANUAL, Source.WEBHOOK, Source.STRATEGY):
        other = None
        if beyond > 0 and source is not order.source:
            other = position_of(store, order.user, order.broker, order.wish.symbol, owner_of(source))
        if other is not None and other.is_open and sold.key not in other.executions:
            part = min(beyond, difference(other.held, min(other.protected, other.held)))
            if not part:
                continue
            beyond = difference(beyond, part)
            other.reduce(replace(sold, quantity=part, fee=ZERO), smallest)
            yield other


def market_of(store: Reader, markets: Markets, order: Order) -> Market | None:
    """The rules of the order's market, None when the exchange no longer lists it."""
    broker = store.get(Broker, Broker.create_id(order.broker))
    listed = markets.of(broker.exchange, broker.venue).values()
    return next((market for market in listed if market.symbol == order.wish.symbol), None)


def smallest_of(market: Market | None, price: Decimal) -> Decimal:
    """The smallest quantity (base) that can be sold at a price: what is held below it is dust."""
    if market is None:
        return ZERO
    by_notional = market.minimum_notional / price if price else ZERO
    return max(market.quantity_step, market.minimum_quantity, by_notional)


def move_protection(
    webhook: Webhook, message: WebhookMessage, broker: Broker, market: Market, store: Reader
) -> list[Aggregate]:
    """MAJ: new prices for what is held, or for what is about to be bought. Raises `Invalid` or `Impossible`.

    One that would leave less under its stop or at its target than the exchange takes is refused, and what rests stays.
    """
    position = position_of(store, webhook.user, broker.number, market.symbol, owner_of(Source.WEBHOOK))
    asked = Protection(message.stop_loss, message.take_profit)
    awaited = _awaited(position, store)
    position.want(asked, message.percent or HUNDRED_PERCENT, webhook.id, awaited=awaited)
    if position.is_open and position.wanted is not None:
        parts = (
            [position.covered] if message.take_profit is None else [position.covered, position.cover.target_quantity]
        )
        smallest = market.round_quantity(min(parts))
        detail = too_small(smallest, position.wanted, market, broker.stop_style)
        if detail is not None:
            raise Invalid(detail, code="too_small_to_protect", field="PourCent")
    webhook.take([])
    if not position.is_open and any(store.get(Order, one).status is Status.OPEN for one in awaited):
        # It counts from the first fill of what rests on; there is nothing to be rested before. A buy that is still on
        # its way may never arrive: what becomes of it is the answer.
        webhook.execute([])
    return [webhook, position]


def _awaited(position: Position, store: Reader) -> list[UUID]:
    """The buys for this position that are on their way."""
    newest = [*position.entries][-RECENT_ENTRIES:]
    return [order_id for order_id in newest if store.get(Order, order_id).status not in ENDED]


def answered(event: Any, store: Reader) -> list[Aggregate]:
    """What became of a requested protection is what became of its webhook: rested, refused, or too late.

    Those that it had overtaken never rested; one that is asked for again after a refusal waits for its own answer.
    """
    found = _under_way([*(event.overtaken or ())], store)
    for one in found:
        one.fail("superseded", f"overtaken by {event.request}")
    for webhook in _under_way([event.request], store):
        reason = getattr(event, "reason", None) or ("position_closed" if type(event).__name__ == "Closed" else None)
        if reason is None:
            webhook.execute(event.orders)
        else:
            webhook.fail(reason, reason)
        found.append(webhook)
    return [*found]


def entry_ended(event: Any, store: Reader) -> list[Aggregate]:
    """A buy has ended without an execution: a move that was asked for it, and for no other, comes to nothing."""
    order = store.get(Order, event.originator_id)
    if order.wish.side is Side.SELL or order.status not in ENDED or order.filled or order.is_unexplained:
        return []
    position = _position_behind(order, store)
    if not position.is_left_over or _awaited(position, store):
        return []
    position.abandon()
    return [position]


def _under_way(requests: Sequence[UUID | None], store: Reader) -> list[Webhook]:
    """The webhooks among these requests that nobody has answered yet."""
    found = (store.find(Webhook, one) for one in requests if one is not None)
    return [webhook for webhook in found if webhook is not None and webhook.is_under_way]

"""Positions: the effects of wishes, executions and requests on positions, as the engine's policies apply them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from application.ports.stores import Markets, Reader
from application.trading.counting import explained
from domain import events
from domain.aggregate import Aggregate, deterministic_id
from domain.amounts import ZERO, difference
from domain.market import Market, too_small
from domain.orders.execution import Execution
from domain.orders.names import follow_up_name
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import HUNDRED_PERCENT, Protection, Side, Source, Type, Wish
from domain.people.broker import Broker
from domain.refusals import Invalid
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import WebhookMessage

INSISTED = "Insisted"
"""The requester of an exit that its owner sends although it came too late. It waits for nothing."""
PANIC = "Panic"
"""The requester of the exits of a panic."""
INSISTENT = frozenset({INSISTED, PANIC})
"""The requesters of exits on which a person insists."""
UNHINDERED = frozenset({PROTECTION, *INSISTENT})
"""The requesters whose orders are neither held up nor made smaller by a doubt."""
RECENT_ENTRIES = 20
"""The number of newest buys of a position that are checked."""
REACHED, BELOW, ABOVE = "position_reached", "position_below", "position_above"
"""The reasons for which an order that leads to a share of the account's worth is not sent.

That share is held already; less is held, so that nothing can be sold; more is held, so that nothing can be bought.
"""
WRONG_SIDE = frozenset({BELOW, ABOVE})
REST, ONCE_MORE, TURNED = "rest", "once_more", "turned"
"""The orders that go on with another one.

They are the rest of a sale that exceeds the market's lot, a second try, and an order of the other side after the first
one of an alert could not lead to what is to be held.
"""


def owner_of(source: Source) -> str:
    """Return the owner of the positions that orders of this source change."""
    return source.value


def position_of(store: Reader, user: int, broker: int, symbol: str, owner: str) -> Position:
    """Return the position of the newest trade, a new and empty one before the first."""
    newest = store.position_newest(user, broker, symbol, owner)
    return Position(user, broker, symbol, owner) if newest is None else store.get(Position, newest)


def position_id_of(order: Order, store: Reader) -> UUID:
    """Return the id of the position that an order changes, even if its stream does not exist yet.

    A protection order names its position as its cause. Any other order concerns the newest trade.
    """
    if order.requester == PROTECTION and order.cause is not None:
        return order.cause
    key = order.user, order.broker, order.wish.symbol, owner_of(order.source)
    return store.position_newest(*key) or Position.create_id(*key)


def is_sent_once_more(order: Order) -> bool:
    """Return True when an exit is to be tried a second time.

    It is the first order of its cause and no protection order. It was to trade at once, and ended without having traded
    everything and without a cancel request.
    """
    ended = order.status in {Status.EXPIRED, Status.CANCELLED} and not order.cancel_requested
    at_once = ended and order.wish.side is Side.SELL and order.wish.trades_at_once
    first = order.cause is not None and order.requester != PROTECTION and order.id == Order.id_for(order.cause)
    return at_once and first and bool(order.remaining)


def follow_up(order: Order, leg: str, wish: Wish) -> Order:
    """Return an order that goes on with what another one has begun, with the same id for the same `leg`."""
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


def wished(order: Order, store: Reader, moved: Protection | None = None, request: UUID | None = None) -> Position:
    """Record an order that is about to be placed on its position, and return the position.

    `moved` are new prices for the protection of all that it holds, at the `request` of a webhook, which then ends by
    what becomes of them; without one it ends by its order. Raises `Invalid` or `Impossible` when they cannot be wanted,
    and then changes nothing. A protection left over from buys that came to nothing is dropped first, so that it does
    not apply to this buy.
    """
    position = _position_behind(order, store)
    if moved is not None and position.is_open:
        position.want(moved, HUNDRED_PERCENT, request or deterministic_id("protection", order.id), awaited=())
    if order.wish.side is Side.BUY:
        if position.is_left_over and not _awaited(position, store):
            position.abandon()
        position.enter(order.id, order.wish.protection)
    else:
        position.leave(order.id)
    return position


def executed(event: events.OrderFilled, store: Reader, markets: Markets) -> list[Aggregate]:
    """Count a fill once, in the position of the order's owner, and return the positions that changed.

    What a sell sold beyond that position counts in the positions of other owners.
    """
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
    """Return True when the newest trade has counted the fill, or the one before, which may have ended with it."""
    if execution.key in position.executions:
        return True
    if position.previous is None or order.created_on > position.created_on:
        return False
    return execution.key in store.get(Position, position.previous).executions


def _succeeded(position: Position, store: Reader) -> list[Position]:
    """Return the position of the next trade when this one has just closed: both are saved in one commit."""
    if not position.has_just_closed:
        return []
    orders = store.get_all(Order, [*position.entries])
    # A buy that has ended may have fills that are not counted yet: they count in the next trade.
    alive = {order.id for order in orders if order.status not in ENDED or not explained(position, [order])}
    return [position.next(alive)]


def _reduced_besides(
    order: Order, sold: Execution, beyond: Decimal, smallest: Decimal, store: Reader
) -> Iterator[Position]:
    """Yield the positions of other owners, reduced by the coins (base) that were sold beyond the seller's own.

    Coins bought elsewhere go first, then those bought by hand, by webhooks and by strategies. Coins under a resting
    stop do not count: they cannot be sold before the stop is taken off, so other coins of the account were sold.
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
    """Return the order's market with its rules, None when the exchange no longer lists it."""
    return listed(markets, store.get(Broker, Broker.create_id(order.broker)), order.wish.symbol)


def listed(markets: Markets, broker: Broker, symbol: str) -> Market | None:
    """Return the market of a symbol with its rules, None when the exchange of this broker does not list it."""
    known = markets.of(broker.exchange, broker.venue).values()
    return next((market for market in known if market.symbol == symbol), None)


def on_tick(price: Decimal, market: Market, field: str) -> Decimal:
    """Return the nearest price on the ticks of a market. Raises `Invalid`, naming the field, below the first one."""
    rounded = market.round_price(price)
    if rounded <= 0:
        raise Invalid(f"{price} is below the tick of {market.symbol}", code="price_out_of_range", field=field)
    return rounded


def smallest_of(market: Market | None, price: Decimal) -> Decimal:
    """Return the smallest quantity (base) that can be sold at a price. Holdings below it are dust."""
    if market is None:
        return ZERO
    by_notional = market.minimum_notional / price if price else ZERO
    return max(market.quantity_step, market.minimum_quantity, by_notional)


def move_protection(
    webhook: Webhook, message: WebhookMessage, broker: Broker, market: Market, store: Reader
) -> list[Aggregate]:
    """Move the protection of a position, or of awaited buys, as a MAJ asks; return the webhook and the position.

    Raises `Invalid` or `Impossible`. A move that would leave less under the stop or at the target than the exchange
    takes is `Invalid`, and the resting orders stay.
    """
    position = position_of(store, webhook.user, broker.number, market.symbol, owner_of(Source.WEBHOOK))
    asked = Protection(message.stop_loss, message.take_profit)
    awaited = _awaited(position, store)
    position.want(asked, message.percent or HUNDRED_PERCENT, webhook.id, awaited=awaited)
    check_covers(position, asked, market, broker, field="PourCent")
    webhook.take([])
    if not position.is_open and any(store.get(Order, one).status is Status.OPEN for one in awaited):
        # The protection counts from the first fill of the resting buy; nothing can rest before that. A buy that is not
        # open yet may never arrive, so the webhook waits for what becomes of it.
        webhook.execute([])
    return [webhook, position]


def check_covers(position: Position, asked: Protection, market: Market, broker: Broker, *, field: str) -> None:
    """Raise `Invalid`, naming the field, when what is now wanted leaves less under an order than the exchange takes."""
    if not position.is_open or position.wanted is None:
        return
    parts = [position.covered] if asked.take_profit is None else [position.covered, position.cover.target_quantity]
    detail = too_small(market.round_quantity(min(parts)), position.wanted, market, broker.stop_style)
    if detail is not None:
        raise Invalid(detail, code="too_small_to_protect", field=field)


def _awaited(position: Position, store: Reader) -> list[UUID]:
    """Return the newest buys of this position that have not ended."""
    newest = [*position.entries][-RECENT_ENTRIES:]
    return [order_id for order_id in newest if store.get(Order, order_id).status not in ENDED]


Answer = (
    events.PositionProtectionResting
    | events.PositionProtectionRefused
    | events.PositionProtectionLost
    | events.PositionClosed
)
"""The events that settle a requested protection."""


def answered(event: Answer, store: Reader) -> list[Aggregate]:
    """Settle the webhook of a requested protection, which rests, was refused or came too late; return the webhooks.

    The requests that it had overtaken fail, as theirs never rested. A request that is wanted again after a refusal
    waits for its own answer.
    """
    found = _under_way([*(event.overtaken or ())], store)
    for one in found:
        one.fail("superseded", f"overtaken by {event.request}")
    for webhook in _under_way([event.request], store):
        if isinstance(event, events.PositionProtectionResting):
            webhook.execute(event.orders)
        else:
            reason = "position_closed" if isinstance(event, events.PositionClosed) else event.reason
            webhook.fail(reason, reason)
        found.append(webhook)
    return [*found]


def entry_ended(event: Aggregate.Event, store: Reader) -> list[Aggregate]:
    """Drop a protection asked for a buy that has ended without a fill, unless another buy is on its way.

    An order that was not sent because of what its position holds is forgotten: one may come with every bar.
    """
    order = store.get(Order, event.originator_id)
    needless = isinstance(event, events.OrderRefused) and event.reason in WRONG_SIDE | {REACHED}
    fruitless = order.status in ENDED and not order.filled and not order.is_unexplained
    if not needless and (order.wish.side is Side.SELL or not fruitless):
        return []
    position = _position_behind(order, store)
    if needless:
        position.withdraw(order.id)
    if order.wish.side is Side.BUY and position.is_left_over and not _awaited(position, store):
        position.abandon()
    elif not needless:
        return []
    return [position]


def _under_way(requests: Sequence[UUID | None], store: Reader) -> list[Webhook]:
    """Return the webhooks among these requests that have not been answered yet."""
    found = (store.find(Webhook, one) for one in requests if one is not None)
    return [webhook for webhook in found if webhook is not None and webhook.is_under_way]

"""Target: the protection that should rest for a position, decided from facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.amounts import ZERO, difference, product, total
from domain.market import BELOW_STOP, Market, limit_below
from domain.orders.order import Order
from domain.orders.order_status import LIVE, Status
from domain.orders.wish import Type
from domain.people.broker import StopStyle
from domain.trading.position import Position

STOPS = frozenset({Type.STOP_LOSS, Type.STOP_LOSS_LIMIT})
GONE_AFTER = timedelta(seconds=2)
"""The time past the end of its validity in which an unanswered sale may still show up. After it, its coins are free."""


@dataclass(frozen=True)
class Target:
    """The wanted protection: `quantity` (base) rests at the stop, all or part of it at the take-profit.

    Prices are in quote per base.
    """

    quantity: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    stop_limit: Decimal | None = None
    """The limit below which a triggered stop does not sell, None for a stop that sells at the market."""
    at_target: Decimal | None = None
    """The quantity (base) to sell at the take-profit, None for all of it."""

    @property
    def take_quantity(self) -> Decimal:
        """The quantity (base) to sell at the take-profit, never more than is protected."""
        return self.quantity if self.at_target is None else min(self.at_target, self.quantity)


class Standing(StrEnum):
    """The last price relative to a target's two prices."""

    BETWEEN = "between"
    BELOW_STOP = "below_stop"
    ABOVE_TAKE_PROFIT = "above_take_profit"


def wanted_of(
    position: Position,
    market: Market,
    exits: Sequence[Order],
    style: StopStyle = StopStyle.MARKET,
    now: datetime | None = None,
) -> Target | None:
    """Return the target of a position, None when no protection is wanted or less than one quantity step is left.

    Coins that a resting or doubtful exit is selling are left to that exit.
    """
    if not position.is_open or position.wanted is None:
        return None
    staying = difference(position.held, leaving(exits, now))
    quantity = market.round_quantity(max(min(position.covered, staying), ZERO))
    stop, take = (
        None if price is None else market.round_price(price)
        for price in (position.wanted.stop_loss, position.wanted.take_profit)
    )
    if not quantity:
        return None
    return _divided(Target(quantity, stop, take, limit_below(stop, market, style)), position, market)


def _divided(target: Target, position: Position, market: Market) -> Target:
    """Return the target with the quantity of its take-profit.

    Neither part may be below the market's minimum. If the take-profit's is, the target has no take-profit. If the
    rest is, the take-profit sells everything.
    """
    at_target = market.round_quantity(min(position.cover.target_quantity, target.quantity))
    if target.stop_loss is None or target.take_profit is None or at_target == target.quantity:
        return target
    lowest = target.stop_limit or target.stop_loss
    if _is_below_minimum(at_target, lowest, market):
        return replace(target, take_profit=None)
    if _is_below_minimum(difference(target.quantity, at_target), lowest, market):
        return target
    return replace(target, at_target=at_target)


def _is_below_minimum(quantity: Decimal, price: Decimal, market: Market) -> bool:
    return quantity < market.minimum_quantity or product(quantity, price) < market.minimum_notional


def leaving(exits: Sequence[Order], now: datetime | None = None) -> Decimal:
    """Return the quantity (base) that these exits are still selling.

    Ignore an exit that has not been sent: its coins stay protected. With `now`, also ignore an exit in doubt that the
    exchange can no longer carry out. Otherwise its coins would be without a stop until its absence is proven.
    """
    return total(order.remaining or ZERO for order in exits if order.status in LIVE and not is_spent(order, now))


def in_doubt(orders: Sequence[Order]) -> list[Order]:
    """Return the orders in doubt: those that may or may not exist at the exchange."""
    return [order for order in orders if order.is_in_doubt]


def is_spent(order: Order, now: datetime | None) -> bool:
    """Return whether an order is in doubt and the exchange can no longer carry out its request.

    Always False without `now`, and for an order with a fill or without an end of validity.
    """
    if now is None or order.valid_until is None or order.filled:
        return False
    return order.status is Status.UNKNOWN and now > order.valid_until + GONE_AFTER


def standing_of(target: Target, last: Decimal) -> Standing:
    """Return where the last price stands. A trigger that it has passed would be refused, or would sell at once."""
    if target.stop_loss is not None and last <= target.stop_loss:
        return Standing.BELOW_STOP
    if target.take_profit is not None and last >= target.take_profit:
        return Standing.ABOVE_TAKE_PROFIT
    return Standing.BETWEEN


def unbounded(market: Market) -> Market:
    """Return the market with its steps as its only rules.

    Orders that rest stay, even if the rules have changed since they were placed.
    """
    return replace(
        market, minimum_quantity=ZERO, maximum_quantity=ZERO, market_minimum_quantity=ZERO,
        market_maximum_quantity=ZERO, market_quantity_step=ZERO, minimum_notional=ZERO, order_types=tuple(Type),
        lists=True, makers=True, most_orders=0, most_triggered=0, maximum_price=ZERO,
    )  # fmt: skip


def stop_limit_of(target: Target, market: Market) -> Decimal:
    """Return the limit for a stop-limit order, even if the broker is set to stops that sell at the market."""
    return target.stop_limit or market.round_price((target.stop_loss or ZERO) * BELOW_STOP)

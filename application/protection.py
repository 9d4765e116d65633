"""Protection: which resting orders a position should have, decided from facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from application.exchange import Capabilities
from domain.amounts import ZERO, difference, plain, product, total
from domain.broker import StopStyle
from domain.market import Market
from domain.order import LIVE, Order, Status
from domain.position import Position, key_of
from domain.wish import Protection, Side, TimeInForce, Type, Wish

STOPS = frozenset({Type.STOP_LOSS, Type.STOP_LOSS_LIMIT})
BELOW_STOP = Decimal("0.995")
"""The limit of a stop-limit order, as a fraction of its trigger: half a percent may be lost on the way."""


@dataclass(frozen=True)
class Target:
    """What should rest: `quantity` (base) to be sold at the stop or at the take-profit (quote per base)."""

    quantity: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    stop_limit: Decimal | None = None
    """The price below which a triggered stop does not sell, None for one that sells at the market."""


class Standing(StrEnum):
    """Where the market stands to a target."""

    BETWEEN = "between"
    BELOW_STOP = "below_stop"
    ABOVE_TAKE_PROFIT = "above_take_profit"


def target_of(
    position: Position, market: Market, exits: Sequence[Order], style: StopStyle = StopStyle.MARKET
) -> Target | None:
    """What should rest for a position, None when nothing can: nothing is wanted, or what is left is dust.

    Coins that a resting or doubtful exit is selling are left to it.
    """
    if not position.is_open or position.wanted is None:
        return None
    staying = difference(position.held, leaving(exits))
    quantity = market.round_quantity(max(min(position.covered, staying), ZERO))
    stop, take = (
        None if price is None else market.round_price(price)
        for price in (position.wanted.stop_loss, position.wanted.take_profit)
    )
    lowest = stop or take or ZERO
    if quantity < market.minimum_quantity or not quantity or product(quantity, lowest) < market.minimum_notional:
        return None
    return Target(quantity, stop, take, _limit_of(stop, market, style))


def leaving(exits: Sequence[Order]) -> Decimal:
    """How much (base) these exits are still selling; one that waits to be sent leaves its coins protected."""
    return total(order.remaining or ZERO for order in exits if order.status in LIVE)


def target_with(quantity: Decimal, kept: Protection, market: Market, style: StopStyle) -> Target:
    """The prices that were in force, for a quantity (base)."""
    return Target(quantity, kept.stop_loss, kept.take_profit, _limit_of(kept.stop_loss, market, style))


def _limit_of(stop: Decimal | None, market: Market, style: StopStyle) -> Decimal | None:
    return market.round_price(stop * BELOW_STOP) if stop is not None and style is StopStyle.LIMIT else None


def standing_of(target: Target, last: Decimal) -> Standing:
    """Where the last price stands: a trigger that has been passed would be refused, or sell at once."""
    if target.stop_loss is not None and last <= target.stop_loss:
        return Standing.BELOW_STOP
    if target.take_profit is not None and last >= target.take_profit:
        return Standing.ABOVE_TAKE_PROFIT
    return Standing.BETWEEN


def alone(target: Target) -> Target:
    """The stop without the take-profit."""
    return replace(target, take_profit=None)


def as_rested(target: Target, capabilities: Capabilities) -> Target:
    """What of a target can rest: where neither lists nor free coins allow both, the stop alone."""
    both = target.stop_loss is not None and target.take_profit is not None
    return alone(target) if both and not capabilities.lists and capabilities.locks else target


def wishes_of(target: Target, symbol: str, capabilities: Capabilities, list_id: str) -> list[Wish]:
    """The orders that make up a target, the stop first.

    Both rest as one list where the exchange has lists. Elsewhere both rest only if a resting order leaves the coins
    free; where it locks them the stop alone does.
    """
    stop = take = None
    target = as_rested(target, capabilities)
    listed = capabilities.lists and target.stop_loss is not None and target.take_profit is not None
    if target.stop_loss is not None:
        stop = Wish(
            symbol, Side.SELL, Type.STOP_LOSS if target.stop_limit is None else Type.STOP_LOSS_LIMIT,
            quantity=target.quantity, price=target.stop_limit, stop_price=target.stop_loss,
            time_in_force=None if target.stop_limit is None else TimeInForce.GTC,
            list_id=list_id if listed else None,
        )  # fmt: skip
    if target.take_profit is not None:
        take = Wish(
            symbol, Side.SELL, Type.LIMIT, quantity=target.quantity, price=target.take_profit,
            time_in_force=TimeInForce.PO if listed else TimeInForce.GTC, list_id=list_id if listed else None,
        )  # fmt: skip
    return [wish for wish in (stop, take) if wish is not None]


def rests(target: Target, legs: Sequence[Order], capabilities: Capabilities) -> bool:
    """Whether exactly what should rest does."""
    if any(leg.status is not Status.OPEN or leg.filled for leg in legs):
        return False
    wanted = wishes_of(target, "", capabilities, "")
    return sorted(map(_shape, wanted)) == sorted(_shape_of(leg) for leg in legs)


def _shape(wish: Wish) -> tuple[str, str, str]:
    return wish.type, plain(wish.stop_price or wish.price or ZERO), plain(wish.quantity or ZERO)


def _shape_of(leg: Order) -> tuple[str, str, str]:
    return leg.wish.type, plain(leg.wish.stop_price or leg.price or ZERO), plain(leg.quantity or ZERO)


def protection_of(legs: Sequence[Order]) -> Protection | None:
    """The prices at which these legs sell, None when there are none."""
    stop = next((leg.wish.stop_price for leg in legs if leg.wish.type in STOPS), None)
    take = next((leg.wish.price for leg in legs if leg.wish.type is Type.LIMIT), None)
    return None if stop is None and take is None else Protection(stop, take)


def holds(position: Position, legs: Sequence[Order]) -> bool:
    """Whether a stop rests; a target alone, whose stop its first execution has ended, protects from no fall."""
    stopped = position.wanted is not None and position.wanted.stop_loss is not None
    return any(leg.status is Status.OPEN and (leg.wish.type in STOPS or not stopped) for leg in legs)


def counted(position: Position, orders: Sequence[Order]) -> bool:
    """Whether the position knows of every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)


def explained(position: Position, orders: Sequence[Order]) -> bool:
    """Whether all that these orders executed is listed, and the position knows of it."""
    return counted(position, orders) and not any(order.is_unexplained for order in orders)

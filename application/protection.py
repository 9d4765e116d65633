"""Protection: which resting orders a position should have, decided from facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
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
GONE_AFTER = timedelta(seconds=2)
"""How long after its validity a sale without an answer may still show up; from then on its coins are free."""


@dataclass(frozen=True)
class Target:
    """What should rest: `quantity` (base) to be sold at the stop or at the take-profit (quote per base)."""

    quantity: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    stop_limit: Decimal | None = None
    """The price below which a triggered stop does not sell, None for one that sells at the market."""


@dataclass(frozen=True)
class Form:
    """The orders in which a target rests: a stop of one type in so many parts, a take-profit, both in one list."""

    stop: Type | None = None
    take: bool = False
    listed: bool = False
    parts: int = 1


class Standing(StrEnum):
    """Where the market stands to a target."""

    BETWEEN = "between"
    BELOW_STOP = "below_stop"
    ABOVE_TAKE_PROFIT = "above_take_profit"


# --- what is wanted ----------------------------------------------------------------------------------------------


def wanted_of(
    position: Position,
    market: Market,
    exits: Sequence[Order],
    style: StopStyle = StopStyle.MARKET,
    now: datetime | None = None,
) -> Target | None:
    """Return what is to be protected, None when nothing is: nothing is wanted, or less than a step is left.

    Coins that a resting or doubtful exit is selling are left to it.
    """
    if not position.is_open or position.wanted is None:
        return None
    staying = difference(position.held, leaving(exits, now))
    quantity = market.round_quantity(max(min(position.covered, staying), ZERO))
    stop, take = (
        None if price is None else market.round_price(price)
        for price in (position.wanted.stop_loss, position.wanted.take_profit)
    )
    return Target(quantity, stop, take, _limit_of(stop, market, style)) if quantity else None


def too_small(
    quantity: Decimal, protection: Protection, market: Market, style: StopStyle = StopStyle.MARKET
) -> str | None:
    """Return why the exchange would take no order that protects so much (base), with the numbers; None if it would.

    A stop at a limit is weighed at its limit, as exchanges do.
    """
    stop = protection.stop_loss and market.round_price(protection.stop_loss)
    lowest = _limit_of(stop, market, style) or stop or protection.take_profit or ZERO
    worth = product(quantity, lowest)
    if not quantity or quantity < market.minimum_quantity:
        return f"{plain(quantity)} {market.base} is below the minimum of {plain(market.minimum_quantity)}"
    if worth < market.minimum_notional:
        return f"{plain(worth)} {market.quote} is below the minimum of {plain(market.minimum_notional)}"
    return None


def leaving(exits: Sequence[Order], now: datetime | None = None) -> Decimal:
    """Return how much (base) these exits are still selling.

    One that waits to be sent leaves its coins protected, and so does, from `now` on, one in doubt that the exchange
    can no longer carry out: nothing shows it, and its coins would be without a stop until its absence is proven.
    """
    return total(order.remaining or ZERO for order in exits if order.status in LIVE and not _is_spent(order, now))


def in_doubt(exits: Sequence[Order]) -> list[Order]:
    """Return the exits of which nobody knows whether they exist."""
    return [order for order in exits if order.status in {Status.SUBMITTED, Status.UNKNOWN}]


def _is_spent(order: Order, now: datetime | None) -> bool:
    if now is None or order.valid_until is None or order.filled:
        return False
    return order.status is Status.UNKNOWN and now > order.valid_until + GONE_AFTER


def _limit_of(stop: Decimal | None, market: Market, style: StopStyle) -> Decimal | None:
    return market.round_price(stop * BELOW_STOP) if stop is not None and style is StopStyle.LIMIT else None


def standing_of(target: Target, last: Decimal) -> Standing:
    """Return where the last price stands: a trigger that has been passed would be refused, or sell at once."""
    if target.stop_loss is not None and last <= target.stop_loss:
        return Standing.BELOW_STOP
    if target.take_profit is not None and last >= target.take_profit:
        return Standing.ABOVE_TAKE_PROFIT
    return Standing.BETWEEN


def unbounded(market: Market) -> Market:
    """Return a market with no rules but its steps: what rests stays, whatever has changed since it was placed."""
    return replace(
        market, minimum_quantity=ZERO, maximum_quantity=ZERO, market_minimum_quantity=ZERO,
        market_maximum_quantity=ZERO, market_quantity_step=ZERO, minimum_notional=ZERO, order_types=tuple(Type),
        lists=True, most_triggered=0, maximum_price=ZERO,
    )  # fmt: skip


# --- in which orders it rests --------------------------------------------------------------------------------------


def forms_of(target: Target, market: Market, capabilities: Capabilities, last: Decimal | None = None) -> list[Form]:
    """Return the forms that the rules allow, the best first: a list, the stop alone, a stop at a limit, parts of it.

    A stop goes before everything: where both prices cannot rest together the take-profit is left to whoever watches
    the price. `last` is the last price, against which exchanges weigh a limit price; None leaves that out.
    """
    take = target.take_profit is not None and _can_take(target, market, last)
    if target.stop_loss is None:
        return [Form(take=True)] if take else []
    stops = [Form(kind, parts=parts) for kind, parts in _stops(target, market, last)]
    if take and capabilities.lists and market.lists:
        return [*(replace(form, take=True, listed=True) for form in stops if form.parts == 1), *stops]
    if take and not capabilities.lists and not capabilities.locks:
        return [*(replace(form, take=True) for form in stops), *stops]
    return stops


def _can_take(target: Target, market: Market, last: Decimal | None) -> bool:
    price, most = target.take_profit or ZERO, market.largest(Type.LIMIT)
    allowed = Type.LIMIT in market.order_types and (not market.maximum_price or price <= market.maximum_price)
    return (
        allowed and (most is None or target.quantity <= most) and (last is None or market.sell_band.holds(price, last))
    )


def _stops(target: Target, market: Market, last: Decimal | None) -> list[tuple[Type, int]]:
    """Return the types of stop that the market takes and in how many parts each, whole ones before parts."""
    wanted = [Type.STOP_LOSS_LIMIT] if target.stop_limit is not None else []
    kinds = dict.fromkeys([*wanted, Type.STOP_LOSS, Type.STOP_LOSS_LIMIT])
    found = [(kind, _parts(target, market, kind)) for kind in kinds if kind in market.order_types]
    if last is not None:
        limit = stop_limit_of(target, market)
        found = [one for one in found if one[0] is Type.STOP_LOSS or market.sell_band.holds(limit, last)]
    possible = [one for one in found if _fits(target, market, *one)]
    return sorted(possible, key=lambda one: one[1] > 1)


def _parts(target: Target, market: Market, kind: Type) -> int:
    most = market.largest(kind)
    return 1 if most is None else int((target.quantity / most).to_integral_value(ROUND_CEILING))


def _fits(target: Target, market: Market, kind: Type, parts: int) -> bool:
    """Whether the parts are few enough, with one place left free, and each is large enough."""
    if parts > 1 and market.most_triggered and parts > market.most_triggered - 1:
        return False
    price = target.stop_loss if kind is Type.STOP_LOSS else stop_limit_of(target, market)
    smallest = min(_portions(target.quantity, kind, parts, market))
    least = max(market.minimum_quantity, market.market_minimum_quantity if kind is Type.STOP_LOSS else ZERO)
    return smallest >= least and product(smallest, price or ZERO) >= market.minimum_notional


def stop_limit_of(target: Target, market: Market) -> Decimal:
    """Return the limit of a stop that rests at one, also where the broker's setting is another."""
    return target.stop_limit or market.round_price((target.stop_loss or ZERO) * BELOW_STOP)


def _portions(quantity: Decimal, kind: Type, parts: int, market: Market) -> list[Decimal]:
    """Cut a quantity into nearly equal parts on the step, none above the first; the last one takes what is left."""
    each = market.round_quantity(quantity / parts, kind)
    if product(each, Decimal(parts)) < quantity:
        each = total((each, max(market.quantity_step, market.market_quantity_step)))
    return [*[each] * (parts - 1), market.round_quantity(difference(quantity, product(each, Decimal(parts - 1))), kind)]


def wishes_of(target: Target, form: Form, market: Market, list_id: str = "") -> list[Wish]:
    """Return the orders that make up a target in this form, the stop first."""
    listed = list_id if form.listed else None
    wishes = []
    if form.stop is not None:
        limit = stop_limit_of(target, market) if form.stop is Type.STOP_LOSS_LIMIT else None
        wishes = [
            Wish(
                market.symbol, Side.SELL, form.stop, quantity=quantity, price=limit, stop_price=target.stop_loss,
                time_in_force=None if limit is None else TimeInForce.GTC, list_id=listed,
            )
            for quantity in _portions(target.quantity, form.stop, form.parts, market)
        ]  # fmt: skip
    if form.take:
        wishes.append(
            Wish(
                market.symbol, Side.SELL, Type.LIMIT, quantity=target.quantity, price=target.take_profit,
                time_in_force=TimeInForce.PO if form.listed else TimeInForce.GTC, list_id=listed,
            )
        )  # fmt: skip
    return wishes


def rests(wishes: Sequence[Wish], legs: Sequence[Order]) -> bool:
    """Return whether exactly what should rest does."""
    if any(leg.status is not Status.OPEN or leg.filled for leg in legs):
        return False
    return sorted(map(_shape, wishes)) == sorted(_shape_of(leg) for leg in legs)


def _shape(wish: Wish) -> tuple[str, str, str]:
    return wish.type, plain(wish.stop_price or wish.price or ZERO), plain(wish.quantity or ZERO)


def _shape_of(leg: Order) -> tuple[str, str, str]:
    return leg.wish.type, plain(leg.wish.stop_price or leg.price or ZERO), plain(leg.quantity or ZERO)


# --- what the legs that rest do ------------------------------------------------------------------------------------


def protection_of(legs: Sequence[Order]) -> Protection | None:
    """Return the prices at which these legs sell, None when there are none."""
    stop = next((leg.wish.stop_price for leg in legs if leg.wish.type in STOPS), None)
    take = next((leg.wish.price for leg in legs if leg.wish.type is Type.LIMIT), None)
    return None if stop is None and take is None else Protection(stop, take)


def holds(position: Position, legs: Sequence[Order], quantity: Decimal = ZERO) -> bool:
    """Return whether stops rest for at least this quantity (base), by default for anything at all.

    A target alone, whose stop its first execution has ended, protects from no fall.
    """
    stopped = position.wanted is not None and position.wanted.stop_loss is not None
    resting = [leg for leg in legs if leg.status is Status.OPEN and (leg.wish.type in STOPS or not stopped)]
    enough = not stopped or total(leg.remaining or ZERO for leg in resting) >= quantity
    return bool(resting) and enough


def group_of(legs: Sequence[Order]) -> set[object]:
    """Return what these legs hang together by: a list is one thing on the exchange, and one call takes it off."""
    return {leg.wish.list_id or leg.id for leg in legs}


def counted(position: Position, orders: Sequence[Order]) -> bool:
    """Return whether the position knows of every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)


def explained(position: Position, orders: Sequence[Order]) -> bool:
    """Return whether all that these orders executed is listed, and the position knows of it."""
    return counted(position, orders) and not any(order.is_unexplained for order in orders)

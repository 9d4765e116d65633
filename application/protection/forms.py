"""Forms: the sets of orders in which a target can rest under the rules of its market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from application.ports.statements import Capabilities
from application.protection.target import Target, stop_limit_of
from domain.amounts import ZERO, difference, product, total
from domain.market import Market
from domain.orders.wish import Side, TimeInForce, Type, Wish
from domain.refusals import Invalid


@dataclass(frozen=True)
class Form:
    """The orders in which a target rests: a stop of one type in `parts` orders, a take-profit, or both in one list."""

    stop: Type | None = None
    take: bool = False
    listed: bool = False
    parts: int = 1


def forms_of(target: Target, market: Market, capabilities: Capabilities, last: Decimal | None = None) -> list[Form]:
    """Return the forms that the rules allow, best first.

    Forms with a take-profit come first (in a list, or beside the stop at an exchange that has no lists and locks no
    coins), then those with the stop alone. Within each group undivided stops go before parts, and the preferred type of
    stop before the other. The stop matters most: where both prices cannot rest together, only the stop does, and the
    price of the take-profit is watched.

    `last` is the last price, against which exchanges check a limit price. None skips that check.
    """
    take = target.take_profit is not None and _can_take(target, market, last)
    if target.stop_loss is None:
        return [Form(take=True)] if take else []
    forms = stops = [Form(kind, parts=parts) for kind, parts in _stops(target, market, last)]
    if take and capabilities.lists and market.lists and market.makers:
        forms = [*(replace(form, take=True, listed=True) for form in stops if form.parts == 1), *stops]
    elif take and not capabilities.lists and not capabilities.locks:
        forms = [*(replace(form, take=True) for form in stops), *stops]
    return [form for form in forms if _has_places(target, form, market)]


def why_none(target: Target, market: Market, last: Decimal | None) -> str:
    """Return the rule, with its numbers, that keeps even the stop from resting; empty when none is known."""
    for kind in [kind for kind in _kinds(target) if kind in market.order_types] or _kinds(target):
        limit = stop_limit_of(target, market) if kind is Type.STOP_LOSS_LIMIT else None
        price = target.stop_loss or target.take_profit or ZERO
        try:
            market.check(kind, target.quantity, None, limit or price, last or price, Side.SELL)
        except Invalid as refused:
            return str(refused)
    return ""


def _has_places(target: Target, form: Form, market: Market) -> bool:
    """Return whether the market allows that many resting orders.

    A list counts as two, one of them waiting for its trigger.
    """
    alone = form.listed and target.take_quantity < target.quantity
    triggered = form.parts + alone
    return _holds(triggered, market.most_triggered) and _holds(triggered + form.take, market.most_orders)


def _holds(number: int, most: int) -> bool:
    return not most or number <= most


def _can_take(target: Target, market: Market, last: Decimal | None) -> bool:
    price, most = target.take_profit or ZERO, market.largest(Type.LIMIT)
    allowed = Type.LIMIT in market.order_types and (not market.maximum_price or price <= market.maximum_price)
    return (
        allowed
        and (most is None or target.take_quantity <= most)
        and (last is None or market.sell_band.holds(price, last))
    )


def _stops(target: Target, market: Market, last: Decimal | None) -> list[tuple[Type, int]]:
    """Return the types of stop that the market takes, each with its number of parts, undivided stops first."""
    found = [(kind, _parts(target, market, kind)) for kind in _kinds(target) if kind in market.order_types]
    if last is not None:
        limit = stop_limit_of(target, market)
        found = [one for one in found if one[0] is Type.STOP_LOSS or market.sell_band.holds(limit, last)]
    possible = [one for one in found if _fits(target, market, *one)]
    return sorted(possible, key=lambda one: one[1] > 1)


def _kinds(target: Target) -> list[Type]:
    """Return the candidate types of stop, the preferred one first."""
    kinds = [Type.STOP_LOSS, Type.STOP_LOSS_LIMIT]
    return kinds if target.stop_limit is None else kinds[::-1]


def _parts(target: Target, market: Market, kind: Type) -> int:
    most = market.largest(kind)
    return 1 if most is None else int((target.quantity / most).to_integral_value(ROUND_CEILING))


def _fits(target: Target, market: Market, kind: Type, parts: int) -> bool:
    """Return whether each part is large enough, and several parts are few enough to leave one place free."""
    if parts > 1 and market.most_triggered and parts > market.most_triggered - 1:
        return False
    price = target.stop_loss if kind is Type.STOP_LOSS else stop_limit_of(target, market)
    smallest = min(_portions(target.quantity, kind, parts, market))
    least = max(market.minimum_quantity, market.market_minimum_quantity if kind is Type.STOP_LOSS else ZERO)
    return smallest >= least and product(smallest, price or ZERO) >= market.minimum_notional


def _portions(quantity: Decimal, kind: Type, parts: int, market: Market) -> list[Decimal]:
    """Cut a quantity into nearly equal parts on the step. The last takes the rest; none is larger than the first."""
    each = market.round_quantity(quantity / parts, kind)
    if product(each, Decimal(parts)) < quantity:
        each = total((each, max(market.quantity_step, market.market_quantity_step)))
    return [*[each] * (parts - 1), market.round_quantity(difference(quantity, product(each, Decimal(parts - 1))), kind)]


def wishes_of(target: Target, form: Form, market: Market, list_id: str = "") -> list[Wish]:
    """Return the orders that make up a target in this form, the stop first."""
    listed = list_id if form.listed else None
    if form.stop is None:
        return [_take(target, market, listed)]
    limit = stop_limit_of(target, market) if form.stop is Type.STOP_LOSS_LIMIT else None
    stop = Wish(
        market.symbol, Side.SELL, form.stop, quantity=target.quantity, price=limit, stop_price=target.stop_loss,
        time_in_force=None if limit is None else TimeInForce.GTC,
    )  # fmt: skip
    if not form.take:
        portions = _portions(target.quantity, form.stop, form.parts, market)
        return [replace(stop, quantity=quantity) for quantity in portions]
    if not form.listed:
        return [stop, _take(target, market, None)]
    alone = difference(target.quantity, target.take_quantity)
    pair = [replace(stop, quantity=target.take_quantity, list_id=listed), _take(target, market, listed)]
    return [*pair, replace(stop, quantity=alone)] if alone else pair


def _take(target: Target, market: Market, listed: str | None) -> Wish:
    return Wish(
        market.symbol, Side.SELL, Type.LIMIT, quantity=target.take_quantity, price=target.take_profit,
        time_in_force=TimeInForce.GTC if listed is None else TimeInForce.PO, list_id=listed,
    )  # fmt: skip

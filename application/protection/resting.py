"""Resting: what the orders on the book protect, and which changes they need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from application.ports.statements import Capabilities
from application.protection.target import STOPS
from domain.amounts import ZERO, difference, plain, total
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Protection, Type, Wish
from domain.trading.position import Position


@dataclass(frozen=True)
class Change:
    """The orders to take off the book and the orders to place, so that exactly the wanted orders rest."""

    stale: Sequence[Order]
    missing: Sequence[Wish]


def change_of(wishes: Sequence[Wish], legs: Sequence[Order], market: Market) -> Change:
    """Return the change that makes exactly the wanted orders rest.

    Stops at one price may rest in other parts than wished for. A leg placed before the market's steps changed is
    compared as the present steps would round it.
    """
    intact = not any(leg.status is not Status.OPEN or leg.filled for leg in legs)
    if intact and _summed(map(_shape, wishes)) == _summed(_shape_of(leg, market) for leg in legs):
        return Change([], [])
    missing, stale = [*wishes], []
    for group in groups_of(legs):
        wanted = _group_like(sorted(_shape_of(leg, market) for leg in group), missing)
        if wanted is None or any(leg.status is not Status.OPEN or leg.filled for leg in group):
            stale += group
        else:
            for wish in wanted:
                missing.remove(wish)
    return Change(stale, missing)


def steps_of(change: Change) -> list[Change]:
    """Cut a change into steps, so that not everything is off the book at once. Steps that free coins come first.

    A step replaces one order or list with a single order or a list, like with like if it can. Where the exchange
    supports it, a single call replaces either with a single order.
    """
    groups, batches = groups_of(change.stale), _batches_of(change.missing)
    steps = []
    for batch in batches:
        alike = (group for group in groups if _is_listed(group[0].wish) is _is_listed(batch[0]))
        taken = next(alike, groups[0] if groups else [])
        groups = [group for group in groups if group is not taken]
        steps.append(Change(taken, batch))
    steps.sort(key=_takes_up)
    if not steps:
        return [change] if change.stale else []
    for group in groups:  # the step that locks the most coins needs those of the orders that nothing replaces
        steps[-1] = replace(steps[-1], stale=[*steps[-1].stale, *group])
    return steps


def _batches_of(wishes: Sequence[Wish]) -> list[list[Wish]]:
    """Return the batches to place together: each single order by itself, then the list."""
    listed = [wish for wish in wishes if _is_listed(wish)]
    return [*([wish] for wish in wishes if not _is_listed(wish)), *([listed] if listed else [])]


def _is_listed(wish: Wish) -> bool:
    return wish.list_id is not None


def _takes_up(step: Change) -> Decimal:
    """Return how many more coins (base) are locked after a step than before it."""
    before = max((leg.remaining or ZERO for leg in step.stale), default=ZERO)
    return difference(max(wish.quantity or ZERO for wish in step.missing), before)


def rests(wishes: Sequence[Wish], legs: Sequence[Order], market: Market) -> bool:
    """Return whether exactly the wanted orders rest."""
    return change_of(wishes, legs, market) == Change([], [])


Shape = tuple[bool, str, str, Decimal]
"""True for a leg of a list; its type; its price (of a stop, the trigger); its quantity (base)."""


def _shape(wish: Wish) -> Shape:
    price = plain(wish.stop_price or wish.price or ZERO)
    return wish.list_id is not None, wish.type, price, wish.quantity or ZERO


def _shape_of(leg: Order, market: Market) -> Shape:
    price = plain(market.round_price(leg.stop_price or leg.price or ZERO))
    return leg.wish.list_id is not None, leg.wish.type, price, market.round_quantity(leg.quantity or ZERO)


def _summed(shapes: Iterable[Shape]) -> dict[tuple[bool, str, str], Decimal]:
    """Return the total quantity (base) of each kind of order: in a list or not, type and price."""
    sums: dict[tuple[bool, str, str], Decimal] = {}
    for listed, kind, price, quantity in shapes:
        key = listed, kind, price
        sums[key] = total((sums.get(key, ZERO), quantity))
    return sums


def go_in_one_call(legs: Sequence[Order], market: Market, able: Capabilities) -> bool:
    """Return whether a single call can take these legs off and send another order.

    That takes an exchange and a market that allow it, and legs that are one open order or one open list.
    """
    one_thing = len(groups_of(legs)) == 1 and all(leg.status is Status.OPEN for leg in legs)
    return able.replace and market.replaces and one_thing


def amends_in_place(change: Change, able: Capabilities) -> bool:
    """Return whether the stale order can be changed to the missing one where it waits, so that it never is away."""
    if not able.amend_triggers or (len(change.stale), len(change.missing)) != (1, 1):
        return False
    [leg], [wish] = change.stale, change.missing
    return leg.wish.type in STOPS and leg.wish.type is wish.type and leg.status is Status.OPEN and not leg.filled


def groups_of(legs: Sequence[Order]) -> list[list[Order]]:
    """Return the legs grouped as the exchange handles them: the legs of a list together, any other order alone."""
    groups: dict[object, list[Order]] = {}
    for leg in legs:
        groups.setdefault(leg.wish.list_id or leg.id, []).append(leg)
    return [*groups.values()]


def locked_in(legs: Sequence[Order]) -> Decimal:
    """Return the quantity (base) that these legs lock. Both legs of a list lock the same coins."""
    by_group: dict[object, Decimal] = {}
    for leg in legs:
        group = leg.wish.list_id or leg.id
        by_group[group] = max(by_group.get(group, ZERO), leg.remaining or ZERO)
    return total(by_group.values())


def _group_like(shapes: list[Shape], wishes: Sequence[Wish]) -> list[Wish] | None:
    """Return the wishes that legs of these shapes fulfil, None when no wish matches."""
    listed = [wish for wish in wishes if wish.list_id is not None]
    if listed and sorted(map(_shape, listed)) == shapes:
        return listed
    return next(([wish] for wish in wishes if wish.list_id is None and [_shape(wish)] == shapes), None)


def protection_of(legs: Sequence[Order]) -> Protection | None:
    """Return the stop and the take-profit at which these legs sell, None when they have neither."""
    stop = next((leg.stop_price for leg in legs if leg.wish.type in STOPS), None)
    take = next((leg.wish.price for leg in legs if leg.wish.type is Type.LIMIT), None)
    return None if stop is None and take is None else Protection(stop, take)


def holds(position: Position, legs: Sequence[Order], quantity: Decimal = ZERO) -> bool:
    """Return whether stops rest for at least this quantity (base), by default for any at all.

    A take-profit whose first fill has ended the stop of its list does not protect against a fall. If no stop is wanted,
    any open leg is enough.
    """
    stopped = position.wanted is not None and position.wanted.stop_loss is not None
    resting = [leg for leg in legs if leg.status is Status.OPEN and (leg.wish.type in STOPS or not stopped)]
    enough = not stopped or total(leg.remaining or ZERO for leg in resting) >= quantity
    return bool(resting) and enough

"""Resting: what the orders on the book protect, and what has to be changed there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from application.ports.exchange import Capabilities
from application.protection.target import STOPS
from domain.amounts import ZERO, difference, plain, total
from domain.market import Market
from domain.order import Order, Status
from domain.position import Position
from domain.wish import Protection, Type, Wish


@dataclass(frozen=True)
class Change:
    """What has to go off the book and what has to be placed, so that exactly what is wanted rests."""

    stale: Sequence[Order]
    missing: Sequence[Wish]


def change_of(wishes: Sequence[Wish], legs: Sequence[Order], market: Market) -> Change:
    """Return what is to be changed. Stops of one price may rest in other parts than they were wished for.

    What was placed before the steps of the market have changed counts as what it would be now.
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
    """Cut a change into steps, so that not everything is off the book at once; what frees coins goes first.

    An order of its own takes the place of another one, or of a list, which one call does where the exchange has it.
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
    for group in groups:  # what nothing takes the place of is needed by the step that takes up most
        steps[-1] = replace(steps[-1], stale=[*steps[-1].stale, *group])
    return steps


def _batches_of(wishes: Sequence[Wish]) -> list[list[Wish]]:
    """Return what is placed together: each order of its own, then the list."""
    listed = [wish for wish in wishes if _is_listed(wish)]
    return [*([wish] for wish in wishes if not _is_listed(wish)), *([listed] if listed else [])]


def _is_listed(wish: Wish) -> bool:
    return wish.list_id is not None


def _takes_up(step: Change) -> Decimal:
    """Return how many more coins (base) are locked after a step than before it."""
    before = max((leg.remaining or ZERO for leg in step.stale), default=ZERO)
    return difference(max(wish.quantity or ZERO for wish in step.missing), before)


def rests(wishes: Sequence[Wish], legs: Sequence[Order], market: Market) -> bool:
    """Return whether exactly what should rest does."""
    return change_of(wishes, legs, market) == Change([], [])


Shape = tuple[bool, str, str, Decimal]
"""Whether it is in a list, its type, its price, and its quantity (base)."""


def _shape(wish: Wish) -> Shape:
    price = plain(wish.stop_price or wish.price or ZERO)
    return wish.list_id is not None, wish.type, price, wish.quantity or ZERO


def _shape_of(leg: Order, market: Market) -> Shape:
    price = plain(market.round_price(leg.wish.stop_price or leg.price or ZERO))
    return leg.wish.list_id is not None, leg.wish.type, price, market.round_quantity(leg.quantity or ZERO)


def _summed(shapes: Iterable[Shape]) -> dict[tuple[bool, str, str], Decimal]:
    """How much rests, or should, of each kind of order."""
    sums: dict[tuple[bool, str, str], Decimal] = {}
    for listed, kind, price, quantity in shapes:
        key = listed, kind, price
        sums[key] = total((sums.get(key, ZERO), quantity))
    return sums


def go_in_one_call(legs: Sequence[Order], market: Market, able: Capabilities) -> bool:
    """Return whether one call can take these legs off and send another order: they are one order, or one list."""
    one_thing = len(groups_of(legs)) == 1 and all(leg.status is Status.OPEN for leg in legs)
    return able.replace and market.replaces and one_thing


def groups_of(legs: Sequence[Order]) -> list[list[Order]]:
    """Return what hangs together: the legs of one list are one thing on the exchange, an order of its own another."""
    groups: dict[object, list[Order]] = {}
    for leg in legs:
        groups.setdefault(leg.wish.list_id or leg.id, []).append(leg)
    return [*groups.values()]


def locked_in(legs: Sequence[Order]) -> Decimal:
    """Return how much (base) these legs lock. Of a list both lock the same coins."""
    by_group: dict[object, Decimal] = {}
    for leg in legs:
        group = leg.wish.list_id or leg.id
        by_group[group] = max(by_group.get(group, ZERO), leg.remaining or ZERO)
    return total(by_group.values())


def _group_like(shapes: list[Shape], wishes: Sequence[Wish]) -> list[Wish] | None:
    """Return the wishes that legs of these shapes fulfil, None where there are none."""
    listed = [wish for wish in wishes if wish.list_id is not None]
    if listed and sorted(map(_shape, listed)) == shapes:
        return listed
    return next(([wish] for wish in wishes if wish.list_id is None and [_shape(wish)] == shapes), None)


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

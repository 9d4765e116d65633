"""Resting: what the orders on the book protect, and what has to be changed there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from application.protection import STOPS
from domain.amounts import ZERO, plain, total
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
    for group in _groups(legs):
        wanted = _group_like(sorted(_shape_of(leg, market) for leg in group), missing)
        if wanted is None or any(leg.status is not Status.OPEN or leg.filled for leg in group):
            stale += group
        else:
            for wish in wanted:
                missing.remove(wish)
    return Change(stale, missing)


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


def _groups(legs: Sequence[Order]) -> list[list[Order]]:
    groups: dict[object, list[Order]] = {}
    for leg in legs:
        groups.setdefault(leg.wish.list_id or leg.id, []).append(leg)
    return [*groups.values()]


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


def group_of(legs: Sequence[Order]) -> set[object]:
    """Return what these legs hang together by: a list is one thing on the exchange, and one call takes it off."""
    return {leg.wish.list_id or leg.id for leg in legs}

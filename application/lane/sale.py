"""A sale: what it may take, and what rests under those coins and is to be taken off for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from application.orders.account import Account
from application.orders.agenda import Agenda, Task
from application.ports.exchange import NoAnswer
from application.protection.legs import Legs
from application.protection.resting import groups_of, locked_in
from application.protection.target import STOPS, leaving
from application.trading.counting import explained
from application.trading.positions import INSISTED, RECENT_ENTRIES, position_id_of
from domain.amounts import ZERO, difference, total
from domain.order import ENDED, Order, Status
from domain.position import Position
from domain.refusals import Impossible
from domain.wish import Side, Source

GUARDED_AFTER = 1.0
"""Seconds after which what a sale leaves is looked at, whatever has become of it."""


@dataclass(frozen=True)
class Sale:
    """`held` is what the position holds and no other exit is selling (base), None without a position.

    `legs` rest under its coins: they go in the very call that sells, or before it where the exchange has no such call.
    """

    held: Decimal | None = None
    legs: Sequence[Order] = field(default_factory=list)
    position: Position | None = None

    def going(self, quantity: Decimal, unlocked: Decimal) -> list[list[Order]]:
        """Return the lists and lone orders that have to go for a sale of so much (base), the largest first.

        What else protects the position stays: one that locks enough goes alone, the one with the smallest stop.
        `unlocked` is what the account has free, of which the position's own coins may be sold besides.
        """
        groups = groups_of(self.legs)
        if self.held is None or any(leg.status is not Status.OPEN for leg in self.legs):
            return groups
        own = max(difference(self.held, locked_in(self.legs)), ZERO)
        needed, going = difference(quantity, min(own, unlocked)), list[list[Order]]()
        groups.sort(key=_stopped_by)
        while groups and (needed > 0 or not going):
            enough = (group for group in groups if locked_in(group) >= needed)
            going.append(next(enough, max(groups, key=locked_in)))
            groups.remove(going[-1])
            needed = difference(needed, locked_in(going[-1]))
        return going


def _stopped_by(legs: Sequence[Order]) -> Decimal:
    """Return for how much (base) these legs are a stop."""
    return total(leg.remaining or ZERO for leg in legs if leg.wish.type in STOPS)


class Sales:
    """What the sells of one broker may take."""

    def __init__(self, account: Account, legs: Legs, agenda: Agenda) -> None:
        self._account = account
        self._legs = legs
        self._agenda = agenda

    async def of(self, order: Order) -> Sale:
        """Return what a sell may take of its position, and the orders that rest under those coins.

        Raises `NoAnswer` while it cannot be told, `Impossible` when the webhooks have sold what they had bought: an
        alert that comes after a stop must not sell a trader's other coins.
        """
        if order.wish.side is not Side.SELL:
            return Sale()
        position_id = await asyncio.to_thread(position_id_of, order, self._account.store)
        insisted = order.requester == INSISTED
        position = await asyncio.to_thread(self._account.store.find, Position, position_id)
        legs = await self._legs.of(position_id, rested=() if position is None else position.resting)
        resting = await self._legs.shown([leg for leg in legs if leg.status not in ENDED])
        if any(leg.status is not Status.OPEN for leg in resting) and not insisted:
            raise NoAnswer("what protects these coins is in doubt", code="coins_protected")
        if position is None or not position.is_open:
            await self._check_foreign(position, order)
            return Sale(None, resting)
        exits = [await self._account.recording.load(one) for one in position.exits if one != order.id]
        if not explained(position, [*legs, *exits]) and not insisted:
            raise NoAnswer("what was sold of these coins is not counted yet", code="not_counted")
        self._agenda.put(Task.GUARD, position_id, after=GUARDED_AFTER)  # whatever becomes of the sale
        # For one in doubt this sale has waited, unless its owner has looked and insists.
        selling = leaving([one for one in exits if one.status is Status.OPEN])
        return Sale(max(difference(position.held, selling), ZERO), resting, position)

    async def _check_foreign(self, position: Position | None, order: Order) -> None:
        """Nothing is held: coins that no webhook ever bought may be sold by one, others are the trader's own."""
        if order.source is not Source.WEBHOOK or position is None:
            return
        entries = [await self._account.recording.load(entry) for entry in [*position.entries][-RECENT_ENTRIES:]]
        if not explained(position, entries) and order.requester != INSISTED:
            raise NoAnswer("a buy is not counted yet", code="not_counted")
        if not position.executions and position.previous is None:
            return
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")

"""Sale: the coins that a sell may take, and the legs that lock them and have to be taken off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from application.orders.agenda import Agenda, Task
from application.orders.orders import Orders
from application.ports.errors import NoAnswer
from application.protection.legs import Legs
from application.protection.resting import groups_of, locked_in
from application.protection.target import STOPS, leaving
from application.trading.counting import explained
from application.trading.positions import BELOW, INSISTED, INSISTENT, PANIC, REACHED, RECENT_ENTRIES, position_id_of
from domain.amounts import ZERO, difference, total
from domain.orders.order import Order
from domain.orders.order_status import ENDED, LIVE, Status
from domain.orders.wish import Side, Source
from domain.refusals import Impossible
from domain.trading.position import Position

GUARDED_AFTER = 1.0
"""Seconds after which the position of a sale is guarded, whatever has become of the sale."""
COUNTED_WITHIN = timedelta(seconds=10)
"""The time within which what an order has executed is usually counted in its position."""


@dataclass(frozen=True)
class Sale:
    """The coins that a sell may take of a position, and the `legs` that lock them.

    `held` is the quantity (base) that the position holds and no other exit is selling, None without a position. The
    legs go in the call that sells, or before it where the exchange has no such call.
    """

    held: Decimal | None = None
    legs: Sequence[Order] = field(default_factory=list)
    position: Position | None = None
    start: Decimal = ZERO
    """The quantity (base) from which an order for a share of the account's worth starts."""

    def going(self, quantity: Decimal, unlocked: Decimal) -> list[list[Order]]:
        """Return the lists and single orders to take off for a sale of `quantity` (base), the largest first.

        At least one goes; the others stay. A list or single order that locks enough goes alone: of several, the one
        with the smallest stop. While none locks enough, the one that locks the most is added. Without a position, or
        while a leg is not open, all go. `unlocked` is the account's free quantity (base): the position's own coins
        within it are sold without taking a leg off.
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
    """Return the quantity (base) that the stops among these legs cover."""
    return total(leg.remaining or ZERO for leg in legs if leg.wish.type in STOPS)


class Sales:
    """The sales of one broker."""

    def __init__(self, orders: Orders, legs: Legs, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._legs = legs
        self._agenda = agenda

    async def of(self, order: Order) -> Sale:
        """Return the coins that a sell may take of its position, and the legs that lock them.

        Raises `NoAnswer` while a leg is in doubt, unless the exit is insisted, or a fill is not counted. For that, one
        that a person insists on waits `COUNTED_WITHIN`: else a second one would sell other coins of the account. Raises
        `Impossible` when webhooks have sold all that they bought: an alert that comes after a stop must not sell the
        trader's other coins.
        """
        if order.wish.side is not Side.SELL:
            return Sale() if order.wish.holding is None else Sale(start=await self._held_or_bought(order))
        position_id = await asyncio.to_thread(position_id_of, order, self._orders.store)
        insisted = order.requester in INSISTENT
        position = await asyncio.to_thread(self._orders.store.find, Position, position_id)
        legs = await self._legs.of(position_id, rested=() if position is None else position.resting)
        resting = await self._legs.shown([leg for leg in legs if leg.status not in ENDED])
        if any(leg.status is not Status.OPEN for leg in resting) and not insisted:
            raise NoAnswer("what protects these coins is in doubt", code="coins_protected")
        if position is None or not position.is_open:
            await self._check_foreign(position, order)
            return Sale(None, resting)
        exits = [await self._orders.load(one) for one in position.exits if one != order.id]
        if order.requester == PANIC and any(one.status in LIVE and one.status is not Status.OPEN for one in exits):
            raise NoAnswer("an exit of these coins is in doubt", code="exit_in_doubt")
        bought = [] if order.wish.holding is None else await self._entries(position)
        by_person = order.requester == INSISTED
        waited_for = [one for one in (*legs, *exits, *bought) if not by_person or self._has_just_changed(one)]
        if not explained(position, waited_for):
            raise NoAnswer("what was sold of these coins is not counted yet", code="not_counted")
        self._agenda.put(Task.GUARD, position_id, after=GUARDED_AFTER)  # whatever becomes of the sale
        # Exits in doubt are left out: this sale has waited for them, unless its owner has looked and insists.
        selling = leaving([one for one in exits if one.status is Status.OPEN])
        held = max(difference(position.held, selling), ZERO)
        return Sale(held, resting, position, held)

    def _has_just_changed(self, order: Order) -> bool:
        return self._account.clock() - order.modified_on < COUNTED_WITHIN

    async def forgotten(self, currency: str) -> bool:
        """Return True while stops wait for more coins of a currency than their positions hold.

        Where such a stop does not lock its coins, it would sell those that are bought next. The guard takes it off or
        makes it smaller.
        """
        if self._account.exchange.capabilities.triggers_lock:
            return False
        for position_id in self._legs.positions_in(currency):
            position = await asyncio.to_thread(self._orders.store.find, Position, position_id)
            held = position.held if position is not None and position.is_open else ZERO
            legs = [leg for leg in await self._legs.of(position_id) if leg.wish.type in STOPS]
            if total(leg.remaining or ZERO for leg in legs if leg.status not in ENDED) > held:
                self._agenda.put(Task.GUARD, position_id)
                return True
        return False

    async def _entries(self, position: Position) -> list[Order]:
        """Return the newest buys of a position."""
        return [await self._orders.load(entry) for entry in [*position.entries][-RECENT_ENTRIES:]]

    async def _held_or_bought(self, order: Order) -> Decimal:
        """Return what the position of an entry holds and other entries are buying (base), less what is being sold.

        Raises `NoAnswer` while a fill is not counted: it would be bought a second time.
        """
        position_id = await asyncio.to_thread(position_id_of, order, self._orders.store)
        position = await asyncio.to_thread(self._orders.store.find, Position, position_id)
        if position is None:
            return ZERO
        legs = await self._legs.of(position_id, rested=position.resting)
        exits = [await self._orders.load(one) for one in position.exits]
        entries = await self._entries(position)
        if not explained(position, [*legs, *entries, *exits]):
            raise NoAnswer("what was traded of these coins is not counted yet", code="not_counted")
        buying = total(one.remaining or ZERO for one in entries if one.status is Status.OPEN)
        selling = leaving([one for one in exits if one.status is Status.OPEN])
        return max(difference(position.held + buying, selling), ZERO)

    async def _check_foreign(self, position: Position | None, order: Order) -> None:
        """Raise `Impossible` for a webhook's or an insisted sell when its position holds nothing but has traded before.

        Where no webhook ever bought coins, a webhook may sell them. Otherwise the coins left are the trader's own.
        Raises `NoAnswer` while a buy is not counted, unless the exit is insisted.
        """
        share = order.wish.holding is not None
        of_position = order.wish.percent is not None and order.source is not Source.WEBHOOK
        if order.requester in INSISTENT and of_position:
            # What its owner has sold was sold by an earlier exit: the coins left are not its own.
            raise Impossible(f"nothing is held of {order.wish.symbol}", code="no_position")
        if (order.source is not Source.WEBHOOK and not share) or position is None:
            return
        if not explained(position, await self._entries(position)) and order.requester not in INSISTENT:
            raise NoAnswer("a buy is not counted yet", code="not_counted")
        if share:
            raise Impossible(f"nothing is held of {position.symbol}", code=BELOW if order.wish.holding else REACHED)
        if not position.executions and position.previous is None:
            return
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")

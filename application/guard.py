"""The guard: drives the resting orders of one broker's positions to what their protection wants, the stop first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from application.desk import Desk, Later
from application.exchange import NoAnswer
from application.legs import Legs, said_of
from application.positions import RECENT_ENTRIES, position_id_of
from application.protection import Standing, Target, protection_of, rests, standing_of, target_of, target_with
from domain.market import Market
from domain.order import ENDED, Order, Status
from domain.position import Position, key_of
from domain.refusals import Conflict, Impossible
from domain.wish import Side, Source, Type, Wish

COUNTED_WITHIN = 0.02
DOUBT_BEFORE_ALARM = timedelta(seconds=5)
"""How long a protection may be in doubt before the position counts as unprotected."""
AT_MOST_EVERY = 1.0
"""Seconds between two changes of one position's protection."""


class Guard:
    """Everything that protects positions at one broker. It works inside the broker's lane, never beside it."""

    def __init__(self, desk: Desk, legs: Legs, later: Later) -> None:
        self._desk = desk
        self._later = later
        self._legs = legs
        self._changed_at: dict[UUID, float] = {}

    # --- driving -----------------------------------------------------------------------------------------------

    async def drive(self, position_id: UUID) -> None:
        """Bring what rests to what is wanted, at most once a second."""
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None:
            return None  # a sale of coins that no position knows
        legs = await self._legs.of(position_id)
        exits = [await self._desk.recording.load(order_id) for order_id in position.exits]
        wait = await self._unsettled(position, legs, exits)
        if wait is not None:
            return self._later("guard", position_id, wait)
        resting = [leg for leg in legs if leg.status not in ENDED]
        market = self._desk.markets.get(position.symbol)
        target = None if market is None else target_of(position, market, exits, self._desk.broker.stop_style)
        if market is None or target is None:
            return await self._unprotected(position, market, resting)
        target = self._legs.possible(position_id, target)
        if rests(target, resting, self._desk.exchange.capabilities):
            return await self._say(position_id, lambda p: p.rest([leg.id for leg in resting], target.quantity))
        wait = self._changed_at.get(position_id, 0.0) + AT_MOST_EVERY - asyncio.get_running_loop().time()
        if wait > 0:
            return self._later("guard", position_id, wait)
        return await self._change(position, market, target, resting)

    async def _unsettled(self, position: Position, legs: Sequence[Order], exits: Sequence[Order]) -> float | None:
        """How many seconds to wait for facts that are on their way, None when all are there."""
        if not _counted(position, [*legs, *exits]):
            return COUNTED_WITHIN  # the engine has not counted all fills yet
        doubtful = [leg for leg in legs if leg.status in {Status.SUBMITTED, Status.UNKNOWN}]
        if doubtful:
            sent = min((leg.submitted_at for leg in doubtful if leg.submitted_at is not None), default=None)
            nothing_rests = not any(leg.status is Status.OPEN for leg in legs)
            if nothing_rests and sent is not None and self._desk.clock() - sent > DOUBT_BEFORE_ALARM:
                await self._say(position.id, lambda p: p.lose_protection("protection_unknown"))
            return AT_MOST_EVERY  # in doubt, and being looked up: until then coins may be locked
        widowed = [leg for leg in legs if leg.status is Status.OPEN and _is_about_to_end(leg, legs)]
        for leg in widowed:
            # Of a list one leg ends the other: what has become of it is on its way, and asked for meanwhile.
            market = self._desk.markets[leg.wish.symbol]
            await self._desk.hear(await self._desk.ask(leg, market))
        return COUNTED_WITHIN if widowed else None

    async def _unprotected(self, position: Position, market: Market | None, resting: Sequence[Order]) -> None:
        """Nothing can rest: nothing is wanted any more, or what is left is dust or stands in an exit."""
        await self._legs.free(resting)
        covered = position.covered if market is None else market.round_quantity(position.covered)
        if position.is_open and position.wanted is not None and covered:
            await self._say(position.id, lambda p: p.lose_protection("not_protectable"))

    async def _change(self, position: Position, market: Market, target: Target, legs: Sequence[Order]) -> None:
        last = (await self._desk.exchange.tickers([market]))[market.symbol].last
        standing = standing_of(target, last)
        if standing is not Standing.BETWEEN:
            return await self._passed(position, target, legs, standing)
        self._changed_at[position.id] = asyncio.get_running_loop().time()
        freed = await self._legs.free(legs)
        if not _all_ended(freed) or any(leg.filled for leg in freed):
            return self._later("guard", position.id)  # what it is now is looked at anew
        if await self._legs.place(position, market, target):
            return self._later("guard", position.id, 0.0)  # which says that it rests, or waits for a doubt
        kept = protection_of(legs)
        if kept is not None:
            # What rested goes back: less than what was asked for, but never nothing.
            style = self._desk.broker.stop_style
            await self._legs.place(position, market, target_with(target.quantity, kept, market, style))
            await self._say(position.id, lambda p: p.refuse_protection("protection_refused", kept))
        else:
            await self._say(position.id, lambda p: p.lose_protection("protection_refused"))
        return self._later("guard", position.id)

    async def _passed(self, position: Position, target: Target, legs: Sequence[Order], standing: Standing) -> None:
        """The market has passed a wanted price: a move is refused, what should have been sold by now is sold."""
        kept = protection_of(legs)
        if kept is not None and position.request == position.answered:
            return self._later("guard", position.id, AT_MOST_EVERY)  # it rests, and is about to be carried out
        if kept is not None:
            await self._say(position.id, lambda p: p.refuse_protection(f"market_{standing}", kept))
            return self._later("guard", position.id, 0.0)
        wish = Wish(position.symbol, Side.SELL, Type.MARKET, quantity=target.quantity)
        order = self._legs.order(position, wish)
        position.leave(order.id)
        with said_of(position):
            await asyncio.to_thread(self._desk.store.save, position, order)
        self._desk.log.warning("protection_passed", position=str(position.id), standing=standing)
        return self._later("send", order.id, 0.0)

    # --- exits -------------------------------------------------------------------------------------------------

    async def free_for(self, order: Order) -> Decimal | None:
        """Free the coins that a sell is to reduce; answers what its position holds, None without a position.

        Raises `NoAnswer` while it cannot be told whether they are free, `Impossible` when the webhooks have sold what
        they had bought: an alert that comes after a stop must not sell a trader's other coins.
        """
        if order.wish.side is not Side.SELL:
            return None
        position_id = position_id_of(order)
        legs = await self._legs.of(position_id)
        if not _all_ended(await self._legs.free([leg for leg in legs if leg.status not in ENDED])):
            raise NoAnswer("the protection of these coins is not off the book yet", code="coins_protected")
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None or not position.is_open:
            await self._check_foreign(position, order)
            return None
        self._later("guard", position_id)  # whatever becomes of the sale, what is left is protected again
        return position.held

    async def _check_foreign(self, position: Position | None, order: Order) -> None:
        """Nothing is held: coins that no webhook ever bought may be sold by one, others are the trader's own."""
        if order.source is not Source.WEBHOOK or position is None or not position.executions:
            return
        entries = [await self._desk.recording.load(entry) for entry in [*position.entries][-RECENT_ENTRIES:]]
        if not _counted(position, entries):
            raise NoAnswer("a buy is not counted yet", code="not_counted")
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")

    # --- the log -----------------------------------------------------------------------------------------------

    async def _say(self, position_id: UUID, verb: Callable[[Position], None]) -> None:
        """Say something to the position, again on fresh state when the engine was faster."""
        while True:
            position = await asyncio.to_thread(self._desk.store.get, Position, position_id)
            with said_of(position):
                verb(position)
                try:
                    await asyncio.to_thread(self._desk.store.save, position)
                except Conflict:
                    continue
            return


def _is_about_to_end(leg: Order, legs: Sequence[Order]) -> bool:
    """Whether the other leg of its list has ended, which ends this one: unless it is a triggered stop at a limit.

    Such a stop has taken the place of both and waits on the book for its price.
    """
    others = [o for o in legs if o.id != leg.id and leg.wish.list_id is not None and o.wish.list_id == leg.wish.list_id]
    waits = leg.wish.type is Type.STOP_LOSS_LIMIT and not any(other.filled for other in others)
    return not waits and any(other.status in ENDED for other in others)


def _all_ended(orders: Sequence[Order]) -> bool:
    return all(order.status in ENDED for order in orders)


def _counted(position: Position, orders: Sequence[Order]) -> bool:
    """Whether the position knows of every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)

"""The guard: drives the resting orders of one broker's positions to what their protection wants, the stop first."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.desk import Desk, Later
from application.exchange import NoAnswer
from application.legs import Legs, said_of
from application.positions import INSISTED, RECENT_ENTRIES, position_id_of
from application.protection import (
    Standing,
    Target,
    counted,
    explained,
    holds,
    leaving,
    protection_of,
    rests,
    standing_of,
    target_of,
    target_with,
)
from domain.amounts import ZERO, difference
from domain.market import Market
from domain.order import ENDED, PROTECTION, Order, Status
from domain.position import Position
from domain.refusals import Conflict, Impossible
from domain.wish import Protection, Side, Source, Type, Wish

COUNTED_WITHIN = 0.02
DOUBT_BEFORE_ALARM = timedelta(seconds=5)
"""How long a protection may be in doubt before the position counts as unprotected."""
AT_MOST_EVERY = 1.0
"""Seconds between two changes of one position's protection."""
MOST_DOUBLINGS = 6
"""How often that pause is doubled while the exchange refuses the same protection again and again."""


@dataclass
class Trouble:
    """What stands in the way of one position's protection."""

    refused: Target | None = None
    times: int = 0
    """How often this target was refused in a row."""
    since: datetime | None = None
    """Since when nothing could be found out or done at all."""


class Guard:
    """Everything that protects positions at one broker. It works inside the broker's lane, never beside it."""

    def __init__(self, desk: Desk, legs: Legs, later: Later) -> None:
        self._desk = desk
        self._later = later
        self._legs = legs
        self._changed_at: dict[UUID, float] = {}
        self._troubles: defaultdict[UUID, Trouble] = defaultdict(Trouble)

    # --- driving -----------------------------------------------------------------------------------------------

    async def drive(self, position_id: UUID) -> None:
        """Bring what rests to what is wanted, at most once a second. Raises what stood in the way, having told it."""
        trouble = self._troubles[position_id]
        try:
            settled = await self._drive(position_id)
        except Exception:
            trouble.since = trouble.since or self._desk.clock()
            if self._desk.clock() - trouble.since >= DOUBT_BEFORE_ALARM:
                await self._tell_unprotected(position_id)
            raise
        if settled:
            trouble.since = None

    async def _tell_unprotected(self, position_id: UUID) -> None:
        position = await asyncio.to_thread(self._desk.store.get, Position, position_id)
        if not holds(position, await self._legs.of(position_id)):
            await self._say(position_id, lambda p: p.lose_protection("exchange_unreachable"))

    async def _drive(self, position_id: UUID) -> bool:
        """Answers whether something has come of it; else it is looked at again in a moment."""
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None:
            return True  # a sale of coins that no position knows
        legs = await self._legs.of(position_id, position.executions, position.resting)
        exits = [await self._desk.recording.load(order_id) for order_id in position.exits]
        wait = await self._unsettled(position, legs, exits)
        if wait is None:
            wait = await self._bring(position, [leg for leg in legs if leg.status not in ENDED], exits)
        if wait is not None:
            self._later("guard", position_id, wait)
        return wait is None

    async def _bring(self, position: Position, resting: Sequence[Order], exits: Sequence[Order]) -> float | None:
        """Bring what rests to what is wanted; answers how many seconds that has to wait."""
        market = self._desk.markets.get(position.symbol)
        if market is None:
            await self._market_gone(position, resting)
            return None
        target = target_of(position, market, exits, self._desk.broker.stop_style)
        if target is None:
            await self._unprotected(position, market, resting)
            return None
        target = self._legs.possible(position.id, target)
        if rests(target, resting, self._desk.exchange.capabilities):
            self._troubles.pop(position.id, None)
            await self._say(position.id, lambda p: p.rest([leg.id for leg in resting], target.quantity))
            return None
        wait = self._changed_at.get(position.id, 0.0) + self._pause(position.id, target) - _now()
        if wait <= 0:
            await self._change(position, market, target, resting)
        return wait if wait > 0 else None

    def _pause(self, position_id: UUID, target: Target) -> float:
        """Seconds between two tries, more with each refusal of the same."""
        trouble = self._troubles[position_id]
        return AT_MOST_EVERY * 2 ** min(trouble.times, MOST_DOUBLINGS) if trouble.refused == target else AT_MOST_EVERY

    def _refused(self, position_id: UUID, target: Target) -> None:
        """The exchange would not have it, or nothing has come of it."""
        trouble = self._troubles[position_id]
        trouble.refused, trouble.times = target, trouble.times + 1 if trouble.refused == target else 1

    async def _unsettled(self, position: Position, legs: Sequence[Order], exits: Sequence[Order]) -> float | None:
        """How many seconds to wait for facts that are on their way, None when all are there."""
        if not counted(position, [*legs, *exits]):
            return COUNTED_WITHIN  # the engine has not counted all fills yet
        waiting = [o for o in exits if o.requester == PROTECTION and o.status is Status.PLACED]
        if waiting:
            # What should have been sold by a stop is about to be: that it cannot even be sent is told.
            if self._desk.clock() - min(order.created_on for order in waiting) >= DOUBT_BEFORE_ALARM:
                await self._say(position.id, lambda p: p.lose_protection("exit_not_sent"))
            return AT_MOST_EVERY
        doubtful = [leg for leg in legs if leg.status in {Status.SUBMITTED, Status.UNKNOWN}]
        if doubtful:
            sent = min((leg.submitted_at for leg in doubtful if leg.submitted_at is not None), default=None)
            late = sent is not None and self._desk.clock() - sent > DOUBT_BEFORE_ALARM
            if late and not holds(position, legs):
                await self._say(position.id, lambda p: p.lose_protection("protection_unknown"))
            return AT_MOST_EVERY  # in doubt, and being looked up: until then coins may be locked
        widowed = [leg for leg in legs if leg.status is Status.OPEN and _is_about_to_end(leg, legs)]
        for leg in widowed:
            # Of a list one leg ends the other: what has become of it is on its way, and asked for meanwhile.
            market = self._desk.markets[leg.wish.symbol]
            await self._desk.hear(await self._desk.ask(leg, market))
        if not widowed:
            return None
        ended_at = max(leg.modified_on for leg in legs if leg.status in ENDED)
        return COUNTED_WITHIN if self._desk.clock() - ended_at < DOUBT_BEFORE_ALARM else AT_MOST_EVERY

    async def _market_gone(self, position: Position, resting: Sequence[Order]) -> None:
        """The exchange lists it no more: what rests is left to it, and nothing new can be placed."""
        if position.is_open and position.wanted is not None and not holds(position, resting):
            await self._say(position.id, lambda p: p.lose_protection("symbol_unknown"))

    async def _unprotected(self, position: Position, market: Market, resting: Sequence[Order]) -> None:
        """Nothing can rest: nothing is wanted any more, or what is left is dust or stands in an exit."""
        await self._legs.free(resting)
        if position.is_open and position.wanted is not None and market.round_quantity(position.covered):
            await self._say(position.id, lambda p: p.lose_protection("not_protectable"))

    async def _change(self, position: Position, market: Market, target: Target, legs: Sequence[Order]) -> None:
        last = (await self._desk.exchange.tickers([market]))[market.symbol].last
        standing = standing_of(target, last)
        if standing is not Standing.BETWEEN:
            return await self._passed(position, target, legs, standing)
        self._changed_at[position.id] = _now()
        freed = await self._legs.free(legs)
        if not _all_ended(freed):
            raise NoAnswer("what rests is not off the book yet", code="coins_protected")
        if any(leg.filled for leg in freed):
            return self._later("guard", position.id)  # what it is now is looked at anew
        if await self._legs.place(position, market, target):
            return self._later("guard", position.id, 0.0)  # which says that it rests, or waits for a doubt
        self._refused(position.id, target)
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
        # What rested last counts, also while it is off the book: a target that has sold a part has ended its stop.
        before = position.in_force or kept
        if before is not None and position.request != position.answered and position.wanted != before:
            await self._say(position.id, lambda p: p.refuse_protection(f"market_{standing}", before))
            return self._later("guard", position.id, 0.0)
        if kept is not None and _sells(kept, standing):
            return self._later("guard", position.id, AT_MOST_EVERY)  # it rests, and is about to be carried out
        if self._troubles[position.id].refused == target:
            await self._say(position.id, lambda p: p.lose_protection("protection_refused"))
            position = await asyncio.to_thread(self._desk.store.get, Position, position.id)
        self._changed_at[position.id] = _now()
        self._refused(position.id, target)  # until it is sold nothing protects it
        wish = Wish(position.symbol, Side.SELL, Type.MARKET, quantity=target.quantity)
        order = self._legs.order(position, wish)
        position.leave(order.id)
        with said_of(position):
            await asyncio.to_thread(self._desk.store.save, position, order)
        self._desk.log.warning("protection_passed", position=str(position.id), standing=standing)
        self._later("send", order.id, 0.0)
        return self._later("guard", position.id)  # which sees whether it is sold

    # --- exits -------------------------------------------------------------------------------------------------

    async def free_for(self, order: Order) -> Decimal | None:
        """Free the coins that a sell is to reduce; answers what its position holds and no other exit is selling.

        None without a position.

        Raises `NoAnswer` while it cannot be told whether they are free, `Impossible` when the webhooks have sold what
        they had bought: an alert that comes after a stop must not sell a trader's other coins.
        """
        if order.wish.side is not Side.SELL:
            return None
        position_id = position_id_of(order)
        legs = await self._legs.of(position_id)
        freed = await self._legs.free([leg for leg in legs if leg.status not in ENDED])
        if not _all_ended(freed) and order.requester != INSISTED:
            raise NoAnswer("the protection of these coins is not off the book yet", code="coins_protected")
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None or not position.is_open:
            await self._check_foreign(position, order)
            return None
        exits = [await self._desk.recording.load(one) for one in position.exits if one != order.id]
        sold = [*await self._legs.of(position_id, rested=position.resting), *exits]
        if not explained(position, sold) and order.requester != INSISTED:
            raise NoAnswer("what was sold of these coins is not counted yet", code="not_counted")
        self._later("guard", position_id)  # whatever becomes of the sale, what is left is protected again
        # For one in doubt this sale has waited, unless its owner has looked and insists.
        return max(difference(position.held, leaving([one for one in exits if one.status is Status.OPEN])), ZERO)

    async def _check_foreign(self, position: Position | None, order: Order) -> None:
        """Nothing is held: coins that no webhook ever bought may be sold by one, others are the trader's own."""
        if order.source is not Source.WEBHOOK or position is None:
            return
        entries = [await self._desk.recording.load(entry) for entry in [*position.entries][-RECENT_ENTRIES:]]
        if not explained(position, entries) and order.requester != INSISTED:
            raise NoAnswer("a buy is not counted yet", code="not_counted")
        if not position.executions:
            return
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
    """Whether the other leg of its list has ended, which ends this one: unless it is being carried out in parts.

    So is a target that has met a part of its quantity, and a triggered stop at a limit, which waits for its price.
    """
    others = [o for o in legs if o.id != leg.id and leg.wish.list_id is not None and o.wish.list_id == leg.wish.list_id]
    waits = leg.wish.type is Type.STOP_LOSS_LIMIT and not any(other.filled for other in others)
    return not waits and not leg.filled and any(other.status in ENDED for other in others)


def _sells(protection: Protection, standing: Standing) -> bool:
    """Whether what rests sells where the market stands."""
    price = protection.stop_loss if standing is Standing.BELOW_STOP else protection.take_profit
    return price is not None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _all_ended(orders: Sequence[Order]) -> bool:
    return all(order.status in ENDED for order in orders)

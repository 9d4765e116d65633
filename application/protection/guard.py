"""Guard: drives the resting orders of one broker's positions to their wanted protection, the stop first.

While the wanted orders do not rest, the price is watched, and a stop that it passes is carried out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from application.orders.agenda import Agenda, Task
from application.orders.orders import Orders
from application.ports.market_data import Ticker
from application.protection import trouble as troubles
from application.protection.case import Case
from application.protection.changing import Changing
from application.protection.forms import Form, forms_of, wishes_of
from application.protection.legs import Legs, say
from application.protection.passed import NOT_SOLD, Passed
from application.protection.releasing import DUST, Releasing
from application.protection.resting import holds, locked_in, rests
from application.protection.second_look import SecondLook
from application.protection.settling import Settling, wait_for_exits
from application.protection.shapes import Shapes
from application.protection.target import (
    STOPS,
    Standing,
    in_doubt,
    standing_of,
    unbounded,
    wanted_of,
)
from application.protection.trouble import Trouble
from application.trading.counting import counted
from domain.amounts import ZERO, product, total
from domain.market import too_small
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Protection, Type
from domain.trading.position import Position

FAILED = "fail_execute"
"""The reason for the end of a stop that could not be carried out when its price came."""
TOO_SMALL, CANNOT_REST = "too_small_to_protect", "cannot_rest"


class Guard:
    """The protection of all positions at one broker. It works only inside the broker's lane, never beside it."""

    def __init__(self, orders: Orders, legs: Legs, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._agenda = agenda
        self._legs = legs
        self.shapes = Shapes(orders.account)
        self._changing = Changing(orders, legs, self.shapes)
        self._passed = Passed(orders, legs, agenda)
        self._second_look = SecondLook(orders, legs, self._passed)
        self._settling = Settling(orders)
        self._releasing = Releasing(orders, legs)
        self._troubles: defaultdict[UUID, Trouble] = defaultdict(Trouble)

    def watched(self) -> list[UUID]:
        """Return the positions with a wanted order that does not rest. Every price of their markets concerns them."""
        return [position_id for position_id, trouble in self._troubles.items() if trouble.watched]

    def blind(self) -> list[str]:
        """Return the symbols whose price is watched in place of an order but has not been seen for too long."""
        now = self._account.clock()
        return sorted({trouble.watched for trouble in [*self._troubles.values()] if trouble.is_blind(now)})

    def met(self) -> list[UUID]:
        """Return the positions that the guard has looked at and that were open at the last look."""
        return [*self._troubles]

    # --- driving -----------------------------------------------------------------------------------------------

    async def drive(self, position_id: UUID) -> None:
        """Drive the resting orders to the wanted protection, with at most one change a second.

        Raises the error that stood in the way, after telling the owner if the trouble lasts.
        """
        trouble = self._troubles[position_id]
        try:
            wait = await self._drive(position_id, trouble)
        except Exception:
            trouble.begin("exchange_unreachable", self._account.clock())
            await self._tell_if_it_lasts(position_id, trouble)
            raise
        if wait is None:
            trouble.end()
            return
        await self._tell_if_it_lasts(position_id, trouble)
        self._agenda.put(Task.GUARD, position_id, after=wait)

    async def _tell_if_it_lasts(self, position_id: UUID, trouble: Trouble) -> None:
        if not trouble.lasts(self._account.clock()):
            return
        position = await asyncio.to_thread(self._orders.store.get, Position, position_id)
        # If it is lost already, its owner knows, whatever the reason: a trouble that only lasts is no news.
        if position.lost is None and not holds(position, await self._legs.of(position_id), trouble.needed):
            await say(self._orders.store, position, lambda p: p.lose_protection(trouble.reason, trouble.detail))

    async def _tell_what_is_off(self, position_id: UUID) -> None:
        """Record that legs have gone off the book. What is left covers only its own quantity until others rest.

        Do nothing while the position has not counted a fill of its legs.
        """
        position = await asyncio.to_thread(self._orders.store.get, Position, position_id)
        rested = [await self._orders.load(order_id) for order_id in position.resting]
        legs = await self._legs.of(position_id, position.executions, position.resting)
        if all(leg.status not in ENDED for leg in rested) or not counted(position, legs):
            return
        left = [leg for leg in legs if leg.status is Status.OPEN]
        await say(
            self._orders.store, position, lambda p: p.take_off([leg.id for leg in left], _stopped(position, left))
        )

    async def _drive(self, position_id: UUID, trouble: Trouble) -> float | None:
        """Return the seconds to wait before the next look, None when nothing is left to do."""
        position = await asyncio.to_thread(self._orders.store.find, Position, position_id)
        if position is None:
            return None  # the sold coins belong to no position
        legs = await self._legs.shown(await self._legs.of(position_id, position.executions, position.resting))
        exits = [await self._orders.load(order_id) for order_id in position.exits]
        await self._tell_of_losses(position, trouble)
        wait = await self._settling.wait(position, legs, exits, trouble)
        if wait is None:
            wait = await self._bring(position, [leg for leg in legs if leg.status not in ENDED], exits, trouble)
        if wait is None and in_doubt(exits):
            return troubles.AT_MOST_EVERY  # until the exit is known, or can no longer be carried out
        return wait

    async def _tell_of_losses(self, position: Position, trouble: Trouble) -> None:
        """Wait longer before each new stop while the exchange keeps ending stops by itself, and tell the owner.

        The first ended stop neither delays the next nor is told of, unless it failed when its price came.
        """
        ended = self._legs.ended_by_exchange(position.id)
        new = trouble.lose(frozenset(leg.id for leg in ended), self._account.clock())
        failed = bool(ended) and ended[-1].reason == FAILED
        if new and (trouble.losses > 1 or failed):
            trouble.not_before = max(trouble.not_before, _now() + trouble.pause_after_losses())
            reason, detail = "stop_failed" if failed else "stop_ended", ended[-1].reason or ""
            await say(self._orders.store, position, lambda p: p.lose_protection(reason, detail, final=True))

    async def _bring(
        self, position: Position, resting: Sequence[Order], exits: Sequence[Order], trouble: Trouble
    ) -> float | None:
        """Drive the resting orders to the wanted protection. Return the seconds to wait, None for none."""
        market = self._account.markets.get(position.symbol)
        if market is None:
            await self._releasing.market_gone(position, resting)
            return None
        target = wanted_of(position, market, exits, self._account.broker.stop_style, self._account.clock())
        if target is not None:
            target = trouble.capped(target, position, market)
        if target is None or position.wanted is None:
            wait = await self._releasing.release(position, market, resting, exits, trouble)
            if wait is None and not position.is_open:
                self._troubles.pop(position.id, None)
            return wait
        trouble.needed = target.quantity
        case = Case(position, market, target, resting, trouble)
        wait = await self._second_look.after_change(case)
        return await self._compare(case, position.wanted, exits) if wait is None else wait

    async def _compare(self, case: Case, wanted: Protection, exits: Sequence[Order]) -> float | None:
        """Compare the resting orders with the wanted ones, and change them. Returns as `_bring`."""
        target, market, style = case.target, case.market, self._account.broker.stop_style
        if in_doubt(exits) and locked_in(case.resting) > target.quantity:
            return wait_for_exits(exits, case.trouble)
        free_of_rules = unbounded(market)
        form = forms_of(target, free_of_rules, self._account.exchange.capabilities)[0]
        if rests(wishes_of(target, form, free_of_rules), case.resting, market):
            return await self._it_rests(case, form)
        if (detail := too_small(target.quantity, wanted, market, style)) is not None:
            return await self._too_small(case, detail)
        return await self._differs(case)

    async def _differs(self, case: Case) -> float | None:
        """Accept the resting orders if they are the best form that the rules allow. Otherwise look at the price."""
        best = self.shapes.best(case, listed=not case.trouble.sells_in_parts(self._account.clock()))
        if best is not None and rests(wishes_of(case.target, best, case.market), case.resting, case.market):
            return await self._it_rests(case, best)
        return await self._look(case)

    async def _look(self, case: Case) -> float | None:
        """Look at the price, as the wanted orders do not rest. Place them only once their pause is over."""
        market, target, trouble = case.market, case.target, case.trouble
        trouble.watch(market.symbol, self._account.clock())
        ticker, standing = await self._price(case, now=_is_triggered(case.resting))
        if standing is not Standing.BETWEEN:
            wait = await self._passed.react(case, standing, ticker)
            if wait is not None:
                return wait
        else:
            trouble.passed_since = None
        # No list until the take-profit has stopped selling in parts, nor while the last price is above it.
        listed = standing is Standing.BETWEEN and not trouble.sells_in_parts(self._account.clock())
        form = self.shapes.best(case, ticker.last, listed=listed)
        if form is not None and rests(wishes_of(target, form, market), case.resting, market):
            return await self._it_rests(case, form)
        if (wait := trouble.not_before - _now()) > 0:
            return min(wait, troubles.LOOK_EVERY)
        if form is None:
            return await self._only_watched(case, ticker.last)
        return await self._change(case, form, ticker.last)

    async def _price(self, case: Case, *, now: bool = False) -> tuple[Ticker, Standing]:
        """Return the ticker and where its last price stands.

        Ask the exchange again before a price told a moment ago sells anything. With `now`, ask it right away.
        """
        market, target = case.market, case.target
        ticker = await (self._account.asked_price if now else self._account.price)(market, urgent=True)
        if not now and standing_of(target, ticker.last) is not Standing.BETWEEN:
            ticker = await self._account.asked_price(market, urgent=True)
        case.trouble.priced_at = self._account.clock()
        return ticker, standing_of(target, ticker.last)

    async def _change(self, case: Case, form: Form, last: Decimal) -> float:
        """Make a change and set how soon the next may follow, whatever happens meanwhile. Looks go on.

        Returns the seconds until the next look.
        """
        trouble = case.trouble
        try:
            wait = await self._changing.change(case, form, last)
        except Exception:
            # What was recorded of the attempt comes back as an event and asks for the next one at once.
            trouble.not_before = _now() + troubles.AT_MOST_EVERY
            await self._tell_what_is_off(case.position.id)
            raise
        if wait:
            await self._tell_what_is_off(case.position.id)
        if wait is None:
            trouble.not_before = _now() + troubles.AT_MOST_EVERY
            return 0.0
        if wait and trouble.refused == case.target:
            wait = max(wait, trouble.pause(case.target, troubles.AT_MOST_EVERY))
        trouble.not_before = _now() + wait
        return min(wait, troubles.LOOK_EVERY)

    # --- after the look ----------------------------------------------------------------------------------------

    async def _it_rests(self, case: Case, form: Form) -> float | None:
        """Record that the protection rests. Watch the price of a take-profit that has no place beside the stop.

        Also watch the price of a stop at a limit: the market may jump over the limit, and the stop then sells nothing.
        """
        position, target, trouble = case.position, case.target, case.trouble
        watched = target.take_profit is not None and not form.take
        at_limit = any(leg.wish.type is Type.STOP_LOSS_LIMIT for leg in case.resting)
        standing = Standing.BETWEEN
        if watched or at_limit:
            trouble.watch(position.symbol, self._account.clock())
            ticker, standing = await self._price(case)
        jumped_over = at_limit and standing is Standing.BELOW_STOP
        if not jumped_over or position.lost != NOT_SOLD:
            legs = [leg.id for leg in case.resting]
            await say(
                self._orders.store, position,
                lambda p: p.rest(legs, target.quantity, watched=watched, covering=position.covered),
            )  # fmt: skip
        self._account.turns.protected(position.entries)
        if jumped_over or (watched and standing is Standing.ABOVE_TAKE_PROFIT):
            return await self._passed.react(case, standing, ticker)
        if not watched and not at_limit:
            if trouble.cap is None:
                self._troubles[position.id] = trouble.rested()
            return None
        trouble.seen_at_target = trouble.passed_since = None
        self._agenda.put(Task.GUARD, position.id, after=troubles.LOOK_EVERY)
        return None

    async def _too_small(self, case: Case, detail: str) -> float | None:
        """Refuse a move to a protection whose order the exchange would find too small.

        Legs that rest stay, unless they lock more than the target's quantity. Watch the price while the coins can still
        be sold.
        """
        position, market = case.position, case.market
        if position.is_asked and position.wanted_before is not None:
            await say(self._orders.store, position, lambda p: p.refuse_protection(TOO_SMALL, detail))
            return 0.0
        if position.is_asked:
            await say(self._orders.store, position, lambda p: p.lose_protection(TOO_SMALL, detail, final=True))
        if locked_in(case.resting) > case.target.quantity:
            await self._legs.free(case.resting)
            case = replace(case, resting=())
        case.trouble.watch(market.symbol, self._account.clock())
        ticker, standing = await self._price(case)
        sellable = market.round_quantity(position.held)
        if product(sellable, ticker.last) < market.minimum_notional or sellable < market.minimum_quantity:
            await say(self._orders.store, position, lambda p: p.lose_protection(DUST, detail, final=True))
            return None
        if standing is not Standing.BETWEEN:
            wait = await self._passed.react(case, standing, ticker)
            return troubles.LOOK_EVERY if wait is None else wait
        if not case.is_covered:
            case.trouble.begin(TOO_SMALL, self._account.clock(), detail)
        return troubles.LOOK_EVERY

    async def _only_watched(self, case: Case, last: Decimal) -> float:
        """Refuse a move to a protection that cannot rest in any form, as long as another one rests.

        Otherwise watch the price, tell the owner, and try every form again after a pause.
        """
        position, target, trouble = case.position, case.target, case.trouble
        detail = self.shapes.why_not(target, case.market, last)
        if position.is_asked and position.wanted_before is not None and position.in_force is not None:
            await say(self._orders.store, position, lambda p: p.refuse_protection(CANNOT_REST, detail))
            return 0.0
        if target.stop_loss is None:
            await say(self._orders.store, position, lambda p: p.rest([], ZERO, watched=True))
        elif not case.is_covered:
            await say(self._orders.store, position, lambda p: p.lose_protection(CANNOT_REST, detail, final=True))
        trouble.refuse(target, detail)
        trouble.not_before = _now() + trouble.pause(target, troubles.AT_MOST_EVERY)
        self.shapes.try_again(case.market.symbol)
        return troubles.LOOK_EVERY


def _stopped(position: Position, legs: Sequence[Order]) -> Decimal:
    """Return the quantity (base) that these legs protect. A take-profit does not protect against a fall.

    It counts only when no stop is wanted.
    """
    stopped = position.wanted is not None and position.wanted.stop_loss is not None
    return total(leg.remaining or ZERO for leg in legs if leg.wish.type in STOPS or not stopped)


def _is_triggered(resting: Sequence[Order]) -> bool:
    """Return whether only the stop-limit leg of a list rests: it is triggered and waits on the book for its price."""
    lone = [leg for leg in resting if leg.wish.list_id is not None and len(resting) == 1]
    return any(leg.wish.type is Type.STOP_LOSS_LIMIT for leg in lone)


def _now() -> float:
    return asyncio.get_running_loop().time()

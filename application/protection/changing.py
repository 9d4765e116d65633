"""Changing: replacing the resting orders with the wanted ones, so that coins are never without a stop for long.

A single call does it where the exchange has one. Otherwise the wanted order is first sent to be weighed while its coins
are locked under the resting ones. These are taken off only once the exchange objects to nothing but the locked coins,
and only when there is room to put them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from application.orders.account import NO_PLACE, OF_RULES
from application.orders.orders import Orders
from application.orders.turns import Rank
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, RefusedByExchange
from application.protection.case import Case
from application.protection.forms import Form, wishes_of
from application.protection.freeing import is_weighed
from application.protection.legs import Legs, say
from application.protection.resting import Change, change_of, protection_of, steps_of
from application.protection.shapes import LISTED, Shapes
from application.protection.target import STOPS
from application.protection.trouble import Trouble
from domain.amounts import ZERO, difference, total
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Wish
from domain.trading.position import Position

SOON, MOMENT, PAUSE = 0.0, 0.1, 1.0
REFUSED = "protection_refused"
SECOND_BALANCE = timedelta(seconds=2)
"""The time after which the balance must say the same again before coins count as missing."""


class Changing:
    """The changes of protection at one broker, one position at a time."""

    def __init__(self, orders: Orders, legs: Legs, shapes: Shapes) -> None:
        self._account, self._orders = orders.account, orders
        self._legs = legs
        self._shapes = shapes

    async def change(self, case: Case, form: Form, last: Decimal) -> float | None:
        """Make the change, or find out why it cannot be made.

        Returns None when the wanted orders rest or may rest, otherwise the seconds until the next attempt.
        """
        steps = steps_of(self._change_of(case, form, last))
        cancelling = [step for step in steps if step.stale and not self._keeps_stale(case, step)]
        if cancelling:
            await self._account.exchange.count_orders(self._account.credentials)  # our own count is a lower bound
        # An order that is cancelled first may have to go back, which takes as many new orders again.
        if wait := self._account.turns.wait(_rank(case), sum(len(step.missing) for step in [*steps, *cancelling])):
            case.trouble.begin("too_many_orders", self._account.clock())
            return wait
        for number, step in enumerate(steps):
            if number:
                case = await self._seen(case)
                if any(leg.status is not Status.OPEN for leg in case.resting):
                    return MOMENT  # the previous step is in doubt
            pause = await self._step(case, form, step, last)
            if pause is not None:
                return pause
        return None

    async def _seen(self, case: Case) -> Case:
        """Return the case with the legs that rest after a step."""
        legs = await self._legs.of(case.position.id, case.position.executions, case.position.resting)
        return replace(case, resting=[leg for leg in legs if leg.status not in ENDED])

    async def _step(self, case: Case, form: Form, step: Change, last: Decimal) -> float | None:
        """Replace one or several orders or lists with one order or list. Returns as `change`."""
        try:
            return await self._made(case, step)
        except NotAccepted as error:
            return await self._not_now(case, error)
        except RefusedByExchange as error:
            return await self._refused(case, form, error, last)

    def _keeps_stale(self, case: Case, step: Change) -> bool:
        """Return whether the stale orders stay unless the missing ones take their place at the same time."""
        return self._shapes.in_one_call(case, step) or self._shapes.in_place(step)

    async def _made(self, case: Case, step: Change) -> float | None:
        """Send what a step needs. Returns as `change`, raises as `Legs.place`."""
        if self._keeps_stale(case, step):
            return None if await self._changed(case, step) else MOMENT
        if await self._lies_beside(case.market, step):
            rest = await self._legs.place(case.position, case.market, step.missing)
            return None if rest and await self._freed(step.stale) else MOMENT
        if await self._asks_first(case.market, step):
            rests = await self._asked(case, step)
            if rests:
                return None if await self._freed(step.stale) else MOMENT
            if rests is not None:
                return PAUSE
        if step.stale and not await self._freed(step.stale):
            return SOON
        await self._legs.place(case.position, case.market, step.missing)
        return None

    async def _changed(self, case: Case, step: Change) -> bool:
        """Change the stale orders to the missing one in a single call. Return False while that is in doubt."""
        if self._shapes.in_place(step):
            return await self._legs.amend(case.market, step.missing[0], step.stale[0])
        return await self._legs.replace(case.position, case.market, step.missing[0], step.stale)

    async def _lies_beside(self, market: Market, step: Change) -> bool:
        """Return whether the missing orders can be placed before the stale ones are taken off: nothing locks coins."""
        if not (step.stale and step.missing) or self._account.exchange.capabilities.triggers_lock:
            return False
        return all(leg.wish.type in STOPS for leg in step.stale) and await self._free(market) >= _largest(step)

    async def _free(self, market: Market) -> Decimal:
        account = self._account
        balance = (await account.exchange.balances(account.credentials, urgent=True)).get(market.base)
        return ZERO if balance is None else balance.free

    async def _asks_first(self, market: Market, step: Change) -> bool:
        """Return whether the missing orders can only be taken once the stale ones have freed their coins.

        If enough other coins were free, the missing orders would be taken now and rest beside the stale ones.
        """
        if not (step.stale and step.missing and self._account.exchange.capabilities.locks):
            return False
        return await self._free(market) < _largest(step)

    async def _asked(self, case: Case, step: Change) -> bool | None:
        """Send the missing orders to have them weighed.

        Returns None when only their coins, or a place beside the stale orders, were lacking. Returns True when they
        were taken, as coins have come free meanwhile: the stale orders must go at once. Returns False when that is in
        doubt: the stale orders stay until it is known. Raises as `Legs.place`; nothing was taken off then.
        """
        try:
            return await self._legs.place(case.position, case.market, step.missing, asks_first=True)
        except RefusedByExchange as error:
            if not is_weighed(error):
                raise
            return None

    def _change_of(self, case: Case, form: Form, last: Decimal) -> Change:
        """Return the orders to take off the book and the orders to place."""
        market, target = case.market, case.target
        filled = [leg for leg in case.resting if leg.filled]
        if not filled or target.stop_loss is None or not self._shapes.replaces(market, filled):
            return change_of(wishes_of(target, form, market, LISTED), case.resting, market)
        # The first fill of the take-profit has ended its stop: a stop replaces the take-profit at once.
        case.trouble.sold_in_part = self._account.clock()
        form = self._shapes.best(case, last, listed=False) or form
        stops = [leg for leg in case.resting if leg not in filled and leg.wish.type in STOPS]
        bare = difference(target.quantity, total(leg.remaining or ZERO for leg in stops))
        wishes = wishes_of(replace(target, quantity=bare), form, market, LISTED) if bare > 0 else []
        return Change(filled, wishes)

    async def _freed(self, resting: Sequence[Order]) -> bool:
        """Take the resting orders off. Return False when one of them has a fill: the wanted orders no longer fit.

        Raises `NoAnswer` when one of them is still on the book.
        """
        freed = await self._legs.free(resting)
        if any(leg.status not in ENDED for leg in freed):
            raise NoAnswer("what rests is not off the book yet", code="coins_protected")
        return not any(leg.filled for leg in freed)

    # --- what the exchange did not take ------------------------------------------------------------------------

    async def _not_now(self, case: Case, error: NotAccepted) -> float:
        """Try the same again as soon as possible: a rate limit or a skewed clock is not a refusal.

        On a skewed clock, ask for the server's time. Otherwise put the resting orders back if they were taken off.
        Returns the seconds until the next attempt.
        """
        case.trouble.begin(error.code, self._account.clock(), str(error))
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self._account.exchange.server_time()
            return MOMENT
        if case.resting and not await self._still(case.resting):
            with suppress(ExchangeError):
                await self._put_back(case)
        return self._account.turns.wait(_rank(replace(case, resting=())), 1) or PAUSE

    async def _refused(self, case: Case, form: Form, error: RefusedByExchange, last: Decimal) -> float:
        """Take a definite refusal: try another form, and put the resting orders back when there is none.

        Returns the seconds until the next attempt.
        """
        market, target, trouble = case.market, case.target, case.trouble
        if error.code == "insufficient_funds":
            pause = self._account.movements.pause(market.base, trouble.lags)
            trouble.lags += 1
            return await self._short(case) if pause is None else pause
        if error.code == "would_trigger":
            trouble.refuse(target, str(error))
            trouble.begin("would_trigger", self._account.clock(), str(error))
            return MOMENT  # look at the price again: it may have passed the trigger
        if error.code == NO_PLACE and trouble.apart != target and await self._still(case.resting):
            trouble.apart = target
            return SOON
        self._account.doubt_rules(error.code)
        if error.code in OF_RULES:
            self._shapes.refuse(target, market, form, error)
            left = case.resting if await self._still(case.resting) else ()
            if self._shapes.best(replace(case, resting=left), last) is not None:
                return SOON
        trouble.refuse(target, str(error))
        await self._tell_refused(case, str(error))
        return PAUSE

    async def _tell_refused(self, case: Case, detail: str) -> None:
        """Put the resting orders back, and record that the request was refused or that coins lack their protection."""
        position, rested = case.position, protection_of(case.resting) is not None
        if rested and not await self._still(case.resting):
            await self._put_back(case)
        if position.is_asked and position.wanted_before is not None:
            await say(self._orders.store, position, lambda p: p.refuse_protection(REFUSED, detail))
        elif not rested:
            await say(self._orders.store, position, lambda p: p.lose_protection(REFUSED, detail, final=True))
        elif not case.is_covered:
            await say(self._orders.store, position, lambda p: p.lose_protection(REFUSED, detail))

    async def _still(self, resting: Sequence[Order]) -> bool:
        """Return whether the orders all still rest, and there are any."""
        legs = [await self._orders.load(leg.id) for leg in resting]
        return bool(legs) and all(leg.status not in ENDED for leg in legs)

    async def _put_back(self, case: Case) -> None:
        """Place the ended orders again, each with the quantity that was left of it. Raises as `Legs.place`."""
        legs = [await self._orders.load(leg.id) for leg in case.resting]
        gone = [_again(leg) for leg in legs if leg.status in ENDED]
        await self._legs.place(case.position, case.market, gone)

    # --- coins that are missing --------------------------------------------------------------------------------

    async def _short(self, case: Case) -> float:
        """Check the account for missing coins, and cap the target once two balances agree.

        The coins that are there are shared out among all positions in the currency, in proportion to what they hold.
        Part of the missing ones may have paid the fees of other trades. Returns the seconds until the next attempt.
        """
        account, now = self._account, self._account.clock()
        position, market, trouble = case.position, case.market, case.trouble
        balances = await account.exchange.balances(account.credentials, urgent=True)
        balance = balances.get(market.base)
        there = ZERO if balance is None else total((balance.free, balance.locked))
        if there >= position.held:
            return await self._locked(position, trouble, f"{there} {market.base} are there, and not free")
        seen = trouble.short
        if seen is None or seen[1] != there or self._orders.doubts.about(position.symbol):
            trouble.short = now, there
            trouble.begin("coins_missing", now, f"{there} {market.base}")
            return SECOND_BALANCE.total_seconds()
        if now - seen[0] < SECOND_BALANCE:
            return SECOND_BALANCE.total_seconds()
        held = await self._held(market.base)
        trouble.cap = position.held, there * position.held / held if held else ZERO
        trouble.short, trouble.lags, trouble.times = None, 0, trouble.times + 1
        detail = f"{there} of {held} {market.base}"
        await say(self._orders.store, position, lambda p: p.lose_protection("coins_missing", detail))
        return SOON

    async def _locked(self, position: Position, trouble: Trouble, detail: str) -> float:
        """Record that the coins are locked, by an external order or by one of ours that counts as ended.

        Returns the seconds until the next attempt.
        """
        trouble.times, trouble.detail = trouble.times + 1, detail
        await say(self._orders.store, position, lambda p: p.lose_protection("coins_locked", detail))
        return trouble.pause(None, MOMENT)

    async def _held(self, base: str) -> Decimal:
        """Return how much of a currency all open positions of this broker hold together."""
        store, number = self._orders.store, self._account.broker.number
        found = await asyncio.to_thread(lambda: store.get_all(Position, store.positions_open()))
        return total(p.held for p in found if p.broker == number and p.symbol.startswith(f"{base}/"))


def _rank(case: Case) -> Rank:
    if case.is_covered:
        return Rank.MOVE
    first = case.position.in_force is None and case.position.lost is None
    return Rank.PROTECTION if first else Rank.RESCUE


def _largest(step: Change) -> Decimal:
    """Return the quantity (base) of the largest missing order."""
    return max(wish.quantity or ZERO for wish in step.missing)


def _again(leg: Order) -> Wish:
    return replace(leg.wish, quantity=leg.remaining, price=leg.price, stop_price=leg.stop_price)

"""Passed: carries out stops and take-profits that the market passed while they did not rest.

A move of the protection to a price that the market has passed is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from application.orders.agenda import Agenda, Task
from application.orders.orders import Orders
from application.ports.market_data import Ticker
from application.protection import trouble as troubles
from application.protection.case import Case
from application.protection.legs import Legs, said_of, say
from application.protection.resting import protection_of
from application.protection.target import Standing
from application.protection.trouble import DOUBT_BEFORE_ALARM
from domain.amounts import plain, product
from domain.orders.order import Order
from domain.orders.wish import Side, TimeInForce, Type, Wish
from domain.trading.position import Position

NOT_SOLD = "stop_not_sold"
"""The reason for a loss of protection when a stop has been passed and waits at the limit that its owner chose."""
HELPED_AFTER = timedelta(seconds=2)
"""The time for which a resting stop may be passed before its quantity is sold for it."""


class Passed:
    """The sales in place of stops and take-profits that could not rest."""

    def __init__(self, orders: Orders, legs: Legs, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._legs = legs
        self._agenda = agenda

    async def react(self, case: Case, standing: Standing, ticker: Ticker) -> float | None:
        """React to a price that the market has passed. Return the seconds until the next look.

        Return None while the take-profit is not met and its stop does not rest.
        """
        if await self.refuse_move(case, standing):
            return 0.0
        if _is_selling(case.resting, standing, ticker.last) and not await self._sells_nothing(case, standing, ticker):
            return troubles.AT_MOST_EVERY
        if standing is Standing.ABOVE_TAKE_PROFIT and not self._is_met(case, ticker):
            bare = case.target.stop_loss is not None and not case.is_covered
            return None if bare else troubles.AT_MOST_EVERY
        return await self._carry_out(case, standing, ticker.last)

    async def _sells_nothing(self, case: Case, standing: Standing, ticker: Ticker) -> bool:
        """Return whether a resting stop that was passed needs help: it covers only a part, or is not triggered.

        No stop gets help before it has been passed for `HELPED_AFTER`. One that covers everything at the limit that its
        owner chose gets none at all: after `DOUBT_BEFORE_ALARM` the owner is told, and the stop waits on.
        """
        if standing is not Standing.BELOW_STOP:
            return False
        now, trouble = self._account.clock(), case.trouble
        trouble.passed_since = trouble.passed_since or now
        waited, at_limit = now - trouble.passed_since, case.target.stop_limit is not None
        if at_limit and case.is_covered and waited >= DOUBT_BEFORE_ALARM:
            detail = f"{plain(ticker.last)} {case.market.quote}"
            await say(self._orders.store, case.position, lambda p: p.lose_protection(NOT_SOLD, detail, final=True))
        return waited >= HELPED_AFTER and not (at_limit and case.is_covered)

    async def refuse_move(self, case: Case, standing: Standing) -> bool:
        """Refuse a move to a price that the market has passed. Return False when no move has been asked for.

        The previous protection is wanted again, even if it is off the book: a take-profit filled in part has ended its
        stop.
        """
        position = case.position
        if position.wanted_before is None or not position.is_asked:
            return False
        await say(self._orders.store, position, lambda p: p.refuse_protection(f"market_{standing}"))
        return True

    def _is_met(self, case: Case, ticker: Ticker) -> bool:
        """Return whether the bid has met the take-profit on two looks in a row: a single print is not a buyer.

        Without a bid, the last price counts.
        """
        take, trouble = case.target.take_profit, case.trouble
        if take is None or (ticker.bid or ticker.last) < take:
            trouble.seen_at_target = None
            return False
        now = self._account.clock()
        first, trouble.seen_at_target = trouble.seen_at_target, trouble.seen_at_target or now
        return first is not None

    async def _carry_out(self, case: Case, standing: Standing, last: Decimal) -> float:
        """Sell what should have been sold by now. Return the seconds until the next look.

        While the same target has to be sold again and again, the pause doubles each time, up to a limit. The owner is
        told from the second attempt on.
        """
        position, target, trouble = case.position, case.target, case.trouble
        if trouble.sale == target:
            if (wait := trouble.sale_not_before - _now()) > 0:
                return min(wait, troubles.LOOK_EVERY)
            detail = trouble.detail
            await say(
                self._orders.store, position, lambda p: p.lose_protection("protection_refused", detail, final=True)
            )
            position = await asyncio.to_thread(self._orders.store.get, Position, position.id)
        doublings = min(trouble.sell(target), troubles.MOST_DOUBLINGS)
        trouble.sale_not_before = _now() + troubles.AT_MOST_EVERY * 2**doublings
        order = self._legs.order(position, _sale(case, standing, last))
        position.leave(order.id)
        with said_of(position):
            await asyncio.to_thread(self._orders.store.save, position, order)
        self._account.log.warning("protection_passed", position=str(position.id), standing=standing)
        self._agenda.put(Task.SEND, order.id)
        return troubles.AT_MOST_EVERY  # the next look sees whether it is sold


def _is_selling(legs: Sequence[Order], standing: Standing, last: Decimal) -> bool:
    """Return whether a resting order sells at the last price and is about to be carried out."""
    kept = protection_of(legs)
    if kept is None:
        return False
    if standing is Standing.BELOW_STOP:
        return kept.stop_loss is not None and kept.stop_loss >= last
    return kept.take_profit is not None and kept.take_profit <= last


def _sale(case: Case, standing: Standing, last: Decimal) -> Wish:
    """Return the order in place of a stop or a take-profit.

    A stop sells at whatever the market gives, a take-profit never below its price. Where the market has jumped so far
    beyond it that the exchange would refuse that price, the limit is one halfway between its bound and the last price.
    """
    target, market = case.target, case.market
    if standing is Standing.BELOW_STOP:
        return Wish(case.position.symbol, Side.SELL, Type.MARKET, quantity=target.quantity)
    assert target.take_profit is not None
    price, lowest = target.take_profit, market.sell_band.lowest
    if lowest:
        price = max(price, market.round_price(product(last, (1 + lowest) / 2)))
    return Wish(
        case.position.symbol, Side.SELL, Type.LIMIT, quantity=target.take_quantity, price=price,
        time_in_force=TimeInForce.IOC,
    )  # fmt: skip


def _now() -> float:
    return asyncio.get_running_loop().time()

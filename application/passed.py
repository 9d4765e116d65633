"""Passed prices: what the market has passed while it did not rest is carried out, and a move to it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from application import trouble as troubles
from application.desk import Desk, Later
from application.exchange import Ticker
from application.legs import Legs, said_of
from application.protection import Standing, Target, protection_of
from application.sayings import say
from application.trouble import Trouble
from domain.order import Order
from domain.position import Position
from domain.wish import Protection, Side, TimeInForce, Type, Wish


class Passed:
    """Sells what a stop or a target stood for that could not rest."""

    def __init__(self, desk: Desk, legs: Legs, later: Later) -> None:
        self._desk = desk
        self._legs = legs
        self._later = later

    async def carry_out(
        self,
        position: Position,
        target: Target,
        legs: Sequence[Order],
        standing: Standing,
        ticker: Ticker,
        trouble: Trouble,
    ) -> float:
        """The market has passed a wanted price: a move is refused, what should have been sold by now is sold."""
        kept = protection_of(legs)
        # What rested last counts, also while it is off the book: a target that has sold a part has ended its stop.
        before = position.in_force or kept
        if before is not None and position.request != position.answered and position.wanted != before:
            await say(self._desk, position.id, lambda p: p.refuse_protection(f"market_{standing}", before))
            return 0.0
        if kept is not None and _sells(kept, standing):
            return troubles.AT_MOST_EVERY  # it rests, and is about to be carried out
        if standing is Standing.ABOVE_TAKE_PROFIT and not self._is_met(target, ticker, trouble):
            return troubles.AT_MOST_EVERY / 2
        if trouble.refused == target and (wait := trouble.not_before - _now()) > 0:
            return min(wait, troubles.LOOK_EVERY)
        if trouble.refused == target:
            await say(self._desk, position.id, lambda p: p.lose_protection("protection_refused", trouble.detail))
            position = await asyncio.to_thread(self._desk.store.get, Position, position.id)
        trouble.refuse(target)  # until it is sold nothing protects it
        trouble.not_before = _now() + trouble.pause(target, troubles.AT_MOST_EVERY)
        order = self._legs.order(position, _sale(position, target, standing))
        position.leave(order.id)
        with said_of(position):
            await asyncio.to_thread(self._desk.store.save, position, order)
        self._desk.log.warning("protection_passed", position=str(position.id), standing=standing)
        self._later("send", order.id, 0.0)
        return troubles.AT_MOST_EVERY  # which sees whether it is sold

    def _is_met(self, target: Target, ticker: Ticker, trouble: Trouble) -> bool:
        """Whether somebody has offered the target's price for long enough: one print is no buyer."""
        if target.take_profit is None or (ticker.bid or ticker.last) < target.take_profit:
            trouble.seen_at_target = None
            return False
        now = self._desk.clock()
        first, trouble.seen_at_target = trouble.seen_at_target, trouble.seen_at_target or now
        return first is not None


def _sale(position: Position, target: Target, standing: Standing) -> Wish:
    """The order that a stop or a target stands for: whatever the market gives, or never below the target."""
    if standing is Standing.BELOW_STOP:
        return Wish(position.symbol, Side.SELL, Type.MARKET, quantity=target.quantity)
    return Wish(
        position.symbol, Side.SELL, Type.LIMIT, quantity=target.quantity, price=target.take_profit,
        time_in_force=TimeInForce.IOC,
    )  # fmt: skip


def _sells(protection: Protection, standing: Standing) -> bool:
    """Whether what rests sells where the market stands."""
    price = protection.stop_loss if standing is Standing.BELOW_STOP else protection.take_profit
    return price is not None


def _now() -> float:
    return asyncio.get_running_loop().time()

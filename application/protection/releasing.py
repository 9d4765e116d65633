"""Releasing: taking orders off the book that protect nothing any longer, and recording why nothing rests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from application.orders.orders import Orders
from application.protection import trouble as troubles
from application.protection.legs import Legs, say
from application.protection.resting import holds
from application.protection.settling import wait_for_exits
from application.protection.target import in_doubt, leaving
from application.protection.trouble import Trouble
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import ENDED
from domain.protection.level import CARRIED_OUT
from domain.trading.position import Position

DUST, IN_EXIT = "not_protectable", "in_exit"
"""The reasons why coins that are too small to sell or are being sold have no protection.

They are shown beside the position and raise no alarm.
"""


class Releasing:
    """The releases at one broker."""

    def __init__(self, orders: Orders, legs: Legs) -> None:
        self._account, self._orders = orders.account, orders
        self._legs = legs

    async def market_gone(self, position: Position, resting: Sequence[Order]) -> None:
        """Leave the resting orders to the exchange, which no longer lists the market: nothing new can be placed.

        Tell the owner if an open position is without its wanted stop.
        """
        if position.is_open and position.wanted is not None and not holds(position, resting):
            await say(self._orders.store, position, lambda p: p.lose_protection("symbol_unknown"))

    async def release(
        self, position: Position, market: Market, resting: Sequence[Order], exits: Sequence[Order], trouble: Trouble
    ) -> float | None:
        """Take the resting orders off the book: no protection is wanted any longer, or no coins are left for it.

        Wait while an exit of an open position is in doubt. If protection is wanted but the coins are missing, try
        again after a pause. Otherwise record why nothing rests: the coins are in an exit, too small, or sold by the
        protection itself.
        """
        if position.is_open and position.wanted is not None and in_doubt(exits):
            return wait_for_exits(exits, trouble)
        freed = await self._legs.free(resting)
        if any(leg.status not in ENDED for leg in freed):
            return troubles.AT_MOST_EVERY  # the exchange did not take the cancel
        if not position.is_open or position.wanted is None:
            self._account.turns.protected(position.entries)
            return None
        now = asyncio.get_running_loop().time()
        if trouble.cap is not None:
            if (wait := trouble.not_before - now) > 0:
                return wait
            trouble.cap = None  # the missing coins may be back
            trouble.not_before = now + trouble.pause(None, troubles.LOOK_EVERY)
            return 0.0
        if market.round_quantity(position.covered):
            reason = IN_EXIT if leaving(exits) else DUST
            await say(self._orders.store, position, lambda p: p.lose_protection(reason))
        else:
            await say(self._orders.store, position, lambda p: p.lose_protection(CARRIED_OUT, final=True))
        return None

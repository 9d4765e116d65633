"""Settling: waiting for facts about a position that are on their way, before its protection is touched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from application.orders.orders import Orders
from application.protection import trouble as troubles
from application.protection.target import in_doubt
from application.protection.trouble import DOUBT_BEFORE_ALARM, Trouble
from application.trading.counting import counted
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Type
from domain.trading.position import Position

COUNTED_WITHIN = 0.02
"""Seconds between two looks at fills that the engine has not counted yet."""


class Settling:
    """The waiting for facts at one broker."""

    def __init__(self, orders: Orders) -> None:
        self._account, self._orders = orders.account, orders

    async def wait(
        self, position: Position, legs: Sequence[Order], exits: Sequence[Order], trouble: Trouble
    ) -> float | None:
        """Return the seconds to wait for facts that are on their way, None when all have arrived."""
        if not position.is_open and all(order.status in ENDED for order in (*legs, *exits)):
            return None  # any later fill of these orders counts in the next trade
        if not counted(position, [*legs, *exits]):
            return COUNTED_WITHIN  # the engine has not counted all fills yet
        waiting = [o for o in exits if o.requester == PROTECTION and o.status is Status.PLACED]
        if waiting:
            # The sale in place of a stop is still unsent. The owner is told if it cannot be sent.
            trouble.begin("exit_not_sent", min(order.created_on for order in waiting))
            return troubles.AT_MOST_EVERY
        if doubtful := [*in_doubt(legs), *(leg for leg in legs if leg.amendment and leg.status is Status.OPEN)]:
            # Looked up already. Until the doubt is over, coins may be locked, or a stop may rest at either price.
            trouble.begin("protection_unknown", min(map(_asked_at, doubtful), default=self._account.clock()))
            return troubles.AT_MOST_EVERY
        widowed = [leg for leg in legs if leg.status is Status.OPEN and _is_about_to_end(leg, legs)]
        for leg in widowed:
            # The other leg of the list has ended this one. Its report is on its way; ask for it meanwhile.
            market = self._account.markets[leg.wish.symbol]
            await self._orders.hear(await self._account.ask(leg, market))
        if not widowed:
            return None
        ended_at = max(leg.modified_on for leg in legs if leg.status in ENDED)
        return COUNTED_WITHIN if self._account.clock() - ended_at < DOUBT_BEFORE_ALARM else troubles.AT_MOST_EVERY


def wait_for_exits(exits: Sequence[Order], trouble: Trouble) -> float:
    """Keep the resting orders and wait for the exits in doubt: if none arrived, the coins still need them.

    Returns the seconds until the next look.
    """
    trouble.begin("exit_in_doubt", min(order.submitted_at or order.created_on for order in in_doubt(exits)))
    return troubles.AT_MOST_EVERY


def _asked_at(leg: Order) -> datetime:
    """Return the time of the request to which the answer is missing."""
    if leg.amendment is not None:
        return leg.amendment.valid_until
    return leg.submitted_at or leg.created_on


def _is_about_to_end(leg: Order, legs: Sequence[Order]) -> bool:
    """Return whether the other leg of its list has ended, which ends this one as well.

    Return False for a leg that is being carried out: a take-profit filled in part, or a triggered stop at a limit that
    waits for its price.
    """
    others = [o for o in legs if o.id != leg.id and leg.wish.list_id is not None and o.wish.list_id == leg.wish.list_id]
    waits = leg.wish.type is Type.STOP_LOSS_LIMIT and not any(other.filled for other in others)
    return not waits and not leg.filled and any(other.status in ENDED for other in others)

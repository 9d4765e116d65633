"""Second look: the price after a trigger was placed or moved, where triggers have no direction.

Such a trigger fires when the price comes to it from wherever the price was. If the price passed it on the way to the
exchange, it waits on the wrong side and protects nothing. A stop counts as resting only once this look is over.
"""

from __future__ import annotations

from application.orders.orders import Orders
from application.protection.case import Case
from application.protection.legs import Legs
from application.protection.passed import Passed
from application.protection.target import STOPS, Standing, standing_of
from domain.amounts import ZERO

AT_ONCE, MOMENT = 0.0, 0.1


class SecondLook:
    """The second looks at one broker."""

    def __init__(self, orders: Orders, legs: Legs, passed: Passed) -> None:
        self._account, self._orders = orders.account, orders
        self._legs = legs
        self._passed = passed

    async def after_change(self, case: Case) -> float | None:
        """Look at the price once for each stop that was placed or moved.

        Take off a stop that waits on the wrong side while the wanted one has been passed: the next look carries it
        out. If it was moved there by request, refuse that request. Returns the seconds until the next look, None when
        all stops are on their right side or are about to be moved there. Raises as `Account.asked_price`.
        """
        account, looked = self._account, case.trouble.looked
        new = [leg for leg in case.resting if leg.wish.type in STOPS and looked.get(leg.id) != leg.stop_price]
        if account.exchange.capabilities.directed or not new:
            return None
        last = (await account.asked_price(case.market, urgent=True)).last
        for leg in new:
            if last > (leg.stop_price or ZERO):
                looked[leg.id] = leg.stop_price or ZERO
            if standing_of(case.target, last) is not Standing.BELOW_STOP or looked.get(leg.id) == leg.stop_price:
                continue  # a stop on the wrong side is moved from there when the wanted one has not been passed
            report = await account.ask(leg, case.market)
            await self._orders.hear(report)
            if not report.waits:
                return MOMENT  # it has been executed, or rests at its limit by now
            account.log.warning("trigger_passed", order=str(leg.id), last=str(last))
            if not await self._passed.refuse_move(case, Standing.BELOW_STOP):
                await self._legs.free([leg])
            return AT_ONCE
        return None

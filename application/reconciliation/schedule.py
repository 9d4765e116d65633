"""Schedule: when one broker's orders are compared with its exchange, and that nothing is sent before the first."""

from __future__ import annotations

import asyncio

from application.orders.account import Account
from application.reconciliation.reconciler import Reconciler
from application.reconciliation.run import Run
from domain.reconciliation import Occasion

BUSY = 0.5
"""Which part of a minute's requests polls may meet used up: beyond it they wait for the next time."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Schedule:
    """The comparisons of one broker."""

    def __init__(self, account: Account, reconciler: Reconciler) -> None:
        self._account = account
        self._reconciler = reconciler
        self._under_way: asyncio.Task[None] | None = None
        self._next: Occasion | None = None
        """Why they are to be compared once more, as soon as that is done which is under way."""
        self.first_ended = asyncio.Event()
        """Set once all orders have been compared after the start."""

    @property
    def under_way(self) -> bool:
        """Whether the orders are being compared beside everything else."""
        return self._under_way is not None and not self._under_way.done()

    async def first(self) -> None:
        """Compare until that has worked once."""
        pause = FIRST_PAUSE
        while not self.first_ended.is_set():
            if await self._worked(Occasion.START):
                self.first_ended.set()
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def once(self, occasion: Occasion, *, dry: bool) -> Run | None:
        """Compare now.

        None for a poll that leaves the exchange's budget to whoever wants to trade, or that meets a comparison under
        way: that one asks what it would have asked, and a queue of polls would only grow.
        """
        if occasion is Occasion.POLL and (self._account.exchange.busy > BUSY or self._reconciler.under_way):
            return None
        return await self._reconciler.run(occasion, dry=dry)

    def begin(self, occasion: Occasion) -> None:
        """Compare beside everything else; asked for while that is under way, it is done once more.

        That a stream was interrupted is written down whatever is found, so no other occasion takes its place.
        """
        if self.under_way:
            self._next = occasion if self._next is not Occasion.RECONNECTION else self._next
        else:
            self._under_way = asyncio.create_task(self._beside(occasion))

    async def _beside(self, occasion: Occasion) -> None:
        wanted: Occasion | None = occasion
        while wanted is not None:
            await self._worked(wanted)
            wanted, self._next = self._next, None

    async def _worked(self, occasion: Occasion) -> bool:
        """Whether the exchange could be asked to the end and everything could be recorded."""
        try:
            run = await self._reconciler.run(occasion)
        except Exception as error:
            self._account.log.warning("reconciliation_failed", broker=self._account.broker.number, error=repr(error))
            return False
        return run.failure is None

    def close(self) -> None:
        """End what is under way."""
        if self._under_way is not None:
            self._under_way.cancel()

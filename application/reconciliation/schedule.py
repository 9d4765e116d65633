"""Schedule: starting the reconciliations of one broker; nothing is sent before the first has succeeded."""

from __future__ import annotations

import asyncio
from datetime import datetime

from application.orders.account import Account
from application.reconciliation.reconciler import Reconciler
from application.reconciliation.run import Run
from domain.reconciliation import Occasion

BUSY = 0.5
"""Skip a poll once this fraction of the minute's budget is used."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Schedule:
    """The reconciliations of one broker."""

    def __init__(self, account: Account, reconciler: Reconciler) -> None:
        self._account = account
        self._reconciler = reconciler
        self._under_way: asyncio.Task[None] | None = None
        self._next: Occasion | None = None
        """The occasion of the next run, when one is asked for during a run."""
        self.completed_at: datetime | None = None
        """The end of the last run that the exchange answered whole (UTC), recorded or not."""
        self.first_ended = asyncio.Event()
        """Set once the first reconciliation after the start has succeeded."""

    @property
    def under_way(self) -> bool:
        """True while a reconciliation runs in the background."""
        return self._under_way is not None and not self._under_way.done()

    async def first(self) -> None:
        """Reconcile, with growing pauses between attempts, until one succeeds."""
        pause = FIRST_PAUSE
        while not self.first_ended.is_set():
            if await self._worked(Occasion.START):
                self.first_ended.set()
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def once(self, occasion: Occasion, *, dry: bool) -> Run | None:
        """Reconcile now and return the run; return None for a poll that is skipped.

        A poll is skipped to leave the exchange's budget to trading. It is also skipped while a reconciliation is under
        way: that one asks the same questions, and a queue of polls would only grow.
        """
        if occasion is Occasion.POLL and (self._account.exchange.busy > BUSY or self._reconciler.under_way):
            return None
        asks = occasion is not Occasion.POLL or self._reconciler.has_live_orders
        return self._noted(await self._reconciler.run(occasion, dry=dry), asks=asks)

    def _noted(self, run: Run, *, asks: bool = True) -> Run:
        """Note the time of a run that asked something and was answered whole. A poll without orders asks nothing."""
        if asks and run.failure is None:
            self.completed_at = self._account.clock()
        return run

    def begin(self, occasion: Occasion) -> None:
        """Reconcile in the background; when asked during such a run, reconcile once more after it.

        A reconnection is recorded whatever is found, so no other occasion replaces one that is waiting.
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
        """Reconcile once; return True when the exchange answered everything and the run could be recorded."""
        try:
            run = self._noted(await self._reconciler.run(occasion))
        except Exception as error:
            self._account.log.warning("reconciliation_failed", broker=self._account.broker.number, error=repr(error))
            return False
        return run.failure is None

    def close(self) -> None:
        """Cancel the reconciliation in the background."""
        if self._under_way is not None:
            self._under_way.cancel()

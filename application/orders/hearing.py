"""Hearing: whether a private stream tells what happens, or only stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from application.ports.exchange import Fill, OrderReport
from domain.order import ENDED, Order

HEARD_WITHIN = 5.0
"""Seconds within which the stream has to tell what was learnt elsewhere first."""


class _Debt(NamedTuple):
    """What the stream has to tell of an order at least, and when it was learnt elsewhere (by the loop's clock)."""

    filled: Decimal
    ended: bool
    since: float


class Hearing:
    """What one broker's stream owes: what answers and questions have told, of what happened while it stands.

    A stream is deaf when it owes something and tells nothing at all. One that is behind is not: it tells.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._debts: dict[UUID, _Debt] = {}
        self._stands_since: datetime | None = None
        self._patience: asyncio.Timeout | None = None
        self._listening = False
        self._told_at = 0.0
        """When the stream last told something (by the loop's clock)."""
        self.deaf = False
        """Whether a connection was found deaf, and none has told anything since."""

    def begin(self, patience: asyncio.Timeout) -> None:
        """The stream stands; `patience` ends when it is deaf."""
        self._debts.clear()
        self._stands_since, self._patience = self._clock(), patience

    def end(self) -> None:
        """The connection has ended."""
        self.deaf = self.deaf or (self._patience is not None and self._patience.expired())
        self._debts.clear()
        self._stands_since = self._patience = None

    def learn(self, order: Order, report: OrderReport, fills: Sequence[Fill]) -> None:
        """Something new was learnt of an order, by whichever way; `fills` are the executions that were new."""
        since = self._stands_since
        if since is None:
            return
        sent = order.submitted_at is not None and order.submitted_at >= since
        if sent or any(fill.executed_at >= since for fill in fills):
            before = self._debts.get(order.id)
            learnt_at = asyncio.get_running_loop().time() if before is None else before.since
            self._debts[order.id] = _Debt(report.filled, report.state in ENDED, learnt_at)
            self._bound()

    @contextmanager
    def listening(self, order_id: UUID | None, report: OrderReport) -> Iterator[None]:
        """The stream tells something, which takes its time to be recorded. `order_id` is None for a stranger's."""
        self.deaf, self._listening = False, True
        self._bound()
        try:
            yield
        finally:
            self._listening, self._told_at = False, asyncio.get_running_loop().time()
            if order_id is not None:
                self._pay(order_id, report)
            self._bound()

    def _pay(self, order_id: UUID, report: OrderReport) -> None:
        debt = self._debts.get(order_id)
        if debt is not None and report.filled >= debt.filled and (report.state in ENDED or not debt.ended):
            del self._debts[order_id]

    def _bound(self) -> None:
        """Set until when the stream has to tell something."""
        if self._patience is None or self._patience.expired():
            return
        oldest = min((debt.since for debt in self._debts.values()), default=None)
        waits = oldest is not None and not self._listening
        self._patience.reschedule(max(oldest or 0.0, self._told_at) + HEARD_WITHIN if waits else None)

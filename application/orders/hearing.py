"""Hearing: telling a private stream that reports what happens from one that is merely connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from application.ports.statements import Fill, OrderReport
from domain.orders.order import Order
from domain.orders.order_status import ENDED

HEARD_WITHIN = 5.0
"""Seconds within which the stream has to report what was learnt elsewhere first."""


class _Debt(NamedTuple):
    """The least that the stream owes about an order, and the time it was learnt elsewhere (by the loop's clock)."""

    filled: Decimal
    ended: bool
    since: float


class Hearing:
    """The debts of one broker's stream: events since it connected that answers or queries have reported first.

    A stream is deaf when it owes something and reports nothing at all. One that lags behind is not deaf.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._debts: dict[UUID, _Debt] = {}
        self._stands_since: datetime | None = None
        self._patience: asyncio.Timeout | None = None
        self._listening = False
        self._told_at = 0.0
        """The time at which the stream last reported something (by the loop's clock)."""
        self.deaf = False
        """True when a connection was found deaf and nothing has been reported by the stream since."""

    def begin(self, patience: asyncio.Timeout) -> None:
        """Begin a connection. `patience` is the timeout that expires when the stream is deaf."""
        self._debts.clear()
        self._stands_since, self._patience = self._clock(), patience

    def end(self) -> None:
        """End a connection, and note whether it was deaf."""
        self.deaf = self.deaf or (self._patience is not None and self._patience.expired())
        self._debts.clear()
        self._stands_since = self._patience = None

    def learn(self, order: Order, report: OrderReport, fills: Sequence[Fill]) -> None:
        """Note something new about an order, learnt in any way; `fills` are the new executions.

        The stream owes it only if the order was sent, or one of the fills executed, since it connected.
        """
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
        """Suspend the deadline while a report of the stream is being recorded, which takes time.

        `order_id` is None for a stranger's report.
        """
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
        """Set the time by which the stream has to report something, or none while it owes nothing."""
        if self._patience is None or self._patience.expired():
            return
        oldest = min((debt.since for debt in self._debts.values()), default=None)
        waits = oldest is not None and not self._listening
        self._patience.reschedule(max(oldest or 0.0, self._told_at) + HEARD_WITHIN if waits else None)

"""A desk: one broker's account on its exchange, and what all parts of its lane share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from application.doubts import Doubts
from application.exchange import Credentials, Exchange, OrderReport
from application.ports import Store
from application.recording import Recording
from domain.broker import Broker
from domain.market import Market
from domain.order import Order, Status


class Log(Protocol):
    """Where the lane says what it does."""

    def info(self, event: str, **values: Any) -> Any:
        """An ordinary step."""

    def warning(self, event: str, **values: Any) -> Any:
        """Something that somebody should look at."""


class Desk:
    """The account, the log's side of its orders, and which of them the exchange knows by which id.

    `broker`, `credentials` and `markets` may be renewed between two pieces of work.
    """

    def __init__(
        self,
        broker: Broker,
        exchange: Exchange,
        credentials: Credentials,
        markets: dict[str, Market],
        store: Store,
        sender: UUID,
        clock: Callable[[], datetime],
        log: Log,
    ) -> None:
        self.broker = broker
        self.exchange = exchange
        self.credentials = credentials
        self.markets = markets
        self.store = store
        self.sender = sender
        self.clock = clock
        self.log = log
        self.doubts = Doubts()
        self.recording = Recording(exchange, lambda: self.credentials, markets, store, self.doubts)
        self._names: dict[str, UUID] = {}

    def know(self, order: Order) -> None:
        """The exchange speaks of it by this id."""
        self._names[order.client_order_id] = order.id

    async def hear(self, report: OrderReport) -> Order | None:
        """Take a report into the history of the order that it names; None for a stranger's."""
        order_id = self._names.get(report.client_order_id)
        return None if order_id is None else await self.recording.take(order_id, report)

    def valid_until(self, now: datetime) -> datetime:
        """Until when the exchange may act on what is sent now."""
        return now + timedelta(seconds=self.exchange.valid_for)

    async def doubted(self, order: Order, reason: str) -> None:
        """Silence is no rejection: until the truth is known, sizing reckons with the worst cost.

        The private stream may have told of the order before its answer was lost: then there is no doubt.
        """

        def doubt(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.doubt(reason)

        order = await self.recording.say(order.id, doubt)
        if order.status is Status.UNKNOWN:
            self.doubts.begin(order)

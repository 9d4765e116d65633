"""External orders: those found on an exchange that the platform did not create."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id
from domain.orders.order_status import Status
from domain.orders.wish import Source, Wish

if TYPE_CHECKING:
    from domain.orders.order import Order

ELSEWHERE, HISTORY_LOST = "exchange", "history_lost"
"""The requesters of external orders. `HISTORY_LOST` is for one that bears our name: a part of the log is lost."""


def external_name(broker: int, symbol: str, exchange_order_id: str) -> str:
    """Return the client id `EXT_{broker}_{symbol}_{exchange id}` of an external order.

    It holds the symbol because Binance numbers the orders of each symbol separately.
    """
    return f"EXT_{broker}_{symbol.replace('/', '')}_{exchange_order_id}"


def external_id(broker: int, symbol: str, exchange_order_id: str) -> UUID:
    """Return the id of an external order, the same each time it is found."""
    return deterministic_id("order", external_name(broker, symbol, exchange_order_id))


class Adopted(Aggregate.Created):
    """The first event of an external order. `raw` is what the exchange shows of it."""

    order_id: UUID
    user: int
    broker: int
    wish: Wish
    source: Source
    requester: str
    client_order_id: str
    not_after: datetime | None
    cause: UUID | None
    exchange_order_id: str
    raw: Personal

    def apply(self, aggregate: Order) -> None:
        """Set the order to open under its exchange id: it rests on the exchange already."""
        aggregate.status = Status.OPEN
        aggregate.exchange_order_ids = [self.exchange_order_id]

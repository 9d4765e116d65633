"""Lines: the wishes of each market, carried out in the order of the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application.trading.positions import UNHINDERED
from domain.orders.order import Order

AWAITED_FOR = timedelta(seconds=5)
"""The time for which a place is kept for an order that is about to be wished for."""


class Lines:
    """The wishes of one broker that wait for their turn, in one line per market.

    Out of order, a wish could sell coins that an earlier one is about to sell, or that were bought after it.
    Protection and insisted exits never wait in line.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[UUID]] = {}
        self._awaited: dict[UUID, datetime] = {}

    def join(self, order: Order) -> bool:
        """Put a wish at the end of its line, unless it has a place already. Return True when it is its turn."""
        if order.requester in UNHINDERED:
            return True
        line = self._lines.setdefault(order.wish.symbol, [])
        if order.id not in line:
            line.append(order.id)
        self._awaited.pop(order.id, None)
        return line[0] == order.id

    def follow(self, order: Order, following: UUID, now: datetime) -> None:
        """Keep the place right behind an order for `following`, another order that goes on with the same wish."""
        line = self._lines.get(order.wish.symbol, [])
        if order.id in line and following not in line:
            line.insert(line.index(order.id) + 1, following)
            self._awaited[following] = now

    def awaits(self, order_id: UUID, now: datetime) -> bool:
        """Return True while a place is kept for an order that has not been wished for yet."""
        since = self._awaited.get(order_id)
        return since is not None and now - since < AWAITED_FOR

    def leave(self, order_id: UUID) -> UUID | None:
        """Give up a place. Return the order whose turn it has become, None when the turn has not passed on."""
        self._awaited.pop(order_id, None)
        for symbol, line in [*self._lines.items()]:
            if order_id in line:
                was_first = line[0] == order_id
                line.remove(order_id)
                if not line:
                    del self._lines[symbol]
                return line[0] if line and was_first else None
        return None

"""Lines: the order in which the wishes of each market are carried out, which is that of the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application.trading.positions import UNHINDERED
from domain.order import Order

AWAITED_FOR = timedelta(seconds=5)
"""How long a place is kept for an order that somebody is about to wish for."""


class Lines:
    """The wishes of one broker that wait for their turn, market by market.

    A later wish that went first could sell what an earlier one is still to sell, or what was bought after it.
    Protection and exits that a person insists on stand in no line.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[UUID]] = {}
        self._awaited: dict[UUID, datetime] = {}

    def join(self, order: Order) -> bool:
        """Take a place at the end, unless the wish has one already. Returns whether it is its turn."""
        if order.requester in UNHINDERED:
            return True
        line = self._lines.setdefault(order.wish.symbol, [])
        if order.id not in line:
            line.append(order.id)
        self._awaited.pop(order.id, None)
        return line[0] == order.id

    def follow(self, order: Order, following: UUID, now: datetime) -> None:
        """Keep the place right behind an order for another one, which goes on with the same wish."""
        line = self._lines.get(order.wish.symbol, [])
        if order.id in line and following not in line:
            line.insert(line.index(order.id) + 1, following)
            self._awaited[following] = now

    def awaits(self, order_id: UUID, now: datetime) -> bool:
        """Return whether a place is still kept for an order that nobody has wished for yet."""
        since = self._awaited.get(order_id)
        return since is not None and now - since < AWAITED_FOR

    def leave(self, order_id: UUID) -> UUID | None:
        """Give up a place. Returns whose turn it is now, None when it was not the turn of the one that left."""
        self._awaited.pop(order_id, None)
        for symbol, line in [*self._lines.items()]:
            if order_id in line:
                was_first = line[0] == order_id
                line.remove(order_id)
                if not line:
                    del self._lines[symbol]
                return line[0] if line and was_first else None
        return None

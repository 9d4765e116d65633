"""Lines: the order in which the wishes of each market are carried out, which is that of the log."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from application.positions import UNHINDERED
from domain.order import Order


class Lines:
    """The wishes of one broker that wait for their turn, market by market.

    A later wish that went first could sell what an earlier one is still to sell, or what was bought after it.
    Protection and exits that a person insists on stand in no line.
    """

    def __init__(self) -> None:
        self._lines: defaultdict[str, list[UUID]] = defaultdict(list)

    def join(self, order: Order) -> bool:
        """Take a place at the end, unless the wish has one already. Returns whether it is its turn."""
        if order.requester in UNHINDERED:
            return True
        line = self._lines[order.wish.symbol]
        if order.id not in line:
            line.append(order.id)
        return line[0] == order.id

    def follow(self, order: Order, following: UUID) -> None:
        """Give the place right behind an order to another one, which does the rest of the same wish."""
        line = self._lines.get(order.wish.symbol, [])
        if order.id in line and following not in line:
            line.insert(line.index(order.id) + 1, following)

    def leave(self, order: Order) -> UUID | None:
        """Give up the place. Returns the wish whose turn it is now, if there is one."""
        line = self._lines[order.wish.symbol]
        if order.id in line:
            line.remove(order.id)
        if not line:
            del self._lines[order.wish.symbol]
            return None
        return line[0]

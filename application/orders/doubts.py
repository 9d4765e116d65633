"""Doubts: orders that may or may not exist at the exchange, and the most that each can have cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.amounts import product, total
from domain.orders.order import PROTECTION, Order
from domain.orders.wish import Side


@dataclass(frozen=True)
class Doubt:
    """One order in doubt. `worst` is the most of `currency` that it can have spent, None when that is unknown.

    A doubt that `is_harmless` is about a protection order sent only to be weighed. It uses no free coins, and the
    resting protection is as it was, so nothing waits for it.
    """

    symbol: str
    currency: str
    worst: Decimal | None
    since: datetime | None
    valid_until: datetime | None
    is_harmless: bool


class Doubts:
    """The doubts of one broker."""

    def __init__(self) -> None:
        self._doubts: dict[UUID, Doubt] = {}

    def __len__(self) -> int:
        """Return the number of orders in doubt."""
        return len(self._doubts)

    def items(self) -> list[tuple[UUID, Doubt]]:
        """Return the ids and doubts of the orders in doubt now."""
        return [*self._doubts.items()]

    def begin(self, order: Order) -> None:
        """Put an order in doubt: unless it is harmless, its symbol waits and sizing counts its worst cost.

        The worst cost is that of the amounts on the order, which are what was really sent.
        """
        base, _, quote = order.wish.symbol.partition("/")
        currency = quote if order.wish.side is Side.BUY else base
        self._doubts[order.id] = Doubt(
            order.wish.symbol,
            currency,
            worst_cost(order.wish.side, order.quantity, order.cost, order.price),
            order.submitted_at,
            order.valid_until,
            is_harmless=order.asks_first and order.requester == PROTECTION,
        )

    def end(self, order_id: UUID) -> None:
        """End the doubt about an order whose state is known."""
        self._doubts.pop(order_id, None)

    def about(self, symbol: str, valid_since: datetime | None = None) -> bool:
        """Return True when an order for this symbol is in doubt, harmless ones apart.

        `valid_since` leaves out orders whose validity ended before it.
        """
        return any(
            doubt.symbol == symbol
            and (valid_since is None or doubt.valid_until is None or doubt.valid_until >= valid_since)
            for doubt in self._hindering()
        )

    def spent(self, currency: str) -> Decimal | None:
        """Return the most of a currency that all doubts together can have spent, None when that is unknown."""
        worst = [doubt.worst for doubt in self._hindering() if doubt.currency == currency]
        return None if None in worst else total(amount for amount in worst if amount is not None)

    def _hindering(self) -> Iterable[Doubt]:
        return (doubt for doubt in self._doubts.values() if not doubt.is_harmless)


def worst_cost(side: Side, quantity: Decimal | None, cost: Decimal | None, price: Decimal | None) -> Decimal | None:
    """Return the most that an order in doubt can have spent: in base for a sell, in quote for a buy.

    Return None when it is unknown, as for a market buy by quantity.
    """
    if side is Side.SELL:
        return quantity
    if cost is not None:
        return cost
    return None if quantity is None or price is None else product(quantity, price)

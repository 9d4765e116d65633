"""Doubts: orders that may or may not exist, and what each of them could have cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.amounts import product, total
from domain.order import PROTECTION, Order
from domain.wish import Side


@dataclass(frozen=True)
class Doubt:
    """One order in doubt. `worst` is the most of `currency` that it can have spent, None when nobody can tell.

    One that `is_harmless` was only to be weighed, for a protection that rests as it did: nothing waits for it.
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
        """How many orders are in doubt."""
        return len(self._doubts)

    def items(self) -> list[tuple[UUID, Doubt]]:
        """The orders in doubt at this moment."""
        return [*self._doubts.items()]

    def begin(self, order: Order) -> None:
        """From here on its symbol waits and sizing reckons with it, unless it takes up nothing that is free.

        The order knows what was really sent.
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
        """What became of it is known."""
        self._doubts.pop(order_id, None)

    def about(self, symbol: str, valid_since: datetime | None = None) -> bool:
        """Whether an order for this symbol is in doubt; `valid_since` leaves out those that were dead before it."""
        return any(
            doubt.symbol == symbol
            and (valid_since is None or doubt.valid_until is None or doubt.valid_until >= valid_since)
            for doubt in self._hindering()
        )

    def spent(self, currency: str) -> Decimal | None:
        """The most of a currency that all doubts together can have spent, None when nobody can tell."""
        worst = [doubt.worst for doubt in self._hindering() if doubt.currency == currency]
        return None if None in worst else total(amount for amount in worst if amount is not None)

    def _hindering(self) -> Iterable[Doubt]:
        return (doubt for doubt in self._doubts.values() if not doubt.is_harmless)


def worst_cost(side: Side, quantity: Decimal | None, cost: Decimal | None, price: Decimal | None) -> Decimal | None:
    """The most that an order in doubt can have spent: base currency of a sell, quote currency of a buy.

    None for a buy at the market by quantity: nobody can tell.
    """
    if side is Side.SELL:
        return quantity
    if cost is not None:
        return cost
    return None if quantity is None or price is None else product(quantity, price)

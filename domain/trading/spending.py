"""Spending: the part of a broker's limit for one day (UTC) that its entries have taken."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import total
from domain.refusals import Invalid


class Spending(Aggregate):
    """The spending of one broker on one day (UTC). Amounts are in the currency of the broker's limits."""

    @event("Opened")
    def __init__(self, broker: int, day: date) -> None:
        self.broker = broker
        self.day = day
        self.reserved: dict[UUID, Decimal] = {}

    @staticmethod
    def create_id(broker: int, day: date) -> UUID:
        """Return the id of the stream: one per broker and day."""
        return deterministic_id("spending", broker, day)

    @property
    def spent(self) -> Decimal:
        """The total that the entries of the day have taken."""
        return total(self.reserved.values())

    def reserve(self, order: UUID, amount: Decimal, limit: Decimal) -> None:
        """Reserve the amount of an entry that is about to be sent. Raises `Invalid` when it exceeds the day's limit."""
        if order in self.reserved:
            return
        if total((self.spent, amount)) > limit:
            left = max(limit - self.spent, Decimal(0))
            raise Invalid(f"{amount:f} is more than the {left:f} left today", code="limit_per_day", field="quantity")
        self._reserved(order, amount)

    def release(self, order: UUID) -> None:
        """Release the amount of an entry that the exchange did not take: nothing was spent."""
        if order in self.reserved:
            self._released(order)

    @event("Reserved")
    def _reserved(self, order: UUID, amount: Decimal) -> None:
        self.reserved[order] = amount

    @event("Released")
    def _released(self, order: UUID) -> None:
        del self.reserved[order]

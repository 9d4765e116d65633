"""A replacement: an order that rests is to be cancelled, and what is left of it placed anew at other prices."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import check_positive
from domain.refusals import Impossible


class Replacement(Aggregate):
    """The replacement of one order. It is wanted, and then carried out or failed; a failed one may be wanted again."""

    @event("Wanted")
    def __init__(
        self, user: int, order_id: UUID, request: UUID, quantity: Decimal | None, price: Decimal | None,
        stop_price: Decimal | None,
    ) -> None:  # fmt: skip
        self.user, self.order_id = user, order_id
        self.placed: UUID | None = None
        self._ask(request, quantity, price, stop_price)

    @staticmethod
    def create_id(order_id: UUID) -> UUID:
        """Return the id of the replacement of an order, always the same."""
        return deterministic_id("replacement", order_id)

    @property
    def is_pending(self) -> bool:
        """True while the order has not ended, so that nothing could be placed anew."""
        return self.placed is None and self.reason is None

    def want(self, request: UUID, quantity: Decimal | None, price: Decimal | None, stop_price: Decimal | None) -> None:
        """Want it again, after an earlier one has failed. One `request` counts once; None stays as it is.

        Raises `Impossible` while another one is pending, or once one was carried out.
        """
        if request == self.request:
            return
        if self.is_pending or self.placed is not None:
            raise Impossible("the order is being replaced", code="amendment_under_way")
        check_positive(quantity=quantity, price=price, stop_price=stop_price)
        self._wanted_again(request, quantity, price, stop_price)

    def carry_out(self, order_id: UUID) -> None:
        """Record the order that was placed instead."""
        if self.is_pending:
            self._carried_out(order_id)

    def fail(self, reason: str) -> None:
        """Record that nothing is placed instead: the order was executed, or could not be cancelled."""
        if self.is_pending:
            self._failed(reason)

    def _ask(self, request: UUID, quantity: Decimal | None, price: Decimal | None, stop_price: Decimal | None) -> None:
        self.request, self.quantity, self.price, self.stop_price = request, quantity, price, stop_price
        self.reason: str | None = None

    @event("WantedAgain")
    def _wanted_again(
        self, request: UUID, quantity: Decimal | None, price: Decimal | None, stop_price: Decimal | None
    ) -> None:
        self._ask(request, quantity, price, stop_price)

    @event("CarriedOut")
    def _carried_out(self, order_id: UUID) -> None:
        self.placed = order_id

    @event("Failed")
    def _failed(self, reason: str) -> None:
        self.reason = reason

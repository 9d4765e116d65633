"""The state of an order: the values that its events leave, and what follows from them.

Quantities are in the base currency, costs in the quote currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.amounts import difference, total
from domain.orders.order_status import IN_DOUBT, Status
from domain.orders.wish import Source, Wish


@dataclass(frozen=True)
class Amendment:
    """A requested change that the exchange has not answered yet.

    A `quantity`, `price` or `stop_price` of None stays as it is. The exchange may act on the request until
    `valid_until`. The client id is a new one, or the order's own where the exchange keeps it.
    """

    client_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    valid_until: datetime
    stop_price: Decimal | None = None


class OrderState:
    """An order at one moment."""

    order_id: UUID
    user: int
    broker: int
    wish: Wish
    source: Source
    requester: str
    not_after: datetime | None
    """It is not sent after this time (UTC)."""
    cause: UUID | None
    """The webhook, form or position that wants it."""
    status: Status
    reason: str | None
    """The code of why it is in this state."""
    attempt: int
    deferred: str | None
    """The reason why the exchange certainly did not take the last attempt; None once the order is sent again."""
    sender: UUID | None
    submitted_at: datetime | None
    valid_until: datetime | None
    """The exchange may act on the request until this time (UTC)."""
    asks_first: bool
    """True when it was sent to be weighed: its coins are locked by other orders, and the exchange takes nothing."""
    quantity: Decimal | None
    cost: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    """The price (quote per base) at which it is triggered now, None for an order without a trigger."""
    exchange_order_ids: list[str]
    client_order_ids: list[str]
    fills: dict[str, Decimal]
    """The executed quantity of each fill, by the exchange's trade id."""
    reported_quantity: Decimal
    """The highest cumulative quantity that a report without trades has named."""
    cancel_requested: bool
    amendment: Amendment | None
    unmapped: set[str]
    """The statuses of the exchange that have no mapping, verbatim."""
    contradictions: set[tuple[str, frozenset[tuple[str, str]]]]
    """The statements that cannot be true, each with what contradicts it."""

    @property
    def client_order_id(self) -> str:
        """The client id under which the exchange knows the order now."""
        return self.client_order_ids[-1]

    @property
    def exchange_order_id(self) -> str | None:
        """The exchange's own id for the order; None until it is known."""
        return self.exchange_order_ids[-1] if self.exchange_order_ids else None

    @property
    def filled(self) -> Decimal:
        """The executed quantity (base): the sum of the fills, or the highest cumulative report if that is larger."""
        return max(total(self.fills.values()), self.reported_quantity)

    @property
    def is_in_doubt(self) -> bool:
        """True when the order may or may not exist at the exchange."""
        return self.status in IN_DOUBT

    @property
    def is_unexplained(self) -> bool:
        """True when more was executed than the fills account for.

        Either the exchange reports more, or the order is closed and its fills fall short of its quantity. A closed
        order that was sized in the quote currency falls short when it has no fill at all.
        """
        known = total(self.fills.values())
        missing = not known if self.quantity is None else known < self.quantity
        return self.filled > known or (self.status is Status.CLOSED and missing)

    @property
    def remaining(self) -> Decimal | None:
        """The quantity left to execute (base); None for an order sized in the quote currency."""
        return None if self.quantity is None else difference(self.quantity, self.filled)

    @property
    def is_external(self) -> bool:
        """True when the order was made elsewhere, or sells what was bought elsewhere."""
        return self.source is Source.EXTERNAL

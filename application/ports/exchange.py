"""The port to the accounts of all exchanges.

Credentials are an argument of every call, never state of the shared client.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from application.ports.market_data import MarketData
from application.ports.statements import (
    Balance,
    Capabilities,
    Credentials,
    Fill,
    ListRequest,
    Only,
    OrderName,
    OrderReport,
    OrderRequest,
    OrderRoom,
    Replacement,
    Rights,
)
from domain.market import Market


class ExchangeClient(MarketData, Protocol):
    """One exchange at one venue, shared by all brokers there."""

    valid_for: float
    """The number of seconds after its creation during which the exchange may act on a request."""

    capabilities: Capabilities

    async def balances(self, credentials: Credentials, *, urgent: bool = False) -> dict[str, Balance]:
        """Return the account's balances by currency. An `urgent` question may use the budget kept for changes."""

    async def rights(self, credentials: Credentials) -> Rights:
        """Return the rights of these keys."""

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order once. Raises `RefusedByExchange`, `NotAccepted` or `NoAnswer`."""

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take an order off the book.

        Raises as `place`, and `OrderNotFound` when the exchange does not know the order: that alone does not end it.
        """

    async def place_list(self, credentials: Credentials, request: ListRequest) -> Sequence[OrderReport]:
        """Send both orders in one call, once; return the reports of the stop and the take-profit. Raises as `place`."""

    async def cancel_list(self, credentials: Credentials, market: Market, list_id: str) -> Sequence[OrderReport]:
        """Take both orders off the book. Raises as `cancel`."""

    async def amend(self, credentials: Credentials, name: OrderName, request: OrderRequest) -> OrderReport:
        """Change a resting order to what `request` says, where it rests. It has the request's client id from then on.

        `Capabilities` tells what can be changed. Raises as `cancel`.
        """

    async def replace(
        self, credentials: Credentials, market: Market, old: OrderName, request: OrderRequest, *, only: Only
    ) -> Replacement:
        """Take one order off and send another in one call. A leg of a list takes the list with it.

        The exchange checks filters and order counts first. Raises `RefusedByExchange`, `NotAccepted` or `OrderNotFound`
        when nothing has changed; the last means that the old order no longer rests, or is not in the state that `only`
        names. Raises `NoAnswer` when both orders are in doubt.
        """

    async def count_orders(self, credentials: Credentials) -> None:
        """Fetch the exchange's own count of the account's new orders.

        Call it before taking off an order that has to be placed again.
        """

    def order_room(self, credentials: Credentials) -> OrderRoom:
        """Return how many new orders the account may send now, as far as that is known."""

    async def query(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Return the report of one order. Raises `OrderNotFound` or `NoAnswer`.

        Every question about a single order is urgent.
        """

    async def open_orders(
        self, credentials: Credentials, market: Market | None = None, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Return all orders that rest on the book, of one market or of all. `urgent` is as for `balances`.

        The listing is complete. Raises `NoAnswer`, and `PartlyUnreadable` when parts of it cannot be read.
        """

    async def orders_since(
        self, credentials: Credentials, market: Market, since: datetime, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Return all orders of one market created at or after `since`, open or ended, from every page.

        `urgent` and the errors are as for `open_orders`.
        """

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> Sequence[Fill]:
        """Return all executions of one order with their fees, oldest first."""

    def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport | None]:
        """Yield the reports of the account's private stream. None comes first, once nothing more is missed.

        Raises `NoAnswer` when the stream breaks.
        """

"""The port to all exchanges: requests and answers in the platform's words.

Credentials are an argument of every call, never state of the shared client. All quantities are in the base currency,
prices in quote per base, times in UTC. `raw` is always the exchange's whole answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.aggregate import Personal
from domain.market import Market
from domain.order import Status
from domain.wish import Side, TimeInForce, Type


@dataclass(frozen=True)
class Credentials:
    """The keys of one account. Printing the object shows none of them."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OrderRequest:
    """An order as it is sent: sized, rounded and checked. Exactly one of `quantity` and `cost` (quote) is given."""

    client_order_id: str
    market: Market
    side: Side
    type: Type
    quantity: Decimal | None = None
    cost: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    stop_price: Decimal | None = None
    trailing: int | None = None


@dataclass(frozen=True)
class ListRequest:
    """A list to be placed in one call: a stop and a take-profit that rests. Either one cancels the other."""

    list_id: str
    stop: OrderRequest
    target: OrderRequest


@dataclass(frozen=True)
class Capabilities:
    """The operations on resting orders that an exchange supports.

    `lists` means pairs of orders that cancel each other. Without them, and where a resting order locks its coins
    (`locks`), only the stop of a protection can rest.
    """

    lists: bool
    locks: bool
    trailing: bool
    amend_quantity: bool
    replace: bool
    """True when a single call can take one order off and send another, and changes nothing if it cannot."""


@dataclass(frozen=True)
class Fill:
    """One execution. `fee` is the amount paid, in `fee_currency`; a negative one is a contradiction."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str | None
    executed_at: datetime
    maker: bool | None
    raw: Personal


@dataclass(frozen=True)
class OrderReport:
    """One report of the exchange about one order.

    `state` is None when the native status is not mapped. `fills` holds the executions that came with the report;
    `filled` and `cost` are cumulative and may include more. Only listings and queries give `type` and `stop_price`.
    """

    exchange_order_id: str
    client_order_id: str
    native_symbol: str
    side: Side
    state: Status | None
    native_status: str
    quantity: Decimal
    price: Decimal | None
    filled: Decimal
    cost: Decimal
    raw: Personal
    reason: str = ""
    fills: Sequence[Fill] = ()
    created_at: datetime | None = None
    type: Type | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True)
class ExchangeId:
    """The exchange's own id of an order, for orders without a client id of ours."""

    value: str


OrderName = str | ExchangeId
"""The name of an order in a request: the client id that we gave it, or the exchange's own id."""


@dataclass(frozen=True)
class Balance:
    """The amounts of one currency in an account: free to use, and locked in resting orders."""

    currency: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True)
class OrderRoom:
    """The number of new orders that an account may send now, of the `most` that its tightest window allows.

    The window ends in `seconds` from now. Without a limit both counts are None.
    """

    left: int | None = None
    most: int | None = None
    seconds: float = 0.0


class Only(StrEnum):
    """The state that an order must be in to be replaced. In any other it stays, and nothing is sent."""

    UNFILLED = "unfilled"
    PARTLY_FILLED = "partly_filled"


@dataclass(frozen=True)
class Replacement:
    """The result of a call that takes an order off and sends another.

    `taken_off` holds the reports of the cancelled orders, both legs of a list together. `placed` is the report of the
    new order, None when it was refused although the old one was cancelled; `refused` is then the refusal.
    """

    taken_off: Sequence[OrderReport]
    placed: OrderReport | None = None
    refused: ExchangeError | None = None


@dataclass(frozen=True)
class Rights:
    """The rights of an account's keys, None where the exchange does not tell.

    `address_bound` is True when the keys work only from certain addresses.
    """

    may_trade: bool | None
    may_withdraw: bool | None
    address_bound: bool | None


@dataclass(frozen=True)
class Ticker:
    """The newest prices of one market."""

    symbol: str
    last: Decimal
    bid: Decimal | None
    ask: Decimal | None
    time: datetime


@dataclass(frozen=True)
class Candle:
    """One bar, keyed by its opening time. `closed` is False while it is running."""

    opened_at: datetime
    closes_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool


class ExchangeError(Exception):
    """A failure on the way to an exchange or in its answer."""

    def __init__(self, message: str, *, code: str = "", raw: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.raw = Personal(raw or message)


class RefusedByExchange(ExchangeError):
    """A definite refusal by the exchange. `code` is one of the platform's reasons."""


class NotAccepted(ExchangeError):
    """Proof that the request was not carried out, so it may be repeated (nothing written, 429, refused timestamp)."""


class NoAnswer(ExchangeError):
    """No answer, or one that says nothing: the request may or may not have been carried out."""


@dataclass(frozen=True)
class Scrap:
    """A part of a listing that cannot be read, except for the ids of its order."""

    exchange_order_id: str
    client_order_id: str
    native_symbol: str
    raw: Personal


class Unreadable(NoAnswer):
    """An answer that cannot be understood."""


class PartlyUnreadable(Unreadable):
    """A listing with parts that cannot be read: as a whole it proves nothing. `reports` holds the others, in order."""

    def __init__(self, reports: Sequence[OrderReport], scraps: Sequence[Scrap]) -> None:
        named = ", ".join(f"{scrap.native_symbol} {scrap.exchange_order_id}" for scrap in scraps)
        super().__init__(f"cannot read what is said of {named}", code="unreadable", raw=scraps[0].raw)
        self.reports = reports
        self.scraps = scraps


class OrderNotFound(ExchangeError):
    """The exchange does not show the order at this moment. That alone proves nothing."""


class ExchangeClient(Protocol):
    """One exchange at one venue, shared by all brokers there."""

    valid_for: float
    """The number of seconds after its creation during which the exchange may act on a request."""

    capabilities: Capabilities

    clock_offset: timedelta
    """The exchange's clock minus ours, as last measured."""

    async def markets(self) -> Sequence[Market]:
        """Return every tradable pair with its rules."""

    async def server_time(self) -> datetime:
        """Return the time of the exchange's clock."""

    async def balances(self, credentials: Credentials, *, urgent: bool = False) -> dict[str, Balance]:
        """Return the account's balances by currency. An `urgent` question may use the budget kept for changes."""

    async def rights(self, credentials: Credentials) -> Rights:
        """Return the rights of these keys."""

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return the newest prices by symbol, of all markets when none is named. `urgent` is as for `balances`."""

    async def candles(self, market: Market, timeframe: str, since: datetime | None = None) -> Sequence[Candle]:
        """Return the bars of one market, oldest first."""

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order once. Raises `RefusedByExchange`, `NotAccepted` or `NoAnswer`."""

    @property
    def busy(self) -> float:
        """The fraction of this minute's request budget that is used."""

    @property
    def last_answer(self) -> float | None:
        """The time at which the exchange last answered anything (Unix time); None before it has."""

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take an order off the book.

        Raises as `place`, and `OrderNotFound` when the exchange does not know the order: that alone does not end it.
        """

    async def place_list(self, credentials: Credentials, request: ListRequest) -> Sequence[OrderReport]:
        """Send both orders in one call, once; return the reports of the stop and the take-profit. Raises as `place`."""

    async def cancel_list(self, credentials: Credentials, market: Market, list_id: str) -> Sequence[OrderReport]:
        """Take both orders off the book. Raises as `cancel`."""

    async def amend(
        self,
        credentials: Credentials,
        market: Market,
        client_order_id: str,
        new_client_order_id: str,
        quantity: Decimal,
    ) -> OrderReport:
        """Reduce a resting order to `quantity`. It keeps its place in the queue, and has the new id from then on."""

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

    def candle_stream(self, native_symbols: Sequence[str], timeframe: str) -> AsyncIterator[tuple[str, Candle]]:
        """Yield the native symbol and the bar each time a bar changes. Raises `NoAnswer` when the connection ends."""

    async def close(self) -> None:
        """Close all connections."""

"""What an exchange can be asked and what it answers, in the platform's words: the port to all of them.

Credentials are an argument of every call, never a state of the shared client. All quantities are in the base
currency, prices in quote per base, times UTC. `raw` is always the exchange's whole answer.
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
    """The keys of one account. They show nothing of themselves when printed."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OrderRequest:
    """What is really sent: sized, rounded and checked. Exactly one of `quantity` and `cost` (quote) is given."""

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
    """Two orders of which one cancels the other, sent in one call: a stop, and a target to be rested."""

    list_id: str
    stop: OrderRequest
    target: OrderRequest


@dataclass(frozen=True)
class Capabilities:
    """What an exchange can do with resting orders.

    `lists` tells of orders of which one cancels the other; without them, and where a resting order locks the coins
    (`locks`), only the stop of a protection can rest.
    """

    lists: bool
    locks: bool
    trailing: bool
    amend_quantity: bool
    replace: bool
    """Whether one call takes an order off and sends another, or changes nothing."""


@dataclass(frozen=True)
class Fill:
    """One execution. `fee` is what was paid, in `fee_currency`; a negative one is a contradiction."""

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
    """One statement of the exchange about one order.

    `state` is None for a native word that nobody has mapped. `fills` are those that came with the statement;
    `filled` and `cost` are cumulative and may know of more. `type` and its trigger are told by lists and queries.
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
    """The exchange's own id of an order, for orders that do not bear a client id of ours."""

    value: str


OrderName = str | ExchangeId
"""How an order is named to an exchange: by the client id that we gave it, or by the exchange's own."""


@dataclass(frozen=True)
class Balance:
    """What an account holds of one currency: free to use, and locked in resting orders."""

    currency: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True)
class OrderRoom:
    """How many new orders an account may send now, of the `most` that its tightest window allows.

    The window ends in so many `seconds`. Without a limit both counts are None.
    """

    left: int | None = None
    most: int | None = None
    seconds: float = 0.0


class Only(StrEnum):
    """Which state an order must be in to be replaced: one that is in another stays, and nothing is sent."""

    UNFILLED = "unfilled"
    PARTLY_FILLED = "partly_filled"


@dataclass(frozen=True)
class Replacement:
    """What one call did that takes an order off and sends another.

    `taken_off` reports what was cancelled, a list's legs together. `placed` is the new order's report, None when it
    was refused although the old one was cancelled: `refused` then says why.
    """

    taken_off: Sequence[OrderReport]
    placed: OrderReport | None = None
    refused: ExchangeError | None = None


@dataclass(frozen=True)
class Rights:
    """What an account's keys may do; None where the exchange does not say. `address_bound`: only from some hosts."""

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
    """One bar, keyed by its opening; `closed` is false for the running one."""

    opened_at: datetime
    closes_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool


class ExchangeError(Exception):
    """Something went wrong on the way to an exchange or in its answer."""

    def __init__(self, message: str, *, code: str = "", raw: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.raw = Personal(raw or message)


class RefusedByExchange(ExchangeError):
    """The exchange said no: a definite answer. `code` is one of the platform's reasons."""


class NotAccepted(ExchangeError):
    """Proof that the request was not carried out (nothing written, 429, refused timestamp): it may be repeated."""


class NoAnswer(ExchangeError):
    """Silence or an answer that says nothing: the request may or may not have been carried out."""


@dataclass(frozen=True)
class Scrap:
    """A part of a list that cannot be read, but for the order that it is about."""

    exchange_order_id: str
    client_order_id: str
    native_symbol: str
    raw: Personal


class Unreadable(NoAnswer):
    """An answer that says nothing intelligible."""


class PartlyUnreadable(Unreadable):
    """A list of which some parts cannot be read: as a whole it proves nothing. `reports` are the others, in order."""

    def __init__(self, reports: Sequence[OrderReport], scraps: Sequence[Scrap]) -> None:
        named = ", ".join(f"{scrap.native_symbol} {scrap.exchange_order_id}" for scrap in scraps)
        super().__init__(f"cannot read what is said of {named}", code="unreadable", raw=scraps[0].raw)
        self.reports = reports
        self.scraps = scraps


class OrderNotFound(ExchangeError):
    """The exchange shows no such order at this moment, which proves nothing by itself."""


class ExchangeClient(Protocol):
    """One exchange at one venue, shared by all brokers there."""

    valid_for: float
    """How many seconds after its creation the exchange may still act on a request."""

    capabilities: Capabilities

    clock_offset: timedelta
    """The exchange's clock minus ours, as last measured."""

    async def markets(self) -> Sequence[Market]:
        """Every tradable pair with its rules."""

    async def server_time(self) -> datetime:
        """The exchange's clock."""

    async def balances(self, credentials: Credentials, *, urgent: bool = False) -> dict[str, Balance]:
        """Return what the account holds, by currency. `urgent` questions may use the budget kept for changes."""

    async def rights(self, credentials: Credentials) -> Rights:
        """What these keys may do."""

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return the newest prices by symbol; of all markets when none is named. `urgent` as for balances."""

    async def candles(self, market: Market, timeframe: str, since: datetime | None = None) -> Sequence[Candle]:
        """Bars of one market, oldest first."""

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order once. Raises `RefusedByExchange`, `NotAccepted` or `NoAnswer`."""

    @property
    def busy(self) -> float:
        """Which fraction of this minute's budget of requests is used up."""

    @property
    def last_answer(self) -> float | None:
        """When the exchange last answered anything (Unix time)."""

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take an order off the book. "Unknown order" is `OrderNotFound`, which is no end by itself."""

    async def place_list(self, credentials: Credentials, request: ListRequest) -> Sequence[OrderReport]:
        """Send both orders in one call, once; answers the stop's report and the target's. Raises as `place`."""

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
        """Make a resting order smaller without losing its place; it is known by the new id from then on."""

    async def replace(
        self, credentials: Credentials, market: Market, old: OrderName, request: OrderRequest, *, only: Only
    ) -> Replacement:
        """Take one order off and send another in one call. A leg of a list takes the list with it.

        The exchange weighs filters and order counts first: `RefusedByExchange` and `NotAccepted` mean that nothing has
        changed, and so does `OrderNotFound`: the old order rests no longer, or is not in the state that `only` names.
        Raises `NoAnswer` when both are in doubt.
        """

    async def count_orders(self, credentials: Credentials) -> None:
        """Ask for the account's own count of new orders, before something is taken off that has to be placed again."""

    def order_room(self, credentials: Credentials) -> OrderRoom:
        """Return how many new orders the account may send now, as far as it is known."""

    async def query(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """One order, asked for urgently like all that is asked about one. Raises `OrderNotFound` or `NoAnswer`."""

    async def open_orders(
        self, credentials: Credentials, market: Market | None = None, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Everything that rests on the book, complete. `urgent` as for balances.

        Raises `NoAnswer`, for parts `PartlyUnreadable`.
        """

    async def orders_since(
        self, credentials: Credentials, market: Market, since: datetime, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Every order of one market created since, open or ended, paged completely. As `open_orders` for the rest."""

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> Sequence[Fill]:
        """All executions of one order with their fees, oldest first."""

    def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport | None]:
        """The account's private stream: first a None, once nothing more is missed; `NoAnswer` when it breaks."""

    def candle_stream(self, native_symbols: Sequence[str], timeframe: str) -> AsyncIterator[tuple[str, Candle]]:
        """Native symbol and bar, each time a bar changes. It ends with `NoAnswer` when the connection does."""

    async def close(self) -> None:
        """End all connections."""

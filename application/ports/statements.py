"""Statements: what is asked of exchanges and what they say, in the platform's words.

All quantities are in the base currency, prices in quote per base, times in UTC. `raw` is always the whole answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from application.ports.errors import ExchangeError, RefusedByExchange, Unreadable
from domain.aggregate import Personal
from domain.market import Market
from domain.orders.order_status import Status
from domain.orders.wish import Side, Term, Terms, TimeInForce, Type


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
    terms: Terms | None = None

    def extras(self, exchange: str, own: frozenset[str]) -> Mapping[str, str]:
        """Return the trader's own parameters. `own` holds the names, in small letters, that the platform sets.

        Raises `RefusedByExchange`, naming exchange and parameter, for one of those: it would be another order than the
        log says, even where this order leaves it out.
        """
        extra = (self.terms.extra if self.terms is not None else None) or {}
        for name in extra:
            if name.lower() in own:
                raise RefusedByExchange(f"{exchange}: extra_params must not set {name}", code="extra_params_reserved")
        return extra


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
    amend_triggers: bool = False
    """True when trigger, limit and quantity of a stop can be changed where it waits. It keeps its names."""
    triggers_lock: bool | None = True
    """True when an order that waits for its trigger locks its coins, None when that is not known."""
    directed: bool = True
    """True when a trigger fires from one side only. Otherwise it fires from wherever the price was."""
    terms: frozenset[Term] = frozenset()
    """The special terms of an order that it takes."""


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
    waits: bool = False
    """True when the order is certain to wait for its trigger beside the book, where the exchange tells that."""


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
class Scrap:
    """A part of a listing that cannot be read, except for the ids of its order."""

    exchange_order_id: str
    client_order_id: str
    native_symbol: str
    raw: Personal


class PartlyUnreadable(Unreadable):
    """A listing with parts that cannot be read: as a whole it proves nothing. `reports` holds the others, in order."""

    def __init__(self, reports: Sequence[OrderReport], scraps: Sequence[Scrap]) -> None:
        named = ", ".join(f"{scrap.native_symbol} {scrap.exchange_order_id}" for scrap in scraps)
        super().__init__(f"cannot read what is said of {named}", code="unreadable", raw=scraps[0].raw)
        self.reports = reports
        self.scraps = scraps

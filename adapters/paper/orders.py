"""The contents of the paper exchange's books: accounts, orders, order lists, trades; and its refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from adapters.paper.pairs import Pair
from domain.amounts import ZERO

BELOW, ABOVE = "below", "above"
BIPS = Decimal(10_000)


class Refused(Exception):
    """A refusal by the exchange. `reason` is the paper exchange's own word, which each native API translates."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.detail = detail


@dataclass(eq=False)
class Account:
    """One account at one exchange."""

    exchange: str
    key: str
    secret: str
    passphrase: str | None
    number: int
    free: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)
    may_withdraw: bool = False
    unified: bool = False
    """True for a Bitget account that has become a unified one."""
    fees_in: str = ""
    """The currency in which fees are taken; empty to take them from what is received."""

    def add(self, currency: str, amount: Decimal) -> None:
        self.free[currency] = self.free.get(currency, ZERO) + amount

    def lock(self, currency: str, amount: Decimal) -> None:
        if self.free.get(currency, ZERO) < amount:
            raise Refused("insufficient_funds", currency)
        self.free[currency] -= amount
        self.locked[currency] = self.locked.get(currency, ZERO) + amount

    def unlock(self, currency: str, amount: Decimal) -> None:
        self.locked[currency] -= amount
        self.add(currency, amount)


@dataclass(eq=False)
class PaperTrade:
    """One fill of an order."""

    id: int
    order: PaperOrder
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: int
    maker: bool


@dataclass(eq=False)
class PaperOrder:
    """One order. `status` is new, partly, filled, cancelled, expired or expired_in_match.

    `type` is market or limit, or stop_loss, take_profit and their `_limit` forms, which wait until `triggered`.
    `trailing` is the distance, in hundredths of a percent, behind `extreme`: the furthest price that the market has
    reached since tracking began.
    """

    id: int
    account: Account
    pair: Pair
    client_order_id: str
    side: str
    type: str
    quantity: Decimal
    quote_quantity: Decimal
    price: Decimal | None
    time_in_force: str
    at: int
    status: str = "new"
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    locked: Decimal = ZERO
    updated: int = 0
    reason: str = ""
    hidden_until: int = 0
    stop_price: Decimal | None = None
    trailing: int | None = None
    extreme: Decimal | None = None
    triggered: bool = True
    list_id: int | None = None
    shown: Decimal | None = None
    """The part of an iceberg that the depth shows, None for an order that hides nothing."""
    trades: list[PaperTrade] = field(default_factory=list)

    @property
    def rests(self) -> bool:
        """True while the order rests on the order book."""
        return self.status in {"new", "partly"}

    @property
    def word(self) -> str:
        """The order type as the rules of a market name it."""
        return "LIMIT_MAKER" if (self.type, self.time_in_force) == ("limit", "PO") else self.type.upper()

    @property
    def direction(self) -> str:
        """The side of the market, below or above, on which the trigger lies when the order is placed."""
        falls = (self.type.startswith("stop_loss"), self.side) in {(True, "sell"), (False, "buy")}
        return BELOW if falls else ABOVE

    @property
    def trigger(self) -> Decimal | None:
        """The price that triggers the order, None without one or while a trailing order is not tracking yet."""
        if self.trailing is None:
            return self.stop_price
        if self.extreme is None:
            return None
        share = self.trailing / BIPS
        return self.extreme * (1 - share if self.direction == BELOW else 1 + share)

    def reached(self, price: Decimal) -> bool:
        """Return True when this price triggers the order. A trailing order first updates its extreme."""
        if self.trailing is not None:
            self._track(price)
        trigger = self.trigger
        return trigger is not None and (price <= trigger if self.direction == BELOW else price >= trigger)

    def _track(self, price: Decimal) -> None:
        if self.extreme is None:
            # With a stop price, tracking begins when the market reaches it; without one, at once.
            begun = self.stop_price is None or (
                price <= self.stop_price if self.direction == BELOW else price >= self.stop_price
            )
            self.extreme = price if begun else None
        else:
            self.extreme = (max if self.direction == BELOW else min)(self.extreme, price)

    @property
    def spends(self) -> str:
        """The currency that the order spends."""
        return self.pair.quote if self.side == "buy" else self.pair.base


@dataclass(eq=False)
class PaperList:
    """Two orders that cancel each other (OCO). Their coins are locked once."""

    id: int
    client_id: str
    legs: list[PaperOrder]
    at: int

    @property
    def rests(self) -> bool:
        """True while any of its legs rests on the order book."""
        return any(leg.rests for leg in self.legs)

    def others(self, order: PaperOrder) -> list[PaperOrder]:
        """Return the other legs that still rest."""
        return [leg for leg in self.legs if leg is not order and leg.rests]

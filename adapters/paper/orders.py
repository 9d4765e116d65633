"""What stands in the books of the paper exchange: accounts, orders, lists of orders, trades; and its refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from adapters.paper.prices import Pair
from domain.amounts import ZERO

BELOW, ABOVE = "below", "above"
BIPS = Decimal(10_000)


class Refused(Exception):
    """The exchange says no. `reason` is the paper exchange's own word, which each native API translates."""

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
    fees_in: str = ""
    """The currency in which fees are taken; nothing for what is received."""

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
    """One execution."""

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

    `type` is market, limit, or stop_loss, take_profit and their `_limit` forms, which wait until `triggered`.
    `trailing` is in hundredths of a percent, behind the `extreme` that the market has reached since tracking began.
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
    trades: list[PaperTrade] = field(default_factory=list)

    @property
    def rests(self) -> bool:
        """Whether it stands on the book."""
        return self.status in {"new", "partly"}

    @property
    def word(self) -> str:
        """The type in the words that the rules of a market use."""
        return "LIMIT_MAKER" if (self.type, self.time_in_force) == ("limit", "PO") else self.type.upper()

    @property
    def direction(self) -> str:
        """On which side of the market its trigger lies when it is placed."""
        falls = (self.type.startswith("stop_loss"), self.side) in {(True, "sell"), (False, "buy")}
        return BELOW if falls else ABOVE

    @property
    def trigger(self) -> Decimal | None:
        """The price that makes an order of it, None while a trailing one is not tracking yet."""
        if self.trailing is None:
            return self.stop_price
        if self.extreme is None:
            return None
        share = self.trailing / BIPS
        return self.extreme * (1 - share if self.direction == BELOW else 1 + share)

    def reached(self, price: Decimal) -> bool:
        """Whether this price triggers it. A trailing order first tracks the market to its extreme."""
        if self.trailing is not None:
            self._track(price)
        trigger = self.trigger
        return trigger is not None and (price <= trigger if self.direction == BELOW else price >= trigger)

    def _track(self, price: Decimal) -> None:
        if self.extreme is None:
            # With a stop price tracking begins once that is met, without one at once.
            begun = self.stop_price is None or (
                price <= self.stop_price if self.direction == BELOW else price >= self.stop_price
            )
            self.extreme = price if begun else None
        else:
            self.extreme = (max if self.direction == BELOW else min)(self.extreme, price)

    @property
    def spends(self) -> str:
        """The currency that it gives away."""
        return self.pair.quote if self.side == "buy" else self.pair.base


@dataclass(eq=False)
class PaperList:
    """Two orders of which one cancels the other. Their coins are locked once."""

    id: int
    client_id: str
    legs: list[PaperOrder]
    at: int

    @property
    def rests(self) -> bool:
        """Whether any of its legs stands on the book."""
        return any(leg.rests for leg in self.legs)

    def others(self, order: PaperOrder) -> list[PaperOrder]:
        """The legs that rest besides this one."""
        return [leg for leg in self.legs if leg is not order and leg.rests]

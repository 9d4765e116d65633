"""What somebody wants to trade, in the platform's own words, before any exchange is involved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.refusals import Invalid

HUNDRED_PERCENT = Decimal(100)


class Side(StrEnum):
    """Which way the base currency goes."""

    BUY = "buy"
    SELL = "sell"


class Type(StrEnum):
    """What the exchange is asked to do."""

    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    """How long a limit order may rest. PO (post-only) rests or is refused, it never takes."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    PO = "PO"


class Source(StrEnum):
    """Who wanted the order."""

    MANUAL = "manual"
    WEBHOOK = "webhook"
    STRATEGY = "strategy"
    EXTERNAL = "external"


@dataclass(frozen=True)
class Wish:
    """One order as it is wanted, with exactly one size.

    `quantity` is in the base currency, `cost` in the quote currency, `percent` (above 0, at most 100) is of what is
    free at the moment of sending: quote currency for a buy, base currency for a sell. `symbol` reads `BTC/USDT`.
    """

    symbol: str
    side: Side
    type: Type
    quantity: Decimal | None = None
    cost: Decimal | None = None
    percent: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None

    def check(self) -> None:
        """Raise `Invalid`, naming the field, for a wish that no exchange could carry out."""
        if sum(size is not None for size in (self.quantity, self.cost, self.percent)) != 1:
            raise Invalid(
                "an order needs exactly one of quantity, cost, percent", code="size_ambiguous", field="quantity"
            )
        for name in ("quantity", "cost", "percent", "price"):
            value: Decimal | None = getattr(self, name)
            if value is not None and not (value.is_finite() and value > 0):
                raise Invalid(f"{name} was {value}; it must be above zero", code="not_positive", field=name)
        if self.percent is not None and self.percent > HUNDRED_PERCENT:
            raise Invalid(f"percent was {self.percent}, above 100", code="percent_out_of_range", field="percent")
        if self.type is Type.LIMIT:
            if self.price is None:
                raise Invalid("a limit order needs a price", code="price_missing", field="price")
            if self.cost is not None:
                raise Invalid("a limit order is sized in the base currency", code="size_ambiguous", field="cost")
        elif self.price is not None or self.time_in_force is not None:
            raise Invalid("a market order takes no price and no time in force", code="price_not_taken", field="price")

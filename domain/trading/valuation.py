"""Valuation: what the coins of an account are worth in another currency, at last prices that may be missing or old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.amounts import product, total

BRIDGES = ("USDT", "USDC", "BTC", "EUR")
"""The currencies over which a price is derived when a currency is not quoted in the wanted one."""
FRESH_SECONDS = 60.0
"""The age from which a price no longer tells what something is worth."""
ONE = Decimal(1)
_PLACES = Decimal("1e-18")


@dataclass(frozen=True)
class Price:
    """The worth of one unit of a currency in another one, and the age in seconds of the oldest price behind it."""

    worth: Decimal
    age: float


@dataclass(frozen=True)
class Valued:
    """A sum in one currency. `missing` names the currencies that it leaves out, because their price is not known."""

    worth: Decimal
    missing: tuple[str, ...] = ()


class Prices:
    """The last prices of one exchange by symbol (`BTC/USDT`), each quote per base."""

    def __init__(self, told: Mapping[str, Price]) -> None:
        self._told = told

    @classmethod
    def read(cls, told: Mapping[str, tuple[str, float]]) -> Prices:
        """Return prices from texts and ages in seconds by symbol, as they are published."""
        return cls({symbol: Price(Decimal(price), age) for symbol, (price, age) in told.items()})

    def of(self, currency: str, wanted: str) -> Price | None:
        """Return what one unit of a currency is worth in the wanted one, directly or over one bridge; None if unknown.

        Prices older than `FRESH_SECONDS` count as unknown.
        """
        if currency == wanted:
            return Price(ONE, 0.0)
        if (direct := self._direct(currency, wanted)) is not None:
            return direct
        return next(self._bridged(currency, wanted), None)

    def _bridged(self, currency: str, wanted: str) -> Iterator[Price]:
        for bridge in BRIDGES:
            first, second = self._direct(currency, bridge), self._direct(bridge, wanted)
            if first is not None and second is not None:
                yield Price(product(first.worth, second.worth), max(first.age, second.age))

    def _direct(self, currency: str, wanted: str) -> Price | None:
        price = self._fresh(f"{currency}/{wanted}")
        if price is not None:
            return price
        price = self._fresh(f"{wanted}/{currency}")
        return None if price is None else Price((ONE / price.worth).quantize(_PLACES), price.age)

    def _fresh(self, symbol: str) -> Price | None:
        price = self._told.get(symbol)
        return price if price is not None and price.age < FRESH_SECONDS and price.worth > 0 else None


def equity(amounts: Mapping[str, Decimal], prices: Prices, wanted: str) -> Valued:
    """Return what these amounts by currency are worth together. Zero amounts need no price."""
    priced = {name: prices.of(name, wanted) for name, amount in amounts.items() if amount}
    worth = total(product(amounts[name], price.worth) for name, price in priced.items() if price is not None)
    return Valued(worth, tuple(sorted(name for name, price in priced.items() if price is None)))


def needed(currencies: frozenset[str], symbols: frozenset[str], wanted: str) -> frozenset[str]:
    """Return those of the existing symbols whose prices tell what the currencies are worth in the wanted one."""
    ends = (wanted, *BRIDGES)
    pairs = ((one, other) for one in currencies | set(BRIDGES) for other in ends if one != other)
    return frozenset(name for one, other in pairs for name in (f"{one}/{other}", f"{other}/{one}") if name in symbols)

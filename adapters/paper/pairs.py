"""The pairs of the paper exchange, and the rules that it enforces for them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Pair:
    """A pair of the paper exchange with the rules it enforces (prices in quote, quantities in base)."""

    base: str
    quote: str
    start: Decimal
    """The price around which it wanders, and at which one that is listed anew begins."""
    tick: Decimal
    step: Decimal
    minimum_notional: Decimal = Decimal(5)
    maximum_notional: Decimal = Decimal(9_000_000)
    maximum_quantity: Decimal = Decimal(9_000_000)

    @property
    def symbol(self) -> str:
        """The symbol as the platform writes it, such as `BTC/USDT`."""
        return f"{self.base}/{self.quote}"


def _pair(base: str, quote: str, start: str, tick: str, step: str, minimum: str = "5") -> Pair:
    return Pair(base, quote, Decimal(start), Decimal(tick), Decimal(step), Decimal(minimum))


PAIRS = {
    pair.symbol: pair
    for pair in (
        _pair("BTC", "USDT", "64250.10", "0.01", "0.00001"),
        _pair("ETH", "USDT", "2847.35", "0.01", "0.0001"),
        _pair("BNB", "USDT", "582.4", "0.1", "0.001"),
        _pair("SOL", "USDT", "151.22", "0.01", "0.001"),
        _pair("XRP", "USDT", "0.6123", "0.0001", "0.1"),
        _pair("USDC", "USDT", "0.9998", "0.0001", "1"),
        _pair("BTC", "USDC", "64260.00", "0.01", "0.00001"),
        _pair("ETH", "USDC", "2848.00", "0.01", "0.0001"),
        _pair("ETH", "BTC", "0.04431", "0.00001", "0.0001", "0.0001"),
    )
}

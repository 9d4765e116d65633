"""Series: the bars of one market at one exchange and venue."""

from __future__ import annotations

from dataclasses import dataclass

PAIR = r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}"
"""The regular expression of a symbol that can be followed."""


@dataclass(frozen=True)
class Series:
    """The bars of one market at one exchange and venue."""

    exchange: str
    venue: str
    symbol: str

    def __str__(self) -> str:
        """Return it as settings and people write it: `binance/paper/BTC/USDT`."""
        return f"{self.exchange}/{self.venue}/{self.symbol}"


def series_of(text: str) -> Series:
    """Read a series as it is written. Raises `ValueError` for anything else."""
    match text.split("/"):
        case [exchange, venue, base, quote] if exchange and venue and base and quote:
            return Series(exchange, venue, f"{base}/{quote}")
    raise ValueError(f"{text!r} is not EXCHANGE/VENUE/BASE/QUOTE")

"""The port to the public side of an exchange: markets, prices and bars, for which no credentials are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from domain.market import Market


@dataclass(frozen=True)
class Ticker:
    """The newest prices of one market."""

    symbol: str
    last: Decimal
    bid: Decimal | None
    ask: Decimal | None
    time: datetime


@dataclass(frozen=True)
class DayTicker:
    """The last 24 hours of one market: its price then and now, and what was traded (quote)."""

    native: str
    opened: Decimal
    last: Decimal
    quote_volume: Decimal


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


class MarketData(Protocol):
    """The public side of one exchange at one venue."""

    clock_offset: timedelta
    """The exchange's clock minus ours, as last measured."""

    async def markets(self) -> Sequence[Market]:
        """Return every tradable pair with its rules."""

    async def server_time(self) -> datetime:
        """Return the time of the exchange's clock."""

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return the newest prices by symbol, of all markets when none is named. `urgent` is as for `balances`."""

    async def day_tickers(self) -> Sequence[DayTicker]:
        """Return the last 24 hours of every market that the exchange tells them of. Costs much of a minute's budget."""

    async def candles(self, market: Market, timeframe: str, since: datetime | None = None) -> Sequence[Candle]:
        """Return the bars of one market, oldest first."""

    def candle_stream(self, native_symbols: Sequence[str], timeframe: str) -> AsyncIterator[tuple[str, Candle]]:
        """Yield the native symbol and the bar each time a bar changes. Raises `NoAnswer` when the connection ends."""

    @property
    def busy(self) -> float:
        """The fraction of this minute's request budget that is used."""

    @property
    def last_answer(self) -> float | None:
        """The time at which the exchange last answered anything (Unix time); None before it has."""

    async def close(self) -> None:
        """Close all connections."""

"""The port to the public side of an exchange: markets, prices and bars, for which no credentials are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from domain.candles.bar import Bar, MarketTrade
from domain.depth import Depth
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


@dataclass(frozen=True, slots=True)
class SeenTrade:
    """A trade of a market's public stream, with the time at which the exchange sent it (milliseconds, UTC)."""

    native: str
    trade: MarketTrade
    sent_at: int


@dataclass(frozen=True, slots=True)
class SeenCandle:
    """A closed candle of one minute, from the same stream."""

    native: str
    candle: Bar
    sent_at: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The exchange announces that it ends this connection: a new one is to be opened first."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that cannot be believed: no valid JSON, or amounts that no market has."""

    raw: str


@dataclass(frozen=True, slots=True)
class SeenDepth:
    """The best orders of a market's book, as of now."""

    native: str
    depth: Depth


DepthEvent = SeenDepth | SeenTrade | Malformed | None
"""None as in `MarketEvent`."""
MarketEvent = SeenTrade | SeenCandle | Ending | Malformed | None
"""None for any other message: it shows only that the connection lives."""


class MarketData(Protocol):
    """The public side of one exchange at one venue."""

    clock_offset: timedelta
    """The exchange's clock minus ours, as last measured."""
    timeframes: Collection[str]
    """The platform's timeframes of which the exchange has bars of its own."""

    async def markets(self) -> Sequence[Market]:
        """Return every tradable pair with its rules."""

    async def server_time(self) -> datetime:
        """Return the time of the exchange's clock."""

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return the newest prices by symbol, of all markets when none is named. `urgent` is as for `balances`."""

    async def day_tickers(self) -> Sequence[DayTicker]:
        """Return the last 24 hours of every market that the exchange tells them of. Costs much of a minute's budget."""

    async def bars(
        self,
        market: Market,
        timeframe: str,
        since: datetime,
        until: datetime | None = None,
        *,
        background: bool = False,
    ) -> Sequence[Bar]:
        """Return up to 1000 of the exchange's own closed bars, oldest first.

        They open from `since` on and before `until`. `timeframe` is one of the platform's that the exchange has too
        (`timeframes`). What is read in the `background` takes a small share of the budget, and may be refused for now
        with the code `rate_limited`.
        """

    def market_stream(self, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
        """Yield each message about these markets, read and raw: their trades and candles of one minute.

        Raises `NoAnswer` when the connection cannot be made, or ends.
        """

    def depth_stream(self, native_symbol: str) -> AsyncIterator[DepthEvent]:
        """Yield the best 15 or 20 levels of a market's book several times a second, and its trades.

        Raises `NoAnswer` when the connection cannot be made, or ends.
        """

    @property
    def busy(self) -> float:
        """The fraction of this minute's request budget that is used."""

    @property
    def last_answer(self) -> float | None:
        """The time at which the exchange last answered anything (Unix time); None before it has."""

    async def close(self) -> None:
        """Close all connections."""

"""The ports to the candles of the past: what is stored of each series, and the loads that bring more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.candles.columns import Columns
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, TIMEFRAMES


@dataclass(frozen=True)
class Hole:
    """Missing candles, from the first opening time to the last (milliseconds). `absent`: the exchange has none."""

    first: int
    last: int
    absent: bool


@dataclass(frozen=True)
class Held:
    """The candles that are stored of a series and timeframe: how many, the first and the last one (milliseconds)."""

    series: Series
    timeframe: str
    count: int
    first: int
    last: int
    holes: tuple[Hole, ...]

    @property
    def missing(self) -> int:
        """The number of candles that are missing between the first and the last."""
        return (self.last - self.first) // (TIMEFRAMES[self.timeframe] * MINUTE) + 1 - self.count


@dataclass(frozen=True)
class Load:
    """One load of a series' candles from a time until another (UTC). Candles are stored up to `reached`.

    `state` is running, paused, cancelled or done; `error` is the last failure, after which it is tried again.
    """

    id: int
    exchange: str
    venue: str
    symbol: str
    timeframe: str
    since: datetime
    until: datetime
    reached: datetime
    state: str
    candles: int
    error: str | None
    asked_at: datetime
    ended_at: datetime | None

    @property
    def series(self) -> Series:
        """The series that is loaded."""
        return Series(self.exchange, self.venue, self.symbol)


class Candles(Protocol):
    """The candle store, as those see it who read it. Times are milliseconds since 1970."""

    def read(self, series: Series, timeframe: str, start: int, end: int) -> Columns:
        """Return the candles that open from `start` on and before `end`, as they are known now.

        Larger ones are made of minutes; before the first of those stand the exchange's own, flagged as native.
        """

    def newest(self, series: Series, timeframe: str, before: int, count: int) -> Columns:
        """Return the newest so many candles that open before a time, as `read` does."""


class Loads(Protocol):
    """The loads of history, as those see them who decide about them."""

    def newest(self, count: int = 100) -> Sequence[Load]:
        """Return the newest loads, those first that have not ended."""

    def change(self, number: int, state: str) -> Load:
        """Let a load go on (`running`), be `paused` or `cancelled`.

        Raises `NotFound`, and `Impossible` once it has ended.
        """

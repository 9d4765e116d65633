"""The ports to the candles of the past: what is stored of each series, and the loads that bring more."""

from __future__ import annotations

from typing import Protocol

from domain.candles.columns import Columns
from domain.candles.series import Series


class Candles(Protocol):
    """The candle store, as those see it who read it. Times are milliseconds since 1970."""

    def read(self, series: Series, timeframe: str, start: int, end: int) -> Columns:
        """Return the candles that open from `start` on and before `end`, as they are known now.

        Larger ones are made of minutes; before the first of those stand the exchange's own, flagged as native.
        """

    def newest(self, series: Series, timeframe: str, before: int, count: int) -> Columns:
        """Return the newest so many candles that open before a time, as `read` does."""

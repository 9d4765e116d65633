"""The intervals of bars, and the times at which bars open. They begin by UTC unless an offset moves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.paper.pairs import Pair
from adapters.paper.past import MINUTE
from adapters.paper.prices import Prices
from domain.amounts import ZERO
from domain.candles.bar import Bar
from domain.candles.columns import folded

DAY = 24 * 60 * MINUTE
INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720,
    "1d": 1440, "3d": 4320, "1w": 10_080, "1M": 0,
}  # fmt: skip
"""The intervals in minutes, 0 for a month, whose length varies. One-second bars cannot be made from minutes."""
_MONDAY = 4 * DAY  # 1970 began on a Thursday


def span(moment: int, interval: str, offset: int = 0) -> tuple[int, int]:
    """Return the opening times of the bar that holds a moment and of the next bar."""
    local = moment + offset
    if interval == "1M":
        first = datetime.fromtimestamp(local / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        return int(first.timestamp()) * 1000 - offset, int(following.timestamp()) * 1000 - offset
    length = INTERVALS[interval] * MINUTE
    shift = _MONDAY if interval == "1w" else 0
    opened = (local - shift) // length * length + shift
    return opened - offset, opened + length - offset


def longest(interval: str) -> int:
    """Return the most milliseconds that a bar of an interval has."""
    return (INTERVALS[interval] or 31 * 1440) * MINUTE


def openings(local: NDArray[np.int64], interval: str) -> NDArray[np.int64]:
    """Return the opening times of the bars that hold these moments of a time zone."""
    if interval == "1M":
        months = local.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    length, shift = INTERVALS[interval] * MINUTE, _MONDAY if interval == "1w" else 0
    opened: NDArray[np.int64] = (local - shift) // length * length + shift
    return opened


def whole_bars(prices: Prices, symbol: str, interval: str, first: int, last: int, offset: int = 0) -> Iterator[Bar]:
    """Yield the bars of a market from the one that holds a time to the one that holds another, oldest first."""
    since, until = span(first, interval, offset)[0], span(last, interval, offset)[1]
    minutes = prices.columns(symbol, since, until)
    if len(minutes):
        whole, _ = folded(minutes, openings(minutes.opened_at + offset, interval) - offset)
        yield from whole.bars(1)


class Timeframe(NamedTuple):
    """The bars of an interval. They open by UTC, moved by an offset (milliseconds)."""

    interval: str
    offset: int


class RunningBars:
    """The running bars of markets, of which all minutes but the last one are folded once.

    A bar of a month would else be folded anew with every price.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._folded: dict[tuple[str, Timeframe], tuple[int, list[Bar]]] = {}

    def bar(self, pair: Pair, timeframe: Timeframe, at: int) -> Bar | None:
        """Return the bar that holds a moment, None for one without a minute."""
        opened, end = span(at, *timeframe)
        minute, key = at // MINUTE * MINUTE, (pair.symbol, timeframe)
        until, before = self._folded.get(key, (0, []))
        if not opened <= until <= minute:
            until, before = opened, []
        if until < minute:
            added = whole_bars(self._prices, pair.symbol, "1m", until, minute - 1)
            before = [*_one([*before, *added], opened)]
            self._folded[key] = minute, before
        last = whole_bars(self._prices, pair.symbol, "1m", minute, minute)
        return next(_one([*before, *(one for one in last if one.opened_at < end)], opened), None)


def _one(bars: Sequence[Bar], opened: int) -> Iterator[Bar]:
    """Yield these bars as one that opens at a time, nothing for none."""
    if bars:
        yield replace(
            bars[0], opened_at=opened, close=bars[-1].close, high=max(bar.high for bar in bars),
            low=min(bar.low for bar in bars), volume=sum((bar.volume for bar in bars), ZERO),
            trades=sum(bar.trades for bar in bars),
        )  # fmt: skip

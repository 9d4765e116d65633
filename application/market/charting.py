"""Charting: the indicators of a chart, on the same frames and by the same library as those of strategies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from application.ports.candles import Candles
from application.ports.sandbox import Rows
from domain.candles.anchor import anchored
from domain.candles.columns import Columns, concatenated
from domain.candles.indicators import LINES, Indicator
from domain.candles.series import Series

Calculate = Callable[[NDArray[np.float64], Indicator], Rows]
"""A function that returns the lines of an indicator at each of these prices (quote)."""
REMEMBERED = 128
"""Calculations that are kept: at most three lines of two thousand values each."""


@dataclass(frozen=True)
class _Frame:
    """The prices at the close of bars, which their hash tells apart: what was calculated of the same bars stands."""

    digest: bytes
    close: NDArray[np.float64] = field(compare=False)


@dataclass(frozen=True)
class Drawn:
    """The lines of indicators at the bars of a chart; NaN where a line has not begun."""

    opened_at: NDArray[np.int64]
    lines: dict[Indicator, Rows]


class Charting:
    """The charts of one process, which remember what was calculated last."""

    def __init__(self, candles: Candles, calculate: Calculate) -> None:
        self._candles = candles
        self._calculated = lru_cache(REMEMBERED)(lambda indicator, frame: calculate(frame.close, indicator))

    def draw(self, series: Series, timeframe: str, before: int, count: int, indicators: Sequence[Indicator]) -> Drawn:
        """Return indicators at the newest so many bars that open before a time (milliseconds).

        RSI is in percent, all others in quote. Raises `SandboxError` when the sandbox is away.
        """
        shown = self._candles.newest(series, timeframe, before, count)
        if not len(shown):
            return Drawn(shown.opened_at, {one: {name: np.array([]) for name in LINES[one.name]} for one in indicators})
        first, last = int(shown.opened_at[0]), int(shown.opened_at[-1])
        blocks = [*anchored(timeframe, first, last)]
        known = concatenated([self._candles.read(series, timeframe, blocks[0].start, first), shown])
        parts: dict[Indicator, list[Rows]] = {one: [] for one in indicators}
        for block in blocks:
            bars = known.between(block.start, block.until)
            frame, asked = _frame(bars), slice(*np.searchsorted(bars.opened_at, [max(block.since, first), block.until]))
            for one in indicators:
                parts[one].append({name: line[asked] for name, line in self._calculated(one, frame).items()})
        joined: dict[Indicator, Rows] = {
            one: {name: np.concatenate([part[name] for part in found]) for name in found[0]}
            for one, found in parts.items()
        }
        return Drawn(shown.opened_at, joined)


def _frame(bars: Columns) -> _Frame:
    close = bars.close.copy()  # and not a view, which would keep all bars of all blocks
    return _Frame(hashlib.blake2b(bars.opened_at.tobytes() + close.tobytes()).digest(), close)

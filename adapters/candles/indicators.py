"""The indicators of a chart, by pandas-ta-classic: the same library, on the same frames, as strategies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.candles.store import CandleStore
from domain.candles.anchor import anchored
from domain.candles.columns import Columns, concatenated
from domain.candles.indicators import Indicator
from domain.candles.series import Series

Lines = dict[str, NDArray[np.float64]]
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
    lines: dict[Indicator, Lines]


def draw(
    candles: CandleStore, series: Series, timeframe: str, before: int, count: int, indicators: Sequence[Indicator]
) -> Drawn:
    """Return indicators at the newest so many bars that open before a time (milliseconds).

    RSI is in percent, all others in quote.
    """
    shown = candles.newest(series, timeframe, before, count)
    if not len(shown):
        return Drawn(
            shown.opened_at, {one: {name: np.array([]) for name in _calculators()[one.name][1]} for one in indicators}
        )
    first, last = int(shown.opened_at[0]), int(shown.opened_at[-1])
    blocks = [*anchored(timeframe, first, last)]
    known = concatenated([candles.read(series, timeframe, blocks[0].start, first), shown])
    parts: dict[Indicator, list[Lines]] = {one: [] for one in indicators}
    for block in blocks:
        bars = known.between(block.start, block.until)
        frame, asked = _frame(bars), slice(*np.searchsorted(bars.opened_at, [max(block.since, first), block.until]))
        for one in indicators:
            parts[one].append({name: line[asked] for name, line in _calculated(one, frame).items()})
    joined = {
        one: {name: np.concatenate([part[name] for part in found]) for name in found[0]} for one, found in parts.items()
    }
    return Drawn(shown.opened_at, joined)


def _frame(bars: Columns) -> _Frame:
    close = bars.close.copy()  # and not a view, which would keep all bars of all blocks
    return _Frame(hashlib.blake2b(bars.opened_at.tobytes() + close.tobytes()).digest(), close)


@lru_cache(REMEMBERED)
def _calculated(indicator: Indicator, frame: _Frame) -> Lines:
    """Calculate an indicator; a line without a value where the bars are too few for all lines of it."""
    pandas = import_module("pandas")
    function, names = _calculators()[indicator.name]
    told = function(pandas.Series(frame.close), *indicator.numbers)
    if told is None:
        return {name: np.full(len(frame.close), np.nan) for name in names}
    columns = [told] if told.ndim == 1 else [told.iloc[:, place] for place in range(len(names))]
    return {name: column.to_numpy(np.float64) for name, column in zip(names, columns, strict=True)}


@cache  # not before the first chart wants an indicator: importing pandas takes half a second and 50 MB
def _calculators() -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return the function of each indicator, and the names of its lines in the order of the function's columns."""
    ta = import_module("pandas_ta_classic")
    return {
        "ema": (ta.ema, ("ema",)),
        "rsi": (ta.rsi, ("rsi",)),
        "macd": (ta.macd, ("macd", "histogram", "signal")),
        "bollinger": (ta.bbands, ("lower", "middle", "upper")),
    }

"""Frames: the bars that a strategy sees, built by one function for dry runs, backtests and live trading."""

from __future__ import annotations

import numpy as np

from application.ports.sandbox import Rows
from domain.candles.anchor import HISTORY, anchored
from domain.candles.columns import AMOUNTS, Columns


def frame_at(candles: Columns, timeframe: str, at: int, history: int = HISTORY) -> Rows:
    """Return the bars that a strategy sees at the close of the bar that opens at a time (milliseconds).

    It has `history` bars and that one at least, unless fewer are stored.
    """
    [block] = anchored(timeframe, at, at, history)
    return rows_of(candles.between(block.start, at + 1))


def rows_of(candles: Columns) -> Rows:
    """Return bars as a strategy gets them."""
    return {"opened_at": candles.opened_at.astype(np.float64), **{name: getattr(candles, name) for name in AMOUNTS}}

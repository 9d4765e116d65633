"""Replays: a file of candles as the prices of one market, minute by minute."""

from __future__ import annotations

import csv
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from adapters.candles.files import NoCandles, opened
from adapters.paper.pairs import PAIRS


def replayed(file: Path, symbol: str) -> list[tuple[datetime, list[Decimal]]]:
    """Return the time (UTC) and the price path of each minute in a CSV of candles, plain or gzipped.

    A path is open, low and high in their likely order, close. The columns are open_time, open, high, low, close. The
    whole file is read before the replay begins. Raises `NoCandles` for a file without valid candles, or for a symbol
    that is not traded here.
    """
    if symbol not in PAIRS:
        raise NoCandles(f"{symbol} is not traded here: a symbol is one of {', '.join(PAIRS)}")
    tick = PAIRS[symbol].tick
    try:
        with opened(file) as lines:
            minutes = [_path(row, tick) for row in csv.DictReader(lines)]
    except (OSError, EOFError, zlib.error, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise NoCandles(f"{file} holds no candles: {type(error).__name__}: {error}") from error
    if not minutes:
        raise NoCandles(f"{file} holds no candles")
    return minutes


def _path(row: dict[str, str], tick: Decimal) -> tuple[datetime, list[Decimal]]:
    opened, high, low, close = (Decimal(row[name]).quantize(tick) for name in ("open", "high", "low", "close"))
    middle = [low, high] if close >= opened else [high, low]
    return datetime.fromisoformat(row["open_time"]).astimezone(UTC), [opened, *middle, close]

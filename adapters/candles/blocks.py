"""Blocks: a thousand consecutive candles of one series and timeframe as bytes, and back.

Open, high, low, close and volume are a thousand binary numbers of 64 bits each, the numbers of trades a thousand of 32
bits, the flags a thousand bytes, all little-endian. A missing candle is zeros with a flag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.candles.columns import AMOUNTS, Columns, Flag
from domain.candles.timeframes import MINUTE, TIMEFRAMES

SLOTS = 1000
_TRADES_AT = len(AMOUNTS) * SLOTS * 8
_FLAGS_AT = _TRADES_AT + SLOTS * 4
SIZE = _FLAGS_AT + SLOTS
FLAGS_FROM = _FLAGS_AT + 1
"""The place of the first flag as SQL counts, from one."""


@dataclass(frozen=True)
class Grid:
    """The blocks of a timeframe: their numbers, and the times of their candles in milliseconds."""

    timeframe: str

    @property
    def length(self) -> int:
        """The milliseconds of one candle."""
        return TIMEFRAMES[self.timeframe] * MINUTE

    def number(self, at: int) -> int:
        """Return the number of the block that holds a time."""
        return at // (self.length * SLOTS)

    def start(self, number: int) -> int:
        """Return the opening time of a block's first candle."""
        return number * self.length * SLOTS

    def end(self, number: int) -> int:
        """Return the time at which a block ends, which no longer belongs to it."""
        return self.start(number + 1)


MINUTES = Grid("1m")


def packed(candles: Columns, start: int, length: int, absent: NDArray[np.int64] | None = None) -> bytes:
    """Return the block that begins at `start` (milliseconds) and holds these candles of so many milliseconds.

    `absent` are opening times of which the exchange itself has no candle.
    """
    slots = (candles.opened_at - start) // length
    amounts = np.zeros((len(AMOUNTS), SLOTS), "<f8")
    for row, name in enumerate(AMOUNTS):
        amounts[row, slots] = getattr(candles, name)
    trades = np.zeros(SLOTS, "<u4")
    trades[slots] = candles.trades
    flags = np.full(SLOTS, int(Flag.MISSING), np.uint8)
    if absent is not None:
        flags[(absent - start) // length] = int(Flag.MISSING | Flag.CONFIRMED)
    flags[slots] = candles.flags
    return amounts.tobytes() + trades.tobytes() + flags.tobytes()


def unpacked(data: bytes, start: int, length: int) -> Columns:
    """Return the candles of a block that begins at `start`, without the missing ones."""
    amounts = np.frombuffer(data, "<f8", len(AMOUNTS) * SLOTS).reshape(len(AMOUNTS), SLOTS)
    trades = np.frombuffer(data, "<u4", SLOTS, _TRADES_AT)
    flags = np.frombuffer(data, np.uint8, SLOTS, _FLAGS_AT)
    opened, high, low, close, volume = amounts
    times = np.arange(start, start + SLOTS * length, length, dtype=np.int64)
    whole = Columns(times, opened, high, low, close, volume, trades, flags)
    there = flags & int(Flag.MISSING) == 0
    return whole if there.all() else whole.chosen(there)


def hash_of(data: bytes) -> bytes:
    """Return the hash by which a block is stored."""
    return hashlib.sha256(data).digest()


def runs(opened_at: NDArray[np.int64], length: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last opening time of each run of consecutive candles."""
    if len(opened_at):
        breaks = np.flatnonzero(np.diff(opened_at) != length)
        for first, last in zip(np.append(0, breaks + 1), np.append(breaks, len(opened_at) - 1), strict=True):
            yield int(opened_at[first]), int(opened_at[last])

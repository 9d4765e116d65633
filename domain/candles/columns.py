"""Candles as columns: many bars of one series and timeframe, one array for each of their amounts.

Prices are in quote, volumes in base. They are binary numbers, whose shortest text is the exact decimal (`is_exact`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import IntFlag
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.candles.bar import Bar, Proof
from domain.candles.timeframes import MINUTE

AMOUNTS = ("open", "high", "low", "close", "volume")
EXACT_DIGITS = 15
"""Decimals of so many significant digits survive the way through a binary number of 64 bits (IEEE 754, 5.12.2)."""
LONGEST_EXPONENT = 300
"""Powers of ten that a binary number of 64 bits surely has."""
PLACES = 8
"""Decimal places to which sums of volumes are rounded: spot markets count nothing smaller."""


class Flag(IntFlag):
    """The facts about a candle. `NATIVE`: the exchange's own of a larger timeframe, which no minutes of ours prove."""

    MISSING = 1
    """There is none."""
    NO_TRADES = 2
    CONFIRMED = 4
    CORRECTED = 8
    NATIVE = 16
    IMPORTED = 32
    PROVED = 64
    """Proved by the trade ids, or confirmed, which is stronger."""


NOTHING = Flag(0)
FLAGS = {
    Proof.CORRECTED: Flag.CORRECTED, Proof.IMPORTED: Flag.IMPORTED, Proof.CONFIRMED: Flag.CONFIRMED | Flag.PROVED,
    Proof.PROVED: Flag.PROVED, Proof.TIMED: NOTHING,
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Bars, oldest first, each opening time (milliseconds, UTC) once. Missing bars are left out."""

    opened_at: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    trades: NDArray[np.uint32]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.opened_at)

    def chosen(self, which: Any) -> Columns:
        """Return those bars that a mask, a slice or an array of places names."""
        return Columns(*(getattr(self, field.name)[which] for field in fields(self)))

    def between(self, start: int, end: int) -> Columns:
        """Return the bars that open from `start` on and before `end` (milliseconds)."""
        first, last = np.searchsorted(self.opened_at, [start, end])
        return self.chosen(slice(int(first), int(last)))

    def over(self, older: Columns) -> Columns:
        """Return these bars and, where there are none, those of `older`."""
        if not len(self) or not len(older):
            return self if len(self) else older
        both = concatenated([older, self])
        # Of equal times the last one stands, which is ours.
        order = np.argsort(both.opened_at, kind="stable")
        times = both.opened_at[order]
        last = np.append(times[1:] != times[:-1], True)
        return both.chosen(order[last])

    def bars(self, minutes: int) -> Iterator[Bar]:
        """Yield every bar of so many minutes with exact amounts. Blocks keep no trade ids."""
        amounts = [getattr(self, name).tolist() for name in AMOUNTS]
        for at, trades, flags, *found in zip(
            self.opened_at.tolist(), self.trades.tolist(), self.flags.tolist(), *amounts, strict=True
        ):
            opened, high, low, close, volume = map(exact, found)
            yield Bar(at, minutes, opened, high, low, close, volume, trades, None, None, proof_of(flags))


def exact(value: float) -> Decimal:
    """Return the decimal that a binary number stands for."""
    return Decimal(repr(value))


def is_exact(amount: Decimal) -> bool:
    """Return whether an amount comes back from a binary number with all of its digits."""
    if not abs(amount.adjusted()) < LONGEST_EXPONENT:
        return False
    return len(amount.as_tuple().digits) <= EXACT_DIGITS or exact(float(amount)) == amount


def proof_of(flags: int) -> Proof:
    """Return the proof that flags tell."""
    return next(proof for proof, flag in FLAGS.items() if flags & flag == flag)


def flags_of(proof: Proof, volume: Decimal | float) -> int:
    """Return the flags of a bar with this proof and volume."""
    return _flags_of(proof, not volume)


@cache  # combining flags is slow, and there are millions of bars
def _flags_of(proof: Proof, quiet: bool) -> int:
    return int(FLAGS[proof] | (Flag.NO_TRADES if quiet else NOTHING))


def columns_of(bars: Sequence[Bar], also: Flag = NOTHING) -> Columns:
    """Return bars, which are in order, as columns; each has the flags `also`. Check `is_exact` before."""
    return Columns(
        np.array([bar.opened_at for bar in bars], np.int64),
        np.array([bar.open for bar in bars], np.float64),
        np.array([bar.high for bar in bars], np.float64),
        np.array([bar.low for bar in bars], np.float64),
        np.array([bar.close for bar in bars], np.float64),
        np.array([bar.volume for bar in bars], np.float64),
        np.array([bar.trades for bar in bars], np.uint32),
        np.array([flags_of(bar.proof, bar.volume) for bar in bars], np.uint8) | np.uint8(also),
    )


def concatenated(parts: Sequence[Columns]) -> Columns:
    """Return parts as one, in their order; no bars for no parts."""
    if not parts:
        return columns_of([])
    return Columns(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Columns)))


def summed(volumes: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums of the runs that begin at these places, rounded as far as binary numbers can tell decimals."""
    sums: NDArray[np.float64] = np.add.reduceat(volumes, starts)
    rounded = np.round(sums, PLACES)
    whole = np.abs(sums) < 2**53 / 10**PLACES
    return np.where(whole, rounded, np.round(sums, 0 if np.all(volumes == np.floor(volumes)) else 2))


def folded(candles: Columns, opened_at: NDArray[np.int64]) -> tuple[Columns, NDArray[np.intp]]:
    """Return candles as larger ones, and the number of candles in each. `opened_at` has the larger one's time for each.

    A larger one is confirmed or proved when all of its parts are, corrected or imported when one of them is.
    """
    starts = np.flatnonzero(np.append(True, opened_at[1:] != opened_at[:-1]))
    counts = np.diff(np.append(starts, len(candles)))
    every = np.bitwise_and.reduceat(candles.flags, starts)
    some = np.bitwise_or.reduceat(candles.flags, starts)
    all_of, one_of = Flag.NO_TRADES | Flag.CONFIRMED | Flag.PROVED, Flag.CORRECTED | Flag.IMPORTED
    whole = Columns(
        opened_at[starts],
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[starts + counts - 1],
        summed(candles.volume, starts),
        np.add.reduceat(candles.trades, starts),
        ((every & int(all_of)) | (some & int(one_of))).astype(np.uint8),
    )
    return whole, counts


def larger(minutes: Columns, length: int) -> Columns:
    """Return the bars of `length` minutes, aligned to 1970, that minutes make, without those that lack a minute."""
    if not len(minutes):
        return minutes
    whole, counts = folded(minutes, minutes.opened_at // (length * MINUTE) * (length * MINUTE))
    return whole.chosen(counts == length)

"""The past of the paper markets: what every market traded at every moment since October 2024, as a function of a seed.

A currency's worth in dollars wanders around a middle: it is a sum of noises, each twice as slow as the one before and
larger by the square root of two, up to 45 days. The price of a pair is the worth of its base in its quote. Within a
minute the price goes from its opening over both extremes to its close, which is the next opening, in 120 trades of
equal quantity. Sums and products alone are used, so that every machine finds the same prices.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.candles.bar import Proof
from domain.candles.columns import FLAGS, Columns

MINUTE, STEP = 60_000, 500
"""The milliseconds of a minute, and those between two trades."""
STEPS = MINUTE // STEP
BEGINS = int(datetime(2024, 10, 1, tzinfo=UTC).timestamp() * 1000)
PART = 65_536
"""Minutes that are calculated at once: more of them take five times as long, because they do not fit a cache."""
_OCTAVES, _SWING = 17, 0.0006
"""The number of noises, and the amplitude of the fastest one, which lasts a minute."""
_CALM = {"USDC": 0.002, "USDT": 0.0}
"""Currencies that wander less, by their share of what others do."""
_WICK = 0.0006
"""The most by which an extreme lies beyond opening and close, as a fraction of the price."""
_LOW_FIRST = 0.5
"""The share of minutes whose low comes before their high."""
_MOST_STEPS = 400
"""The most steps of a market's quantity in one trade."""
Floats = NDArray[np.float64]
Ticks = NDArray[np.int64]


@dataclass(frozen=True)
class Minutes:
    """Consecutive minutes of one market: prices in ticks, the quantity of each trade in steps, the way of the price.

    The first extreme is met at the trade `first`, the second at the trade `second`; `low_first` says which is which.
    """

    opened_at: Ticks
    open: Ticks
    high: Ticks
    low: Ticks
    close: Ticks
    quantity: Ticks
    first: Ticks
    second: Ticks
    low_first: NDArray[np.bool_]

    def columns(self, tick: Decimal, step: Decimal) -> Columns:
        """Return these minutes as candles."""
        count = len(self.opened_at)
        return Columns(
            self.opened_at,
            _amounts(self.open, tick),
            _amounts(self.high, tick),
            _amounts(self.low, tick),
            _amounts(self.close, tick),
            _amounts(self.quantity * STEPS, step),
            np.full(count, STEPS, np.uint32),
            np.full(count, int(FLAGS[Proof.CONFIRMED]), np.uint8),
        )

    def prices(self) -> list[int]:
        """Return the prices (ticks) of the trades of the only minute here."""
        opened, high, low, close = (int(column[0]) for column in (self.open, self.high, self.low, self.close))
        extremes = (low, high) if self.low_first[0] else (high, low)
        way = [(0, opened), (int(self.first[0]), extremes[0]), (int(self.second[0]), extremes[1]), (STEPS - 1, close)]
        found = [opened]
        for (begins, before), (ends, after) in pairwise(way):
            found += [before + (after - before) * n // (ends - begins) for n in range(1, ends - begins + 1)]
        return found


class Past:
    """The past of every market for one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def minutes(self, base: str, quote: str, middle: Decimal, tick: Decimal, start: int, end: int) -> Minutes:
        """Return the minutes of a market that open from `start` on and before `end` (milliseconds).

        `middle` is the price around which it wanders.
        """
        first, last = (-(-max(at, BEGINS) // MINUTE) for at in (start, end))
        parts = [
            self._part(base, quote, middle, tick, begins, max(min(begins + PART, last), begins))
            for begins in range(first, max(last, first + 1), PART)
        ]
        return Minutes(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Minutes)))

    def _part(self, base: str, quote: str, middle: Decimal, tick: Decimal, first: int, last: int) -> Minutes:
        """Return the minutes with these numbers, without the last one."""
        numbers = np.arange(first, last + 1, dtype=np.int64)
        worth = self._worth(base, numbers) / self._worth(quote, numbers) * float(middle)
        prices = np.maximum(np.rint(worth / float(tick)), 1).astype(np.int64)
        numbers, opened, close = numbers[:-1], prices[:-1], prices[1:]
        above, below, traded, places, order = (
            self._chance(f"{base}/{quote} {what}", numbers) for what in ("above", "below", "traded", "places", "order")
        )
        high = np.maximum(opened, close) + (above * above * _WICK * opened).astype(np.int64)
        low = np.minimum(opened, close) - (below * below * _WICK * opened).astype(np.int64)
        return Minutes(
            numbers * MINUTE, opened, high, np.maximum(low, 1), close,
            1 + (traded * traded * _MOST_STEPS).astype(np.int64),
            20 + (places * 1000).astype(np.int64) % 30, 70 + (places * 30_000).astype(np.int64) % 30,
            order < _LOW_FIRST,
        )  # fmt: skip

    def _worth(self, currency: str, minutes: NDArray[np.int64]) -> Floats:
        """Return what a currency is worth at each minute, as a multiple of its middle."""
        share = _CALM.get(currency, 1.0)
        found = np.zeros(len(minutes))
        if share and len(minutes):
            for octave in range(_OCTAVES):
                found += self._noise(f"{currency} {octave}", minutes, octave) * (_SWING * 2 ** (octave / 2))
        return 1 + found * share

    def _noise(self, name: str, minutes: NDArray[np.int64], octave: int) -> Floats:
        """Return numbers from -1 to 1 that change direction every 2 ** octave minutes."""
        places = minutes >> octave
        first = int(places[0])
        corners = self._chance(name, np.arange(first, int(places[-1]) + 2, dtype=np.int64)) * 2 - 1
        before, after = corners[places - first], corners[places - first + 1]
        found: Floats = before + (after - before) * ((minutes & ((1 << octave) - 1)) / float(1 << octave))
        return found

    def _chance(self, name: str, numbers: Ticks) -> Floats:
        """Return a number from 0 to 1 for each number, the same for ever (SplitMix64)."""
        key = zlib.crc32(f"{self._seed} {name}".encode()) << 32
        with np.errstate(over="ignore"):
            mixed = (numbers.astype(np.uint64) + np.uint64(key)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        chance: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)) / float(1 << 53)
        return chance


def _amounts(counts: Ticks, unit: Decimal) -> Any:
    """Return so many units as binary numbers. Units are 1, 2 or 5 times a power of ten, below or above one."""
    inverse = 1 / unit
    return counts / float(inverse) if inverse == inverse.to_integral_value() else counts * float(unit)

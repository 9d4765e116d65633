"""The anchored frame: which bars stand before one that is looked at, the same for charts, live trading and the past.

Most indicators depend on where their bars begin. So frames begin at fixed places: bars are counted from 1970 in blocks,
and all bars of a block are looked at from the same beginning, some bars before the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.candles.timeframes import MINUTE, TIMEFRAMES

BLOCK = HISTORY = 1000
"""The bars of a block, and those before it that its frame begins with."""
HISTORIES = (200, 500, 1000, 2000)
"""The histories that a strategy may choose from, shortest first."""


@dataclass(frozen=True)
class Anchored:
    """One block of a timeframe: its frame begins at `start`, and holds for bars that open from `since` to `until`.

    Times are milliseconds; a bar that opens at `until` belongs to the next block.
    """

    start: int
    since: int
    until: int


def anchored(timeframe: str, first: int, last: int, history: int = HISTORY) -> Iterator[Anchored]:
    """Yield the blocks that hold the bars which open from `first` to `last` (milliseconds), oldest first."""
    length = TIMEFRAMES[timeframe] * MINUTE
    block = BLOCK * length
    for since in range(first // block * block, last + 1, block):
        yield Anchored(since - history * length, since, since + block)

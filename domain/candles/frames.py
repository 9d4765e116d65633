"""Frames: the larger bars of one market, made of its bars of one minute."""

from __future__ import annotations

from domain.candles.bar import Bar, joined
from domain.candles.timeframes import MINUTE, TIMEFRAMES, closing

LONGEST = max(TIMEFRAMES.values())


class Frames:
    """The last four hours of one market by minutes, and the larger bars that wait for a missing one."""

    def __init__(self) -> None:
        self._minutes: dict[int, Bar] = {}
        self._waiting: dict[tuple[int, str], None] = {}
        """Larger bars that have ended, by end and timeframe, and lack a minute."""
        self._told: set[tuple[int, str]] = set()

    @property
    def missing(self) -> list[int]:
        """The opening times of the minutes that are missing since the oldest one, oldest first."""
        if not self._minutes:
            return []
        return [one for one in range(min(self._minutes), max(self._minutes), MINUTE) if one not in self._minutes]

    def remember(self, bars: list[Bar]) -> None:
        """Take in minutes of the past, which close nothing."""
        self._minutes.update((bar.opened_at, bar) for bar in bars)

    def add(self, bar: Bar) -> list[Bar]:
        """Take in a closed minute; return the larger bars that are complete with it, shortest first."""
        self._minutes[bar.opened_at] = bar
        self._forget(max(self._minutes))
        ended = max(self._minutes) + MINUTE
        self._waiting |= dict.fromkeys(one for one in _around(bar) if one[0] <= ended and one not in self._told)
        return self._complete()

    def correct(self, bar: Bar) -> list[Bar]:
        """Take in a corrected minute; return the larger bars that have ended with it in them, shortest first."""
        self._minutes[bar.opened_at] = bar
        ended = max(self._minutes) + MINUTE
        found = []
        for end, name in _around(bar):
            if end <= ended and (end, name) not in self._waiting:
                whole = self._joined(end, TIMEFRAMES[name])
                found += [] if whole is None else [whole]
        return found

    def end(self, end: int) -> None:
        """Note that a minute ended here whose bar is in doubt, and with it the larger bars."""
        self._waiting |= dict.fromkeys((end, name) for name in closing(end) if name != "1m")

    def _complete(self) -> list[Bar]:
        found = []
        for end, name in sorted(self._waiting, key=lambda one: (one[0], TIMEFRAMES[one[1]])):
            whole = self._joined(end, TIMEFRAMES[name])
            if whole is not None:
                del self._waiting[end, name]
                self._told.add((end, name))
                found.append(whole)
        return found

    def _joined(self, end: int, minutes: int) -> Bar | None:
        parts = [self._minutes.get(at) for at in range(end - minutes * MINUTE, end, MINUTE)]
        whole = [bar for bar in parts if bar is not None]
        return joined(whole) if len(whole) == minutes else None

    def _forget(self, newest: int) -> None:
        """Forget what no larger bar needs any more: two of the longest are kept, for late ones."""
        oldest = newest - 2 * LONGEST * MINUTE
        for at in [one for one in self._minutes if one < oldest]:
            del self._minutes[at]
        for end, name in [one for one in self._waiting if one[0] < oldest]:
            del self._waiting[end, name]
        self._told = {one for one in self._told if one[0] >= oldest}


def _around(bar: Bar) -> list[tuple[int, str]]:
    """Return the larger bars that a minute belongs to, by end and timeframe, the shortest first."""
    lengths = [(name, minutes * MINUTE) for name, minutes in TIMEFRAMES.items() if minutes > 1]
    return [(bar.opened_at // length * length + length, name) for name, length in lengths]

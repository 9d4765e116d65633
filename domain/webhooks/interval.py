"""Intervals: TradingView's chart periods as a calendar. It says when a bar ends and its alert is due.

A slot is named by the moment at which it is due: the end of its bar (UTC).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_NOTATION = re.compile(r"([0-9]{0,4})([HDWM]?)")
_DAY = timedelta(days=1)
_MINUTES_PER_DAY = 1440
_LONGEST = {"D": 366, "W": 53, "M": 12}
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


class Unit(StrEnum):
    """The unit in which an interval counts."""

    MINUTE = ""
    DAY = "D"
    WEEK = "W"
    MONTH = "M"


@dataclass(frozen=True)
class Interval:
    """A chart period from one minute to a year.

    Minutes are counted from midnight, and the last bar of a day is cut where they do not divide it. Days are counted
    from 1970-01-01, weeks begin on Monday, months on the 1st. All times are UTC.
    """

    unit: Unit
    count: int

    @classmethod
    def parse(cls, notation: str | None) -> Interval | None:
        """Read TradingView's notation: `5`, `60`, `4H`, `D`, `1W`, `3M`.

        Return None for what names no such period: seconds, ticks, ranges, nothing. A small `m` is none of its units.
        """
        match = _NOTATION.fullmatch((notation or "").strip())
        if match is None or not (match[1] or match[2]):
            return None
        count, letter = int(match[1] or 1), match[2]
        if letter in {"", "H"}:
            minutes = count * (60 if letter else 1)
            if minutes == _MINUTES_PER_DAY:
                return cls(Unit.DAY, 1)
            return cls(Unit.MINUTE, minutes) if 0 < minutes < _MINUTES_PER_DAY else None
        return cls(Unit(letter), count) if 0 < count <= _LONGEST[letter] else None

    @property
    def name(self) -> str:
        """The one notation of this interval: `5`, `240`, `1D`."""
        return f"{self.count}{self.unit}"

    def last_due(self, moment: datetime) -> datetime:
        """Return the newest slot that is due at a moment (UTC)."""
        match self.unit:
            case Unit.MINUTE:
                midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
                length = timedelta(minutes=self.count)
                return midnight + (moment - midnight) // length * length
            case Unit.MONTH:
                return self._month(moment, 0)
            case _:
                first, length = self._days
                return first + (moment - first) // length * length

    def next_due(self, moment: datetime) -> datetime:
        """Return the first slot that is due after a moment (UTC): the end of the bar that holds the moment."""
        last = self.last_due(moment)
        if self.unit is Unit.MONTH:
            return self._month(last, self.count)
        if self.unit is Unit.MINUTE:
            midnight = last.replace(hour=0, minute=0)
            return min(last + timedelta(minutes=self.count), midnight + _DAY)
        return last + self._days[1]

    @property
    def _days(self) -> tuple[datetime, timedelta]:
        """The day from which bars of days or weeks count, and the length of one."""
        weeks = self.unit is Unit.WEEK
        return _FIRST_MONDAY if weeks else _FIRST_DAY, self.count * (7 if weeks else 1) * _DAY

    def _month(self, moment: datetime, further: int) -> datetime:
        """Return the beginning of the bar of months that holds a moment, or of one so many months further."""
        months = moment.year * 12 + moment.month - 1
        months += further - months % self.count
        return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)

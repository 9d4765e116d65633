"""The messages of the heartbeat: the clock's signals, and bars of the followed markets. Times are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.candles.bar import Bar
from domain.candles.minutes import Reason
from domain.candles.series import Series

LATE_AFTER = 60_000
"""Milliseconds after which nothing is decided on a signal any more."""
TICK = 10_000
"""Milliseconds between two ticks of the clock."""
SILENT_SIGNALS = 3
"""Signals of minutes that are missed in a row before the clock counts as silent, and nothing new is begun on it."""


@dataclass(frozen=True)
class Signal:
    """The clock's message that a bar of a timeframe has ended."""

    timeframe: str
    closed_at: int
    emitted_at: int

    @property
    def id(self) -> str:
        """The same for every source: it names the timeframe and the end."""
        return f"{self.timeframe}_{self.closed_at}"

    @property
    def late(self) -> bool:
        """True when it comes too late to be acted upon."""
        return self.emitted_at - self.closed_at > LATE_AFTER


class Telling(StrEnum):
    """The occasion of a message about a bar."""

    CLOSED = "closed"
    SETTLED = "settled"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class ToldBar:
    """A message about a bar. `before` is the bar as it was told, when it is corrected."""

    series: Series
    bar: Bar
    telling: Telling
    before: Bar | None = None


@dataclass(frozen=True)
class Doubt:
    """A minute of a series that has ended and whose bar is not known yet."""

    series: Series
    opened_at: int
    reason: Reason


@dataclass
class Beat:
    """All that one event, or the passing of time, has led to, in the order in which it is told."""

    signals: list[Signal] = field(default_factory=list)
    bars: list[ToldBar] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    ticked_at: int | None = None
    """The whole ten seconds that the clock has just passed, for timed work; None in between."""

    def __bool__(self) -> bool:
        """Return whether there is anything to tell."""
        return bool(self.signals or self.bars or self.doubts or self.ticked_at)

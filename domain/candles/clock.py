"""The market's clock: the exchange's own time, as its events and our synchronised clock tell it. In milliseconds."""

from __future__ import annotations

BELIEVED = 2000
"""An event counts only within so many milliseconds of the synchronised clock."""
INCOHERENT_AFTER = 10_000
"""Milliseconds of disagreement after which the clock is not coherent."""
GRACE = 250
"""Milliseconds after the end of a minute at which the clock alone closes it: its last trades are on their way."""


class MarketClock:
    """The time at the exchange. It never runs backwards."""

    def __init__(self) -> None:
        self._now = 0
        self._disagrees_since: int | None = None
        self._coherent = True

    @property
    def now(self) -> int:
        """The latest time that was believed."""
        return self._now

    @property
    def coherent(self) -> bool:
        """False while events have disagreed with the synchronised clock for more than ten seconds."""
        return self._coherent

    def believes(self, at: int, synchronised: int) -> bool:
        """Return whether the time of an event is close enough to the synchronised clock."""
        return abs(at - synchronised) <= BELIEVED

    def is_ahead(self, at: int, synchronised: int) -> bool:
        """Return whether a time is too far in the future to be believed. One of the past may only be late."""
        return at - synchronised > BELIEVED

    def hear(self, at: int, synchronised: int) -> None:
        """Take in the time of an event, and what the synchronised clock says at its arrival."""
        if self.believes(at, synchronised) and not self._is_set_back(synchronised):
            self._now = max(self._now, at)
            self._disagrees_since, self._coherent = None, True
        else:
            self._disagree(synchronised)

    def tick(self, synchronised: int) -> int:
        """Let time pass, and return the time now."""
        if self._is_set_back(synchronised):
            self._disagree(synchronised)
        self._now = max(self._now, synchronised)
        return self._now

    def _is_set_back(self, synchronised: int) -> bool:
        """Return whether the synchronised clock is behind what was believed before: it was set back."""
        return self._now - synchronised > BELIEVED

    def _disagree(self, synchronised: int) -> None:
        """Note a disagreement. One that lasts makes the clock incoherent."""
        if self._disagrees_since is None or synchronised < self._disagrees_since:
            self._disagrees_since = synchronised
        if synchronised - self._disagrees_since > INCOHERENT_AFTER:
            self._coherent = False

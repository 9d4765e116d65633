"""Failover: the one verdict on signals from two sources. It is the same for every consumer, whatever it keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

SILENT_AFTER = 30_000
"""Milliseconds without a sign of life after which the primary source counts as silent."""


class Source(StrEnum):
    """The site that a signal comes from."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Verdict(StrEnum):
    """The fate of a signal."""

    ACT = "act"
    FAIL_OVER = "fail_over"
    """Act, although it comes from the secondary source: the primary is silent."""
    REPEATED = "repeated"
    """The same signal was acted upon before."""
    WAIT = "wait"
    """The primary source is expected to send it. It is not acted upon, and not marked as such."""
    LATE = "late"
    """It is too old to be acted upon."""


@dataclass(frozen=True)
class Seen:
    """The past of a consumer: the primary's last sign of life (milliseconds), and the newest ends acted upon.

    The end (milliseconds) is kept by timeframe: signals of one timeframe are acted upon in their order.
    """

    primary_at: int
    acted: tuple[tuple[str, int], ...] = ()

    def alive(self, now: int) -> Seen:
        """Return it after a sign of life of the primary source."""
        return replace(self, primary_at=max(self.primary_at, now))

    def judged(self, source: Source, timeframe: str, closed_at: int, now: int, *, late: bool) -> tuple[Verdict, Seen]:
        """Return what becomes of a signal, and what is seen then."""
        seen = self.alive(now) if source is Source.PRIMARY else self
        acted = dict(seen.acted)
        if late:
            return Verdict.LATE, seen
        if closed_at <= acted.get(timeframe, -1):
            return Verdict.REPEATED, seen
        if source is Source.SECONDARY and now - seen.primary_at <= SILENT_AFTER:
            return Verdict.WAIT, seen
        acted[timeframe] = closed_at
        verdict = Verdict.ACT if source is Source.PRIMARY else Verdict.FAIL_OVER
        return verdict, replace(seen, acted=tuple(sorted(acted.items())))

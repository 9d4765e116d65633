"""A child of the supervisor, and the pauses before it is started or ended again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aristobot.supervision.forks import Fork

LONGEST_PAUSE = 30.0
FIRST_PATIENCE, LONGEST_PATIENCE = 300.0, 3600.0
"""Seconds after which a terminal that stood still may be ended once more: a restart that did not help is no cure."""


@dataclass
class Child:
    """A child process (a terminal, the paper exchange or the daily backup) and how often in a row it was restarted.

    Times are seconds of a monotonic clock.
    """

    name: str
    start: Callable[[], Fork]
    process: Fork | None = None
    restarts: int = 0
    started_at: float = 0.0
    next_start: float = 0.0
    frozen: bool = False
    """True when it was killed because it showed no sign of life or stood still."""
    standstills: int = 0
    patient_until: float = 0.0

    def died(self, now: float) -> None:
        """Plan its next start: at once, and later the sooner it died, again and again."""
        self.restarts = self.restarts + 1 if now - self.started_at < LONGEST_PAUSE else 1
        self.next_start = now + min(0.2 * 2 ** (self.restarts - 1), LONGEST_PAUSE)
        self.process = None

    def stands_still(self, now: float) -> bool:
        """Return True when it is to be ended because it stands still, and note that it is."""
        if now < self.patient_until:
            return False
        self.standstills = self.standstills + 1 if now - self.patient_until < LONGEST_PATIENCE else 1
        self.patient_until = now + min(FIRST_PATIENCE * 2 ** (self.standstills - 1), LONGEST_PATIENCE)
        return True

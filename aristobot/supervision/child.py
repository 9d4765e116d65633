"""A child of the supervisor, and the pauses before it is started or ended again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

LONGEST_PAUSE = 30.0
FIRST_PATIENCE, LONGEST_PATIENCE = 300.0, 3600.0
"""Seconds after which a terminal that stood still may be ended once more: a restart that did not help is no cure."""


class Process(Protocol):
    """A running child, as `Fork` and `Popen` are."""

    pid: int

    def poll(self) -> int | None:
        """Return how it ended, None while it lives."""

    def wait(self, seconds: float | None = None, /) -> int:
        """Wait for its end and return how it ended. Raises `subprocess.TimeoutExpired` if it lives on."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


@dataclass
class Child:
    """A child process and how often in a row it was restarted: a terminal, the exchange, the sandbox or the backup.

    Times are seconds of a monotonic clock.
    """

    name: str
    start: Callable[[], Process]
    process: Process | None = None
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

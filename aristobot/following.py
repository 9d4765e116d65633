"""Following: how a terminal keeps up with the log, and how far it has come.

The loop alone knows the bell, the pauses, and what a database that is away raises.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from adapters.log.bell import Bell
from adapters.log.eventstore import Store
from aristobot.supervision.liveness import Pulse
from domain.aggregate import Aggregate

AWAY = psycopg.OperationalError
"""Raised while the database is away; a pool without a free connection raises one too."""
POLL_SECONDS, PAUSE_SECONDS = 1.0, 0.5
AT_MOST_EVERY = 1.0
"""Seconds between two commits that hold nothing but a position: each takes the log's lock."""


def follow(
    step: Callable[[], bool],
    log: Any,
    stopping: threading.Event,
    pulse: Pulse,
    bell: Bell | None = None,
    *,
    seconds: float = POLL_SECONDS,
    not_yet: tuple[type[Exception], ...] = (),
) -> None:
    """Call `step` until `stopping`. It returns True when more of the log waits to be read.

    Otherwise the bell wakes it, or `seconds` pass. The pulse turns with each step that succeeds. After an error of
    `not_yet`, and while the database is away, the same step is tried again after a pause; every other error is raised.
    """
    wait = stopping.wait if bell is None else bell.wait
    try:
        while not stopping.is_set():
            try:
                more = step()
                pulse.turn()
                if not more:
                    wait(seconds)
            except not_yet as error:
                log.info("waiting", reason=type(error).__name__)
                stopping.wait(PAUSE_SECONDS)
            except AWAY as error:
                log.warning("database_away", error=str(error))
                stopping.wait(PAUSE_SECONDS)
    finally:
        if bell is not None:
            bell.close()


class Place:
    """The position up to which a follower has read the log.

    It is saved with every decision, and now and then alone. After a crash a little is read again, which leads to
    nothing twice.
    """

    def __init__(self, store: Store, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self.reached = self._kept = store.position_of(name)
        self._kept_at = clock()
        self.in_doubt = False
        """True when the position has to be read from the database before anything else."""

    def move(self, position: int) -> None:
        """Note that everything up to this position is done."""
        self.reached = position

    def save(self, position: int, *decided: Aggregate) -> None:
        """Save the position together with what the events up to it lead to.

        Raises `PositionTaken` when some of those events are judged already, by another process or by a commit of our
        own whose answer was lost.
        """
        self._store.save(*decided, follower=(self.name, position), came_from=self._kept)
        self._kept, self._kept_at = position, self._clock()

    def keep(self, *, at_once: bool = False) -> None:
        """Save the position alone, when it has moved and was not saved a moment ago. Raises `PositionTaken`."""
        if self.reached > self._kept and (at_once or self._clock() - self._kept_at >= AT_MOST_EVERY):
            self._kept, self._kept_at = self.reached, self._clock()  # one that fails is made up for by the next
            self._store.save(follower=(self.name, self.reached))

    def doubt(self) -> None:
        """Distrust the position: another process, or a commit of ours whose answer was lost, may have moved it."""
        self.in_doubt = True

    def look(self) -> None:
        """Read the position from the database if it is in doubt."""
        if self.in_doubt:
            self._kept = self._store.position_of(self.name)
            self.reached, self.in_doubt = max(self.reached, self._kept), False

"""The place of a follower: how far it has come in the log."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.eventstore import Store

AT_MOST_EVERY = 1.0
"""Seconds between two commits that say nothing but a place: each takes the log's lock from those with more to say."""


class Place:
    """Kept in the database now and then: after a death a little is read again, which leads to nothing twice."""

    def __init__(self, store: Store, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self.reached = self._kept = store.position_of(name)
        self._kept_at = clock()

    def move(self, position: int) -> None:
        """Everything up to this position is done."""
        self.reached = position

    def was_kept(self, position: int) -> None:
        """A decision has been saved together with this position."""
        self._kept, self._kept_at = position, self._clock()

    def keep(self, *, at_once: bool = False) -> None:
        """Save it, if it has moved and the last time is long enough ago. Raises `PositionTaken`."""
        if self.reached > self._kept and (at_once or self._clock() - self._kept_at >= AT_MOST_EVERY):
            self.was_kept(self.reached)  # one that fails is made up for by the next
            self._store.save(follower=(self.name, self.reached))

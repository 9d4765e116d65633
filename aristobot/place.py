"""The place of a follower: how far it has come in the log."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.log.eventstore import Store
from domain.aggregate import Aggregate

AT_MOST_EVERY = 1.0
"""Seconds between two commits that say nothing but a place: each takes the log's lock from those with more to say."""


class Place:
    """Kept in the database with every decision, and now and then without one.

    After a death a little is read again, which leads to nothing twice.
    """

    def __init__(self, store: Store, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self.reached = self._kept = store.position_of(name)
        self._kept_at = clock()
        self.in_doubt = False
        """Whether it has to be read before anything else is done."""

    def move(self, position: int) -> None:
        """Everything up to this position is done."""
        self.reached = position

    def save(self, position: int, *decided: Aggregate) -> None:
        """Save what the events up to this position lead to, together with it.

        Raises `PositionTaken` when some of them are judged already: by somebody else, or by a commit of our own whose
        answer was lost.
        """
        self._store.save(*decided, follower=(self.name, position), came_from=self._kept)
        self._kept, self._kept_at = position, self._clock()

    def keep(self, *, at_once: bool = False) -> None:
        """Save it alone, if it has moved and the last time is long enough ago. Raises `PositionTaken`."""
        if self.reached > self._kept and (at_once or self._clock() - self._kept_at >= AT_MOST_EVERY):
            self._kept, self._kept_at = self.reached, self._clock()  # one that fails is made up for by the next
            self._store.save(follower=(self.name, self.reached))

    def doubt(self) -> None:
        """Somebody else has moved it, or a commit of our own whose answer was lost may have."""
        self.in_doubt = True

    def look(self) -> None:
        """Read it, if it is in doubt."""
        if self.in_doubt:
            self._kept = self._store.position_of(self.name)
            self.reached, self.in_doubt = max(self.reached, self._kept), False

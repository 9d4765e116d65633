"""A bell that rings when the log has grown. It only wakes a follower early: followers also look on their own."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet

import psycopg

from adapters.log.eventstore import CHANNEL


class Bell:
    """A LISTEN on a connection of its own that reconnects by itself. A missed ring costs `seconds`, never an event.

    Where `topics` are given it rings for their events only; the others are found at the next look.
    """

    def __init__(self, url: str, topics: AbstractSet[str] | None = None) -> None:
        self._url = url
        self._topics = topics
        self._connection: psycopg.Connection | None = None

    def wait(self, seconds: float) -> None:
        """Return when the log has grown, or after this many seconds."""
        try:
            if self._connection is None:
                # From here on no ring is missed. Earlier events are found only by reading the log, so return at once.
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return
            for notice in self._connection.notifies(timeout=seconds):
                if self._topics is None or not self._topics.isdisjoint(notice.payload.split()):
                    return  # events of any other rings so far are found by the look that follows
        except psycopg.OperationalError:
            self.close()
            time.sleep(min(seconds, 0.5))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

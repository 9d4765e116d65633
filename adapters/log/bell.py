"""A bell that rings when the log has grown. It only wakes early: whoever waits also looks by itself."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet

import psycopg

from adapters.log.eventstore import CHANNEL


class Bell:
    """LISTEN on a connection of its own, reconnecting by itself. A missed ring costs `seconds`, never an event.

    It rings for events of these topics only, where some are given: the others are met at the next look.
    """

    def __init__(self, url: str, topics: AbstractSet[str] | None = None) -> None:
        self._url = url
        self._topics = topics
        self._connection: psycopg.Connection | None = None

    def wait(self, seconds: float) -> None:
        """Return when the log has grown, or after this time."""
        try:
            if self._connection is None:
                # From here on nothing is missed; what came before is found by looking, so look at once.
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return
            for notice in self._connection.notifies(timeout=seconds):
                if self._topics is None or not self._topics.isdisjoint(notice.payload.split()):
                    return  # what else has rung until now is found by the look that follows
        except psycopg.OperationalError:
            self.close()
            time.sleep(min(seconds, 0.5))

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

"""Spacing: what one session asks for again and again is carried out at intervals, in the order of the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from domain.refusals import Impossible

MOST_KEPT = 1000


class Spacing:
    """Turns of each session, so many seconds apart. Who comes sooner waits; who would wait too long is refused."""

    def __init__(
        self,
        seconds: float,
        most_waiting: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._longest = seconds, seconds * (most_waiting + 0.5)
        self._clock, self._sleep = clock, sleep
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, session: str) -> None:
        """Wait for the session's turn. Raises `Impossible` when too many of it wait already."""
        with self._lock:
            now = self._clock()
            at = max(self._free_at.get(session, now), now)
            if at - now > self._longest:
                raise Impossible("too many validations at once", code="validations_too_fast")
            if len(self._free_at) >= MOST_KEPT:
                self._free_at = {one: free_at for one, free_at in self._free_at.items() if free_at > now}
            self._free_at[session] = at + self._seconds
        if at > now:
            self._sleep(at - now)

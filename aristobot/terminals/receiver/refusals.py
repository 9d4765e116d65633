"""Refusals: deliveries that belong to nobody, counted in memory and written down once a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from adapters.tables.refusals import count_refusals
from web.addresses import source_of

DOOR = "webhook"
EVERY_SECONDS = 1.0
MINUTE = 60.0
MOST_PER_MINUTE = 100
"""Refusals of one address in a minute, after which each further one is told to come more slowly."""
MOST_ADDRESSES = 1000
"""Addresses that are told apart between two writings. Nobody can fill the memory with addresses."""
OTHERS = "others"


class Refusals:
    """The refusals of each address. They say nothing about an address itself: a good token is always let in."""

    def __init__(self, pool: ConnectionPool, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._new = Counter[tuple[str, str]]()
        self._unwritten = Counter[tuple[str, str]]()
        self._minute = Counter[str]()
        self._minute_began = clock()

    def count(self, reason: str, address: str) -> bool:
        """Count one refusal. Return True when its address has had too many within a minute."""
        source = source_of(address)
        with self._lock:
            if self._clock() - self._minute_began >= MINUTE:
                self._minute.clear()
                self._minute_began = self._clock()
            if source not in self._minute and len(self._minute) >= MOST_ADDRESSES:
                source = OTHERS
            self._minute[source] += 1
            self._new[reason, source] += 1
            return source != OTHERS and self._minute[source] > MOST_PER_MINUTE

    def write(self) -> None:
        """Log what was counted since the last time, and add it to the table, or together with the next ones."""
        with self._lock:
            new, self._new = self._new, Counter()
        for (reason, source), times in new.items():
            self._log.warning("refused_at_the_door", reason=reason, address=source, times=times)
            crowded = (reason, source) not in self._unwritten and len(self._unwritten) >= MOST_ADDRESSES
            self._unwritten[reason, OTHERS if crowded else source] += times
        if self._unwritten:
            try:
                count_refusals(self._pool, DOOR, self._unwritten)
            except psycopg.Error as error:
                self._log.warning("refusals_not_counted", error=str(error))
            else:
                self._unwritten.clear()

    def keep(self, stopping: threading.Event) -> None:
        """Write once a second until `stopping`, and a last time then."""
        while not stopping.wait(EVERY_SECONDS):
            self.write()
        self.write()

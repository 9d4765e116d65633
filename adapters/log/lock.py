"""The append lock: who holds it, as the database tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg_pool import ConnectionPool

# The key of the lock is a whole number of 32 bits: its sign fills the upper half (`classid`).
_HOLDER = """
    SELECT activity.pid, activity.usename, activity.application_name,
        concat_ws('/', activity.pid, activity.backend_start, lock.virtualtransaction)
    FROM pg_locks AS lock JOIN pg_stat_activity AS activity USING (pid)
    WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1 AND lock.mode = 'ExclusiveLock'
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND lock.objid = (hashtext('log.events')::bigint & 4294967295)::oid
"""


@dataclass(frozen=True)
class Holder:
    """The session that holds the append lock: its process id, role and application, and for how many seconds."""

    pid: int
    role: str
    application: str
    seconds: float

    @property
    def name(self) -> str:
        """The name by which a person finds it: role, application if it tells one, and process id."""
        return " ".join(part for part in (self.role, self.application, f"(pid {self.pid})") if part)


class AppendLock:
    """The lock that every append takes. One transaction holds it for milliseconds; a longer one stops all trading."""

    def __init__(self, pool: ConnectionPool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._seen: tuple[str, float] | None = None
        """The transaction that held the lock at the last look, and when it was first seen."""

    def holder(self) -> Holder | None:
        """Return who holds the lock, and since when as far as our looks tell. None while nobody does.

        Raises `psycopg.OperationalError` while the database is away.
        """
        with self._pool.connection() as connection:
            row = connection.execute(_HOLDER, prepare=True).fetchone()
        if row is None:
            self._seen = None
            return None
        pid, role, application, transaction = row
        now = self._clock()
        if self._seen is None or self._seen[0] != transaction:
            self._seen = transaction, now
        return Holder(pid, role or "", application or "", now - self._seen[1])

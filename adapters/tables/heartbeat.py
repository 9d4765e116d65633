"""The state of the heartbeat in the service tables: when it started and stopped, and whether it hears its exchange."""

from __future__ import annotations

from psycopg_pool import ConnectionPool

from application.market.failover import Source
from domain.candles.series import Series


class HeartbeatTable:
    """The row of one source."""

    def __init__(self, pool: ConnectionPool, source: Source) -> None:
        self._pool = pool
        self._source = source

    def started(self, clock: Series) -> None:
        """Record a start, and the series that is the clock. When the last stop was stays until the next one."""
        self._record(
            "INSERT INTO service.heartbeat (source, clock, started_at) VALUES (%s, %s, clock_timestamp())"
            " ON CONFLICT (source) DO UPDATE SET clock = excluded.clock, started_at = excluded.started_at,"
            " connected_at = NULL, lost_at = NULL, last_error = NULL",
            self._source, str(clock),
        )  # fmt: skip

    def stopped(self) -> None:
        """Record an orderly stop."""
        self._record("UPDATE service.heartbeat SET stopped_at = clock_timestamp() WHERE source = %s", self._source)

    def connected(self) -> None:
        """Record that the exchange is heard."""
        self._record(
            "UPDATE service.heartbeat SET connected_at = clock_timestamp(), lost_at = NULL WHERE source = %s",
            self._source,
        )

    def lost(self, error: str) -> None:
        """Record that the connection is lost, and why."""
        self._record(
            "UPDATE service.heartbeat SET lost_at = coalesce(lost_at, clock_timestamp()), last_error = %s"
            " WHERE source = %s",
            error[:300], self._source,
        )  # fmt: skip

    def _record(self, query: str, *values: str) -> None:
        with self._pool.connection() as connection:
            connection.execute(query, values)

"""The worth of each account over time, in the service tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from psycopg_pool import ConnectionPool

KEPT_DAYS = 400


class EquityTable:
    """The table of an account's worth over time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def record(self, broker: int, user: int, at: datetime, currency: str, worth: Decimal) -> None:
        """Store what an account is worth now, and drop what is older than `KEPT_DAYS`."""
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.equity (broker, user_id, at, currency, worth)"
                " SELECT broker, %s, %s, %s, %s FROM vault.credentials WHERE broker = %s ON CONFLICT DO NOTHING",
                (user, at, currency, worth, broker),
            )
            connection.execute(
                "DELETE FROM service.equity WHERE broker = %s AND at < %s - make_interval(days => %s)",
                (broker, at, KEPT_DAYS),
            )

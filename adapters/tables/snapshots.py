"""The account snapshots, in the service tables: each account as of the last full look."""

from __future__ import annotations

from decimal import Decimal

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from application.ports.stores import AccountSnapshot
from domain.amounts import plain


class SnapshotTable:
    """The table of account snapshots: one row per broker that has keys."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def last(self, broker: int) -> AccountSnapshot | None:
        """Return the newest snapshot, or None for an account that was never looked at."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT at, balances FROM service.sweeps WHERE broker = %s", (broker,)).fetchone()
        if row is None:
            return None
        at, balances = row
        return AccountSnapshot(at, {currency: Decimal(amount) for currency, amount in balances.items()})

    def record(self, broker: int, snapshot: AccountSnapshot) -> None:
        """Store a snapshot in place of the previous one. Nothing is stored for a broker whose keys are gone."""
        balances = Jsonb({currency: plain(amount) for currency, amount in snapshot.balances.items()})
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.sweeps (broker, at, balances)"
                " SELECT broker, %s, %s FROM vault.credentials WHERE broker = %s"
                " ON CONFLICT (broker) DO UPDATE SET at = excluded.at, balances = excluded.balances",
                (snapshot.at, balances, broker),
            )

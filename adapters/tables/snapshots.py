"""What the last look at a whole account left behind, in the service tables."""

from __future__ import annotations

from decimal import Decimal

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from application.ports.stores import AccountSnapshot
from domain.amounts import plain


class SnapshotTable:
    """One row per broker that has keys."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def last(self, broker: int) -> AccountSnapshot | None:
        """The newest one, None for an account that was never looked at."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT at, balances FROM service.sweeps WHERE broker = %s", (broker,)).fetchone()
        if row is None:
            return None
        at, balances = row
        return AccountSnapshot(at, {currency: Decimal(amount) for currency, amount in balances.items()})

    def record(self, broker: int, snapshot: AccountSnapshot) -> None:
        """Keep it in place of the one before; of a broker whose keys are gone nothing is kept."""
        balances = Jsonb({currency: plain(amount) for currency, amount in snapshot.balances.items()})
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.sweeps (broker, at, balances)"
                " SELECT broker, %s, %s FROM vault.credentials WHERE broker = %s"
                " ON CONFLICT (broker) DO UPDATE SET at = excluded.at, balances = excluded.balances",
                (snapshot.at, balances, broker),
            )

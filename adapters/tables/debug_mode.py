"""The debug mode: whether `dev` is logged in without typing, kept in one row of the service's tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg_pool import ConnectionPool


@dataclass(frozen=True)
class DebugMode:
    """The one row of `service.debug_mode`, and the password of `dev`. Not allowed, it is off whatever the row says."""

    pool: ConnectionPool
    allowed: bool
    password: str = field(repr=False)

    def active(self) -> bool:
        """Whether it is on."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT is_active FROM service.debug_mode WHERE id = 1").fetchone()
        return self.allowed and bool(row and row[0])

    def switch(self, *, active: bool) -> None:
        """Keep it on or off."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE service.debug_mode SET is_active = %s, updated_at = clock_timestamp() WHERE id = 1", (active,)
            )

"""The debug mode, in which `dev` is logged in without typing; one row of the service tables keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg_pool import ConnectionPool


@dataclass(frozen=True)
class DebugMode:
    """The row of `service.debug_mode`, and the password of `dev`. Unless `allowed`, it is off whatever the row says."""

    pool: ConnectionPool
    allowed: bool
    password: str = field(repr=False)

    def active(self) -> bool:
        """Return True when debug mode is on."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT is_active FROM service.debug_mode WHERE id = 1").fetchone()
        return self.allowed and bool(row and row[0])

    def switch(self, *, active: bool) -> None:
        """Switch debug mode on or off in the table."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE service.debug_mode SET is_active = %s, updated_at = clock_timestamp() WHERE id = 1", (active,)
            )

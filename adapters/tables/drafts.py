"""The drafts of strategies: what was written and not saved yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool


@dataclass(frozen=True)
class Draft:
    """The draft of a strategy: its code, the version it began with (0 for none), and when it was last written (UTC)."""

    strategy: int
    code: str
    based_on: int
    saved_at: datetime


class DraftTable:
    """One draft per strategy. Every query names the user."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def of(self, user: int) -> list[Draft]:
        """Return the drafts of a user, by strategy."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Draft)) as cursor:
            return cursor.execute(
                "SELECT strategy, code, based_on, saved_at FROM service.drafts WHERE user_id = %s ORDER BY strategy",
                (user,),
            ).fetchall()

    def find(self, user: int, strategy: int) -> Draft | None:
        """Return the draft of a strategy, None when there is none."""
        return next((draft for draft in self.of(user) if draft.strategy == strategy), None)

    def keep(self, user: int, strategy: int, code: str, based_on: int) -> None:
        """Keep a draft in place of the last one."""
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.drafts (strategy, user_id, code, based_on) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (strategy) DO UPDATE SET code = EXCLUDED.code, based_on = EXCLUDED.based_on,"
                " saved_at = clock_timestamp() WHERE drafts.user_id = EXCLUDED.user_id",
                (strategy, user, code, based_on),
            )

    def drop(self, user: int, strategy: int, code: str | None = None) -> None:
        """Throw a draft away; with `code` only one that says just that, for another window may have written more."""
        with self._pool.connection() as connection:
            connection.execute(
                "DELETE FROM service.drafts WHERE user_id = %s AND strategy = %s AND code = coalesce(%s, code)",
                (user, strategy, code),
            )

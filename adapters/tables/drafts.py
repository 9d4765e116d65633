"""The drafts of strategies: what was written and not saved yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool


@dataclass(frozen=True)
class Draft:
    """The draft of a strategy: its code and history, the version it began with (0 for none), its last writing (UTC)."""

    strategy: int
    code: str
    based_on: int
    history: int
    saved_at: datetime


_DRAFTS = "SELECT strategy, code, based_on, history, saved_at FROM service.drafts WHERE user_id = %s"


class DraftTable:
    """One draft per strategy. Every query names the user."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def of(self, user: int) -> list[Draft]:
        """Return the drafts of a user, by strategy."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Draft)) as cursor:
            return cursor.execute(f"{_DRAFTS} ORDER BY strategy", (user,)).fetchall()

    def find(self, user: int, strategy: int) -> Draft | None:
        """Return the draft of a strategy, None when it has none."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Draft)) as cursor:
            return cursor.execute(f"{_DRAFTS} AND strategy = %s", (user, strategy)).fetchone()

    def keep(
        self, user: int, strategy: int, code: str, based_on: int, history: int, seen: datetime | None
    ) -> datetime | None:
        """Keep a draft in place of the one that was `seen`, and return the time of writing.

        Return None, and keep nothing, where another one was written since.
        """
        with self._pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO service.drafts (strategy, user_id, code, based_on, history) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (strategy) DO UPDATE SET code = EXCLUDED.code, based_on = EXCLUDED.based_on,"
                " history = EXCLUDED.history, saved_at = clock_timestamp() WHERE drafts.user_id = EXCLUDED.user_id"
                " AND (drafts.saved_at = %s OR drafts.code = EXCLUDED.code) RETURNING saved_at",
                (strategy, user, code, based_on, history, seen),
            ).fetchone()
        return None if row is None else row[0]

    def drop(self, user: int, strategy: int, code: str | None = None) -> None:
        """Throw a draft away; with `code` only one that says just that, for another window may have written more."""
        with self._pool.connection() as connection:
            connection.execute(
                "DELETE FROM service.drafts WHERE user_id = %s AND strategy = %s AND code = coalesce(%s, code)",
                (user, strategy, code),
            )

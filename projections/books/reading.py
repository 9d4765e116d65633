"""Reading the books as one user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Cursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool


@contextmanager
def as_user(pool: ConnectionPool, user: int) -> Iterator[Cursor[DictRow]]:
    """Yield a cursor that sees only this user's rows. Row-level security holds even if a query forgets its filter."""
    with (
        pool.connection() as connection,
        connection.transaction(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        cursor.execute("SELECT set_config('aristobot.user', %s, true)", (str(user),))
        yield cursor

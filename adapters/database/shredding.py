"""Shredding: removing what forgotten persons left in the database's files after their rows are gone.

A deleted row stays in its page until that is written anew, samples of its values stay in the statistics, and the
write-ahead log holds all of it until the server reuses the file.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

WAITS = "SET lock_timeout = '5s'"
"""Each table is rewritten under a lock that keeps everybody out. Where it does not come soon, the next round tries."""
STATISTICS = ("pg_catalog", "pg_statistic")
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND (n.nspname IN ('books', 'vault') OR n.nspname = 'service' AND EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_id'))
    ORDER BY n.nspname, c.relname
"""
_FORGOTTEN = """
    SELECT person FROM vault.person_keys AS kept WHERE forgotten_at IS NOT NULL AND shredded_at IS NULL
    AND EXISTS (SELECT FROM books.forgotten WHERE person = kept.person) ORDER BY person
"""
_SEGMENT = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_FILL = "SELECT pg_logical_emit_message(false, 'shredding', repeat('x', 1 << 20))"


def shred(url: str) -> list[int]:
    """Shred what all persons left whose rows the projector has deleted since the last time. Return their numbers.

    Needs the owner's URL. Raises `psycopg.OperationalError` when a table is in use; then everything is done again.
    The write-ahead log is ended where the owner may do so; elsewhere it is reused as the server is set up to.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WAITS)
        persons = [int(row[0]) for row in connection.execute(_FORGOTTEN)]
        if not persons:
            return []
        for schema, table in [*connection.execute(_TABLES).fetchall(), STATISTICS]:
            connection.execute(SQL("VACUUM (FULL, ANALYZE) {}").format(Identifier(schema, table)))
        _end_wal(connection)
        connection.execute(
            "UPDATE vault.person_keys SET shredded_at = clock_timestamp() WHERE person = ANY(%s)", (persons,)
        )
    return persons


def _end_wal(connection: psycopg.Connection[Any]) -> None:
    """Fill the current file of the write-ahead log, and let the server give up this one and all before it."""
    if connection.execute("SELECT pg_has_role('pg_checkpoint', 'USAGE')").fetchone() != (True,):
        return
    segment = connection.execute(_SEGMENT).fetchone()
    while connection.execute(_SEGMENT).fetchone() == segment:
        connection.execute(_FILL)
    connection.execute("CHECKPOINT")

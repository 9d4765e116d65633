"""Shredding: removing what forgotten persons left in the database's files after their rows are gone.

A deleted row stays in its page until that is written anew, samples of its values stay in the statistics, and the
write-ahead log holds all of it until the server reuses the file.
"""

from __future__ import annotations

import time
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
PATIENCE_SECONDS, PAUSE_SECONDS = 10.0, 0.2
# Transaction ids of sessions have 32 bits, without the epoch.
_OLDER = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
            AND age(backend_xmin) > age((%(now)s::bigint & 4294967295)::text::xid))
        + (SELECT count(*) FROM pg_prepared_xacts
           WHERE age(transaction) > age((%(now)s::bigint & 4294967295)::text::xid))
"""
_SEGMENT = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_FILL = "SELECT pg_logical_emit_message(false, 'shredding', repeat('x', 1 << 20))"


class OldSnapshot(psycopg.OperationalError):
    """Somebody still sees rows that are deleted."""


def shred(url: str) -> list[int]:
    """Shred what all persons left whose rows the projector has deleted since the last time. Return their numbers.

    Needs the owner's URL. Raises `psycopg.OperationalError` when a table is in use, or when a transaction still sees
    what is deleted; then everything is done again.
    The write-ahead log is ended where the owner may do so; elsewhere it is reused as the server is set up to.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WAITS)
        persons = [int(row[0]) for row in connection.execute(_FORGOTTEN)]
        if not persons:
            return []
        _await_older_snapshots(connection)
        for schema, table in [*connection.execute(_TABLES).fetchall(), STATISTICS]:
            connection.execute(SQL("VACUUM (FULL, ANALYZE) {}").format(Identifier(schema, table)))
        _end_wal(connection)
        connection.execute(
            "UPDATE vault.person_keys SET shredded_at = clock_timestamp() WHERE person = ANY(%s)", (persons,)
        )
    return persons


def _await_older_snapshots(connection: psycopg.Connection[Any]) -> None:
    """Wait until nobody sees the rows that are deleted by now: what somebody still sees is written anew as well.

    Raises `OldSnapshot` when that takes too long.
    """
    [now] = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchall()[0]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while connection.execute(_OLDER, {"now": now}).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise OldSnapshot("a transaction that began before the rows were deleted is still open")
        time.sleep(PAUSE_SECONDS)


def _end_wal(connection: psycopg.Connection[Any]) -> None:
    """Fill the current file of the write-ahead log, and let the server give up this one and all before it."""
    if connection.execute("SELECT pg_has_role('pg_checkpoint', 'USAGE')").fetchone() != (True,):
        return
    segment = connection.execute(_SEGMENT).fetchone()
    while connection.execute(_SEGMENT).fetchone() == segment:
        connection.execute(_FILL)
    connection.execute("CHECKPOINT")

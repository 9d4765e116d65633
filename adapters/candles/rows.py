"""The rows of the newest minutes, each with its revisions, and those whose amounts no block can hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from domain.candles.bar import Bar, Proof
from domain.candles.columns import Columns, columns_of, flags_of, is_exact
from domain.candles.timeframes import moment

COLUMNS = "series, opened_at, open, high, low, close, volume, trades, first_id, last_id, proof"


def amounts_of(bar: Bar) -> tuple[Any, ...]:
    """Return what a row of a bar holds beside its series and opening time."""
    return (*bar.amounts, bar.trades, bar.first_id, bar.last_id, bar.proof)


def rows_between(connection: Connection[Any], series: int, start: int, end: int, revision: int = 32_767) -> Columns:
    """Return the minutes that are rows and open from `start` on and before `end` (milliseconds).

    Each is told by its newest revision, or by the newest one up to `revision`.
    """
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT ON (opened_at) (extract(epoch FROM opened_at) * 1000)::bigint, open::float8, high::float8,"
            " low::float8, close::float8, volume::float8, trades, proof FROM service.candles"
            " WHERE series = %s AND opened_at >= %s AND opened_at < %s AND revision <= %s"
            " ORDER BY opened_at, revision DESC",
            (series, moment(start), moment(end), revision),
        ).fetchall()
    if not rows:
        return columns_of([])
    opened_at, opened, high, low, close, volume, trades, proofs = zip(*rows, strict=True)
    flags = [flags_of(Proof(proof), traded) for proof, traded in zip(proofs, volume, strict=True)]
    return Columns(
        np.array(opened_at, np.int64), np.array(opened), np.array(high), np.array(low), np.array(close),
        np.array(volume), np.array(trades, np.uint32), np.array(flags, np.uint8),
    )  # fmt: skip


Key = tuple[datetime, int, datetime]
"""The opening time of a row, its revision, and when it was known."""


def keys_of(connection: Connection[Any], series: int, start: int, end: int) -> list[Key]:
    """Return the keys of the rows that open within a time, by revision."""
    return connection.execute(
        "SELECT opened_at, revision, known_at FROM service.candles WHERE series = %s AND opened_at >= %s"
        " AND opened_at < %s ORDER BY revision, opened_at",
        (series, moment(start), moment(end)),
    ).fetchall()


def insert_rows(connection: Connection[Any], series: int, bars: Sequence[Bar], *, outranks: bool) -> tuple[int, int]:
    """Store minutes as rows, and return how many are new, and how many differ from what was known.

    What was known stays as an earlier revision. Bars that do not outrank replace nothing that was imported.
    """
    if not bars:
        return 0, 0
    connection.execute(
        "CREATE TEMP TABLE brought (opened_at timestamptz, open numeric, high numeric, low numeric, close numeric,"
        " volume numeric, trades int, first_id bigint, last_id bigint, proof text) ON COMMIT DROP"
    )
    with connection.cursor() as cursor, cursor.copy("COPY brought FROM STDIN") as copy:
        for bar in bars:
            copy.write_row((moment(bar.opened_at), *amounts_of(bar)))
    rows = connection.execute(
        f"INSERT INTO service.candles ({COLUMNS}, revision)"
        " SELECT %(series)s, b.opened_at, b.open, b.high, b.low, b.close, b.volume, b.trades, b.first_id, b.last_id,"
        " CASE WHEN %(outranks)s OR known.revision IS NULL THEN b.proof ELSE 'corrected' END,"
        " coalesce(known.revision + 1, 0) FROM brought AS b LEFT JOIN LATERAL ("
        " SELECT * FROM service.candles WHERE series = %(series)s AND opened_at = b.opened_at"
        " ORDER BY revision DESC LIMIT 1) AS known ON true WHERE known.revision IS NULL"
        " OR (%(outranks)s OR known.proof <> 'imported')"
        " AND (known.open, known.high, known.low, known.close, known.volume)"
        " <> (b.open, b.high, b.low, b.close, b.volume) ON CONFLICT DO NOTHING RETURNING revision",
        {"series": series, "outranks": outranks},
    ).fetchall()
    new = sum(row[0] == 0 for row in rows)
    return new, len(rows) - new


def rows_are_exact(connection: Connection[Any], series: int, start: int, end: int) -> bool:
    """Return whether a block can hold the minutes that open within a time, in all of their revisions."""
    rows = connection.execute(
        "SELECT open, high, low, close, volume FROM service.candles"
        " WHERE series = %s AND opened_at >= %s AND opened_at < %s",
        (series, moment(start), moment(end)),
    ).fetchall()
    return all(is_exact(amount) for row in rows for amount in row)


def delete_rows(connection: Connection[Any], series: int, keys: Sequence[Key]) -> None:
    """Delete these rows, which a block holds. One that has come meanwhile stays."""
    connection.execute(
        "DELETE FROM service.candles AS c USING unnest(%s::timestamptz[], %s::smallint[]) AS held (opened_at, revision)"
        " WHERE c.series = %s AND c.opened_at = held.opened_at AND c.revision = held.revision",
        ([key[0] for key in keys], [key[1] for key in keys], series),
    )

"""The steps of a panic, read from the table of trades."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from projections.books.readmodel import Row

STEPS = """
    SELECT * FROM (
        (SELECT * FROM books.trades WHERE cancel_requested_by = %(requester)s AND updated_at >= %(since)s)
        UNION ALL
        (
            SELECT DISTINCT ON (broker_id, symbol, source) * FROM books.trades
            WHERE requester = %(requester)s AND created_at >= %(since)s
            ORDER BY broker_id, symbol, source, created_at DESC
        )
    ) AS steps ORDER BY created_at, id LIMIT %(limit)s
"""


def steps(cursor: Any, requester: str, since: datetime, limit: int) -> list[Row]:
    """Return what a panic has done since it began: the orders that it cancels, and the last exit of each position."""
    rows: list[Row] = cursor.execute(STEPS, {"requester": requester, "since": since, "limit": limit}).fetchall()
    return rows

"""Malformed trades: records of orders that lack what every record must have."""

from __future__ import annotations

from typing import Any

from projections.books.readmodel import Row
from projections.trades import STANDARD

REQUIRED = ("user_id", "broker_id", "source", "symbol", "side", "type", "status", "client_order_id")
"""The columns that every record of a trade must fill."""
STANDARDS = frozenset(STANDARD.values())


def malformed(cursor: Any, after: int) -> tuple[int, list[tuple[Row, list[str]]]]:
    """Return the log position checked up to, and the malformed records of the cursor's user with the faults of each.

    Only records changed after position `after` are checked, at most 1000 at a time. A record with the exchange's order
    id must keep the exchange's own answer.
    """
    query = "SELECT * FROM books.trades WHERE position > %s ORDER BY position LIMIT 1000"
    rows = cursor.execute(query, (after,)).fetchall()
    checked = [(row, _faults(row)) for row in rows]
    return max((row["position"] for row in rows), default=after), [(row, faults) for row, faults in checked if faults]


def _faults(row: Row) -> list[str]:
    faults = [f"{name} is missing" for name in REQUIRED if row[name] in {None, ""}]
    if row["status"] not in STANDARDS:
        faults.append(f"status {row['status']} is no standard one")
    if row["exchange_order_id"] is not None and row["raw_response"] is None:
        faults.append("the exchange's answer is missing")
    return faults

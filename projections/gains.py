"""Gains: one row per complete trade, from its first buy to its last sale."""

from __future__ import annotations

from typing import Any

from domain import events
from projections.books import paging
from projections.books.paging import Narrowing, name_index
from projections.books.readmodel import ReadModel, Row, changes, on, topics


def _closed(_: Row, event: events.PositionClosed) -> Row:
    return {
        "position_id": event.originator_id,
        "user_id": int(event.metadata["user"]),
        "broker_id": event.broker,
        "symbol": event.symbol,
        "owner": event.owner,
        "opened_at": event.opened_at,
        "closed_at": event.closed_at,
        "quantity": event.quantity,
        "average_entry": event.average_entry,
        "average_exit": event.average_exit,
        "gross": event.gross,
        "net": event.net,
        "fees": {currency: str(fee) for currency, fee in event.fees.items()},
        "fees_left_out": _leaves_out(event),
    }


def _leaves_out(event: events.PositionClosed) -> bool:
    """Return True when `net` lacks fees in a third currency. Older events do not say; their net never included any."""
    if event.fees_left_out is not None:
        return bool(event.fees_left_out)
    return not event.fees.keys() <= {*event.symbol.split("/")}


GAINS = ReadModel(
    name="gains",
    version=3,
    columns={
        "id": "text",
        "position_id": "uuid NOT NULL",
        "user_id": "integer NOT NULL",
        "broker_id": "integer NOT NULL",
        "symbol": "text NOT NULL",
        "owner": "text NOT NULL",
        "opened_at": "timestamptz",
        "closed_at": "timestamptz NOT NULL",
        "quantity": "numeric NOT NULL",
        "average_entry": "numeric NOT NULL",
        "average_exit": "numeric NOT NULL",
        "gross": "numeric NOT NULL",
        "net": "numeric NOT NULL",
        "fees": "jsonb NOT NULL",
        "fees_left_out": "boolean NOT NULL",
    },
    key=lambda event: f"{event.originator_id}/{event.originator_version}",
    created_by=topics(events.PositionClosed),
    when=changes(on(events.PositionClosed, _closed)),
    indexes=("(user_id, closed_at DESC)", name_index("symbol", "closed_at")),
)


def page(
    cursor: Any, *, before: tuple[Any, Any] | None, limit: int, text: str | None = None, **equal: object
) -> list[Row]:
    """Return the complete trades of the cursor's user, newest first.

    `text` is looked for in the pair; `equal` holds the wanted value of other columns.
    """
    narrowing = Narrowing(equal, text, ("symbol",))
    return paging.page(cursor, "gains", "closed_at", before=before, limit=limit, narrowing=narrowing)


def latest(cursor: Any) -> int:
    """Return the position of the last change to the complete trades of the cursor's user, 0 without any."""
    row = cursor.execute("SELECT max(position) AS position FROM books.gains").fetchone()
    return row["position"] or 0


def all_gains(cursor: Any) -> list[Row]:
    """Return every complete trade of the cursor's user, oldest first, for the metrics."""
    rows: list[Row] = cursor.execute("SELECT * FROM books.gains ORDER BY closed_at, id").fetchall()
    return rows

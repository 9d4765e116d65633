"""Alerts as the console shows them: cause, deliveries, acknowledgement and end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from domain import events
from projections.books import paging
from projections.books.paging import Narrowing
from projections.books.readmodel import ReadModel, Row, changes, on, storable, topics


def _raised(_: Row, event: events.AlertRaised) -> Row:
    return {
        "user_id": event.user,
        "cause": event.cause,
        "severity": event.severity,
        "subject": event.subject,
        "facts": storable(event.facts),
        "sides": storable({side: asdict(said) for side, said in (event.sides or {}).items()}),
        "deliveries": {},
        "raised_at": event.timestamp,
    }


def _sent(row: Row, event: events.AlertSent) -> Row:
    tries = row["deliveries"].get(event.channel, {}).get("tries", 0) + 1
    return {"deliveries": {**row["deliveries"], event.channel: {"state": "sent", "tries": tries}}}


def _failed(row: Row, event: events.AlertFailed) -> Row:
    told = {"state": "failed", "tries": event.attempt, "reason": event.reason}
    return {"deliveries": {**row["deliveries"], event.channel: told}}


ALERTS = ReadModel(
    name="alerts",
    version=3,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "cause": "text NOT NULL",
        "severity": "text NOT NULL",
        "subject": "uuid",
        "facts": "jsonb NOT NULL",
        "sides": "jsonb NOT NULL",
        "deliveries": "jsonb NOT NULL",
        "raised_at": "timestamptz NOT NULL",
        "acknowledged_at": "timestamptz",
        "ended_at": "timestamptz",
    },
    created_by=topics(events.AlertRaised),
    when=changes(
        on(events.AlertRaised, _raised),
        on(events.AlertSent, _sent),
        on(events.AlertFailed, _failed),
        on(events.AlertAcknowledged, lambda _, event: {"acknowledged_at": event.timestamp}),
        on(events.AlertEnded, lambda _, event: {"ended_at": event.timestamp}),
    ),
    indexes=("(user_id, raised_at DESC)",),
)


def page(cursor: Any, *, before: tuple[Any, Any] | None, limit: int, **equal: object) -> list[Row]:
    """Return the alerts of the cursor's user, newest first. `equal` holds the wanted value of columns."""
    return paging.page(cursor, "alerts", "raised_at", before=before, limit=limit, narrowing=Narrowing(equal))


def unacknowledged(cursor: Any) -> list[UUID]:
    """Return the ids of the alerts that the cursor's user has not acknowledged, oldest first."""
    rows = cursor.execute("SELECT id FROM books.alerts WHERE acknowledged_at IS NULL ORDER BY raised_at, id").fetchall()
    return [row["id"] for row in rows]

"""Reconciliations: one row per run, with its phases and discrepancies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from domain import events
from projections.books import paging
from projections.books.paging import Narrowing
from projections.books.readmodel import ReadModel, Row, changes, on, storable, topics


def _started(_: Row, event: events.ReconciliationStarted) -> Row:
    return {
        "user_id": event.user,
        "broker_id": event.broker,
        "occasion": event.occasion,
        "state": "running",
        "started_at": event.started_at,
        "phases": [],
        "discrepancies": [],
    }


def _phase(row: Row, event: events.ReconciliationPhaseCompleted) -> Row:
    phase = {"phase": event.phase, "seconds": f"{event.seconds:f}", "counts": event.counts}
    return {"phases": [*row["phases"], phase]}


def _found(row: Row, event: events.ReconciliationDiscrepancyFound) -> Row:
    found = event.discrepancy
    item = {**asdict(found), "order": found.order and str(found.order)}
    return {"discrepancies": [*row["discrepancies"], storable(item)]}


def _completed(_: Row, event: events.ReconciliationCompleted) -> Row:
    return {"state": "completed", "seconds": event.seconds}


def _failed(_: Row, event: events.ReconciliationFailed) -> Row:
    return {"state": "failed", "seconds": event.seconds, "failure": event.reason, "detail": storable(event.detail)}


RECONCILIATIONS = ReadModel(
    name="reconciliations",
    version=2,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "broker_id": "integer NOT NULL",
        "occasion": "text NOT NULL",
        "state": "text NOT NULL",
        "started_at": "timestamptz NOT NULL",
        "seconds": "numeric",
        "failure": "text",
        "detail": "text",
        "phases": "jsonb NOT NULL",
        "discrepancies": "jsonb NOT NULL",
    },
    created_by=topics(events.ReconciliationStarted),
    when=changes(
        on(events.ReconciliationStarted, _started),
        on(events.ReconciliationPhaseCompleted, _phase),
        on(events.ReconciliationDiscrepancyFound, _found),
        on(events.ReconciliationCompleted, _completed),
        on(events.ReconciliationFailed, _failed),
    ),
    indexes=("(user_id, started_at DESC)",),
)


def page(
    cursor: Any, *, before: tuple[Any, Any] | None, limit: int, differing: bool = False, **equal: object
) -> list[Row]:
    """Return the reconciliations of the cursor's user, newest first.

    `differing` keeps those with discrepancies; `equal` holds the wanted value of other columns.
    """
    narrowing = Narrowing(equal, further=[("discrepancies <> '[]'", [])] if differing else [])
    return paging.page(cursor, "reconciliations", "started_at", before=before, limit=limit, narrowing=narrowing)

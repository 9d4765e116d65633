"""Reconciliations: listing their findings, and requesting one now."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from application.people.brokers import broker_of
from application.ports.requests import Action
from domain.reconciliation import Occasion
from projections import reconciliations
from web.console.lists import BrokerNumber, Limit
from web.context import By, InContext, books
from web.cursors import before_of, paged
from web.forms import results as forms
from web.live.topics import ROWS, Topic, as_they_are
from web.terminals import ask

router = APIRouter(prefix="/api", tags=["reconciliations"])
ASK_SECONDS = 60.0


@router.get("/reconciliations")
def list_reconciliations(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    differing: bool = False,
    broker: BrokerNumber = None,
) -> forms.Reconciliations:
    """List the user's reconciliations, newest first.

    Those on request, at a start and after an outage are always recorded; a poll or a full look that completes without
    discrepancies is not. `differing` keeps those with discrepancies, `broker` those of one broker.
    """
    with books(context, by.user) as opened:
        rows = reconciliations.page(
            opened, before=before_of(cursor, UUID), limit=limit + 1, differing=differing, broker_id=broker
        )
    kept, following = paged(rows, limit, "started_at")
    return forms.Reconciliations(items=[forms.Reconciliation(**row) for row in kept], next=following)


@router.post("/brokers/{number}/reconcile")
def reconcile(number: int, by: By, context: InContext) -> forms.Compared:
    """Reconcile a broker's orders with its exchange now. Raises `GatewayAway` (503) when the gateway is away."""
    broker_of(context.records.store, by.user, number)
    params = {"broker_id": number, "occasion": Occasion.REQUEST, "dry": False}
    return forms.Compared(**ask(context, by.user, Action.RECONCILE, params, ASK_SECONDS))


TOPIC = Topic(
    "reconciliations",
    lambda cursor: reconciliations.page(cursor, before=None, limit=ROWS),
    as_they_are(forms.Reconciliation),
)

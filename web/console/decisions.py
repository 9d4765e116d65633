"""Decisions about an order that only a person can take: ending a doubt, and sending a late exit."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request

from application.ports.requests import Action, GatewayAway
from application.trading import decisions
from domain.orders.order_status import Status
from domain.refusals import Impossible
from web.access.proof import prove
from web.context import By, Context, InContext
from web.forms import decisions as forms
from web.terminals import ask

router = APIRouter(prefix="/api/orders", tags=["decisions"])
ASK_SECONDS = 10.0


@router.get("/{order}/sides")
def both_sides(order: UUID, by: By, context: InContext) -> forms.Sides:
    """Return our record of an order beside what the exchange reports of it at this moment."""
    ours = decisions.order_of(context.records.store, by.user, order)
    return forms.Sides(
        ours=forms.Ours(
            status=ours.status,
            reason=ours.reason,
            quantity=ours.quantity,
            filled=ours.filled,
            submitted_at=ours.submitted_at,
            valid_until=ours.valid_until,
            client_order_id=ours.client_order_id,
            exchange_order_id=ours.exchange_order_id,
        ),
        theirs=_theirs(context, by.user, ours.broker, order),
    )


def _theirs(context: Context, user: int, broker: int, order: UUID) -> forms.Theirs:
    params = {"broker_id": broker, "order_id": str(order)}
    try:
        return forms.Theirs(answered=True, **ask(context, user, Action.QUERY_ORDER, params, ASK_SECONDS))
    except (GatewayAway, Impossible) as unheard:
        return forms.Theirs(answered=False, problem=unheard.code)


@router.post("/{order}/resolve", status_code=204)
def resolve(order: UUID, given: forms.Resolution, by: By, request: Request, context: InContext) -> None:
    """End the doubt about an order by its owner's word.

    The owner gives the outcome and the reason, and proves their identity with the password.
    """
    decisions.order_of(
        context.records.store, by.user, order
    )  # another user's order is not found, whatever the password
    prove(context, by, given.password, request)
    decisions.resolve(context.records.store, by.user, order, Status(given.outcome), given.reason)


@router.post("/{order}/send-again", status_code=201)
def send_again(order: UUID, by: By, context: InContext) -> forms.SentAgain:
    """Send an exit after all that was refused because it came too late. Asking twice makes only one order."""
    return forms.SentAgain(order=decisions.send_again(context.records.store, by.user, order, datetime.now(UTC)))

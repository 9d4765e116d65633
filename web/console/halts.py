"""The halt of all automatic trading, and its end."""

from __future__ import annotations

from fastapi import APIRouter

from application.ports.requests import Action
from application.trading import halts
from web import urgent
from web.context import AskedAt, By, InContext
from web.forms import trading as forms

router = APIRouter(prefix="/api/trading", tags=["trading"])


@router.post("/stop")
async def stop_all(proof: urgent.Proven, context: InContext) -> forms.Halted:
    """Halt automatic trading on all of the user's brokers until it is resumed.

    It works while the database is away: the gateway then halts at once and records it later. Responds 503 when the
    gateway does not answer either: whether it halts as soon as it can is not known then.
    """
    return forms.Halted(recorded=await urgent.carry_out(context, proof, halts.halt, Action.HALT, {}))


@router.post("/resume", status_code=204)
def resume_all(asked_at: AskedAt, by: By, context: InContext) -> None:
    """Resume automatic trading. A broker that was halted individually stays halted.

    A request that has waited more than 5 s for the database is not carried out, and none is while a panic is in force.
    """
    halts.resume(context.records.store, by.user, asked_at=asked_at)

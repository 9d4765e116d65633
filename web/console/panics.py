"""The panic: what it would do, what it does, its beginning and its end."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter

from application.ports.requests import Action
from application.trading import panics
from application.trading.positions import PANIC
from domain.people.user import User
from projections.panics import steps
from projections.users import myself
from web import urgent
from web.context import AskedAt, By, InContext, books
from web.forms import panics as forms

router = APIRouter(prefix="/api/trading/panic", tags=["trading"])
MOST_STEPS = 200


@router.get("")
def panic(by: By, context: InContext) -> forms.Panic:
    """Return what a panic would cancel and sell now or, while one is in force, what is left, with each of its steps."""
    store = context.records.store
    begun = store.get(User, User.create_id(by.user)).panic
    with books(context, by.user) as cursor:
        me = myself(cursor)
        since: datetime | None = me["panic_at"] if me and begun is not None and me["panic"] == begun else None
        done = [] if since is None else steps(cursor, PANIC, since, MOST_STEPS)
    held = panics.positions_to_sell(store, by.user)
    return forms.Panic(
        panic=begun,
        since=since,
        orders=sum(1 for _ in panics.orders_to_cancel(store, by.user, held)),
        positions=[_held(one) for one in held],
        steps=[_step(row) for row in done],
    )


@router.post("")
async def begin(given: forms.Panicking, proof: urgent.Proven, context: InContext) -> forms.Panicked:
    """Halt automatic trading, cancel whatever protects no coins, and sell all positions, until the panic is lifted.

    Coins that were bought elsewhere stay. While the database is away the gateway halts at once; nothing is sold before
    the database is back, and then it begins by itself. Responds 503 when the gateway does not answer either.
    """
    command = partial(panics.begin, request=given.request)
    params = {"request": str(given.request)}
    return forms.Panicked(recorded=await urgent.carry_out(context, proof, command, Action.PANIC, params))


@router.post("/lift", status_code=204)
def lift(asked_at: AskedAt, by: By, context: InContext) -> None:
    """End the panic: nothing more is sold. Trading stays halted until it is resumed."""
    panics.lift(context.records.store, by.user, asked_at=asked_at)


def _held(position: Any) -> forms.HeldPosition:
    return forms.HeldPosition(
        id=position.id, broker_id=position.broker, symbol=position.symbol, owner=position.owner, held=position.held
    )


def _step(row: dict[str, Any]) -> forms.PanicStep:
    return forms.PanicStep(**{**row, "sells": row["requester"] == PANIC})

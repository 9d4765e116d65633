"""The stored candles: their coverage, and the loads of history, which go through the gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from fastapi import APIRouter

from application.ports.candles import Held
from application.ports.requests import Action
from domain.candles.timeframes import TIMEFRAMES, moment
from web.context import By, Context, InContext
from web.forms import candles as forms
from web.forms.heartbeat import Timeframe
from web.terminals import ask

router = APIRouter(prefix="/api/candles", tags=["candles"])
MOST_HOLES, MOST_LOADS = 20, 50
ASK_SECONDS = 10.0


@router.get("")
def stored(_: By, context: InContext) -> forms.StoredCandles:
    """Return what is stored of each market and timeframe, and the newest loads. All users share both."""
    return stored_of(context)


@router.post("/loads", status_code=201)
def load(by: By, context: InContext, asked: forms.LoadAsked) -> forms.LoadNumber:
    """Load candles of the past through the gateway, in the background. The same load that was paused goes on."""
    times = {"since": _utc(asked.since), "until": _utc(asked.until or datetime.now(UTC))}
    named = asked.model_dump(exclude={"since", "until"}) | {name: at.isoformat() for name, at in times.items()}
    return forms.LoadNumber(load=ask(context, by.user, Action.CANDLES, named, ASK_SECONDS)["load"])


@router.put("/loads/{number}")
def change_load(_: By, context: InContext, number: int, wanted: forms.LoadState) -> forms.Load:
    """Let a load go on, pause it, or give it up. What it brought stays."""
    return forms.Load(**vars(context.records.loads.change(number, wanted.state)))


def stored_of(context: Context, _: int = 0) -> forms.StoredCandles:
    """Return everything that is stored, the same for every user."""
    held = sorted(context.records.coverage(), key=lambda one: (str(one.series), TIMEFRAMES[one.timeframe]))
    return forms.StoredCandles(
        coverage=[_coverage(one) for one in held],
        loads=[forms.Load(**vars(one)) for one in context.records.loads.newest(MOST_LOADS)],
    )


def _coverage(held: Held) -> forms.Coverage:
    newest = [
        forms.Hole(first_at=moment(hole.first), last_at=moment(hole.last), absent=hole.absent)
        for hole in reversed(held.holes[-MOST_HOLES:])
    ]
    return forms.Coverage(
        **vars(held.series),
        timeframe=cast("Timeframe", held.timeframe),
        count=held.count,
        first_at=moment(held.first),
        last_at=moment(held.last),
        missing=held.missing,
        holes=newest,
        more_holes=max(len(held.holes) - MOST_HOLES, 0),
    )


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)

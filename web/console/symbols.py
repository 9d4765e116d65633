"""Symbols: the pairs of an exchange with their last 24 hours, to be searched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query

from application.ports.requests import Action, GatewayAway
from domain.refusals import Impossible, NotFound
from projections.brokers import brokers_in_use
from web.context import By, InContext, books
from web.forms import symbols as forms
from web.terminals import ask

router = APIRouter(prefix="/api", tags=["symbols"])
ASK_SECONDS = 5.0
PERCENT = 100


@router.get("/symbols")
def list_symbols(by: By, context: InContext, broker: Annotated[int, Query(ge=1, le=2**31 - 1)]) -> forms.Symbols:
    """List the pairs of a broker's exchange with their last 24 hours, which are at most 30 seconds old.

    Pairs without figures are listed too: the exchange may tell none, or not answer.
    """
    with books(context, by.user) as cursor:
        place = next((row for row in brokers_in_use(cursor) if row["number"] == broker), None)
        if place is None:
            raise NotFound("there is no such broker")
        rows = cursor.execute(
            "SELECT symbol, native, base, quote, active, rules ->> 'price_tick' AS tick FROM service.markets"
            " WHERE exchange = %s AND venue = %s ORDER BY symbol",
            (place["exchange"], place["venue"]),
        ).fetchall()
    try:
        told = ask(context, by.user, Action.DAY_TICKERS, {"broker_id": broker}, ASK_SECONDS)
    except (GatewayAway, Impossible):
        told = {}
    days: Mapping[str, Sequence[str]] = told.get("days", {})
    return forms.Symbols(
        items=[_symbol(row, days.get(row["native"])) for row in rows],
        at=datetime.fromtimestamp(told["at"], UTC) if told else None,
    )


def _symbol(row: Mapping[str, Any], day: Sequence[str] | None) -> forms.Symbol:
    opened, last, volume = (Decimal(text) for text in day) if day else (None, None, None)
    return forms.Symbol(**row, last=last or None, change=_change(opened, last), volume=volume)


def _change(opened: Decimal | None, last: Decimal | None) -> float | None:
    """Return the change in percent, None where nothing was traded that would tell one."""
    if not opened or not last:
        return None
    change = float((last - opened) / opened) * PERCENT
    return round(change, 2) if math.isfinite(change) else None

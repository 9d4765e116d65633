"""Open positions with their live results, and the results of complete trades."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from application.trading import closing
from domain.amounts import difference, product
from projections import gains, positions
from projections.brokers import all_brokers
from web.console.lists import BrokerNumber, Limit, Search, Wanted
from web.context import By, Context, InContext, books
from web.cursors import before_of, paged
from web.forms import trading as forms
from web.live.topics import ROWS, Topic, as_they_are

router = APIRouter(prefix="/api", tags=["positions"])
OLDEST_PRICE = 15.0
"""Seconds after which a price no longer counts as the market's: no result is better than an old one."""


def position_rows(context: Context, cursor: Any, rows: list[dict[str, Any]]) -> list[forms.Position]:
    """Return positions with their results at current prices."""
    brokers = {broker["number"]: broker for broker in all_brokers(cursor)} if rows else {}
    told = {
        n: context.platform.prices(b["exchange"], b["venue"])
        for n, b in brokers.items()
        if n in {r["broker_id"] for r in rows}
    }
    return [_position(row, told.get(row["broker_id"], {}).get(row["symbol"])) for row in rows]


def _position(row: dict[str, Any], told: tuple[str, float] | None) -> forms.Position:
    entry = positions.average_entry(row)
    price = Decimal(told[0]) if told is not None and told[1] < OLDEST_PRICE else None
    change = None if price is None else difference(price, entry)
    return forms.Position(
        **row,
        average_entry=entry,
        price=price,
        price_age=None if told is None else round(told[1], 1),
        unrealised=None if change is None else product(change, row["held"]),
        unrealised_percent=None if change is None or not entry else round(float(change / entry * 100), 2),
    )


@router.get("/positions")
def list_positions(by: By, context: InContext) -> forms.Positions:
    """List the user's open positions with their results at current prices, newest first."""
    with books(context, by.user) as cursor:
        return forms.Positions(items=position_rows(context, cursor, positions.open_positions(cursor)))


@router.post("/positions/{position}/close", status_code=201)
def close(position: UUID, given: forms.Closing, by: By, context: InContext) -> forms.Closed:
    """Sell a share of a position at the market, whoever has bought it. One `request` makes one order."""
    now = datetime.now(UTC)
    sold = closing.close(context.records.store, by.user, position, given.percent, given.request, now)
    return forms.Closed(order=sold)


@router.get("/gains")
def list_gains(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    broker: BrokerNumber = None,
    owner: Wanted = None,
    text: Search = None,
) -> forms.Gains:
    """List the user's complete trades, newest first.

    `broker` and `owner` keep the trades that have this value, `text` those whose pair contains it.
    """
    with books(context, by.user) as opened:
        rows = gains.page(
            opened, before=before_of(cursor, str), limit=limit + 1, broker_id=broker, owner=owner, text=text
        )
    kept, following = paged(rows, limit, "closed_at")
    return forms.Gains(items=[forms.Gain(**row) for row in kept], next=following)


TOPIC = Topic("positions", positions.open_positions, position_rows)
GAINS = Topic("gains", lambda cursor: gains.page(cursor, before=None, limit=ROWS), as_they_are(forms.Gain))

"""The webhooks received, and what they have opened."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter

from domain.amounts import ZERO, product
from domain.orders.wish import HUNDRED_PERCENT, Source
from domain.webhooks.stream_state import StreamStatus, gravity_of
from domain.webhooks.webhook_message import bars_between
from projections import positions, webhooks
from web.console.lists import BrokerNumber, Limit, Search, Wanted
from web.console.positions import position_rows
from web.console.streams import success
from web.console.trading import trade_rows
from web.context import By, InContext, books
from web.cursors import before_of, paged
from web.forms import webhooks as forms
from web.live.topics import ROWS, Row, Topic

MOST_ORDERS = 200
router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


@router.get("/history")
def history(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    broker: BrokerNumber = None,
    status: Wanted = None,
    text: Search = None,
) -> forms.Webhooks:
    """List the webhooks that the user has received, newest first.

    `broker` and `status` keep the webhooks that have this value, `text` those whose pair, indicator or action contains
    it.
    """
    with books(context, by.user) as opened:
        rows = webhooks.page(
            opened, before=before_of(cursor, UUID), limit=limit + 1, broker_id=broker, status=status, text=text
        )
    kept, following = paged(rows, limit, "received_at")
    return forms.Webhooks(items=[_form(row) for row in kept], next=following)


@router.get("/stats")
def stats(by: By, context: InContext) -> forms.WebhookCounts:
    """Return the number of the user's webhooks in each status, and how reliable they are."""
    with books(context, by.user) as cursor:
        counted = webhooks.counts(cursor)
    status = StreamStatus.CRITICAL if counted["critical"] else StreamStatus.MONITORED
    gravity = gravity_of(status, counted["streak"])
    return forms.WebhookCounts(**counted, success=success(counted["total"], counted["missed"]), gravity=gravity)


@router.get("/positions")
def list_positions(by: By, context: InContext) -> forms.WebhookPositions:
    """List the open positions of the user's webhooks with the orders of their current trades."""
    with books(context, by.user) as cursor:
        rows = [row for row in positions.open_positions(cursor) if row["owner"] == Source.WEBHOOK]
        told = position_rows(context, cursor, rows)
        orders = [
            positions.orders_of_trade(cursor, row["broker_id"], row["symbol"], row["owner"], MOST_ORDERS)
            for row in rows
        ]
        return forms.WebhookPositions(
            items=[
                forms.WebhookPosition(
                    **position.model_dump(),
                    stop_quantity=_share(row, "stop_loss", "share"),
                    target_quantity=_share(row, "take_profit", "target_share"),
                    orders=trade_rows(cursor, of_trade),
                )
                for position, row, of_trade in zip(told, rows, orders, strict=True)
            ]
        )


def _share(row: Row, price: str, share: str) -> Decimal:
    """Return the part (base) of what is held that is planned to be sold at a price, zero without one."""
    return product(row["held"], row[share]) / HUNDRED_PERCENT if row[price] else ZERO


def _form(row: Row) -> forms.Webhook:
    return forms.Webhook(**row, bars_old=bars_between(row["interval"], row["bar_time"], row["received_at"]))


TOPIC = Topic(
    "webhooks",
    lambda cursor: webhooks.page(cursor, before=None, limit=ROWS),
    lambda _, __, rows: [_form(row) for row in rows],
)

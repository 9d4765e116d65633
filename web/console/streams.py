"""The streams of webhooks: what has come, what is due next, and what their trader decides about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from application.webhooks import streams as commands
from domain.orders.wish import HUNDRED_PERCENT, Side
from domain.webhooks.gates import Gates
from domain.webhooks.interval import Interval
from domain.webhooks.stream_state import gravity_of
from projections import streams
from web.context import By, Context, InContext, books
from web.forms import values
from web.forms import webhooks as forms
from web.live.topics import Row, Topic

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
SIGNALS = 20
"""The newest webhooks of each stream whose delay and slippage are told."""
CENT = Decimal("0.01")


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def success(received: int, missed: int) -> Decimal | None:
    """Return what has come in percent of what has come and what has not, cut to two places; None before the first."""
    due = received + missed
    return (HUNDRED_PERCENT * received / due).quantize(CENT, ROUND_DOWN) if due else None


@router.get("/streams")
def list_streams(by: By, context: InContext) -> forms.WebhookStreams:
    """List the user's streams, those that were heard last first."""
    with books(context, by.user) as cursor:
        return forms.WebhookStreams(items=stream_rows(context, cursor, streams.all_streams(cursor)))


@router.post("/resume", status_code=204)
def resume(wish: forms.Resumption, by: By, context: InContext) -> None:
    """Resume a paused stream, or without one all that have paused themselves.

    Their webhooks are executed again, and they are judged from their next slot on.
    """
    commands.resume(context.records.store, by.user, wish.stream, utc_now())


@router.post("/streams/{stream}/pause", status_code=204)
def pause(stream: UUID, by: By, context: InContext) -> None:
    """Execute nothing that a stream sends until it is resumed. Its webhooks are recorded, and no MISS is counted."""
    commands.pause(context.records.store, by.user, stream)


@router.post("/streams/{stream}/monitor", status_code=204)
def monitor(stream: UUID, by: By, context: InContext) -> None:
    """Count a MISS whenever a webhook of the stream does not come, from its next slot on."""
    commands.monitor(context.records.store, by.user, stream, utc_now())


@router.put("/streams/{stream}/gates", status_code=204)
def set_gates(stream: UUID, gates: values.Gates, by: By, context: InContext) -> None:
    """Set the gates of a stream. They hold entries back; exits and moves of protection always pass."""
    commands.set_gates(context.records.store, by.user, stream, Gates(**gates.model_dump()))


@router.post("/streams/{stream}/close", status_code=204)
def close(stream: UUID, by: By, context: InContext) -> None:
    """Monitor a stream no longer, because its alert was deleted. What it still sends is executed as ever."""
    commands.close(context.records.store, by.user, stream)


def stream_rows(_: Context, cursor: Any, rows: list[Row]) -> list[forms.WebhookStream]:
    """Return streams with their next slots and newest signals."""
    signals = defaultdict[UUID, list[Row]](list)
    for row in streams.recent_signals(cursor, [row["id"] for row in rows], SIGNALS):
        signals[row["stream_id"]].append(row)
    now = utc_now()
    return [_form(row, signals[row["id"]], now) for row in rows]


def _form(row: Row, signals: Sequence[Row], now: datetime) -> forms.WebhookStream:
    interval = Interval.parse(row["interval"])
    return forms.WebhookStream(
        **row,
        can_be_monitored=interval is not None,
        gravity=gravity_of(row["status"], row["streak"]),
        success=success(row["received"], row["missed"]),
        next_due=None if interval is None else interval.next_due(now),
        gates=values.Gates(**{name: row[name] for name in values.Gates.model_fields}),
        signals=[_signal(one) for one in signals],
    )


def _signal(row: Row) -> forms.StreamSignal:
    delay = None if row["slot"] is None else (row["received_at"] - row["slot"]).total_seconds()
    slippage = None
    if row["average"] is not None and row["close"]:
        change = float((row["average"] / row["close"] - 1) * HUNDRED_PERCENT)
        slippage = round(change if row["side"] == Side.BUY else -change, 3)
    return forms.StreamSignal(received_at=row["received_at"], delay=delay, slippage=slippage)


TOPIC = Topic("streams", streams.all_streams, stream_rows)

"""Streams of webhooks: which are monitored, and what has come and what has not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from domain import events
from domain.webhooks.gates import Gates
from domain.webhooks.slots import is_in_time
from domain.webhooks.stream import CRITICAL_STREAK
from domain.webhooks.stream_state import PAUSED, StreamStatus
from projections.books.readmodel import ReadModel, Row, changes, on, storable, topics

SHOWN = 500
"""The most streams that are listed, those that were heard last."""


def _opened(_: Row, event: events.WebhookStreamOpened) -> Row:
    return {
        "user_id": event.user,
        "broker_id": event.broker,
        "symbol": storable(event.symbol),
        "interval": storable(event.interval),
        "indicator": storable(event.indicator),
        "status": StreamStatus.UNMONITORED,
        "watched": StreamStatus.UNMONITORED,
        "received": 0,
        "missed": 0,
        "unjudged": 0,
        "streak": 0,
        "delayed": None,
        **asdict(Gates()),
        "approvals": 0,
        "changed_at": event.timestamp,
    }


def _arrived(row: Row, event: events.WebhookStreamArrived) -> Row:
    came = event.slot is not None and is_in_time(event.slot, event.received_at)
    return {
        "received": row["received"] + 1,
        "last_webhook": event.webhook,
        "last_slot": event.slot,
        "last_received_at": event.received_at,
        "streak": row["streak"] if row["status"] in PAUSED else event.streak,
        "delayed": None if came and row["delayed"] == event.slot else row["delayed"],
    }


def _held(status: StreamStatus) -> Any:
    def change(row: Row, event: events.WebhookStreamPaused | events.WebhookStreamBecameCritical) -> Row:
        by = event.by if isinstance(event, events.WebhookStreamPaused) else None
        streak = max(row["streak"], CRITICAL_STREAK) if by is None else row["streak"]
        return {"status": status, "streak": streak, "delayed": None, "changed_by": by, "changed_at": event.timestamp}

    return change


def _monitored(row: Row, event: events.WebhookStreamMonitored) -> Row:
    status = row["status"] if row["status"] in PAUSED else StreamStatus.MONITORED
    return {
        "watched": StreamStatus.MONITORED, "status": status, "changed_by": event.by, "changed_at": event.timestamp,
    }  # fmt: skip


def _resumed(row: Row, event: events.WebhookStreamResumed) -> Row:
    return {"status": row["watched"], "streak": 0, "changed_by": event.by, "changed_at": event.timestamp}


def _closed(_: Row, event: events.WebhookStreamClosed) -> Row:
    status = StreamStatus.PAUSED if event.paused else StreamStatus.CLOSED
    return {
        "watched": StreamStatus.CLOSED, "status": status, "streak": 0, "delayed": None, "changed_by": event.by,
        "changed_at": event.timestamp,
    }  # fmt: skip


def _gated(row: Row, event: events.WebhookStreamGatesSet) -> Row:
    """Return the gates. Another number of entries to approve begins to count anew."""
    kept = row["approvals"] if event.gates.approved == row["approved"] else 0
    return {**asdict(event.gates), "approvals": kept}


def _missed(row: Row, event: events.WebhookStreamMissed) -> Row:
    return {"missed": row["missed"] + 1, "streak": event.streak, "delayed": None}


def _unjudged(row: Row, event: events.WebhookStreamUnjudged) -> Row:
    return {"unjudged": row["unjudged"] + event.count, "delayed": None}


STREAMS = ReadModel(
    name="streams",
    version=2,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "broker_id": "integer NOT NULL",
        "symbol": "text NOT NULL",
        "interval": "text NOT NULL",
        "indicator": "text NOT NULL",
        "status": "text NOT NULL",
        "watched": "text NOT NULL",
        "received": "integer NOT NULL",
        "missed": "integer NOT NULL",
        "unjudged": "integer NOT NULL",
        "streak": "integer NOT NULL",
        "delayed": "timestamptz",
        "last_webhook": "uuid",
        "last_slot": "timestamptz",
        "last_received_at": "timestamptz",
        "locked": "boolean NOT NULL",
        "rest": "integer",
        "rest_after_loss": "integer",
        "most_entries": "integer",
        "approved": "integer",
        "approvals": "integer NOT NULL",
        "twin": "integer",
        "changed_by": "integer",
        "changed_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.WebhookStreamOpened),
    when=changes(
        on(events.WebhookStreamOpened, _opened),
        on(events.WebhookStreamArrived, _arrived),
        on(events.WebhookStreamMonitored, _monitored),
        on(events.WebhookStreamGatesSet, _gated),
        on(events.WebhookStreamApproved, lambda row, _: {"approvals": row["approvals"] + 1}),
        on(events.WebhookStreamDelayed, lambda _, event: {"delayed": event.slot}),
        on(events.WebhookStreamMissed, _missed),
        on(events.WebhookStreamUnjudged, _unjudged),
        on(events.WebhookStreamBecameCritical, _held(StreamStatus.CRITICAL)),
        on(events.WebhookStreamPaused, _held(StreamStatus.PAUSED)),
        on(events.WebhookStreamResumed, _resumed),
        on(events.WebhookStreamClosed, _closed),
    ),
    indexes=("(user_id, last_received_at DESC)",),
)


def all_streams(cursor: Any) -> list[Row]:
    """Return the streams of the cursor's user at brokers that are not removed, those heard last first."""
    query = """
        SELECT streams.* FROM books.streams JOIN books.brokers ON brokers.number = streams.broker_id
        WHERE NOT brokers.removed ORDER BY last_received_at DESC NULLS LAST, streams.id LIMIT %s
    """
    rows: list[Row] = cursor.execute(query, (SHOWN,)).fetchall()
    return rows


def recent_signals(cursor: Any, streams: list[UUID], limit: int) -> list[Row]:
    """Return the newest deliveries of streams, oldest first: the slot of each, its reception, and its execution.

    `close` and `average` are the chart's price and that of the executed order, in quote per base.
    """
    query = """
        SELECT recent.* FROM unnest(%s::uuid[]) AS asked (id) CROSS JOIN LATERAL (
            SELECT webhooks.stream_id, webhooks.slot, webhooks.received_at, webhooks.close, executed.*
            FROM books.webhooks CROSS JOIN LATERAL (
                SELECT min(side) AS side, sum(executed_cost) / sum(filled) AS average
                FROM books.trades WHERE trades.webhook_id = webhooks.id AND filled > 0
            ) AS executed
            WHERE webhooks.stream_id = asked.id AND webhooks.status NOT IN ('missed', 'unjudged')
            ORDER BY webhooks.received_at DESC LIMIT %s
        ) AS recent ORDER BY recent.received_at
    """
    rows: list[Row] = cursor.execute(query, (streams, limit)).fetchall()
    return rows

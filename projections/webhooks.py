"""Webhooks as they were received, with their contents and outcome, and those that did not come."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from domain import events
from domain.aggregate import deterministic_id
from domain.refusals import Invalid
from domain.webhooks.webhook import WebhookStatus
from domain.webhooks.webhook_message import WebhookMessage
from projections.books import paging
from projections.books.paging import Narrowing, name_index
from projections.books.readmodel import ReadModel, Row, changes, on, storable, stream_of, topics
from projections.trades import webhook_behind

MISS = "MISS"
"""The action of a webhook that did not come."""


class Absence(StrEnum):
    """The status of a row whose webhook did not come: a MISS, or one that could not have come to us."""

    MISSED = "missed"
    UNJUDGED = "unjudged"


_SHOWN = (
    "action", "symbol", "exchange", "interval", "price", "stop_loss", "take_profit", "percent", "holding", "indicator",
    "bar_time", "close",
)  # fmt: skip


def _received(_: Row, event: events.WebhookReceived) -> Row:
    understood: Row = {}
    try:
        found = WebhookMessage.readable(event.body.encode(event.encoding))
        understood = {name: storable(found.get(name)) for name in _SHOWN}
        understood["broker_id"] = event.twin or found.get("broker")
    except (Invalid, UnicodeEncodeError):
        pass  # the engine's refusal records the reason; only the body is shown here
    return {
        "user_id": event.user,
        "body": storable(event.body),
        "address": event.address,
        "received_at": event.received_at,
        "status": WebhookStatus.RECEIVED.value,
        "repeats": 0,
        "twin": event.twin is not None,
        "updated_at": event.timestamp,
        **understood,
    }


End = (
    events.WebhookTaken
    | events.WebhookIgnored
    | events.WebhookRefused
    | events.WebhookExecuted
    | events.WebhookFailed
    | events.WebhookDeclined
)


def _asked(_: Row, event: events.WebhookAsked) -> Row:
    return {"status": WebhookStatus.ASKED.value, "answer_until": event.until, "updated_at": event.timestamp}


def _approved(_: Row, event: events.WebhookApproved) -> Row:
    return {"status": WebhookStatus.APPROVED.value, "updated_at": event.timestamp}


def _ended(status: WebhookStatus) -> Callable[[Row, End], Row]:
    def change(_: Row, event: End) -> Row:
        refusal = event if isinstance(event, events.WebhookRefused | events.WebhookFailed) else None
        told = event if isinstance(event, events.WebhookIgnored | events.WebhookDeclined) else refusal
        reason = told and told.reason
        detail = refusal and storable(refusal.detail)
        return {"status": status.value, "reason": reason, "detail": detail or None, "updated_at": event.timestamp}

    return change


def _absent(status: Absence, event: events.WebhookStreamMissed | events.WebhookStreamUnjudged, **columns: Any) -> Row:
    """Return the row of a webhook that did not come. It stands at the time at which it should have."""
    return {
        "user_id": event.user,
        "broker_id": event.broker,
        "stream_id": event.originator_id,
        "body": "",
        "address": "",
        "status": status.value,
        "symbol": storable(event.symbol),
        "interval": storable(event.interval),
        "indicator": storable(event.indicator),
        "repeats": 0,
        "twin": False,
        "updated_at": event.timestamp,
        **columns,
    }


def _missed(_: Row, event: events.WebhookStreamMissed) -> Row:
    return _absent(
        Absence.MISSED, event, action=MISS, received_at=event.slot, slot=event.slot, streak_began=event.began,
        consecutive=event.consecutive,
    )  # fmt: skip


def _unjudged(_: Row, event: events.WebhookStreamUnjudged) -> Row:
    return _absent(
        Absence.UNJUDGED, event, received_at=event.first, slot=event.first, last_slot=event.last, slots=event.count,
        reason=event.reason,
    )  # fmt: skip


def _key(event: Any) -> UUID:
    """Return the row that an event is about: the webhook that came, or the slot whose webhook did not."""
    if isinstance(event, events.WebhookStreamArrived):
        return event.webhook
    if isinstance(event, events.WebhookStreamMissed):
        return deterministic_id("miss", event.originator_id, event.slot)
    if isinstance(event, events.WebhookStreamUnjudged):
        return deterministic_id("unjudged", event.originator_id, event.first)
    return stream_of(event)


WEBHOOKS = ReadModel(
    name="webhooks",
    version=6,
    key=_key,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "broker_id": "integer",
        "received_at": "timestamptz NOT NULL",
        "address": "text NOT NULL",
        "body": "text NOT NULL",
        "action": "text",
        "symbol": "text",
        "exchange": "text",
        "interval": "text",
        "price": "numeric",
        "stop_loss": "numeric",
        "take_profit": "numeric",
        "percent": "numeric",
        "holding": "numeric",
        "indicator": "text",
        "bar_time": "timestamptz",
        "close": "numeric",
        "stream_id": "uuid",
        "slot": "timestamptz",
        "last_slot": "timestamptz",
        "slots": "integer",
        "consecutive": "integer",
        "streak_began": "timestamptz",
        "status": "text NOT NULL",
        "reason": "text",
        "detail": "text",
        "answer_until": "timestamptz",
        "twin": "boolean NOT NULL",
        "repeats": "integer NOT NULL",
        "updated_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.WebhookReceived, events.WebhookStreamMissed, events.WebhookStreamUnjudged),
    when=changes(
        on(events.WebhookReceived, _received),
        on(events.WebhookRepeated, lambda row, event: {"repeats": row["repeats"] + 1, "updated_at": event.timestamp}),
        on(events.WebhookTaken, _ended(WebhookStatus.TAKEN)),
        on(events.WebhookIgnored, _ended(WebhookStatus.IGNORED)),
        on(events.WebhookRefused, _ended(WebhookStatus.REFUSED)),
        on(events.WebhookAsked, _asked),
        on(events.WebhookApproved, _approved),
        on(events.WebhookDeclined, _ended(WebhookStatus.REFUSED)),
        on(events.WebhookExecuted, _ended(WebhookStatus.EXECUTED)),
        on(events.WebhookFailed, _ended(WebhookStatus.FAILED)),
        on(events.WebhookStreamArrived, lambda _, event: {"stream_id": event.originator_id, "slot": event.slot}),
        on(events.WebhookStreamMissed, _missed),
        on(events.WebhookStreamUnjudged, _unjudged),
    ),
    indexes=(
        "(user_id, received_at DESC)",
        "(stream_id, received_at DESC)",
        name_index("symbol", "received_at"),
        name_index("indicator", "received_at"),
        name_index("action", "received_at"),
    ),
)


def _linked(_: Row, event: events.OrderPlaced) -> Row | None:
    webhook = webhook_behind(event)
    if webhook is None:
        return None
    return {"webhook_id": webhook, "trade_id": event.originator_id, "user_id": event.user}


WEBHOOK_TRADES = ReadModel(
    name="webhook_trades",
    version=2,
    columns={
        "id": "uuid",
        "webhook_id": "uuid NOT NULL",
        "trade_id": "uuid NOT NULL",
        "user_id": "integer NOT NULL",
    },
    created_by=topics(events.OrderPlaced),
    when=changes(on(events.OrderPlaced, _linked)),
    indexes=("(webhook_id)",),
)


def page(
    cursor: Any,
    *,
    before: tuple[Any, Any] | None,
    limit: int,
    text: str | None = None,
    status: str | None = None,
    **equal: object,
) -> list[Row]:
    """Return the webhooks of the cursor's user, newest first.

    `text` is looked for in pair, indicator and action; `equal` holds the wanted value of other columns. A PING asks for
    nothing: it counts as received, not as ignored.
    """
    told = "CASE WHEN reason = 'ping' THEN 'received' ELSE status END = %s"
    further: list[tuple[LiteralString, list[object]]] = [] if status is None else [(told, [status])]
    narrowing = Narrowing(equal, text, ("symbol", "indicator", "action"), further=further)
    return paging.page(cursor, "webhooks", "received_at", before=before, limit=limit, narrowing=narrowing)


def asked(cursor: Any) -> list[Row]:
    """Return the webhooks of the cursor's user that wait for approval, the oldest first."""
    rows: list[Row] = cursor.execute(
        "SELECT * FROM books.webhooks WHERE status = %s ORDER BY received_at", (WebhookStatus.ASKED,)
    ).fetchall()
    return rows


def counts(cursor: Any) -> Row:
    """Return the number of webhooks of the cursor's user since the beginning.

    `total` are those that came, each also counted in its status, without those of twins. `missed` did not come,
    `unjudged` are slots of which nobody knows. `critical` is the number of streams that have paused themselves,
    `streak` the longest row of MISS now.
    """
    rows = cursor.execute(
        "SELECT status, count(*) AS times, sum(slots) AS slots FROM books.webhooks WHERE NOT twin GROUP BY status"
    ).fetchall()
    by_status = {row["status"]: row["times"] for row in rows}
    came = {status.value: by_status.get(status.value, 0) for status in WebhookStatus}
    slots = {row["status"]: row["slots"] or 0 for row in rows}
    now = cursor.execute(
        "SELECT count(*) FILTER (WHERE status = 'critical') AS critical, coalesce(max(streak), 0) AS streak"
        " FROM books.streams WHERE status IN ('critical', 'monitored')"
    ).fetchone()
    return {
        "total": sum(came.values()),
        **came,
        "missed": by_status.get(Absence.MISSED, 0),
        "unjudged": slots.get(Absence.UNJUDGED, 0),
        "critical": now["critical"],
        "streak": now["streak"],
    }

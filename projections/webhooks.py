"""Webhooks as they were received, with their parsed contents and their outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

from domain import events
from domain.refusals import Invalid
from domain.webhooks.webhook import WebhookStatus
from domain.webhooks.webhook_message import WebhookMessage
from projections.books import paging
from projections.books.paging import Narrowing, name_index
from projections.books.readmodel import ReadModel, Row, changes, on, storable, topics
from projections.trades import webhook_behind

_SHOWN = (
    "action", "symbol", "exchange", "interval", "price", "stop_loss", "take_profit", "percent", "indicator", "bar_time",
)  # fmt: skip


def _received(_: Row, event: events.WebhookReceived) -> Row:
    understood: Row = {}
    try:
        found = WebhookMessage.readable(event.body.encode(event.encoding))
        understood = {name: storable(found.get(name)) for name in _SHOWN} | {"broker_id": found.get("broker")}
    except (Invalid, UnicodeEncodeError):
        pass  # the engine's refusal records the reason; only the body is shown here
    return {
        "user_id": event.user,
        "body": storable(event.body),
        "address": event.address,
        "received_at": event.received_at,
        "status": WebhookStatus.RECEIVED.value,
        "repeats": 0,
        "updated_at": event.timestamp,
        **understood,
    }


End = (
    events.WebhookTaken | events.WebhookIgnored | events.WebhookRefused | events.WebhookExecuted | events.WebhookFailed
)


def _ended(status: WebhookStatus) -> Callable[[Row, End], Row]:
    def change(_: Row, event: End) -> Row:
        refusal = event if isinstance(event, events.WebhookRefused | events.WebhookFailed) else None
        reason = event.reason if isinstance(event, events.WebhookIgnored) else refusal and refusal.reason
        detail = refusal and storable(refusal.detail)
        return {"status": status.value, "reason": reason, "detail": detail or None, "updated_at": event.timestamp}

    return change


WEBHOOKS = ReadModel(
    name="webhooks",
    version=4,
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
        "indicator": "text",
        "bar_time": "timestamptz",
        "status": "text NOT NULL",
        "reason": "text",
        "detail": "text",
        "repeats": "integer NOT NULL",
        "updated_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.WebhookReceived),
    when=changes(
        on(events.WebhookReceived, _received),
        on(events.WebhookRepeated, lambda row, event: {"repeats": row["repeats"] + 1, "updated_at": event.timestamp}),
        on(events.WebhookTaken, _ended(WebhookStatus.TAKEN)),
        on(events.WebhookIgnored, _ended(WebhookStatus.IGNORED)),
        on(events.WebhookRefused, _ended(WebhookStatus.REFUSED)),
        on(events.WebhookExecuted, _ended(WebhookStatus.EXECUTED)),
        on(events.WebhookFailed, _ended(WebhookStatus.FAILED)),
    ),
    indexes=(
        "(user_id, received_at DESC)",
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


def counts(cursor: Any) -> Row:
    """Return the number of webhooks of the cursor's user, in total and in each status."""
    rows = cursor.execute("SELECT status, count(*) AS times FROM books.webhooks GROUP BY status").fetchall()
    by_status = {row["status"]: row["times"] for row in rows}
    return {
        "total": sum(by_status.values()),
        **{status.value: by_status.get(status.value, 0) for status in WebhookStatus},
    }

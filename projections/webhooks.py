"""Webhooks as they were received, with their parsed contents and their outcome."""

from __future__ import annotations

from typing import Any

from domain.refusals import Invalid
from domain.webhook import WebhookStatus
from domain.webhook_message import WebhookMessage
from projections.books.readmodel import ReadModel, Row, storable
from projections.trades import webhook_behind

_SHOWN = (
    "action", "symbol", "exchange", "interval", "price", "stop_loss", "take_profit", "percent", "indicator", "bar_time",
)  # fmt: skip


def _received(_: Row, event: Any) -> Row:
    understood: Row = {}
    try:
        message = WebhookMessage.understood(event.body.encode(event.encoding))
        understood = {name: storable(getattr(message, name)) for name in _SHOWN} | {"broker_id": message.broker}
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


def _ended(status: WebhookStatus) -> Any:
    def change(_: Row, event: Any) -> Row:
        return {
            "status": status.value,
            "reason": getattr(event, "reason", None),
            "detail": storable(getattr(event, "detail", "")) or None,
            "updated_at": event.timestamp,
        }

    return change


WEBHOOKS = ReadModel(
    name="webhooks",
    version=2,
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
    created_by=frozenset({"Webhook.Received"}),
    when={
        "Webhook.Received": _received,
        "Webhook.Repeated": lambda row, event: {"repeats": row["repeats"] + 1, "updated_at": event.timestamp},
        "Webhook.Taken": _ended(WebhookStatus.TAKEN),
        "Webhook.Ignored": _ended(WebhookStatus.IGNORED),
        "Webhook.Refused": _ended(WebhookStatus.REFUSED),
        "Webhook.Executed": _ended(WebhookStatus.EXECUTED),
        "Webhook.Failed": _ended(WebhookStatus.FAILED),
    },
    indexes=("(user_id, received_at DESC)",),
)


def _linked(_: Row, event: Any) -> Row | None:
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
    created_by=frozenset({"Order.Placed"}),
    when={"Order.Placed": _linked},
    indexes=("(webhook_id)",),
)


def page(cursor: Any, *, before: tuple[Any, Any] | None, limit: int) -> list[Row]:
    """Return the webhooks of the cursor's user, newest first."""
    query, parameters = "SELECT * FROM books.webhooks WHERE true", list[Any]()
    if before is not None:
        query += " AND (received_at, id) < (%s, %s)"
        parameters += before
    parameters.append(limit)
    rows: list[Row] = cursor.execute(query + " ORDER BY received_at DESC, id DESC LIMIT %s", parameters).fetchall()
    return rows


def counts(cursor: Any) -> Row:
    """Return the number of webhooks of the cursor's user, in total and in each status."""
    rows = cursor.execute("SELECT status, count(*) AS times FROM books.webhooks GROUP BY status").fetchall()
    by_status = {row["status"]: row["times"] for row in rows}
    return {
        "total": sum(by_status.values()),
        **{status.value: by_status.get(status.value, 0) for status in WebhookStatus},
    }

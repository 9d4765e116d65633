"""Brokers as the console shows them. The table holds no credentials."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from domain import events
from domain.webhooks.gates import Gates
from projections.books.readmodel import ReadModel, Row, changes, on, topics
from projections.users import halted


def _connected(_: Row, event: events.BrokerConnected) -> Row:
    return {
        "number": event.number,
        "user_id": event.user,
        "exchange": event.exchange,
        "venue": event.venue,
        "name": event.name,
        "is_default": False,
        "trading_stopped": False,
        "usage": "webhooks",
        "limit_currency": "USDT",
        "stop_style": "market",
        "gates": asdict(Gates()),
        "shared": False,
        "removed": False,
        "connected_at": event.timestamp,
    }


def _limited(_: Row, event: events.BrokerLimitsChanged) -> Row:
    limits = event.limits
    return {"limit_currency": limits.currency, "limit_per_order": limits.per_order, "limit_per_day": limits.per_day}


BROKERS = ReadModel(
    name="brokers",
    version=5,
    columns={
        "id": "uuid",
        "number": "integer NOT NULL",
        "user_id": "integer NOT NULL",
        "exchange": "text NOT NULL",
        "venue": "text NOT NULL",
        "name": "text NOT NULL",
        "fingerprint": "text",
        "is_default": "boolean NOT NULL",
        "trading_stopped": "boolean NOT NULL",
        "trading_stopped_at": "timestamptz",
        "usage": "text NOT NULL",
        "limit_currency": "text NOT NULL",
        "limit_per_order": "numeric",
        "limit_per_day": "numeric",
        "stop_style": "text NOT NULL",
        "oldest_bar": "integer",
        "gates": "jsonb NOT NULL",
        "tested": "boolean",
        "tested_detail": "text",
        "shared": "boolean NOT NULL",
        "removed": "boolean NOT NULL",
        "connected_at": "timestamptz NOT NULL",
    },
    created_by=topics(events.BrokerConnected),
    when=changes(
        on(events.BrokerConnected, _connected),
        on(events.BrokerRenamed, lambda _, event: {"name": event.name}),
        on(events.BrokerCredentialStored, lambda _, event: {"fingerprint": event.fingerprint}),
        on(events.BrokerTested, lambda _, event: {"tested": event.ok, "tested_detail": event.detail}),
        on(events.BrokerMarketsLoaded, lambda _, event: {"shared": event.shared}),
        on(events.BrokerMadeDefault, lambda *_: {"is_default": True}),
        on(events.BrokerDefaultPassedOn, lambda *_: {"is_default": False}),
        on(events.BrokerUsageChanged, lambda _, event: {"usage": event.usage}),
        on(events.BrokerLimitsChanged, _limited),
        on(events.BrokerStopStyleChanged, lambda _, event: {"stop_style": event.style}),
        on(events.BrokerOldestBarChanged, lambda _, event: {"oldest_bar": event.bars}),
        on(events.BrokerGatesSet, lambda _, event: {"gates": asdict(event.gates)}),
        on(events.BrokerTradingStopped, lambda _, event: halted(event.timestamp)),
        on(events.BrokerTradingResumed, lambda *_: halted(None)),
        on(events.BrokerRemoved, lambda *_: {"removed": True, "is_default": False}),
    ),
)


def brokers_in_use(cursor: Any) -> list[Row]:
    """Return the brokers of the cursor's user that are not removed, the default one first."""
    return [row for row in all_brokers(cursor) if not row["removed"]]


def all_brokers(cursor: Any) -> list[Row]:
    """Return the brokers of the cursor's user, the default one first. Removed ones come last: history names them."""
    rows: list[Row] = cursor.execute("SELECT * FROM books.brokers ORDER BY removed, is_default DESC, number").fetchall()
    return rows

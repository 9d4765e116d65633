"""Brokers as the console shows them; credentials are not among their columns."""

from __future__ import annotations

from typing import Any

from projections.readmodel import ReadModel, Row

BROKERS = ReadModel(
    name="brokers",
    version=1,
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
        "connected_at": "timestamptz NOT NULL",
    },
    created_by=frozenset({"Broker.Connected"}),
    when={
        "Broker.Connected": lambda _, event: {
            "number": event.number,
            "user_id": event.user,
            "exchange": event.exchange,
            "venue": event.venue,
            "name": event.name,
            "is_default": False,
            "trading_stopped": False,
            "connected_at": event.timestamp,
        },
        "Broker.CredentialStored": lambda _, event: {"fingerprint": event.fingerprint},
        "Broker.MadeDefault": lambda *_: {"is_default": True},
        "Broker.TradingStopped": lambda *_: {"trading_stopped": True},
        "Broker.TradingResumed": lambda *_: {"trading_stopped": False},
    },
)


def all_brokers(cursor: Any) -> list[Row]:
    """The user's brokers, the default one first."""
    rows: list[Row] = cursor.execute("SELECT * FROM books.brokers ORDER BY is_default DESC, number").fetchall()
    return rows

"""Users as the console shows them."""

from __future__ import annotations

from typing import Any

from domain.user import User
from projections.readmodel import ReadModel, Row


def _registered(_: Row, event: User.Registered) -> Row:  # type: ignore[name-defined]
    return {
        "user_id": event.number,
        "name": event.name,
        "role": event.role,
        "language": "fr",
        "trading_stopped": False,
        "registered_at": event.timestamp,
    }


USERS = ReadModel(
    name="users",
    version=1,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "name": "text NOT NULL",
        "role": "text NOT NULL",
        "language": "text NOT NULL",
        "trading_stopped": "boolean NOT NULL",
        "registered_at": "timestamptz NOT NULL",
        "last_login": "timestamptz",
    },
    created_by=frozenset({"User.Registered"}),
    when={
        "User.Registered": _registered,
        "User.LoggedIn": lambda _, event: {"last_login": event.timestamp},
        "User.PreferencesChanged": lambda _, event: {"language": event.language},
        "User.TradingStopped": lambda *_: {"trading_stopped": True},
        "User.TradingResumed": lambda *_: {"trading_stopped": False},
    },
)


def myself(cursor: Any) -> Row | None:
    """The row of the user in whose name the connection reads."""
    row: Row | None = cursor.execute("SELECT * FROM books.users").fetchone()
    return row

"""Users as the console shows them."""

from __future__ import annotations

from typing import Any

from projections.books.readmodel import ReadModel, Row


def _registered(_: Row, event: Any) -> Row:
    return {
        "user_id": event.number,
        "name": event.name,
        "role": event.role,
        "language": "fr",
        "time_zone": "UTC",
        "theme": "dark",
        "colours": "green_up",
        "second_factor": False,
        "enabled": True,
        "trading_stopped": False,
        "registered_at": event.timestamp,
    }


USERS = ReadModel(
    name="users",
    version=2,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "name": "text NOT NULL",
        "role": "text NOT NULL",
        "language": "text NOT NULL",
        "time_zone": "text NOT NULL",
        "theme": "text NOT NULL",
        "colours": "text NOT NULL",
        "second_factor": "boolean NOT NULL",
        "enabled": "boolean NOT NULL",
        "trading_stopped": "boolean NOT NULL",
        "registered_at": "timestamptz NOT NULL",
        "last_login": "timestamptz",
    },
    created_by=frozenset({"User.Registered"}),
    when={
        "User.Registered": _registered,
        "User.LoggedIn": lambda _, event: {"last_login": event.timestamp},
        "User.PreferencesChanged": lambda _, event: vars(event.preferences),
        "User.SecondFactorEnabled": lambda *_: {"second_factor": True},
        "User.SecondFactorDisabled": lambda *_: {"second_factor": False},
        "User.Disabled": lambda *_: {"enabled": False},
        "User.Enabled": lambda *_: {"enabled": True},
        "User.TradingStopped": lambda *_: {"trading_stopped": True},
        "User.TradingResumed": lambda *_: {"trading_stopped": False},
    },
)


def myself(cursor: Any) -> Row | None:
    """Return the row of the cursor's user, or None when there is none."""
    row: Row | None = cursor.execute("SELECT * FROM books.users").fetchone()
    return row

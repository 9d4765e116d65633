"""Users as the console shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import events
from projections.books.readmodel import ReadModel, Row, changes, on, topics


def _registered(_: Row, event: events.UserRegistered) -> Row:
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
        "panic": None,
        "panic_at": None,
        "registered_at": event.timestamp,
    }


def halted(at: datetime | None) -> Row:
    """Return the columns of a halt of automatic trading that began at this time (UTC); None for no halt."""
    return {"trading_stopped": at is not None, "trading_stopped_at": at}


USERS = ReadModel(
    name="users",
    version=4,
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
        "trading_stopped_at": "timestamptz",
        "panic": "uuid",
        "panic_at": "timestamptz",
        "registered_at": "timestamptz NOT NULL",
        "last_login": "timestamptz",
    },
    created_by=topics(events.UserRegistered),
    when=changes(
        on(events.UserRegistered, _registered),
        on(events.UserLoggedIn, lambda _, event: {"last_login": event.timestamp}),
        on(events.UserPreferencesChanged, lambda _, event: vars(event.preferences)),
        on(events.UserSecondFactorEnabled, lambda *_: {"second_factor": True}),
        on(events.UserSecondFactorDisabled, lambda *_: {"second_factor": False}),
        on(events.UserDisabled, lambda *_: {"enabled": False}),
        on(events.UserEnabled, lambda *_: {"enabled": True}),
        on(events.UserTradingStopped, lambda _, event: halted(event.timestamp)),
        on(events.UserTradingResumed, lambda *_: halted(None)),
        on(events.UserPanicBegun, lambda _, event: {"panic": event.panic, "panic_at": event.timestamp}),
        on(events.UserPanicLifted, lambda *_: {"panic": None, "panic_at": None}),
    ),
)


def myself(cursor: Any) -> Row | None:
    """Return the row of the cursor's user, or None when there is none."""
    row: Row | None = cursor.execute("SELECT * FROM books.users").fetchone()
    return row

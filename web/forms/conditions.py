"""Conditions: what stands in the way of each account, stream and position."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

Cause = Literal[
    "all_halted", "halted", "gateway_down", "exchange_down", "exchange_degraded", "not_for_webhooks", "keys_refused",
    "no_pairs", "unknown_orders", "waiting_orders", "account_hindered", "not_reconciled", "last_alert_refused",
    "last_alert_ignored", "last_alert_failed", "stream_paused", "stream_critical", "approval_asked",
    "not_protected",
]  # fmt: skip
"""Why nothing happens, or not what should."""


class Obstacle(BaseModel):
    """One thing that stands in the way, since when, and a code or text that says more (a reason, a level, pairs)."""

    cause: Cause
    since: datetime | None
    detail: str | None


class Condition(BaseModel):
    """An account, a stream of alerts or a position, and what stands in its way; nothing when it is ready.

    `story` is the webhook or position whose history says more. `last_at` is when the stream's last alert came.
    """

    kind: Literal["account", "stream", "position"]
    key: str
    broker_id: int | None
    symbol: str | None = None
    interval: str | None = None
    indicator: str | None = None
    story: UUID | None = None
    last_at: datetime | None = None
    obstacles: list[Obstacle]


class Conditions(BaseModel):
    """All accounts, streams and positions of the user, those with obstacles first."""

    items: list[Condition]
    next: str | None = None

"""Deliveries of TradingView."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Webhook(BaseModel):
    """A delivery and what became of it."""

    id: UUID
    broker_id: int | None
    received_at: datetime
    body: str
    action: str | None
    symbol: str | None
    exchange: str | None
    interval: str | None
    price: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    percent: Amount | None
    indicator: str | None
    bar_time: datetime | None
    status: str
    reason: str | None
    detail: str | None
    repeats: int
    updated_at: datetime


class Webhooks(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Webhook]
    next: str | None


class WebhookCounts(BaseModel):
    """How the deliveries ended."""

    received: int
    executed: int
    failed: int
    refused: int
    ignored: int
    taken: int


class WebhookUrl(BaseModel):
    """The address for TradingView, with its token."""

    url: str

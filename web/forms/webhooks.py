"""Webhooks from TradingView."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Webhook(BaseModel):
    """A webhook and its outcome. `body` is the text as delivered. The fields parsed from it are null where it has none.

    `bars_old` counts the bars from the end of its bar to its reception; null where its bar or interval names no time.
    `repeats` counts further deliveries of the same alert.
    """

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
    bars_old: float | None
    status: str
    reason: str | None
    detail: str | None
    repeats: int
    updated_at: datetime


class Webhooks(BaseModel):
    """A page of webhooks, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Webhook]
    next: str | None


class WebhookCounts(BaseModel):
    """The number of webhooks, in total and in each status; `received` or `taken` ones have no outcome yet."""

    total: int
    received: int
    executed: int
    failed: int
    refused: int
    ignored: int
    taken: int


class WebhookUrl(BaseModel):
    """The user's webhook address for TradingView, with the token."""

    url: str

"""Errors, the platform's health, and stories."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class Problem(BaseModel):
    """The format of every error. The console translates `code`; `field` names the field at fault."""

    code: str
    message: str
    field: str | None = None


class Chapter(BaseModel):
    """One event of a story: its time, source and facts, and in `raw` the exchange's whole answer if there is one."""

    position: int
    at: datetime
    topic: str
    stream: UUID
    source: str
    facts: dict[str, Any]
    raw: str | None


class Story(BaseModel):
    """All events that led to a webhook, an order or a position and that followed from it, oldest first."""

    items: list[Chapter]
    next: str | None = None


class Terminal(BaseModel):
    """A terminal: its state, the age of its last sign of life in seconds, and its own figures.

    The state is `up`, `still` (it shows signs of life, but its work does not go on), `stale` or `down`.
    """

    name: str
    state: str
    age: float | None
    figures: dict[str, Any]


class ExchangeHealth(BaseModel):
    """An exchange at a venue: its state (connected, degraded, down) and the age of its last answer in seconds.

    `price_age` is the age in seconds of its newest price, null while no price of it is followed.
    """

    name: str
    state: str
    age: float | None
    price_age: float | None


class Health(BaseModel):
    """The platform's state. `head` is the last log position; `lag` counts the events not yet in the books.

    `spool` counts the webhook deliveries kept on disk, `spool_age` is the age in seconds of the oldest of them.
    `backup_age` is the age in seconds of the newest backup. `log_held_by` names who has kept everybody from recording
    for more than ten seconds. `stream_age` is the age in seconds of the last report on any private stream,
    `clock_offset_ms` the largest offset of an exchange's clock in milliseconds. All of them are null when there is
    none, or it is unknown. Disk sizes are in bytes. `at` is the server's time. `trading_stopped` is true while the
    user's automatic trading is halted, since `trading_stopped_at`, and `in_panic` while everything is sold, since
    `panic_at`.
    """

    terminals: list[Terminal]
    exchanges: list[ExchangeHealth]
    head: int
    lag: int
    spool: int
    spool_age: float | None
    backup_age: float | None
    log_held_by: str | None
    stream_age: float | None
    clock_offset_ms: float | None
    disk_free: int
    disk_total: int
    at: datetime
    trading_stopped: bool
    trading_stopped_at: datetime | None
    in_panic: bool
    panic_at: datetime | None


class Up(BaseModel):
    """A sign that the web terminal answers: `up` is always true."""

    up: bool


class ExchangesHealth(BaseModel):
    """The health of all exchanges in use."""

    items: list[ExchangeHealth]
    next: str | None = None

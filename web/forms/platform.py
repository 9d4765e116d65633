"""How the platform is, and the stories of what it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class Problem(BaseModel):
    """Every error has this shape; `code` is what the console translates."""

    code: str
    message: str
    field: str | None = None


class Chapter(BaseModel):
    """One event of a story: when, said by whom, its facts, and the exchange's whole answer where there is one."""

    position: int
    at: datetime
    topic: str
    stream: UUID
    source: str
    facts: dict[str, Any]
    raw: str | None


class Story(BaseModel):
    """Everything that led to a webhook, an order or a position and that followed, oldest first."""

    items: list[Chapter]
    next: str | None = None


class Terminal(BaseModel):
    """A terminal's state (up, stale, down), the age of its last sign in seconds, and its own figures."""

    name: str
    state: str
    age: float | None
    figures: dict[str, Any]


class ExchangeHealth(BaseModel):
    """An exchange at a venue: connected, degraded or down, and the age of its last answer in seconds."""

    name: str
    state: str
    age: float | None


class Health(BaseModel):
    """The platform's state. `lag` counts events not yet in the books, disk is in bytes."""

    terminals: list[Terminal]
    exchanges: list[ExchangeHealth]
    head: int
    lag: int
    spool: int
    stream_age: float | None
    clock_offset_ms: float | None
    disk_free: int
    disk_total: int
    trading_stopped: bool


class Up(BaseModel):
    """The platform answers."""

    up: bool


class ExchangesHealth(BaseModel):
    """All exchanges that are in use."""

    items: list[ExchangeHealth]
    next: str | None = None

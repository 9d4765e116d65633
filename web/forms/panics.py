"""Forms of the panic."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Panicking(BaseModel):
    """A panic, begun by the word that its user types. One `request` begins one panic."""

    word: Literal["PANIC", "PANIQUE"]
    request: UUID


class Panicked(BaseModel):
    """A panic that has begun. `recorded` is false while it waits for the database: the halt holds, nothing is sold."""

    recorded: bool


class HeldPosition(BaseModel):
    """Coins (base) of a position that a panic sells."""

    id: UUID
    broker_id: int
    symbol: str
    owner: str
    held: Amount


class PanicStep(BaseModel):
    """One order of a panic: an exit that it places (`sells`), or an order that it cancels. Quantities are in base."""

    id: UUID
    broker_id: int
    symbol: str
    side: str
    sells: bool
    quantity: Amount | None
    filled: Amount
    state: str
    reason: str | None
    detail: str | None
    cancel_requested: bool
    updated_at: datetime


class Panic(BaseModel):
    """The panic in force (null without one) since its beginning (UTC), and its steps.

    `orders` are still to be cancelled, and `positions` to be sold; without a panic they would be.
    """

    panic: UUID | None
    since: datetime | None
    orders: int
    positions: list[HeldPosition]
    steps: list[PanicStep]

"""What both sides say of an order, and what its owner decides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from web.forms.values import Amount, Text


class Ours(BaseModel):
    """Our record; quantities in base."""

    status: str
    reason: str | None
    quantity: Amount | None
    filled: Amount
    submitted_at: datetime | None
    valid_until: datetime | None
    client_order_id: str
    exchange_order_id: str | None


class Theirs(BaseModel):
    """The exchange's word. `answered` is false when nobody could be asked, `found` when it does not show the order."""

    answered: bool
    problem: str | None = None
    found: bool | None = None
    status: str | None = None
    state: str | None = None
    exchange_order_id: str | None = None
    quantity: Amount | None = None
    filled: Amount | None = None


class Sides(BaseModel):
    """Both at this moment."""

    ours: Ours
    theirs: Theirs


class Resolution(BaseModel):
    """How the doubt ends, why, and the password of the user who says so."""

    outcome: Literal["open", "closed", "cancelled", "expired", "rejected"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f]{1,500}$")]
    password: Text


class SentAgain(BaseModel):
    """The new order."""

    order: UUID

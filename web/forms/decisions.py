"""The records of both sides of an order, and its owner's decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from web.forms.values import Amount, Text


class Ours(BaseModel):
    """Our record of an order. Quantities are in the base currency."""

    status: str
    reason: str | None
    quantity: Amount | None
    filled: Amount
    submitted_at: datetime | None
    valid_until: datetime | None
    client_order_id: str
    exchange_order_id: str | None


class Theirs(BaseModel):
    """The exchange's record of an order. Quantities are in the base currency.

    `answered` is false when the exchange could not be asked; `problem` is then the code of the reason. `found` is false
    when the exchange does not show the order. `status` is the exchange's own word, `state` the platform's for it.
    """

    answered: bool
    problem: str | None = None
    found: bool | None = None
    status: str | None = None
    state: str | None = None
    exchange_order_id: str | None = None
    quantity: Amount | None = None
    filled: Amount | None = None


class Sides(BaseModel):
    """Both records of an order at this moment."""

    ours: Ours
    theirs: Theirs


class Resolution(BaseModel):
    """The outcome that ends a doubt, the reason, and the password of the user who decides."""

    outcome: Literal["open", "closed", "cancelled", "expired", "rejected"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f]{1,500}$")]
    password: Text


class SentAgain(BaseModel):
    """The id of the new order."""

    order: UUID

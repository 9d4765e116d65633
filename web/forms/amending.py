"""Forms of changed orders."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Shape(BaseModel):
    """The size (base) and the prices (quote per base) of an order. In a change, null stays as it is."""

    quantity: Amount | None = None
    price: Amount | None = None
    stop_price: Amount | None = None


class Amending(BaseModel):
    """A change of an order as its owner has `seen` it, with what was `filled` (base) by then.

    `request` names the attempt. A `dry` one is judged and does nothing.
    """

    request: UUID
    wanted: Shape
    seen: Shape
    filled: Amount
    dry: bool = False


class Amended(BaseModel):
    """A change that is under way. The order `keeps_queue`, its place among those of its price, or is placed anew."""

    keeps_queue: bool

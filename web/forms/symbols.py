"""The pairs of an exchange, as they are searched."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from web.forms.values import Amount


class Symbol(BaseModel):
    """A pair, and its last 24 hours: last price, change (percent) and what was traded (quote).

    `active` is false while the exchange does not trade it. Prices are multiples of `tick` (quote per base). The figures
    are null where the exchange tells none.
    """

    symbol: str
    base: str
    quote: str
    active: bool
    tick: Amount
    last: Amount | None
    change: float | None
    volume: Amount | None


class Symbols(BaseModel):
    """The pairs of a broker's exchange in the order of their names. `at` is when the exchange told their figures.

    `at` is null, with all figures, when the exchange or the gateway does not answer.
    """

    items: list[Symbol]
    at: datetime | None
    next: str | None = None

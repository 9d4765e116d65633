"""Results: the ten metrics, and comparisons with the exchanges."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount


class Metrics(BaseModel):
    """The ten metrics of all complete trades in one currency: amounts in it, rates and ratios as fractions.

    What is undefined is null: a ratio without a loss, a drawdown without a trade, Sharpe and Sortino below two days.
    `fees_left_out` counts the trades whose result lacks fees in a third currency of which nobody knows the value.
    """

    currency: str
    total_profit: Amount
    trades: int
    win_rate: Amount | None
    average_win: Amount | None
    average_loss: Amount | None
    profit_factor: Amount | None
    maximum_drawdown: Amount | None
    recovery_factor: Amount | None
    sharpe_ratio: Amount | None
    sortino_ratio: Amount | None
    fees_left_out: int


class AllMetrics(BaseModel):
    """One set per quote currency: amounts in different currencies are never added up."""

    items: list[Metrics]
    next: str | None = None


class Phase(BaseModel):
    """One step of a comparison, how long it took and what it met."""

    phase: str
    seconds: Amount
    counts: dict[str, int]


class Discrepancy(BaseModel):
    """An order on which the two sides differed, and what was done about it."""

    order: UUID | None
    symbol: str
    exchange_order_id: str | None
    ours: str
    theirs: str
    resolution: str
    facts: list[str]


class Reconciliation(BaseModel):
    """One comparison of a broker with its exchange."""

    id: UUID
    broker_id: int
    occasion: str
    state: str
    started_at: datetime
    seconds: Amount | None
    failure: str | None
    phases: list[Phase]
    discrepancies: list[Discrepancy]


class Reconciliations(BaseModel):
    """A page, newest first; `next` is the cursor of the following one."""

    items: list[Reconciliation]
    next: str | None


class Compared(BaseModel):
    """What a comparison on request found. `doubts` are the orders that are unknown at this moment."""

    run: UUID | None = None
    broker: int
    completed: bool
    failure: str | None
    phases: list[Phase]
    discrepancies: list[Discrepancy]
    doubts: list[dict[str, Any]] = []

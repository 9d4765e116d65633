"""Results: the ten metrics, and reconciliations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Amount, Statement


class Metrics(BaseModel):
    """The ten metrics of all complete trades in one currency: amounts are in it, rates and ratios are fractions.

    Undefined metrics are null: a ratio without a loss, a drawdown without a trade, Sharpe and Sortino below two days.
    `fees_left_out` counts the trades whose result lacks fees in a third currency because their value is unknown.
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
    """One set of metrics per quote currency. Amounts in different currencies are never added up."""

    items: list[Metrics]
    next: str | None = None


class Phase(BaseModel):
    """One phase of a reconciliation: its duration in seconds, and the number of things of each kind that it met."""

    phase: str
    seconds: Amount
    counts: dict[str, int]


class Fact(BaseModel):
    """A fact recorded in an order's history: the name of its event, and its values as texts by name."""

    event: str
    values: dict[str, str]


class Discrepancy(BaseModel):
    """An order on which our record and the exchange's differed. `resolution` tells what was done about it.

    `order` is null for an order that is not ours (yet). `facts` are those that were, or would be, recorded in the
    order's own history.
    """

    order: UUID | None
    symbol: str
    exchange_order_id: str | None
    ours: Statement
    theirs: Statement
    resolution: str
    facts: list[Fact]


class Reconciliation(BaseModel):
    """One reconciliation of a broker with its exchange. `state` is running, completed or failed.

    `failure` is the code of the reason of a failure, `detail` its words.
    """

    id: UUID
    broker_id: int
    occasion: str
    state: str
    started_at: datetime
    seconds: Amount | None
    failure: str | None
    detail: str | None
    phases: list[Phase]
    discrepancies: list[Discrepancy]


class Reconciliations(BaseModel):
    """A page of reconciliations, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Reconciliation]
    next: str | None


class Compared(BaseModel):
    """The result of a reconciliation on request. `doubts` are the orders in doubt at this moment."""

    run: UUID | None = None
    broker: int
    completed: bool
    failure: str | None
    detail: str | None = None
    phases: list[Phase]
    discrepancies: list[Discrepancy]
    doubts: list[dict[str, Any]] = []


class Stamps(BaseModel):
    """When each step of a signal was done. A time is null when the step has not happened, or is not known.

    `bar_closed_at` is the end of the bar that the alert names.
    """

    bar_closed_at: datetime | None
    received_at: datetime
    decided_at: datetime
    sent_at: datetime
    acknowledged_at: datetime | None
    protected_at: datetime | None


class Signal(BaseModel):
    """An alert that led to an order. `id` is that of the webhook.

    `total_ms` is from its reception to the exchange's acknowledgement, in milliseconds, null while that is not there.
    """

    id: UUID
    broker_id: int
    symbol: str
    action: str | None
    indicator: str | None
    stamps: Stamps
    total_ms: float | None


SignalStep = Literal["delivery", "decision", "sending", "acknowledgement", "protection", "total"]


class StepTimes(BaseModel):
    """The time that one step took in so many signals: median and 95th percentile, in milliseconds."""

    step: SignalStep
    signals: int
    p50_ms: float
    p95_ms: float


class ExchangeLatency(BaseModel):
    """The steps of the signals that were sent to one exchange and venue."""

    exchange: str
    venue: str
    signals: int
    steps: list[StepTimes]


class Latency(BaseModel):
    """The latency of signals: by exchange, and the ten slowest from reception to acknowledgement."""

    exchanges: list[ExchangeLatency]
    slowest: list[Signal]

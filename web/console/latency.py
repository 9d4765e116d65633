"""Latency: how long each step of a signal takes, from the stamps that the log bears anyway."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from application.trading.positions import INSISTED
from domain.webhooks.webhook_fields import length_of
from projections import signals
from projections.brokers import all_brokers
from web.context import By, InContext, books
from web.forms import results as forms

router = APIRouter(prefix="/api", tags=["latency"])
LATEST_DELIVERY = timedelta(hours=1)
MOST_SIGNALS, SLOWEST, LONGEST_DAYS = 2000, 10, 90
STEPS: Mapping[forms.SignalStep, tuple[str, str]] = {
    "delivery": ("bar_closed_at", "received_at"),
    "decision": ("received_at", "decided_at"),
    "sending": ("decided_at", "sent_at"),
    "acknowledgement": ("sent_at", "acknowledged_at"),
    "protection": ("acknowledged_at", "protected_at"),
    "total": ("received_at", "acknowledged_at"),
}
"""The stamps between which each step lies. The delivery is the time that TradingView and the network take."""


@router.get("/latency")
def latency(by: By, context: InContext, days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 7) -> forms.Latency:
    """Return how long the signals of the last `days` took, at most the newest 2,000 that led to an order.

    Sales that the user sent again are left out: they waited for a person.
    """
    with books(context, by.user) as cursor:
        rows = signals.recent(cursor, days, MOST_SIGNALS, without=INSISTED)
        brokers = {broker["number"]: (broker["exchange"], broker["venue"]) for broker in all_brokers(cursor)}
    found = [_signal(row) for row in rows]
    places = sorted({brokers[signal.broker_id] for signal in found if signal.broker_id in brokers})
    by_place = {place: [one for one in found if brokers.get(one.broker_id) == place] for place in places}
    return forms.Latency(
        exchanges=[
            forms.ExchangeLatency(exchange=exchange, venue=venue, signals=len(here), steps=_steps(here))
            for (exchange, venue), here in by_place.items()
        ],
        slowest=sorted(found, key=lambda one: -(one.total_ms or 0))[:SLOWEST],
    )


def _signal(row: dict[str, Any]) -> forms.Signal:
    stamps = forms.Stamps(**row, bar_closed_at=_bar_closed_at(row))
    return forms.Signal(**row, stamps=stamps, total_ms=_milliseconds(stamps, "total"))


def _bar_closed_at(row: dict[str, Any]) -> datetime | None:
    """Return the end of the bar that an alert names, None when it names none from which it can have come.

    An alert may come before its bar has closed, or name any bar: neither tells how long a delivery takes.
    """
    length = length_of(row["interval"] or "")
    if row["bar_time"] is None or length is None:
        return None
    late = row["received_at"] - row["bar_time"] - length
    return row["received_at"] - late if timedelta(0) <= late <= LATEST_DELIVERY else None


def _milliseconds(stamps: forms.Stamps, step: forms.SignalStep) -> float | None:
    began, ended = (getattr(stamps, name) for name in STEPS[step])
    return None if began is None or ended is None else round((ended - began) / timedelta(milliseconds=1), 3)


def _steps(found: Sequence[forms.Signal]) -> list[forms.StepTimes]:
    times = {step: [ms for one in found if (ms := _milliseconds(one.stamps, step)) is not None] for step in STEPS}
    return [
        forms.StepTimes(step=step, signals=len(taken), p50_ms=_percentile(taken, 50), p95_ms=_percentile(taken, 95))
        for step, taken in times.items()
        if taken
    ]


def _percentile(values: Iterable[float], percent: int) -> float:
    """Return a percentile, interpolated between the values that lie around it."""
    known = [*values]
    return (
        known[0] if len(known) == 1 else round(statistics.quantiles(known, n=100, method="inclusive")[percent - 1], 3)
    )

"""The ten metrics of all complete trades of a user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from application.ports.requests import Action
from domain.amounts import plain, product
from projections import gains
from web.context import By, Context, InContext, books
from web.forms import results as forms
from web.terminals import ask

router = APIRouter(prefix="/api", tags=["metrics"])
ASK_SECONDS = 10.0


def metrics_of(context: Context, user: int) -> Sequence[forms.Metrics]:
    """Return one set of metrics per quote currency, the one with the most trades first.

    They are calculated anew when a trade has been completed since. Raises `GatewayAway` when the terminal that does so
    does not answer.
    """
    with books(context, user) as cursor:
        position = gains.latest(cursor)
        known, last = context.records.metrics.get(user, (None, ()))
        if known == position:
            return last
        rows = gains.all_gains(cursor)
    calculated = _calculated(context, user, rows)
    context.records.metrics[user] = (position, calculated)
    return calculated


def _calculated(context: Context, user: int, rows: list[dict[str, Any]]) -> list[forms.Metrics]:
    by_currency: dict[str, list[dict[str, str | None]]] = {}
    left_out = Counter[str]()
    for row in rows:
        currency = row["symbol"].partition("/")[2]
        left_out[currency] += row["fees_left_out"]
        by_currency.setdefault(currency, []).append(
            {
                "opened_at": row["opened_at"] and row["opened_at"].isoformat(),
                "closed_at": row["closed_at"].isoformat(),
                "cost": plain(product(row["quantity"], row["average_entry"])),
                "net": plain(row["net"]),
            }
        )
    sets = sorted(by_currency.items(), key=lambda one: (-len(one[1]), one[0]))
    return [
        forms.Metrics(
            currency=currency,
            fees_left_out=left_out[currency],
            **ask(context, user, Action.CALCULATE_METRICS, {"trades": trades}, ASK_SECONDS),
        )
        for currency, trades in sets
    ]


@router.get("/metrics")
def metrics(by: By, context: InContext) -> forms.AllMetrics:
    """Return the metrics of all complete trades of the user at all brokers, one set per quote currency."""
    return forms.AllMetrics(items=[*metrics_of(context, by.user)])

"""The ten metrics of all complete trades of a user."""

from __future__ import annotations

from collections import Counter
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


def metrics_of(context: Context, user: int, cursor: Any) -> list[forms.Metrics]:
    """Return one set of metrics per quote currency, the one with the most trades first.

    Raises `GatewayAway` when the terminal that calculates them does not answer.
    """
    by_currency: dict[str, list[dict[str, str | None]]] = {}
    left_out = Counter[str]()
    for row in gains.all_gains(cursor):
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
    with books(context, by.user) as cursor:
        return forms.AllMetrics(items=metrics_of(context, by.user, cursor))

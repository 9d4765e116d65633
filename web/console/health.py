"""Health: the state of the platform and of each of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from domain.people.user import User
from projections.users import myself
from web.context import By, Context, InContext, books
from web.forms import platform as forms

router = APIRouter(prefix="/api/health", tags=["health"])
STILL_SECONDS = 45.0
"""Seconds after which a terminal's work stands still."""
DEGRADED_SECONDS, DOWN_SECONDS = 60.0, 120.0


def health_of(context: Context, user: int) -> forms.Health:
    """Return the platform's state as the dashboard shows it."""
    terminals = context.platform.terminals()
    figures: dict[str, dict[str, Any]] = {t["name"]: t["figures"] for t in terminals}
    head, disk = context.records.head(), context.platform.disk()
    with books(context, user) as cursor:
        row = cursor.execute("SELECT position FROM books.position").fetchone()
        me = myself(cursor)
    # The books may lag behind; whether trading is halted is never said later than it is true.
    subject = context.records.store.get(User, User.create_id(user))
    stopped, in_panic = subject.trading_stopped, subject.panic is not None
    return forms.Health(
        terminals=[_terminal(terminal) for terminal in terminals],
        exchanges=_exchanges(context, figures.get("gateway", {})),
        head=head,
        lag=max(head - (row["position"] if row else 0), 0),
        spool=figures.get("receiver", {}).get("spool", 0),
        spool_age=figures.get("receiver", {}).get("spool_age"),
        backup_age=figures.get("backup", {}).get("age"),
        log_held_by=figures.get("alerts", {}).get("log_held_by"),
        stream_age=figures.get("gateway", {}).get("stream_age"),
        clock_offset_ms=figures.get("gateway", {}).get("clock_offset_ms"),
        disk_free=disk["free"],
        disk_total=disk["total"],
        at=datetime.now(UTC),
        trading_stopped=stopped,
        trading_stopped_at=me["trading_stopped_at"] if me and stopped else None,
        in_panic=in_panic,
        panic_at=me["panic_at"] if me and in_panic else None,
    )


def _terminal(told: Mapping[str, Any]) -> forms.Terminal:
    still = told["state"] == "up" and told["figures"].get("still", 0) >= STILL_SECONDS
    return forms.Terminal(**{**told, "state": "still" if still else told["state"]})


@router.get("")
def up() -> forms.Up:
    """Confirm that the web terminal answers. This needs no login and tells nothing else."""
    return forms.Up(up=True)


@router.get("/exchanges")
def exchanges(_: By, context: InContext) -> forms.ExchangesHealth:
    """List the exchanges in use, with the state of each. Nothing is known of them while the gateway is away."""
    return forms.ExchangesHealth(items=_exchanges(context, gateway_of(context).get("figures", {})))


def gateway_of(context: Context) -> dict[str, Any]:
    """Return the gateway's state, age and figures; nothing while it is not known."""
    return next((one for one in context.platform.terminals() if one["name"] == "gateway"), {})


def _exchanges(context: Context, gateway: dict[str, Any]) -> list[forms.ExchangeHealth]:
    ages: dict[str, float | None] = gateway.get("exchanges", {})
    return [
        forms.ExchangeHealth(name=name, state=state_of(age), age=age, price_age=_price_age(context, name))
        for name, age in sorted(ages.items())
    ]


def _price_age(context: Context, name: str) -> float | None:
    """Return the age in seconds of the newest price of an exchange and venue (`binance/paper`), None without prices."""
    exchange, _, venue = name.partition("/")
    return min((round(age, 1) for _, age in context.platform.rates(exchange, venue).values()), default=None)


def state_of(age: float | None) -> str:
    """Return an exchange's state by the age of its last answer (seconds).

    It is asked for its time every half minute: two requests without an answer are no accident.
    """
    if age is None or age >= DOWN_SECONDS:
        return "down"
    return "connected" if age < DEGRADED_SECONDS else "degraded"


@router.get("/terminals")
def terminals(by: By, context: InContext) -> forms.Health:
    """Return the state of every terminal and exchange, and the figures behind the traffic lights."""
    return health_of(context, by.user)

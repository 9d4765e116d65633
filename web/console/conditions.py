"""Conditions: why nothing happens. One row for each account, stream and position, and what stands in its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter

from domain.orders.order_status import Status
from domain.people.user import User
from domain.protection.level import Level
from domain.webhooks.stream_state import StreamStatus
from domain.webhooks.webhook import WebhookStatus
from projections import conditions as known
from projections.brokers import brokers_in_use
from projections.positions import open_positions
from projections.users import myself
from web.console.brokers import broker_rows
from web.console.health import gateway_of, state_of
from web.context import By, Context, InContext, books
from web.forms import conditions as forms
from web.forms.brokers import Broker

router = APIRouter(prefix="/api", tags=["conditions"])
SAFE = {Level.COVERED, Level.AWAITED, Level.IN_EXIT}
"""The levels of a position in whose way nothing stands, or nothing yet."""
HINDERS: set[forms.Cause] = {
    "all_halted", "halted", "gateway_down", "exchange_down", "not_for_webhooks", "keys_refused", "no_pairs",
}  # fmt: skip
"""The obstacles of an account that stand in the way of its streams too."""
PASSED = {"ping", "paused", "stream_paused"}
WAITING_SECONDS = 10
ENDED_BADLY: Mapping[str, forms.Cause] = {
    "refused": "last_alert_refused",
    "ignored": "last_alert_ignored",
    "failed": "last_alert_failed",
}


@router.get("/conditions")
def list_conditions(by: By, context: InContext) -> forms.Conditions:
    """List the user's accounts, streams of alerts and positions, each with what stands in its way."""
    return conditions_of(context, by.user)


def conditions_of(context: Context, user: int) -> forms.Conditions:
    """Return the conditions of a user, those with obstacles first."""
    stopped = context.records.store.get(User, User.create_id(user)).trading_stopped
    with books(context, user) as cursor:
        me, rows = myself(cursor), brokers_in_use(cursor)
        positions, streams = open_positions(cursor), known.streams(cursor)
        unknown = {row["broker_id"]: row for row in known.live_orders(cursor, Status.UNKNOWN)}
        waiting = {row["broker_id"]: row for row in known.live_orders(cursor, Status.PLACED, WAITING_SECONDS)}
        paused = {row["id"]: row for row in known.paused_streams(cursor)}
        failed = {row["broker_id"]: row for row in known.failed_reconciliations(cursor)}
        brokers = broker_rows(context, cursor, rows)
    everywhere = [_obstacle("all_halted", me["trading_stopped_at"] if me else None)] if stopped else []
    gateway = gateway_of(context)
    if gateway.get("state") != "up":
        everywhere.append(_obstacle("gateway_down", _ago(gateway.get("age"))))
    accounts = [_account(broker, gateway, everywhere, (unknown, waiting, failed)) for broker in brokers]
    hindered = {one.broker_id for one in accounts if HINDERS & {obstacle.cause for obstacle in one.obstacles}}
    in_use = {broker.number for broker in brokers}
    found = [
        *accounts,
        # Nothing can be done for what was left behind at a broker that is gone.
        *(_position(row) for row in positions if row["broker_id"] in in_use),
        *(_stream(row, hindered, paused.get(row["stream_id"])) for row in streams if row["broker_id"] in in_use),
    ]
    return forms.Conditions(items=sorted(found, key=lambda one: not one.obstacles))


def _obstacle(cause: forms.Cause, since: datetime | None = None, detail: str | None = None) -> forms.Obstacle:
    return forms.Obstacle(cause=cause, since=since, detail=detail)


def _ago(age: float | None) -> datetime | None:
    """Return the second at which something was heard `age` seconds ago: it stays the same while nothing is heard."""
    return None if age is None else (datetime.now(UTC) - timedelta(seconds=age)).replace(microsecond=0)


def _account(
    broker: Broker,
    gateway: Mapping[str, Any],
    everywhere: list[forms.Obstacle],
    by_broker: tuple[Mapping[int, Mapping[str, Any]], ...],
) -> forms.Condition:
    unknown, waiting, failed = (rows.get(broker.number) for rows in by_broker)
    obstacles = [*everywhere]
    if broker.trading_stopped:
        obstacles.append(_obstacle("halted", broker.trading_stopped_at))
    ages = gateway.get("figures", {}).get("exchanges", {})
    age = ages.get(f"{broker.exchange}/{broker.venue}")
    if (state := state_of(age)) != "connected" and gateway.get("state") == "up":
        obstacles.append(_obstacle("exchange_down" if state == "down" else "exchange_degraded", _ago(age)))
    if broker.tested is False:
        obstacles.append(_obstacle("keys_refused", detail=broker.tested_detail))
    if not broker.pairs:
        obstacles.append(_obstacle("no_pairs"))
    if unknown:
        obstacles.append(_obstacle("unknown_orders", unknown["since"], ", ".join(unknown["symbols"])))
    if waiting:
        obstacles.append(_obstacle("waiting_orders", waiting["since"], ", ".join(waiting["symbols"])))
    if failed:
        obstacles.append(_obstacle("not_reconciled", failed["started_at"], failed["failure"]))
    if broker.usage != "webhooks":
        obstacles.append(_obstacle("not_for_webhooks", detail=broker.usage))
    return forms.Condition(kind="account", key=f"account {broker.number}", broker_id=broker.number, obstacles=obstacles)


def _position(row: Mapping[str, Any]) -> forms.Condition:
    bare = Level(row["level"]) not in SAFE
    return forms.Condition(
        kind="position",
        key=str(row["id"]),
        broker_id=row["broker_id"],
        symbol=row["symbol"],
        story=row["id"],
        obstacles=[_obstacle("not_protected", row["level_since"], row["level"])] if bare else [],
    )


def _stream(row: Mapping[str, Any], hindered: set[int | None], paused: Mapping[str, Any] | None) -> forms.Condition:
    obstacles = [_obstacle("account_hindered")] if row["broker_id"] in hindered else []
    if paused is not None:
        cause: forms.Cause = "stream_critical" if paused["status"] == StreamStatus.CRITICAL else "stream_paused"
        obstacles.append(_obstacle(cause, paused["changed_at"]))
    # A halt is told while it lasts, by the account; that an alert came meanwhile stands in no way any more.
    if row["status"] == WebhookStatus.ASKED:
        obstacles.append(_obstacle("approval_asked", row["received_at"]))
    if row["reason"] not in PASSED and (ended := ENDED_BADLY.get(row["status"])):
        obstacles.append(_obstacle(ended, row["received_at"], row["reason"]))
    return forms.Condition(
        kind="stream",
        key=json.dumps([row[column] for column in ("broker_id", "pair", "interval", "indicator")]),
        broker_id=row["broker_id"],
        symbol=row["symbol"],
        interval=row["interval"],
        indicator=row["indicator"],
        story=row["id"],
        last_at=row["last_at"],
        obstacles=obstacles,
    )

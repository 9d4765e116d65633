"""`aristobot reconcile`: asks the running gateway to reconcile brokers with their exchanges, and reports the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from adapters.bus import Bus
from adapters.log.eventstore import Store
from application.people.users import registry_of
from application.ports.requests import Action, GatewayAway, Request
from domain.people.broker import Broker
from domain.reconciliation import LEFT_TO_A_PERSON, Fact, Occasion, Statement
from domain.refusals import NotFound

ASK_SECONDS = 120.0


def compare(store: Store, bus: Bus, only: int | None, *, dry: bool) -> list[dict[str, Any]]:
    """Request one reconciliation for each broker, or for `only`. Raises `NotFound` when there is no such broker."""
    numbers = range(1, registry_of(store).last_broker + 1) if only is None else [only]
    found = [store.find(Broker, Broker.create_id(number)) for number in numbers]
    brokers = [broker for broker in found if broker is not None and not broker.removed]
    if only is not None and not brokers:
        raise NotFound(f"there is no broker {only}")
    return [_ask(bus, broker, dry=dry) for broker in brokers]


def _ask(bus: Bus, broker: Broker, *, dry: bool) -> dict[str, Any]:
    params = {"broker_id": broker.number, "occasion": Occasion.REQUEST, "dry": dry}
    request = Request(broker.user, Action.RECONCILE, params, "command line", time.time())
    try:
        *_, answer = bus.ask(request, ASK_SECONDS)
    except GatewayAway as away:
        return _unheard(broker, str(away))
    return dict(answer.data) if answer.data is not None else _unheard(broker, answer.error or "no answer")


def _unheard(broker: Broker, reason: str) -> dict[str, Any]:
    return {
        "broker": broker.number,
        "completed": False,
        "failure": reason,
        "detail": "",
        "phases": [],
        "doubts": [],
        "discrepancies": [],
    }


def is_fine(run: dict[str, Any]) -> bool:
    """Return True when the run was completed, no order is in doubt and nothing is left to a person."""
    left = any(one["resolution"] in LEFT_TO_A_PERSON for one in run["discrepancies"])
    return bool(run["completed"]) and not left and not run["doubts"]


def tell(run: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say one line per phase, per discrepancy and per doubt, and a last one for the outcome."""
    for phase in run["phases"]:
        counts = " ".join(f"{name}={count}" for name, count in phase["counts"].items())
        say(f"broker {run['broker']} {phase['phase']} {counts} {phase['seconds']}s")
    for one in run["discrepancies"]:
        named = f"{one['symbol']} {one['exchange_order_id'] or one['order'] or ''}".rstrip()
        ours, theirs = (Statement(**one[side]) for side in ("ours", "theirs"))
        facts = "; ".join(str(Fact(**fact)) for fact in one["facts"])
        said = f"here {ours}, there {theirs} -> {one['resolution']} {facts}"
        say(f"broker {run['broker']} {named}: {said}".rstrip())
    for doubt in run["doubts"]:
        say(f"broker {run['broker']} {doubt['symbol']} {doubt['order']}: in doubt since {doubt['since']}")
    failure = f"{run['failure']} {run['detail']}".rstrip()
    say(f"broker {run['broker']} {'compared' if run['completed'] else 'not compared: ' + failure}")

"""The monitor terminal: compares every broker with its exchange, checks the books' form, calculates metrics.

It asks the gateway, which alone holds keys; while the gateway, the database or an exchange is away it goes on with
what it knows, asks again, and looks at everything once they are back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from application.alerts import tell
from application.requests import Action, Answer, GatewayAway, Request
from application.users import registry_of
from aristobot.liveness import beat
from aristobot.wiring import House, utc_now
from domain.alert import Cause
from domain.broker import Broker
from domain.metrics import CompletedTrade, calculate_metrics
from domain.reconciliation import Occasion
from projections import trades
from projections.reading import as_user

NAME = "monitor"
POLL_SECONDS, SWEEP_SECONDS = 10.0, 300.0
BETWEEN_BROKERS = 0.3
ASK_SECONDS = 60.0
AWAY = (psycopg.OperationalError, PoolTimeout)


class Monitor:
    """One look after the other at all brokers."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._hands = ThreadPoolExecutor(max_workers=10, thread_name_prefix="broker")
        self._sweep_at: dict[int, float] = {}
        self._away: set[int] = set()
        """Brokers that could not be compared: the next look at them is a look at everything."""
        self._checked: dict[int, int] = {}
        self.looked_at: float | None = None

    def figures(self) -> dict[str, Any]:
        """What health shows: seconds since the last look that reached every broker, and who could not be asked."""
        age = None if self.looked_at is None else round(time.time() - self.looked_at, 1)
        return {"look_age": age, "away": sorted(self._away)}

    def look(self) -> None:
        """Compare every broker once, one shortly after the other: a slow exchange holds up no other."""
        brokers, looks = self._brokers(), list[Future[None]]()
        for number, broker in enumerate(brokers):
            if number:
                time.sleep(BETWEEN_BROKERS)  # orders are sent meanwhile: ten looks at one moment would hold them up
            looks.append(self._hands.submit(self._look_at, broker))
        for looking in looks:
            looking.result()
        if not self._away & {broker.number for broker in brokers}:
            self.looked_at = time.time()
        for user in {broker.user for broker in brokers}:
            self._check_form(user)

    def _brokers(self) -> list[Broker]:
        registry = registry_of(self._house.store)
        found = [self._house.store.get(Broker, Broker.create_id(n)) for n in range(1, registry.last_broker + 1)]
        return [broker for broker in found if not broker.removed]

    def _look_at(self, broker: Broker) -> None:
        now = time.monotonic()
        due = now >= self._sweep_at.setdefault(broker.number, now + SWEEP_SECONDS) or broker.number in self._away
        occasion = Occasion.SWEEP if due else Occasion.POLL
        params = {"broker_id": broker.number, "occasion": occasion, "dry": False}
        request = Request(broker.user, Action.RECONCILE, params, NAME, time.time())
        try:
            *_, answer = self._house.bus.ask(request, ASK_SECONDS)
        except GatewayAway as error:
            return self._missed(broker, str(error))
        told = answer.data or {}
        if not answer.success or not told.get("completed", "skipped" in told):
            return self._missed(broker, answer.error or told.get("failure"))
        for doubt in told.get("doubts", ()):
            self._check_age(broker, **doubt)
        if due:
            self._sweep_at[broker.number] = now + SWEEP_SECONDS
        self._away.discard(broker.number)
        return None

    def _missed(self, broker: Broker, reason: str | None) -> None:
        """Nothing was heard, which says nothing: everything known stays as it is."""
        self._away.add(broker.number)
        self._log.warning("broker_not_compared", broker=broker.number, reason=reason)

    def _check_age(self, broker: Broker, order: str, symbol: str, since: str | None) -> None:
        """A doubt that lasts is told once more, and loudly."""
        age = utc_now() - (datetime.fromisoformat(since) if since is not None else utc_now())
        if age.total_seconds() < self._house.settings.doubt_seconds:
            return
        facts = {"symbol": symbol, "broker": str(broker.number), "minutes": str(int(age.total_seconds() // 60))}
        tell(self._house.store, broker.user, Cause.DOUBT_LASTS, order, facts, UUID(order))

    def _check_form(self, user: int) -> None:
        """Every record of a trade that changed says what it has to."""
        with as_user(self._house.pool, user) as cursor:
            self._checked[user], faulty = trades.malformed(cursor, self._checked.get(user, 0))
        for row, faults in faulty:
            said = ", ".join(faults)
            self._log.error("record_malformed", order=str(row["id"]), faults=said)
            facts = {"symbol": str(row["symbol"]), "broker": str(row["broker_id"]), "faults": said}
            tell(self._house.store, user, Cause.RECORD_MALFORMED, f"{row['id']}/{said}", facts, row["id"])

    def close(self) -> None:
        """Looks under way are finished."""
        self._hands.shutdown(cancel_futures=True)


def metrics_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """`calculate_metrics` as it is asked over the bus. Raises `msgspec.ValidationError` for what are no trades."""
    completed = msgspec.convert(params["trades"], list[CompletedTrade], strict=False)
    told: dict[str, Any] = msgspec.to_builtins(calculate_metrics(completed), builtin_types=())
    return told


def _serve(house: House, log: Any, stopping: threading.Event) -> None:
    while not stopping.is_set():
        request = house.bus.next_request(NAME)
        if request is None:
            continue
        try:
            answer = Answer(request.request_id, success=True, data=metrics_of(request.params))
        except (msgspec.ValidationError, LookupError, ArithmeticError) as error:
            answer = Answer(request.request_id, success=False, error=str(error), code="invalid")
        log.info("answered", request_id=request.request_id, action=request.action, success=answer.success)
        house.bus.respond(answer)


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Until `stopping`."""
    monitor = Monitor(house, log)
    beat(house.bus, NAME, monitor.figures, stopping)
    threading.Thread(target=_serve, args=(house, log, stopping), name="metrics", daemon=True).start()
    while not stopping.wait(POLL_SECONDS):
        try:
            monitor.look()
        except AWAY as error:
            log.warning("database_away", error=str(error))
    monitor.close()

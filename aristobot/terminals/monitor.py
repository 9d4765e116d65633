"""The monitor terminal: reconciles every broker with its exchange, checks the form of the books, calculates metrics.

It asks the gateway, which alone holds keys. While the gateway, the database or an exchange is away, it goes on with
what it knows, keeps asking, and takes a full look once they are back. It knows orders in doubt from the log, so it
reports them even while the gateway or an exchange is away.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import msgspec

from application.alerts import tell
from application.people.users import registry_of
from application.ports.requests import Action, GatewayAway, Request
from aristobot.answering import answer_requests
from aristobot.following import AWAY
from aristobot.supervision.liveness import Pulse, beat
from aristobot.supervision.neighbours import Neighbours
from aristobot.wiring import House, utc_now
from domain.alert import Cause
from domain.orders.order import Order
from domain.people.broker import Broker
from domain.reconciliation import Occasion
from domain.trading.metrics import CompletedTrade, calculate_metrics
from projections import malformed_trades
from projections.books.reading import as_user

NAME = "monitor"
POLL_SECONDS, FULL_EVERY = 10.0, 300.0
BETWEEN_BROKERS = 0.3
ASK_SECONDS = 60.0
REFUSED = (msgspec.ValidationError, LookupError, ArithmeticError)
"""Raised for a request that is not valid."""


class Monitor:
    """The repeated looks at all brokers, up to ten of them at a time."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._hands = ThreadPoolExecutor(max_workers=10, thread_name_prefix="broker")
        self._full_at: dict[int, float] = {}
        self._away: set[int] = set()
        """Brokers that could not be reconciled: the next look at each of them is a full one."""
        self._looks: dict[int, Future[None]] = {}
        """The last look at each broker."""
        self._reached_at: dict[int, float] = {}
        self._checked: dict[int, int] = {}
        self._unanswered: set[UUID] = set()
        """Orders that may be in doubt: they were sent, and were without an answer at the last look."""
        self._followed: int | None = None
        """The log position up to which those orders are known."""

    def figures(self) -> dict[str, Any]:
        """Return the figures that health shows: `look_age` and the numbers of the brokers that are `away`.

        `look_age` is the seconds since the broker that has waited longest was reached; None until every one was.
        """
        brokers = [*self._looks]
        reached = [self._reached_at[number] for number in brokers if number in self._reached_at]
        age = round(time.time() - min(reached), 1) if reached and len(reached) == len(brokers) else None
        return {"look_age": age, "away": sorted(number for number in brokers if number in self._away)}

    def look(self) -> None:
        """Begin to reconcile every broker, one shortly after another, then check doubts and records from our own data.

        A broker whose last look is still under way is left alone, so that a slow exchange holds up no other.
        """
        brokers = self._brokers()
        for gone in self._looks.keys() - {broker.number for broker in brokers}:
            del self._looks[gone]
        for number, broker in enumerate(brokers):
            if number:
                time.sleep(BETWEEN_BROKERS)  # orders are being sent too: ten looks at once would hold them up
            self._begin(broker)
        self._check_doubts()
        for user in {broker.user for broker in brokers}:
            self._check_form(user)

    def _begin(self, broker: Broker) -> None:
        last = self._looks.get(broker.number)
        if last is None or last.done():
            if last is not None:
                last.result()  # an unexpected error ends this terminal
            self._looks[broker.number] = self._hands.submit(self._look_at, broker)

    def _brokers(self) -> list[Broker]:
        registry = registry_of(self._house.store)
        found = [self._house.store.get(Broker, Broker.create_id(n)) for n in range(1, registry.last_broker + 1)]
        return [broker for broker in found if not broker.removed]

    def _look_at(self, broker: Broker) -> None:
        now = time.monotonic()
        due = now >= self._full_at.setdefault(broker.number, now + FULL_EVERY) or broker.number in self._away
        occasion = Occasion.FULL if due else Occasion.POLL
        params = {"broker_id": broker.number, "occasion": occasion, "dry": False}
        request = Request(broker.user, Action.RECONCILE, params, NAME, time.time())
        try:
            *_, answer = self._house.bus.ask(request, ASK_SECONDS)
        except GatewayAway as error:
            self._missed(broker, str(error))
            return
        told = answer.data or {}
        if not answer.success or not told.get("completed", "skipped" in told):
            self._missed(broker, answer.error or told.get("failure"))
            return
        if due:
            self._full_at[broker.number] = now + FULL_EVERY
        self._away.discard(broker.number)
        self._reached_at[broker.number] = time.time()

    def _missed(self, broker: Broker, reason: str | None) -> None:
        """Note that a broker could not be reconciled. This proves nothing: everything known about it stays as it is."""
        self._away.add(broker.number)
        self._log.warning("broker_not_compared", broker=broker.number, reason=reason)

    def _check_doubts(self) -> None:
        """Raise a critical alert for each order that has been in doubt for too long."""
        store, now = self._house.store, utc_now()
        self._follow_the_log()
        sent = store.get_all(Order, [*self._unanswered])
        doubtful = [order for order in sent if order.is_in_doubt]
        self._unanswered = {order.id for order in doubtful}
        for order in doubtful:
            seconds = (now - (order.submitted_at or now)).total_seconds()
            if seconds >= self._house.settings.doubt_seconds:
                broker, minutes = str(order.broker), str(int(seconds // 60))
                facts = {"symbol": order.wish.symbol, "broker": broker, "minutes": minutes}
                tell(store, order.user, Cause.DOUBT_LASTS, str(order.id), facts, order.id)

    def _follow_the_log(self) -> None:
        """Add the orders that were sent since the last call; on the first call, all that have not ended."""
        store, head = self._house.store, self._house.store.head()
        if self._followed is None:
            self._unanswered = {*store.orders_not_ended()}
        else:
            while page := store.read(self._followed, stop=head, topics=["Order.Submitted"]):
                self._unanswered |= {recorded.stream for recorded in page}
                self._followed = page[-1].position
        self._followed = head

    def _check_form(self, user: int) -> None:
        """Raise an alert for each changed record of a trade that lacks something it has to contain."""
        with as_user(self._house.pool, user) as cursor:
            self._checked[user], faulty = malformed_trades.malformed(cursor, self._checked.get(user, 0))
        for row, faults in faulty:
            said = ", ".join(faults)
            self._log.error("record_malformed", order=str(row["id"]), faults=said)
            facts = {"symbol": str(row["symbol"]), "broker": str(row["broker_id"]), "faults": said}
            tell(self._house.store, user, Cause.RECORD_MALFORMED, f"{row['id']}/{said}", facts, row["id"])

    def close(self) -> None:
        """Finish the looks under way and begin no others."""
        self._hands.shutdown(cancel_futures=True)


def metrics_for(request: Request) -> dict[str, Any]:
    """Calculate metrics for a request over the bus. Raises one of `REFUSED` when its `trades` are not valid."""
    completed = msgspec.convert(request.params["trades"], list[CompletedTrade], strict=False)
    told: dict[str, Any] = msgspec.to_builtins(calculate_metrics(completed), builtin_types=())
    return told


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the monitor until `stopping`."""
    monitor = Monitor(house, log)
    neighbours = Neighbours(house.bus, NAME, ("gateway",), log)
    pulse = Pulse()
    beat(house.bus, NAME, lambda: {**monitor.figures(), **neighbours.figures()}, stopping, pulse)
    neighbours.watch(stopping)
    serving = (house.bus, NAME, metrics_for, log, stopping, *REFUSED)
    threading.Thread(target=answer_requests, args=serving, name="metrics", daemon=True).start()
    while not stopping.wait(POLL_SECONDS):
        try:
            monitor.look()
            pulse.turn()
        except AWAY as error:
            log.warning("database_away", error=str(error))
    monitor.close()

"""The engine terminal: turns events into decisions by the table of policies; decision and position are one commit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from adapters.log.eventstore import Recorded
from adapters.log.recorder import PositionTaken
from adapters.tables.door import DoorTable
from application.alerts import tell
from application.policies import WHEN, World
from application.ports.stores import Reader
from application.trading.page import Page
from application.webhooks import streams
from application.webhooks.case import MarketsNotLoaded
from aristobot.following import AWAY, Place, follow
from aristobot.supervision.liveness import Pulse, beat
from aristobot.supervision.neighbours import Neighbours
from aristobot.terminals.engine import approvals, panics
from aristobot.terminals.engine.clock import MarketTime
from aristobot.terminals.engine.judge import Judge
from aristobot.wiring import House, utc_now
from domain.aggregate import Aggregate, carrying
from domain.alert import Cause
from domain.events import WebhookApproved, WebhookReceived, WebhookStreamBecameCritical
from domain.refusals import Conflict
from domain.webhooks.webhook import Webhook, WebhookStatus

NAME = "engine"
PAGE = 200
JUDGED = frozenset({WebhookReceived.TOPIC, WebhookApproved.TOPIC})
"""The topics after which a webhook is decided, or refused when that fails."""
SAY_ALL = frozenset({WebhookStreamBecameCritical.TOPIC})
"""The topics whose events say all that their policies need. Their streams, which may be long, are not loaded."""
DEPENDS_ON = ("heartbeat", "gateway")
"""Without the heartbeat nothing is begun on its bars; without the gateway no order goes out, and entries expire."""
MOST_TRIES = 5
WAITED_FOR = (AWAY, MarketsNotLoaded)
"""Errors that say nothing about the event: the follower waits and tries again."""


class Engine:
    """One follower of the log."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._store = house.store
        self._log = log
        self._place = Place(self._store, NAME)
        self._reached = self.position
        self._taken: list[Recorded] = []

    @property
    def position(self) -> int:
        """The log position up to which everything is judged."""
        return self._place.reached

    @property
    def in_doubt(self) -> bool:
        """True when the next step has to read the position from the database."""
        return self._place.in_doubt

    def step(self) -> int:
        """Judge the next page in one commit. Return the number of events read.

        Raises an error of the database as a whole.
        """
        try:
            self._place.look()
            events = self._store.read(self.position, PAGE)
            self._judge_page(events)
            self._place.keep()
        except PositionTaken:
            self._log.warning("judged_elsewhere", position=self.position)
            self._place.doubt()
            return len(events)
        except AWAY:
            self._place.doubt()  # whether its last commit came through is known to the database alone
            raise
        return len(events)

    def _judge_page(self, events: Sequence[Recorded]) -> None:
        self._reached, self._taken = self.position, []
        page = Page(self._store)
        page.prepare(one.stream for one in events if one.topic in WHEN and one.topic not in SAY_ALL)
        for recorded in events:
            if recorded.topic in WHEN:
                self._take(recorded, page)
            self._reached = recorded.position
        self._commit(page)

    def _take(self, recorded: Recorded, page: Page) -> None:
        """Decide on an event together with its page, or alone where that fails."""
        try:
            page.keep(self._decide(recorded, page))
        except WAITED_FOR:
            self._commit(page)
            raise
        except Exception:
            self._commit(page)
            self._judge(recorded)
            self._reached = recorded.position
            self._place.move(recorded.position)
        else:
            self._taken.append(recorded)

    def _commit(self, page: Page) -> None:
        """Save the decisions with the position of the last event, or one by one where that fails."""
        taken, self._taken = self._taken, []
        if page.decided:
            try:
                self._place.save(taken[-1].position, *page.decided)
                for recorded in taken:
                    self._log.info("judged", topic=recorded.topic, request_id=_correlation(recorded))
            except (PositionTaken, AWAY):
                raise
            except Exception as error:
                # Somebody was faster on one of the streams, or one of the events leads to what cannot be saved.
                self._log.warning("judged_one_by_one", events=len(taken), reason=type(error).__name__)
                for recorded in taken:
                    self._judge(recorded)
                    self._place.move(recorded.position)
        page.forget()
        self._place.move(self._reached)

    def _judge(self, recorded: Recorded) -> None:
        for attempt in range(1, MOST_TRIES + 1):
            try:
                self._once(recorded)
            except (PositionTaken, *WAITED_FOR):
                raise
            except Conflict:
                continue  # another process was faster: judge again on fresh state
            except Exception as error:
                self._log.exception("policy_failed", topic=recorded.topic, attempt=attempt)
                if attempt == MOST_TRIES:
                    self._give_up(recorded, error)
                    return
            else:
                return
        raise Conflict(f"event {recorded.position} was contended {MOST_TRIES} times")

    def _once(self, recorded: Recorded) -> None:
        decided = self._decide(recorded, self._store)
        if any(aggregate.pending_events for aggregate in decided):
            self._place.save(recorded.position, *decided)
            self._log.info("judged", topic=recorded.topic, request_id=_correlation(recorded))

    def _decide(self, recorded: Recorded, store: Reader) -> list[Aggregate]:
        """Return the decisions that follow from one event, unsaved."""
        event = recorded.event
        with carrying(
            user=event.metadata.get("user", ""),
            source=NAME,
            correlation_id=_correlation(recorded),
            causation_id=str(event.event_id),
        ):
            world = World(store, self._house.markets, utc_now())
            return [aggregate for policy in WHEN[recorded.topic] for aggregate in policy(event, world)]

    def _give_up(self, recorded: Recorded, error: Exception) -> None:
        """Record the failure where the trader looks, and pass the event over.

        When that cannot be recorded either, the event is not at fault and is not passed over.
        """
        if recorded.topic in JUDGED:
            try:
                self._refuse(recorded, error)
            except (Conflict, AWAY):
                raise
            except Exception:
                self._log.exception("refusal_failed", position=recorded.position)
            else:
                return
        # An execution that is not counted is coins without a stop: its owner has to know.
        subject, key = recorded.event.originator_id, str(recorded.event.event_id)
        facts = {"topic": recorded.topic, "position": str(recorded.position)}
        tell(self._store, int(recorded.event.metadata["user"]), Cause.EVENT_PASSED_OVER, key, facts, subject)

    def _refuse(self, recorded: Recorded, error: Exception) -> None:
        with carrying(**{**recorded.event.metadata, "source": NAME, "causation_id": str(recorded.event.event_id)}):
            webhook = self._store.get(Webhook, recorded.event.originator_id)
            stream = None
            if webhook.status is WebhookStatus.RECEIVED:
                stream = streams.arrived(webhook, self._store)  # it has come, whatever becomes of it
            if webhook.is_to_be_decided:
                webhook.refuse("internal_error", f"{type(error).__name__}: {error}"[:300])
            self._place.save(recorded.position, webhook, *([] if stream is None else [stream]))


def _correlation(recorded: Recorded) -> str:
    return str(recorded.event.metadata.get("correlation_id", recorded.event.originator_id))


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the engine until `stopping`."""
    engine, neighbours = Engine(house, log), Neighbours(house.bus, NAME, DEPENDS_ON, log)
    clock = MarketTime(house.bus, house.beats)
    pulse, judging, asking, selling = Pulse(), Pulse(), Pulse(), Pulse()
    judge = Judge(house.store, DoorTable(house.pool), clock, lambda: engine.position, log)
    figures = lambda: {"position": engine.position, "streams": judge.monitored, **neighbours.figures()}  # noqa: E731
    beat(house.bus, NAME, figures, stopping, pulse, judging, asking, selling)
    neighbours.watch(stopping)
    clock.listen()
    threading.Thread(target=judge.keep, args=(stopping, judging), name="judge", daemon=True).start()
    unanswered = (house.store, utc_now, log, stopping, asking)
    threading.Thread(target=approvals.keep, args=unanswered, name="approvals", daemon=True).start()
    pursued = (house.store, utc_now, log, stopping, selling)
    threading.Thread(target=panics.keep, args=pursued, name="panics", daemon=True).start()
    follow(
        lambda: engine.step() == PAGE or engine.in_doubt,
        log,
        stopping,
        pulse,
        house.bell(WHEN.keys()),
        not_yet=(MarketsNotLoaded, Conflict),
    )

"""The engine terminal: turns events into decisions by the table of policies; decision and position are one commit."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from adapters.eventstore import Recorded
from adapters.recorder import PositionTaken
from application.alerts import tell
from application.policies import WHEN, World
from application.signals import MarketsNotLoaded
from aristobot.liveness import beat
from aristobot.wiring import House, utc_now
from domain.aggregate import carrying
from domain.alert import Cause
from domain.refusals import Conflict
from domain.webhook import Webhook, WebhookStatus

NAME = "engine"
POLL_SECONDS = 1.0
PAGE = 200
MOST_TRIES = 5


class Engine:
    """One follower of the log."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._store = house.store
        self._log = log
        self.position = self._store.position_of(NAME)
        self._committed = self.position

    def step(self) -> int:
        """Judge the next page; answers how many events were read."""
        page = self._store.read(self.position, PAGE)
        for recorded in page:
            if recorded.topic in WHEN:
                self._judge(recorded)
            self.position = recorded.position
        if page and self._committed < self.position:
            self._advance(self.position)
        return len(page)

    def _advance(self, position: int) -> None:
        try:
            self._store.save(follower=(NAME, position))
        except PositionTaken:
            self._log.warning("position_taken", position=position)
        self._committed = position

    def _judge(self, recorded: Recorded) -> None:
        for attempt in range(1, MOST_TRIES + 1):
            try:
                return self._once(recorded)
            except PositionTaken:
                return self._log.warning("judged_elsewhere", position=recorded.position)  # type: ignore[no-any-return]
            except Conflict:
                continue  # another process was faster: judge again on fresh state
            except (psycopg.OperationalError, MarketsNotLoaded):
                raise  # nothing is wrong with the event: the whole follower waits and tries again
            except Exception as error:
                self._log.exception("policy_failed", topic=recorded.topic, attempt=attempt)
                if attempt == MOST_TRIES:
                    return self._give_up(recorded, error)
        raise Conflict(f"event {recorded.position} was contended {MOST_TRIES} times")

    def _once(self, recorded: Recorded) -> None:
        event = recorded.event
        correlation = event.metadata.get("correlation_id", str(event.originator_id))
        with carrying(
            user=event.metadata.get("user", ""),
            source=NAME,
            correlation_id=correlation,
            causation_id=str(event.event_id),
        ):
            world = World(self._store, self._house.markets, utc_now())
            saved = [aggregate for policy in WHEN[recorded.topic] for aggregate in policy(event, world)]
            if any(aggregate.pending_events for aggregate in saved):
                self._store.save(*saved, follower=(NAME, recorded.position))
                self._committed = recorded.position
                self._log.info("judged", topic=recorded.topic, request_id=correlation)

    def _give_up(self, recorded: Recorded, error: Exception) -> None:
        """A failure is recorded where the trader looks, and nobody else waits for it."""
        metadata = recorded.event.metadata
        if recorded.topic != "Webhook.Received":
            # An execution that is not counted is coins without a stop: its owner has to know.
            subject, key = recorded.event.originator_id, str(recorded.event.event_id)
            facts = {"topic": recorded.topic, "position": str(recorded.position)}
            tell(self._store, int(metadata["user"]), Cause.EVENT_PASSED_OVER, key, facts, subject)
            return self._advance(recorded.position)
        with carrying(**{**metadata, "source": NAME, "causation_id": str(recorded.event.event_id)}):
            webhook = self._store.get(Webhook, recorded.event.originator_id)
            if webhook.status is WebhookStatus.RECEIVED:
                webhook.refuse("internal_error", f"{type(error).__name__}: {error}"[:300])
            self._store.save(webhook, follower=(NAME, recorded.position))
        self._committed = recorded.position
        return None


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Until `stopping`."""
    engine = Engine(house, log)
    beat(house.bus, NAME, lambda: {"position": engine.position}, stopping)
    bell = house.bell()
    while not stopping.is_set():
        try:
            if not engine.step():
                bell.wait(POLL_SECONDS)
        except (MarketsNotLoaded, Conflict) as error:
            log.info("waiting", reason=type(error).__name__)
            stopping.wait(0.5)
        except psycopg.OperationalError as error:
            log.warning("database_away", error=str(error))
            stopping.wait(0.5)
    bell.close()

"""The engine terminal: turns events into decisions by the table of policies; decision and position are one commit."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from adapters.eventstore import Recorded
from adapters.recorder import PositionTaken
from application.alerts import tell
from application.page import Page, Touched
from application.policies import WHEN, World
from application.ports import Store
from application.signals import MarketsNotLoaded
from aristobot.liveness import beat
from aristobot.place import Place
from aristobot.wiring import House, utc_now
from domain.aggregate import Aggregate, carrying
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
        self._place = Place(self._store, NAME)
        self._reached = self.position
        self._taken: list[Recorded] = []

    @property
    def position(self) -> int:
        """Up to where everything is judged."""
        return self._place.reached

    def step(self) -> int:
        """Judge the next page; answers how many events were read.

        Decisions that do not touch the same streams are one commit.
        """
        self._reached, self._taken = self.position, []
        events, page = self._store.read(self.position, PAGE), Page(self._store)
        for recorded in events:
            if recorded.topic in WHEN:
                self._take(recorded, page)
            self._reached = recorded.position
        self._commit(page)
        self._keep_place()
        return len(events)

    def _keep_place(self) -> None:
        """Remember how far it has come, now and then."""
        try:
            self._place.keep()
        except PositionTaken:
            self._log.warning("position_taken", position=self.position)

    def _take(self, recorded: Recorded, page: Page) -> None:
        """Decide on an event beside the others of its page, or by itself where that cannot be."""
        try:
            decided = self._decide(recorded, page)
        except Touched:
            self._commit(page)  # from here on the page has changed nothing
            return self._take(recorded, page)
        except (psycopg.OperationalError, MarketsNotLoaded):
            self._commit(page)
            raise
        except Exception:
            self._commit(page)
            self._judge(recorded)
            self._reached = recorded.position
            self._place.move(recorded.position)
            return None
        page.keep(decided)
        self._taken.append(recorded)
        return None

    def _commit(self, page: Page) -> None:
        """Save what was decided, with the position of the last event; each by itself when somebody was faster."""
        taken, self._taken = self._taken, []
        if page.decided:
            try:
                self._store.save(*page.decided, follower=(NAME, taken[-1].position))
                self._place.was_kept(taken[-1].position)
                for recorded in taken:
                    self._log.info("judged", topic=recorded.topic, request_id=_correlation(recorded))
            except PositionTaken:
                self._log.warning("judged_elsewhere", position=taken[-1].position)
            except Conflict:
                for recorded in taken:
                    self._judge(recorded)
                    self._place.move(recorded.position)
        page.forget()
        self._place.move(self._reached)

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
        decided = self._decide(recorded, self._store)
        if any(aggregate.pending_events for aggregate in decided):
            self._store.save(*decided, follower=(NAME, recorded.position))
            self._place.was_kept(recorded.position)
            self._log.info("judged", topic=recorded.topic, request_id=_correlation(recorded))

    def _decide(self, recorded: Recorded, store: Store) -> list[Aggregate]:
        """What follows from one event, not saved yet."""
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
        """A failure is recorded where the trader looks, and nobody else waits for it."""
        metadata = recorded.event.metadata
        if recorded.topic != "Webhook.Received":
            # An execution that is not counted is coins without a stop: its owner has to know.
            subject, key = recorded.event.originator_id, str(recorded.event.event_id)
            facts = {"topic": recorded.topic, "position": str(recorded.position)}
            tell(self._store, int(metadata["user"]), Cause.EVENT_PASSED_OVER, key, facts, subject)
            return
        with carrying(**{**metadata, "source": NAME, "causation_id": str(recorded.event.event_id)}):
            webhook = self._store.get(Webhook, recorded.event.originator_id)
            if webhook.status is WebhookStatus.RECEIVED:
                webhook.refuse("internal_error", f"{type(error).__name__}: {error}"[:300])
            self._store.save(webhook, follower=(NAME, recorded.position))
        self._place.was_kept(recorded.position)
        return


def _correlation(recorded: Recorded) -> str:
    return str(recorded.event.metadata.get("correlation_id", recorded.event.originator_id))


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

"""The judge: finds the alerts that did not come, once it is certain that they could have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from adapters.log.eventstore import Store
from adapters.tables.door import DoorTable, Silence, Taken
from aristobot.following import AWAY, PAUSE_SECONDS
from aristobot.supervision.liveness import Pulse
from domain import events
from domain.aggregate import Aggregate, carrying
from domain.refusals import Conflict
from domain.webhooks.slots import GRACE_ENDS_AFTER, TOLERANCE
from domain.webhooks.stream import WebhookStream

LOOK_SECONDS = 0.2
WAITS_SECONDS = 60.0
"""Seconds after which it is logged that nothing can be judged, and why."""
MOST_AHEAD = timedelta(seconds=60)
"""The time by which the door may be ahead of the market's clock. Beyond, one of the two is not to be believed."""
TOPICS = tuple(
    one.TOPIC for one in vars(WebhookStream).values() if isinstance(one, type) and issubclass(one, Aggregate.Event)
)
OPENING = frozenset(
    one.TOPIC
    for one in (
        events.WebhookStreamMonitored,
        events.WebhookStreamPaused,
        events.WebhookStreamBecameCritical,
        events.WebhookStreamResumed,
    )
)
"""The topics after which somebody has to look after a stream."""
PAGE = 1000
SOURCE = "engine"


class Clock(Protocol):
    """The market's clock."""

    def now(self) -> datetime:
        """Return the latest time (UTC) that it has told."""


class Judge:
    """All open streams in memory, kept up to date from the log, and judged at each ten seconds of the market's clock.

    A slot is judged when the clock has passed it, the door has said that all it took until then is in the log, and the
    engine has taken all of that in. Until then nothing is known, and nothing is said.
    """

    def __init__(
        self, store: Store, door: DoorTable, clock: Clock, engine_position: Callable[[], int], log: Any
    ) -> None:
        self._store = store
        self._door = door
        self._clock = clock
        self._engine_position = engine_position
        self._log = log
        self._judged_until: datetime | None = None
        self._waited_for: Taken | None = None
        self._read_until: int | None = None
        self._streams: dict[UUID, WebhookStream] = {}

    @property
    def monitored(self) -> int:
        """The number of streams that are judged."""
        return sum(stream.is_judged for stream in [*self._streams.values()])

    def keep(self, stopping: threading.Event, pulse: Pulse) -> None:
        """Judge until `stopping`. The pulse turns with each look."""
        looked_at = time.monotonic()
        while not stopping.wait(LOOK_SECONDS):
            try:
                if self.look():
                    looked_at = time.monotonic()
                elif time.monotonic() - looked_at > WAITS_SECONDS:
                    self._log.warning("judgement_waits", door=str(self._door.taken()), clock=str(self._clock.now()))
                    looked_at = time.monotonic()
            except AWAY as error:
                self._log.warning("database_away", error=str(error))
                stopping.wait(PAUSE_SECONDS)
            except Conflict:
                self._log.info("judged_on_stale_state")
            pulse.turn()

    def look(self) -> bool:
        """Judge what can be judged now. Return True when it was all that the clock has passed.

        Raises `Conflict` when a stream has changed meanwhile, and `AWAY`.
        """
        until = self._clock.now()
        if self._judged_until is not None and until <= self._judged_until:
            return True
        taken = self._waited_for or self._door.taken()
        if taken is None or taken.until - until > MOST_AHEAD:
            return False  # the door's clock is wrong, or the market's is not heard
        if self._engine_position() < taken.head:
            self._waited_for = taken  # a log that grows all the time must not be chased
            return False
        self._waited_for = None
        self._learn(taken.head)
        self._judge(min(until, taken.until))
        if taken.until < until:
            return False
        self._judged_until = until
        return True

    def _judge(self, until: datetime) -> None:
        silences = self._silences()
        judged = list[WebhookStream]()
        for stream in self._streams.values():
            with carrying(user=str(stream.user), source=SOURCE, correlation_id=str(stream.id)):
                stream.judge(until, lambda slot: was_unreachable(slot, silences))
            if stream.pending_events:
                judged.append(stream)
        for stream in judged:
            self._tell(stream)
        try:
            self._store.save(*judged)
        except (Conflict, AWAY):
            self._read_until, self._streams = None, {}  # what is in memory may not be in the log
            raise

    def _silences(self) -> Sequence[Silence]:
        """Return the silences of the door that can matter to a slot that is not settled yet."""
        oldest = [stream.slots.settled for stream in self._streams.values() if stream.slots.settled is not None]
        return self._door.silences(min(oldest) - TOLERANCE) if oldest else []

    def _tell(self, stream: WebhookStream) -> None:
        for event in stream.pending_events:
            if isinstance(event, events.WebhookStreamDelayed):
                self._log.warning(
                    "Webhook delayed - grace period", stream=str(stream.id), user=stream.user, slot=str(event.slot)
                )
            elif isinstance(event, events.WebhookStreamMissed):
                self._log.error(
                    "MISS", stream=str(stream.id), user=stream.user, slot=str(event.slot), row=event.consecutive
                )

    # --- what the log says -------------------------------------------------------------------------------------

    def _learn(self, head: int) -> None:
        """Bring the streams in memory up to the log's head, which is at least this position."""
        if self._read_until is None:
            self._load(self._store.webhook_streams_open())
            self._read_until = head  # what was appended meanwhile is read again, and skipped by its version
        while True:
            page = self._store.read(self._read_until, PAGE, topics=TOPICS)
            self._load({one.stream for one in page if one.stream not in self._streams and one.topic in OPENING})
            for recorded in page:
                stream = self._streams.get(recorded.stream)
                if stream is not None and recorded.event.originator_version == stream.version + 1:
                    recorded.event.mutate(stream)
                self._read_until = recorded.position
            if len(page) < PAGE:
                break
        self._read_until = max(self._read_until, head)
        self._streams = {stream_id: stream for stream_id, stream in self._streams.items() if stream.is_open}

    def _load(self, ids: Sequence[UUID] | set[UUID]) -> None:
        found = self._store.get_all(WebhookStream, [*ids]) if ids else []
        self._streams.update({stream.id: stream for stream in found})


def was_unreachable(slot: datetime, silences: Sequence[Silence]) -> bool:
    """Return True when the door could not be reached at some time between a slot and the end of its grace."""
    return any(began <= slot + GRACE_ENDS_AFTER and ended >= slot - TOLERANCE for began, ended in silences)

"""Alerts that did not come: how surely and how fast they are found.

Ten thousand days of streams of one and five minutes are lived through with lost, late and early alerts, doors that are
away, clocks that stop and engines that come back hours later, and each MISS is compared with what was really sent.
Then 500 streams in a real log are judged at one tick, once with nothing missing and once with everything. Targets: no
false MISS and none missed; a tick in less than 100 ms.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from shared.figures import keep

from adapters.database.migrate import migrate
from adapters.log.eventstore import Store, open_pool
from adapters.tables.door import DoorTable, Note
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
from aristobot.terminals.engine.judge import Judge, was_unreachable
from domain import events
from domain.aggregate import carrying
from domain.webhooks.interval import Interval
from domain.webhooks.slots import MISSED_AFTER
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus

DAYS, STREAMS, TICKS, MOST_MS = 10_000, 500, 9, 100.0
LOST, LATE, EARLY = 0.004, 0.004, 0.01
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class StreamDay:
    """One day of one stream: what is sent and received, and when the engine looks."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)
        self.calendar = Interval.parse("1" if number % 10 == 0 else "5")
        assert self.calendar is not None
        draw = self.random
        self.silences = [
            (at, at + seconds(draw.choice((2, 20, 300)))) for at in self._moments(draw.choice((0, 0, 1, 3)))
        ]
        """When the door was away."""
        self.received: list[tuple[datetime, datetime, datetime]] = []
        """Reception, opening of the bar and slot of each alert that came."""
        self.in_time: set[datetime] = set()
        slot = self.calendar.next_due(BEGIN)
        while slot < BEGIN + DAY:
            self._send(slot)
            slot = self.calendar.next_due(slot)
        self.received.sort()

    def _moments(self, count: int) -> list[datetime]:
        return sorted(BEGIN + seconds(self.random.uniform(0, 86_400)) for _ in range(count))

    def _send(self, slot: datetime) -> None:
        draw = self.random
        luck, opened = draw.random(), self.calendar.last_due(slot - seconds(1))
        if luck < LOST:
            return
        delay = draw.uniform(0.3, 4)
        if luck < LOST + LATE:
            delay = draw.choice((14, 59.9, 74, 79.9, 80, 95, 200))
        elif luck < LOST + LATE + EARLY:
            delay = -draw.uniform(1, 50)
        at = slot + seconds(delay)
        if not any(began <= at <= ended for began, ended in self.silences):
            self.received.append((at, opened, slot))
            if at < slot + MISSED_AFTER:
                self.in_time.add(slot)

    def looks(self) -> list[tuple[datetime, datetime]]:
        """Return the rounds of the engine: when each is, and up to when everything is known by then."""
        draw, now, known, found = self.random, BEGIN, BEGIN, list[tuple[datetime, datetime]]()
        while now < BEGIN + DAY:
            now += seconds(draw.choice((60, 60, 60, 300, 300, 900, 4000)))
            if draw.random() > 0.05:  # else the clock stands still, or the door's word does not come
                known = max(known, now - seconds(draw.choice((0, 1, 5, 40))))
            found.append((now, known))
        return found

    def is_lost(self, slot: datetime) -> bool:
        """Return whether an alert of this slot did not come although it could have."""
        return slot not in self.in_time and not was_unreachable(slot, self.silences)

    def told_and_true(self, number: int) -> tuple[set[datetime], set[datetime]]:
        """Live through the day. Return the MISS that were told, and those that should have been."""
        told, true, waiting, done = set[datetime](), set[datetime](), self.received, 0
        with carrying(user="1"):
            stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", self.calendar.name, str(number)))
            stream.monitor(1, BEGIN)
            slot = self.calendar.next_due(BEGIN)
            for now, known in self.looks():
                reach = bisect_right(waiting, known, key=lambda one: one[0])
                for at, opened, _ in waiting[done:reach]:
                    stream.arrive(UUID(int=done), opened, at)
                done = max(done, reach)
                stream.judge(known, lambda of: was_unreachable(of, self.silences))
                missed = [e.slot for e in stream.collect_events() if isinstance(e, events.WebhookStreamMissed)]
                told.update(missed)
                last = missed[-1] if stream.status is StreamStatus.CRITICAL and missed else known - MISSED_AFTER
                while slot <= last:
                    if self.is_lost(slot):
                        true.add(slot)
                    slot = self.calendar.next_due(slot)
                if stream.status is StreamStatus.CRITICAL:
                    stream.resume(1, now)
                    slot = self.calendar.next_due(now)
        return told, true


def simulate() -> tuple[int, int, int]:
    """Return how many MISS there were, how many were told wrongly, and how many were not told."""
    every = false = missed = 0
    for number in range(DAYS):
        told, true = StreamDay(number).told_and_true(number)
        every, false, missed = every + len(true), false + len(told - true), missed + len(true - told)
    return every, false, missed


class Clock:
    """The market's clock, turned by hand."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        """Return the time."""
        return self.time


class Quiet:
    """A log that nobody reads."""

    def warning(self, event: str, **_: object) -> None:
        """Say nothing."""

    error = info = warning


def judged(store: Store, name: str, *, arrive: bool) -> tuple[float, float]:
    """Return the median milliseconds, and those of CPU, of a tick at which 500 streams are judged."""
    door, clock, took, worked = DoorTable(store.pool), Clock(), list[float](), list[float]()
    judge = Judge(store, door, clock, store.head, Quiet())
    with carrying(user="1"):
        streams = [WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", f"{name} {n}")) for n in range(STREAMS)]
        for stream in streams:
            stream.monitor(1, BEGIN)
        store.save(*streams)
        for tick in range(TICKS):
            slot = BEGIN + seconds(300 * (tick + 1))
            for place, stream in enumerate(streams):
                if arrive or tick % 3 == 2:  # two MISS in a row, and an alert: none becomes critical
                    stream.arrive(UUID(int=place), None, slot + seconds(1))
            store.save(*streams)
            door.note(Note(slot, slot + MISSED_AFTER, []))
            clock.time = slot + seconds(70)
            judge.look()
            clock.time = slot + MISSED_AFTER
            began, cpu = time.perf_counter(), time.process_time()
            judge.look()
            took.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - cpu) * 1000)
            streams = store.get_all(WebhookStream, [stream.id for stream in streams])
    return statistics.median(took), statistics.median(worked)


def in_a_log(measure: Callable[[Store], None]) -> None:
    """Call `measure` with a store in a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        master = MasterKey("the secret of the benchmark")
        postgres = Postgres(Path(folder), master)
        postgres.start()
        try:
            migrate(postgres.url, master)
            with open_pool(postgres.url, 2) as pool:
                measure(Store(pool, master))
        finally:
            postgres.stop()


def main() -> None:
    found = dict[str, tuple[float, float]]()

    def measure(store: Store) -> None:
        found["nothing missing"] = judged(store, "calm", arrive=True)
        found["all missing"] = judged(store, "lost", arrive=False)

    in_a_log(measure)
    for name, (took, worked) in found.items():
        verdict = "met" if took < MOST_MS else "missed"
        print(
            f"{STREAMS} streams at one tick, {name}: {took:.1f} ms, CPU {worked:.1f} ms (most {MOST_MS:.0f}); {verdict}"
        )
    began = time.perf_counter()
    every, false, missed = simulate()
    took = time.perf_counter() - began
    print(
        f"{DAYS} days of streams in {took:.0f} s: {every} MISS, {false} false, {missed} missed;"
        f" {'met' if false == missed == 0 else 'missed'}"
    )
    keep("miss", days=DAYS, miss=every, false=false, missed=missed, ticks_ms=found)


if __name__ == "__main__":
    main()

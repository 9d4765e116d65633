"""A world in which alerts come early, late or not at all, and what a stream that was there must have seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from domain.aggregate import carrying
from domain.webhooks.interval import Interval
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey

BEGIN = datetime(2026, 3, 1, 22, 13, 4, tzinfo=UTC)
TRADER = 3
MISSED, GRACE = timedelta(seconds=80), timedelta(seconds=75)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass(frozen=True)
class Alert:
    """One delivery: when it came, the opening of its bar if it says so, and the slot that it is for."""

    received_at: datetime
    bar_time: datetime | None
    slot: datetime


@dataclass
class World:
    """What happens, whoever looks: deliveries, silences of the door, and the moments at which the engine works.

    Each round has a time, the time up to which everything is known, the alerts that are known beyond it, and what the
    trader does at its end.
    """

    notation: str
    alerts: list[Alert]
    silences: list[tuple[datetime, datetime]]
    rounds: list[tuple[datetime, datetime, bool, str | None]]
    calendar: Interval = field(init=False)

    def __post_init__(self) -> None:
        calendar = Interval.parse(self.notation)
        assert calendar is not None
        self.calendar = calendar
        self.alerts = sorted((one for one in self.alerts if not self._is_silent(one)), key=lambda one: one.received_at)

    def _is_silent(self, alert: Alert) -> bool:
        return any(began <= alert.received_at <= ended for began, ended in self.silences)

    def was_unreachable(self, slot: datetime) -> bool:
        return any(began <= slot + GRACE and ended >= slot for began, ended in self.silences)


OFFSETS = st.sampled_from([-45.0, -5, -4, 0, 1.2, 3, 30, 59.9, 61, 74, 79.9, 80, 80.1, 95, 141, 190, 400])
"""Seconds after its slot is due at which an alert comes."""
GAPS = st.sampled_from([3, 10, 40, 80, 81, 170, 600, 2000])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    notation = draw(st.sampled_from(["1", "1", "2", "5", "7", "60", "1D"]))
    calendar = Interval.parse(notation)
    assert calendar is not None
    slots = [calendar.next_due(BEGIN)]
    for _ in range(draw(st.integers(2, 12))):
        slots.append(calendar.next_due(slots[-1]))
    alerts = []
    for slot in slots:
        for offset, dated in draw(st.lists(st.tuples(OFFSETS, st.booleans()), max_size=2)):
            received_at = slot + seconds(offset)
            opened = calendar.last_due(slot - seconds(1))
            if dated and received_at > opened:
                alerts.append(Alert(received_at, opened, slot))
            else:
                alerts.append(Alert(received_at, None, calendar.last_due(received_at + seconds(5))))
    silences = [
        (slots[place] + seconds(begun), slots[place] + seconds(begun + lasted))
        for place, begun, lasted in draw(
            st.lists(
                st.tuples(st.integers(0, len(slots) - 1), st.integers(-90, 90), st.sampled_from([2, 6, 60, 90, 700])),
                max_size=3,
            )
        )
    ]
    rounds, now, known = [], BEGIN, BEGIN
    while now < slots[-1] + seconds(200):
        length = (calendar.next_due(now) - now).total_seconds()
        now += seconds(draw(st.one_of(GAPS, st.just(max(length, 1) + 81))))
        if draw(st.integers(0, 3)):
            known = max(known, now - seconds(draw(st.sampled_from([0, 0, 1, 30, 500]))))
        act = draw(st.sampled_from([None, None, None, None, "resume", "pause", "restart", "resume"]))
        rounds.append((now, known, draw(st.booleans()), act))
    return World(notation, alerts, silences, rounds)


def lived(world: World, restarted: Callable[[WebhookStream], WebhookStream]) -> Iterator[WebhookStream]:
    """Yield the stream after each round."""
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", world.calendar.name, "EMA"))
        stream.monitor(TRADER, BEGIN)
        waiting = [*enumerate(world.alerts, 1)]
        for now, known, eager, act in world.rounds:
            limit = now if eager else known
            for number, alert in [*waiting]:
                if alert.received_at < limit:
                    stream.arrive(UUID(int=number), alert.bar_time, alert.received_at)
                    waiting.remove((number, alert))
            stream.judge(known, world.was_unreachable)
            if act == "resume":
                stream.resume(TRADER, now)
            elif act == "pause":
                stream.pause(TRADER)
            elif act == "restart":
                stream = restarted(stream)
            yield stream


@dataclass
class Seen:
    """What a stream must have seen."""

    missed: list[datetime] = field(default_factory=list)
    unjudged: list[datetime] = field(default_factory=list)
    held: str | None = None


def foreseen(world: World) -> Iterator[Seen]:
    """Yield what must have been seen after each round: each slot looked up among all alerts, in the order of time."""
    seen, row = Seen(), list[datetime]()
    slot: datetime | None = world.calendar.next_due(BEGIN)
    for now, known, _, act in world.rounds:
        while slot is not None and slot + MISSED <= known:
            late = [alert.received_at for alert in world.alerts if alert.received_at >= alert.slot + MISSED]
            if any(alert.slot == slot and alert.received_at < slot + MISSED for alert in world.alerts):
                row = []
            elif world.was_unreachable(slot):
                seen.unjudged.append(slot)
            else:
                confirmed = slot + MISSED
                row = [one for one in row if not any(one + MISSED <= at < confirmed for at in late)] + [slot]
                seen.missed.append(slot)
                if len(row) == 3:
                    seen.held, slot = "critical", None
            slot = slot and world.calendar.next_due(slot)
        if act == "resume" and seen.held:
            seen.held, row, slot = None, [], world.calendar.next_due(now)
        elif act == "pause" and not seen.held:
            seen.held, slot = "paused", None
        yield seen

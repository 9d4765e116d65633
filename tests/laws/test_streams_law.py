"""No MISS is false and none is missed, whenever alerts, the clock, the door and the engine come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.log.eventmapper import EventMapper
from domain import events
from domain.aggregate import carrying
from domain.refusals import Refused
from domain.webhooks.gates import Gates
from domain.webhooks.interval import Interval
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus
from tests.laws.examples import examples
from tests.laws.stream_world import BEGIN, World, foreseen, lived, worlds
from tests.laws.test_small_aggregates import PlainKeys

MAPPER = EventMapper(PlainKeys())


def recorded(stream):
    """Return the pending events as a log gives them back, and forget that they are pending."""
    return [MAPPER.to_domain_event(MAPPER.to_stored_event(event)) for event in stream.collect_events()]


def replayed(told):
    stream = None
    for event in told:
        stream = event.mutate(stream)
    return stream


def state(stream):
    hidden = {"_pending_events", "_created_on", "_modified_on", "_id"}
    return {name: value for name, value in vars(stream).items() if name not in hidden}


def slots_between(calendar, first, last):
    found = [first]
    while found[-1] < last:
        found.append(calendar.next_due(found[-1]))
    return found


@settings(max_examples=examples(150))
@given(worlds())
def test_what_a_stream_sees_is_what_has_happened(world: World):
    told = []

    def restarted(stream):
        told.extend(recorded(stream))
        return replayed(told)

    for stream, seen in zip(lived(world, restarted), foreseen(world), strict=True):
        said = [*told, *stream.pending_events]
        missed = [event.slot for event in said if isinstance(event, events.WebhookStreamMissed)]
        unjudged = [event for event in said if isinstance(event, events.WebhookStreamUnjudged)]
        assert missed == seen.missed
        assert [
            slot for one in unjudged for slot in slots_between(world.calendar, one.first, one.last)
        ] == seen.unjudged
        assert sum(one.count for one in unjudged) == stream.unjudged == len(seen.unjudged)
        assert stream.held == seen.held
        assert stream.missed == len(missed)
    suspected = {event.slot for event in said if isinstance(event, events.WebhookStreamDelayed)}
    for alert in world.alerts:
        if alert.received_at < alert.slot + timedelta(seconds=60):
            assert alert.slot not in suspected or alert.slot in missed


moments = st.integers(0, 12 * 365 * 86400).map(
    lambda after: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
)
intervals = st.sampled_from(["1", "3", "7", "45", "60", "240", "4H", "D", "1D", "3D", "1W", "2W", "1M", "3M", "12M"])


@given(intervals, moments)
def test_every_moment_lies_in_one_bar(notation, moment):
    calendar = Interval.parse(notation)
    last, following = calendar.last_due(moment), calendar.next_due(moment)
    assert last <= moment < following
    assert calendar.last_due(last) == last
    assert calendar.next_due(last) == following
    assert calendar.last_due(following - timedelta(microseconds=1)) == last
    assert Interval.parse(calendar.name) == calendar


VERBS = st.one_of(
    st.tuples(st.just("arrive"), st.integers(-2, 3), st.integers(0, 200)),
    st.tuples(st.just("judge"), st.sampled_from([10, 60, 150, 900]), st.booleans()),
    st.tuples(st.just("set_gates"), st.integers(0, 3), st.booleans()),
    st.tuples(st.sampled_from(["enter", "lose"]), st.just(0), st.just(0)),
    st.tuples(st.sampled_from(["pause", "resume", "monitor", "close"]), st.just(0), st.just(0)),
)


@settings(max_examples=examples(50))
@given(st.sampled_from(["1", "5", "1D", "30S", "10R"]), st.lists(VERBS, max_size=60), st.integers(1, 20))
def test_a_stream_is_the_same_wherever_its_loading_begins(notation, verbs, every):
    """The verbs that a trader can repeat are silent the second time, and what is refused leaves no trace."""
    with carrying(user="1"), pytest.MonkeyPatch.context() as patched:
        patched.setattr("domain.webhooks.stream.CARRIED_EVERY", every)
        stream, now = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", notation, "EMA")), BEGIN
        for number, (verb, bars, after) in enumerate(verbs):
            now += timedelta(seconds=bars if verb == "judge" else 25)
            before = stream.version
            try:
                match verb:
                    case "arrive":
                        bar_time = now.replace(second=0, minute=now.minute // 5 * 5) - timedelta(minutes=5 * bars)
                        stream.arrive(UUID(int=number), bar_time if bars else None, now + timedelta(seconds=after))
                    case "judge":
                        stream.judge(now, lambda _, away=after: away)
                    case "set_gates":
                        stream.set_gates(Gates(after, *([bars or None] * 3)), 1)
                    case "enter" | "lose":
                        getattr(stream, verb)(now)
                    case "pause" | "close":
                        getattr(stream, verb)(1)
                        assert getattr(stream, verb)(1) is None
                    case _:
                        getattr(stream, verb)(1, now)
            except Refused:
                assert stream.version == before
            if verb in {"pause", "close", "judge"}:
                version = stream.version
                getattr(stream, verb)(*((now, lambda _, away=after: away) if verb == "judge" else (1,)))
                assert stream.version == version
    told = recorded(stream)
    assert state(replayed(told)) == state(stream)
    carried = [place for place, event in enumerate(told) if type(event).__name__.endswith("CarriedForward")]
    for place in carried:
        assert state(replayed(told[place:])) == state(stream)
    assert carried or sum(verb == "arrive" for verb, *_ in verbs) < every


def test_two_alerts_in_time_begin_the_monitoring_and_three_missing_end_it():
    """The example of the specification: due at 11:15, suspected at 11:16, a MISS at 11:16:20."""
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        at = datetime(2026, 3, 2, 11, 5, 2, tzinfo=UTC)
        stream.arrive(UUID(int=1), None, at)
        assert stream.status is StreamStatus.UNMONITORED
        stream.arrive(UUID(int=2), None, at + timedelta(minutes=5))
        assert stream.status is StreamStatus.MONITORED

        def look(minute, second):
            stream.judge(datetime(2026, 3, 2, 11, minute, second, tzinfo=UTC), lambda _: False)
            return stream.delayed, stream.missed

        due = datetime(2026, 3, 2, 11, 15, tzinfo=UTC)
        assert look(15, 50) == (None, 0)
        assert look(16, 0) == (due, 0)
        assert look(16, 10) == (due, 0)
        assert look(16, 20) == (None, 1)
        assert look(21, 20) == (None, 2)
        assert look(26, 20) == (None, 3)
        assert stream.status is StreamStatus.CRITICAL
        assert look(31, 20) == (None, 3)
        stream.resume(1, datetime(2026, 3, 2, 11, 33, tzinfo=UTC))
        assert (stream.status, stream.slots.streak) == (StreamStatus.MONITORED, 0)
        assert look(36, 0) == (due + timedelta(minutes=20), 3)


def slots_of(notation, bar_time, received_at):
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", notation, "EMA"))
        stream.arrive(UUID(int=1), bar_time, received_at)
    return stream.pending_events[-1].slot


def test_an_alert_belongs_to_the_slot_of_its_bar_or_to_the_newest_one():
    at = datetime(2026, 3, 2, 11, 15, 3, tzinfo=UTC)
    due = at.replace(second=0)
    assert slots_of("5", None, at) == due
    assert slots_of("5", None, due - timedelta(seconds=4)) == due
    assert slots_of("5", due - timedelta(minutes=5), at) == due
    assert slots_of("5", due - timedelta(minutes=10), at) == due - timedelta(minutes=5)
    assert slots_of("5", due, at) == due + timedelta(minutes=5)
    for mistake in (due + timedelta(minutes=1), at.replace(year=2027), at.replace(year=9999)):
        assert slots_of("5", mistake, at) == due
    for ancient in (at.replace(year=1970), at.replace(year=1)):
        assert slots_of("1W", ancient, at) is None
    for unknown in ("30S", "10R", "5m", "0", "1441", "", "1Y"):
        assert slots_of(unknown, None, at) is None


def test_an_alert_for_a_slot_that_was_a_miss_changes_nothing_but_the_row():
    at = datetime(2026, 3, 2, 11, 10, 2, tzinfo=UTC)
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        stream.monitor(1, at)
        stream.judge(at + timedelta(minutes=12), lambda _: False)
        assert (stream.missed, stream.slots.streak) == (2, 2)
        stream.arrive(UUID(int=1), datetime(2026, 3, 2, 11, 10, tzinfo=UTC), at + timedelta(minutes=12))
        assert (stream.missed, stream.slots.streak, stream.received) == (2, 0, 1)


def test_three_in_a_row_are_three_at_every_interval():
    """At one minute the next alert comes before the third MISS is confirmed: the row is one of slots, not of looks."""
    for minutes in (1, 2, 5):
        begin, length = datetime(2026, 3, 2, 11, 0, tzinfo=UTC), timedelta(minutes=minutes)
        with carrying(user="1"):
            stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", str(minutes), "EMA"))
            stream.monitor(1, begin)
            for slot in (4, 5, 6):
                stream.judge(begin + slot * length, lambda _: False)
                stream.arrive(UUID(int=slot), None, begin + slot * length + timedelta(seconds=2))
            stream.judge(begin + 7 * length, lambda _: False)
        assert (stream.missed, stream.status) == (3, StreamStatus.CRITICAL)

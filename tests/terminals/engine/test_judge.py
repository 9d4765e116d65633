"""A slot is judged once the market's clock, the door and the engine have passed it, and never before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from adapters.tables.door import DoorTable, Note
from aristobot.terminals.engine.clock import MarketTime
from aristobot.terminals.engine.judge import Judge
from domain.aggregate import carrying
from domain.refusals import Conflict
from domain.webhooks.slots import MISSED_AFTER
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus
from tests.application.webhooks.house import House, alert
from tests.conftest import NOW
from tests.support.log import Log

DUE = NOW
"""09:30 is a slot of five minutes."""
MISSED = DUE + MISSED_AFTER
MINUTES = timedelta(minutes=5)


def seconds(number):
    return timedelta(seconds=number)


class Clock:
    """A market's clock that the test turns."""

    def __init__(self):
        self.time = DUE - MINUTES

    def now(self):
        return self.time


class Watch:
    """A house with a judge, a door and a clock. `engine` is how far the engine says it has come."""

    def __init__(self, database):
        self.store = database.store()
        self.house = House(self.store)
        self.door, self.clock, self.log = DoorTable(self.store.pool), Clock(), Log()
        self.door_of = database.store().pool
        self.judge = self.new_judge()
        self.house.now = DUE - MINUTES - seconds(10)

    def new_judge(self):
        return Judge(self.store, self.door, self.clock, lambda: self.house.position, self.log)

    def begin(self, *names):
        """Let these streams be monitored from 09:30 on."""
        for name in names:
            self.house.deliver(alert("PING", BarTime=None, IndicateurName=f'"{name}"'))
        self.house.judge()
        with carrying(user="1"):
            for name in names:
                stream = self.stream(name)
                stream.monitor(1, self.house.now + seconds(15))
                self.store.save(stream)
        self.house.judge()

    def stream(self, name="EMA"):
        return self.store.get(WebhookStream, StreamKey(1, 1, "BTCUSDT", "5", name).id)

    def send(self, at, name="EMA"):
        self.house.deliver(alert("PING", BarTime=None, IndicateurName=f'"{name}"'), at=at)

    def reach(self, at, *, clock=None, door=None, engine=True, silences=()):
        """Let the clock and the door reach a time, and the engine the head of the log, and look."""
        self.clock.time = clock or at
        self.door.note(Note(door or at, door or at, silences))
        if engine:
            self.house.judge()
        done = self.judge.look()
        return done, self.stream().missed


@pytest.fixture
def watch(database):
    made = Watch(database)
    made.begin("EMA")
    return made


def test_a_miss_waits_for_the_clock_the_door_and_the_engine(watch):
    assert watch.reach(MISSED - seconds(1)) == (True, 0)
    assert watch.stream().delayed == DUE
    assert watch.reach(MISSED, door=MISSED - seconds(1)) == (False, 0)
    assert watch.reach(MISSED, clock=MISSED - seconds(1), door=MISSED + seconds(30)) == (True, 0)
    watch.house.deliver(b"anything", at=MISSED)
    assert watch.reach(MISSED, engine=False) == (False, 0)
    assert watch.reach(MISSED) == (True, 1)
    assert watch.log.said == ["Webhook delayed - grace period", "MISS"]
    assert watch.stream().delayed is None


def test_an_alert_on_its_way_is_no_miss(watch):
    """It was received in the grace, lay in the spool over its end, and is read by an engine that was away."""
    watch.send(DUE + seconds(74))
    assert watch.reach(MISSED + 3 * MINUTES, door=DUE + seconds(70)) == (False, 0)
    for slot in (1, 2, 3):
        watch.send(DUE + slot * MINUTES + seconds(2))
    assert watch.reach(MISSED + 3 * MINUTES, engine=False) == (False, 0)
    assert watch.reach(MISSED + 3 * MINUTES) == (True, 0)


def test_while_the_clock_is_silent_nothing_is_judged_and_afterwards_everything_is(watch):
    watch.send(DUE + MINUTES + seconds(1))
    assert watch.reach(DUE) == (True, 0)
    for later in (1, 2, 3):
        assert watch.reach(DUE + later * MINUTES, clock=DUE) == (True, 0)
    assert watch.reach(MISSED + 2 * MINUTES) == (True, 2)
    told = watch.store.read(0, topics=["WebhookStream.Missed"])
    assert [one.event.slot for one in told] == [DUE, DUE + 2 * MINUTES]


@pytest.mark.parametrize(("began", "ended"), [(-400, 1), (30, 33), (74, 500), (10, 20)])
def test_a_slot_in_which_the_door_was_away_is_not_judged(watch, began, ended):
    silence = (DUE + seconds(began), DUE + seconds(ended))
    assert watch.reach(MISSED + seconds(520), silences=[silence]) == (True, ended < 300)
    told = watch.store.read(0, topics=["WebhookStream.Unjudged"])
    assert told[0].event.first == DUE
    assert watch.stream().unjudged >= 1


def test_three_make_the_stream_critical_and_a_later_alert_does_not_heal_it(watch):
    for slot in range(3):
        assert watch.reach(MISSED + slot * MINUTES) == (True, slot + 1)
    assert watch.stream().status is StreamStatus.CRITICAL
    watch.send(DUE + 3 * MINUTES)
    assert watch.reach(MISSED + 5 * MINUTES) == (True, 3)
    assert watch.stream().status is StreamStatus.CRITICAL


def test_a_new_judge_goes_on_where_the_last_one_ended(watch):
    watch.reach(MISSED)
    watch.judge = watch.new_judge()
    assert watch.reach(MISSED + MINUTES) == (True, 2)
    assert watch.judge.monitored == 1


def test_what_others_decide_meanwhile_is_learnt(watch):
    """A stream that is closed is judged no longer, one that is monitored anew is from then on."""
    watch.reach(DUE)
    with carrying(user="1"):
        closed = watch.stream()
        closed.close(1)
        watch.store.save(closed)
    assert watch.reach(MISSED + MINUTES) == (True, 0)
    assert watch.judge.monitored == 0
    with carrying(user="1"):
        closed.monitor(1, DUE + 2 * MINUTES + seconds(1))
        watch.store.save(closed)
    assert watch.reach(MISSED + 3 * MINUTES) == (True, 1)


def test_a_judgement_on_stale_state_is_made_again(watch, monkeypatch):
    watch.reach(DUE)
    learn = watch.judge._learn

    def learn_then_lose(head):
        learn(head)
        with carrying(user="1"):
            faster = watch.stream()
            faster.pause(1)
            faster.resume(1, DUE - MINUTES + seconds(5))
            watch.store.save(faster)

    monkeypatch.setattr(watch.judge, "_learn", learn_then_lose)
    with pytest.raises(Conflict):
        watch.reach(MISSED)
    monkeypatch.undo()
    assert watch.reach(MISSED) == (True, 1)


def test_a_door_whose_clock_is_ahead_is_not_believed(watch):
    """What waits on its disk may be older than it says."""
    assert watch.reach(MISSED, door=MISSED + seconds(61)) == (False, 0)
    assert watch.reach(MISSED, door=MISSED) == (True, 1)


def test_a_log_that_grows_all_the_time_keeps_nothing_from_being_judged(watch):
    """The engine is always one event behind."""
    for number in range(3):
        watch.house.deliver(f"no {number}".encode(), at=MISSED)
        assert watch.reach(MISSED, engine=False)[0] is (number > 1)
        watch.house.position = watch.store.head() - (number == 0)
        watch.house.deliver(f"and {number}".encode(), at=MISSED)


def test_hundreds_that_fall_silent_together_are_judged_in_one_commit(watch, database):
    names = [f"no {number}" for number in range(300)]
    watch.house.now = DUE - seconds(60)
    watch.begin(*names)
    assert watch.reach(MISSED) == (True, 1)
    query = "SELECT count(DISTINCT xmin::text), count(*) FROM log.events WHERE topic = 'WebhookStream.Missed'"
    assert database.connect().execute(query).fetchone() == (1, 301)


def test_the_clock_is_heard_over_the_bus_or_read_from_the_stored_minutes():
    told = {"tick": None, "signals": [{"candle_close_time": 1_767_225_600_000}]}
    times, heard = (
        iter([0.0, 0.0, 100.0, 100.0]),
        MarketTime(None, Stored(1_767_225_660_000), clock=lambda: next(times)),
    )
    heard.hear(told | {"tick": 1_767_225_610_000})
    assert heard.now() == datetime.fromisoformat("2026-01-01T00:00:10+00:00")
    assert heard.now() == datetime.fromisoformat("2026-01-01T00:01:00+00:00")


class Stored:
    """Minutes that one source has stored."""

    def __init__(self, signalled):
        self.signalled = signalled

    def last_signal(self, source):
        return self.signalled if source == "primary" else None

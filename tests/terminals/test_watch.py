"""The watch of the alerts terminal: a fault that no event of the log shows is reported once to the users concerned."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace

import psycopg
import pytest

from adapters.bus import Bus
from application.people.brokers import connect_broker
from application.ports.statements import Credentials
from aristobot.supervision.liveness import Pulse
from aristobot.supervision.standstill import Lookout, Standstill
from aristobot.terminals.alerts import watch
from aristobot.terminals.alerts.open_alerts import OpenAlerts
from aristobot.terminals.alerts.terminal import AWAY, Herald
from aristobot.terminals.alerts.watch import Watch
from domain.alert import Alert, Cause
from domain.people.broker import Exchange, Venue
from tests.support.clock import Clock
from tests.support.log import Log
from tests.terminals.trouble import RAISED

EVERYBODY = (1, 2)


def everybody(*causes):
    """Return each of these alerts for every user whose account is enabled."""
    return [(user, cause) for cause in causes for user in EVERYBODY]


class Seen:
    """A watch, and the signs of life that it sees at times of the test's choosing."""

    def __init__(self, trouble, monkeypatch):
        self.store, self.bus, self.now = trouble.house.store, Bus(trouble.house.settings.redis_url), 1000
        self.opened = OpenAlerts(self.store, Log())
        self.lookout = Lookout(Standstill(self.bus, self.store), Log())
        self.watch = Watch(trouble.house, Log(), self.opened, self.lookout)
        clock = SimpleNamespace(time=lambda: self.now, sleep=time.sleep, monotonic=time.monotonic)
        monkeypatch.setattr(watch, "time", clock)

    def look(self, name="engine", pid=1, **figures):
        """Leave the sign of life of a terminal and of the alerts terminal, and let the watch look twice."""
        self.now += 10
        self.bus.beat("alerts", {"pid": os.getpid()})
        self.bus.beat(name, {"pid": pid, **figures})
        for alert in self.store.get_all(Alert, self.store.alerts_open()):
            self.opened.meet(alert)
        self.lookout.look()
        self.watch.look()
        self.watch.look()


@pytest.fixture
def seen(trouble, monkeypatch):
    return Seen(trouble, monkeypatch)


def test_a_restarted_terminal_is_told_once(trouble, seen):
    """Another process leaves a sign of life under its name. The first one ever seen is no restart."""
    for pid in (1, 1, 2, 2):
        seen.look(pid=pid)
    assert trouble.raised() == everybody(Cause.TERMINAL_RESTARTED)
    assert {json.dumps(event.facts) for event in trouble.events(RAISED)} == {'{"terminal": "engine", "pid": "2"}'}


def test_a_terminal_that_is_down_is_told_once(trouble, seen):
    """A terminal that was never seen is not reported. Going down again is another alert."""
    for _ in range(2):
        seen.look()
        seen.bus.leave("engine")
        seen.look(name="gateway")
        seen.look(name="gateway")
    assert trouble.raised() == everybody(Cause.TERMINAL_DOWN, Cause.TERMINAL_DOWN)
    assert {event.facts["terminal"] for event in trouble.events(RAISED)} == {"engine"}


@pytest.mark.parametrize(
    ("terminal", "figure", "cause"),
    [
        ("receiver", "spool", Cause.SPOOL_USED),
        ("receiver", "aside", Cause.DELIVERY_ASIDE),
        ("projector", "parked", Cause.EVENT_PARKED),
        ("heartbeat", "silent", Cause.CLOCK_SILENT),
    ],
)
def test_what_waits_or_is_parked_is_told_when_it_begins(trouble, seen, terminal, figure, cause):
    """A growing count raises no further alert. A count that begins again does."""
    for count in (0, 3, 5, 0):
        seen.look(terminal, **{figure: count})
    assert trouble.raised() == everybody(cause)
    assert {event.facts["count"] for event in trouble.events(RAISED)} == {"3"}
    seen.look(terminal, **{figure: 1})
    assert trouble.raised() == everybody(cause, cause)


def test_the_sign_of_life_of_another_process_tells_of_a_restart(trouble, seen):
    """The previous alerts terminal did not end cleanly. The terminal's own sign of life proves no restart."""
    seen.bus.beat("alerts", {"pid": os.getpid()})
    seen.watch.remember_myself()
    seen.bus.beat("alerts", {"pid": os.getpid() + 1})
    seen.watch.remember_myself()
    seen.look()
    assert trouble.raised() == everybody(Cause.TERMINAL_RESTARTED)


def test_a_bus_that_is_away_is_no_terminal_that_is_down(trouble, seen):
    """When even the watch's own sign of life is missing, the other missing ones prove nothing."""
    seen.look()
    for name in ("engine", "alerts"):
        seen.bus.leave(name)
    seen.watch.look()
    assert trouble.raised() == []


def test_what_cannot_be_told_while_the_database_is_away_is_told_later(trouble, seen, postgres, database):
    """No alert is lost, and none is raised twice."""
    # Given a terminal that was seen.
    seen.look()
    # When it restarts while the database is away.
    name = psycopg.conninfo.conninfo_to_dict(database.url)["dbname"]
    with psycopg.connect(postgres._superuser_url("postgres"), autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            with pytest.raises(AWAY):
                seen.look(pid=2)
        finally:
            owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    # Then the alert is raised once the database is back.
    while True:
        try:
            seen.watch.look()
        except AWAY:
            continue
        break
    assert trouble.raised() == everybody(Cause.TERMINAL_RESTARTED)


def test_what_only_some_were_told_is_told_to_the_others_later(trouble, seen):
    """The database goes away after the first user's alert. No user gets it twice."""
    seen.look()
    save, saved = trouble.store.save, []

    def away(*aggregates, **how):
        if saved:
            raise psycopg.OperationalError("the connection was lost")
        saved.append(save(*aggregates, **how))

    trouble.store.save = away
    with pytest.raises(psycopg.OperationalError):
        seen.look(pid=2)
    assert trouble.raised() == [(1, Cause.TERMINAL_RESTARTED)]
    trouble.store.save = save
    seen.look(pid=2)
    assert trouble.raised() == everybody(Cause.TERMINAL_RESTARTED)


def ended(trouble):
    """Return user and cause of every alert that has ended."""
    found = [trouble.store.get(Alert, event.originator_id) for event in trouble.events("Alert.Ended")]
    return sorted((alert.user, alert.cause) for alert in found)


def met(trouble, seen):
    """Let the open alerts take in everything that was raised, as the herald does."""
    for event in trouble.events(RAISED):
        seen.opened.meet(trouble.store.get(Alert, event.originator_id))


@pytest.fixture
def broker(trouble):
    keys = Credentials("key", "secret")
    made = connect_broker(trouble.store, trouble.web.vault, 2, Exchange.BINANCE, Venue.PAPER, "Paper", keys)
    return str(made.number)


@pytest.mark.parametrize(
    ("figure", "cause", "more"),
    [("deaf", Cause.STREAM_DEAF, {}), ("blind", Cause.PRICES_OLD, {"symbol": "BTC/USDT"})],
)
def test_what_a_lane_does_not_hear_or_see_is_told_to_its_owner_until_it_does(
    trouble, seen, broker, figure, cause, more
):
    """One alert is raised however long the fault lasts. A new fault is another alert."""
    wrong = {"broker": broker, **more}
    for _ in range(2):
        seen.look("gateway", **{figure: [wrong]})
        met(trouble, seen)
    assert trouble.raised() == [(2, cause)]
    assert trouble.events(RAISED)[0].facts == wrong
    assert ended(trouble) == []
    seen.look("gateway", **{figure: []})
    assert ended(trouble) == [(2, cause)]
    seen.look("gateway", **{figure: [wrong]})
    assert trouble.raised() == [(2, cause)] * 2


def test_one_that_is_well_again_ends_and_the_other_does_not(trouble, seen, broker):
    """Two symbols of one broker have old prices, and one of them recovers."""
    wrong = [{"broker": broker, "symbol": symbol} for symbol in ("BTC/USDT", "ETH/USDT")]
    seen.look("gateway", blind=wrong)
    met(trouble, seen)
    seen.look("gateway", blind=wrong[1:])
    assert len(trouble.raised()) == 2
    [over] = trouble.events("Alert.Ended")
    assert trouble.store.get(Alert, over.originator_id).facts["symbol"] == "BTC/USDT"


def test_a_terminal_that_is_up_again_ends_what_was_told(trouble, seen):
    """The alert ends for every user."""
    seen.look()
    seen.bus.leave("engine")
    seen.look(name="gateway")
    seen.look(name="gateway")
    met(trouble, seen)
    assert ended(trouble) == []
    seen.look()
    assert ended(trouble) == everybody(Cause.TERMINAL_DOWN)


def test_a_nearly_full_disk_is_told_and_so_is_its_end(trouble, seen, monkeypatch):
    """Once there is too little space, nothing can be recorded any more: it is told before."""
    for free in (watch.LEAST_FREE - 1, 0, watch.LEAST_FREE):
        monkeypatch.setattr(watch.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        seen.look()
    assert trouble.raised() == everybody(Cause.DISK_LOW)
    assert {event.facts["free"] for event in trouble.events(RAISED)} == {"1023"}
    assert len(trouble.events("Alert.Ended")) == 2


def test_an_old_backup_is_told_until_there_is_a_new_one(trouble, seen):
    """A platform without any is not told: its first backup is made within minutes, or its failure is told."""
    for age in (None, 3600.0, watch.OLDEST_BACKUP + 1, watch.OLDEST_BACKUP + 9000, 5.0):
        seen.look("backup", age=age)
    assert trouble.raised() == everybody(Cause.BACKUP_OLD)
    assert {event.facts["hours"] for event in trouble.events(RAISED)} == {"26"}
    assert len(trouble.events("Alert.Ended")) == 2


def test_work_that_stands_still_is_told_until_it_goes_on(trouble, seen):
    """The terminal shows signs of life all the time."""
    for still in (1.0, 50.0, 60.0, 0.2):
        seen.look("gateway", still=still)
    assert trouble.raised() == everybody(Cause.TERMINAL_STILL)
    assert {(event.facts["terminal"], event.facts["seconds"]) for event in trouble.events(RAISED)} == {
        ("gateway", "50")
    }
    assert len(trouble.events("Alert.Ended")) == 2


def test_who_holds_the_log_is_cried_out_at_once_and_recorded_later(trouble, seen, monkeypatch):
    """Nothing can be recorded meanwhile, so the channels hear it without the log."""
    herald = Herald(trouble.house, Log(), seen.opened, Pulse())
    monkeypatch.setattr(seen.lookout, "_cry", herald.cry_that_log_is_locked)
    clock = Clock(0.0)
    monkeypatch.setattr(seen.lookout._standstill._lock, "_clock", clock)
    with trouble.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('log.events'))")
        seen.lookout.look()
        assert seen.lookout.holder is None
        clock.now += 11
        seen.lookout.look()
        seen.lookout.look()
        assert seen.lookout.holder == f"aristobot_owner (pid {other.info.backend_pid})"
        with pytest.raises(AWAY):
            seen.watch.look()
        herald.close()
        for channel in (trouble.one, trouble.other):
            [(_, body)] = channel.heard
            assert seen.lookout.holder in body
        other.execute("SELECT pg_advisory_unlock_all()")
    holder = seen.lookout.holder
    seen.lookout.look()
    seen.watch.look()
    assert seen.lookout.holder is None
    assert trouble.raised() == everybody(Cause.LOG_LOCKED)
    assert {event.facts["holder"] for event in trouble.events(RAISED)} == {holder}

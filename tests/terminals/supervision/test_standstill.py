"""Work that stands still is found although signs of life come, and whoever holds the append lock is named."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import psycopg
import pytest

from adapters.bus import Bus
from adapters.log.lock import AppendLock
from aristobot.supervision.liveness import Pulse
from aristobot.supervision.standstill import LOCKED_SECONDS, RECOVERY_SECONDS, STILL_SECONDS, Standstill
from tests.support.clock import Clock

LOCK = "SELECT pg_advisory_lock(hashtext('log.events'))"


@pytest.fixture
def house(database, valkey):
    """Return a bus with nothing on it, a store as a terminal has it, and a clock that the test moves."""
    bus, clock = Bus(valkey.url), Clock(1000.0)
    bus._client.flushall()
    store = database.store("aristobot_writer")
    return SimpleNamespace(
        database=database, bus=bus, store=store, clock=clock, standstill=Standstill(bus, store, clock)
    )


def look(house, seconds=0.0):
    house.clock.now += seconds
    return house.standstill.look()[0].keys()


def test_work_that_has_not_gone_on_is_found(house):
    """The beat is sent by a thread of its own, and tells for how long the work has stood still."""
    clock = Clock(0.0)
    pulse = Pulse(clock)
    clock.now = STILL_SECONDS
    house.bus.beat("web", {"still": pulse.still})
    house.bus.beat("receiver", {"still": STILL_SECONDS - 1})
    assert look(house) == {"web"}
    pulse.turn()
    house.bus.beat("web", {"still": pulse.still})
    assert look(house) == set()


def test_a_follower_that_an_event_waits_for_is_found(house):
    """Its loop goes round, but its position does not move, and the next event has been there for a while."""
    house.database.filled(house.database.store())
    with house.database.tampering() as tampered:
        tampered.execute("UPDATE log.events SET recorded_at = recorded_at - interval '1 hour'")
    for name, position in (("engine", 3), ("gateway", 5)):
        house.bus.beat(name, {"still": 0.1, "position": position})
    assert look(house) == look(house, STILL_SECONDS - 1) == set()
    assert look(house, 1) == {"engine"}
    house.bus.beat("engine", {"still": 0.1, "position": 4})
    assert look(house) == look(house, 1) == set()


def test_an_event_that_came_a_moment_ago_is_no_standstill(house):
    """A quiet log is the usual case: the position has stood for hours."""
    house.bus.beat("projector", {"position": 0})
    assert look(house) == look(house, 3600) == set()
    house.database.filled(house.database.store())
    assert look(house) == set()


def test_nobody_is_to_blame_while_somebody_holds_the_log(house):
    """Followers cannot record anything. The holder is named by role, application and process."""
    house.bus.beat("engine", {"still": STILL_SECONDS + 5})
    with house.database.connect() as other:
        other.execute("SET application_name = 'a shell'")
        other.execute(LOCK)
        assert look(house) == {"engine"}
        assert look(house, LOCKED_SECONDS) == set()
        _, holder = house.standstill.look()
        assert holder.name == f"aristobot_owner a shell (pid {other.info.backend_pid})"
        assert holder.seconds == LOCKED_SECONDS
        other.execute("SELECT pg_advisory_unlock_all()")
    assert house.standstill.look()[1] is None
    assert look(house) == look(house, RECOVERY_SECONDS - 1) == set()
    assert look(house, 1) == {"engine"}


def test_nobody_is_to_blame_for_an_outage_of_the_database(house, monkeypatch):
    """A look that had to wait says nothing, and what it sees is old. Everybody has some time to go on."""
    house.bus.beat("engine", {"still": 80.0, "position": 0})
    assert look(house) == {"engine"}
    holder = house.standstill._lock.holder

    def away():
        raise psycopg.OperationalError("it is away")

    def slow():
        house.clock.now += 80
        return holder()

    for trouble in (away, slow):
        monkeypatch.setattr(house.standstill._lock, "holder", trouble)
        with suppress(psycopg.OperationalError):
            assert look(house) == set()
        monkeypatch.setattr(house.standstill._lock, "holder", holder)
        assert look(house) == look(house, RECOVERY_SECONDS - 1) == set()
        assert look(house, 1) == {"engine"}


def test_many_short_holders_are_no_long_one(house):
    """One connection appends again and again. Each time is a transaction of its own."""
    clock = Clock(0.0)
    lock = AppendLock(house.store.pool, clock)
    with house.database.connect() as other:
        for _ in range(3):
            with other.transaction():
                other.execute("SELECT pg_advisory_xact_lock(hashtext('log.events'))")
                clock.now += 100
                assert lock.holder().seconds == 0
        other.execute("SELECT pg_advisory_lock(42)")
        assert lock.holder() is None


def test_a_terminals_session_is_bounded_and_an_idle_one_is_not(database):
    """Whoever connects as a terminal, by whatever means, cannot work, wait or hold a transaction open for long."""
    for role in ("aristobot_writer", "aristobot_web", "aristobot_projector"):
        with database.connect(role) as session:
            shown = {name: session.execute(f"SHOW {name}").fetchone()[0] for name in (
                "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout",
            )}  # fmt: skip
        assert shown == {
            "statement_timeout": "30s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s",
            "idle_session_timeout": "0",
        }  # fmt: skip

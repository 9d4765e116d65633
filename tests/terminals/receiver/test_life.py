"""The door notes when it could be reached, on its own disk first, and how far it has come."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from adapters.tables.door import DoorTable
from aristobot.supervision.liveness import Pulse
from aristobot.terminals.receiver import life
from aristobot.terminals.receiver.life import Life
from tests.conftest import NOW
from tests.support.log import Log


class Noting:
    """A door whose clock, reach and database the test turns."""

    def __init__(self, database, path):
        self.path, self.table = path, DoorTable(database.store().pool)
        self.now, self.reached, self.held, self.losses, self.away = NOW, True, False, [], False
        self.life = self.started()

    def started(self):
        return Life(
            self.path,
            self,
            is_reached=lambda: self.reached,
            taken_until=lambda now: None if self.held else now - timedelta(seconds=1),
            lost=self.lost,
            clock=lambda: self.now,
            log=Log(),
        )

    def lost(self):
        losses, self.losses = self.losses, []
        return losses

    def note(self, note):
        """Pass a note on to the table, unless the database is away."""
        if self.away:
            raise psycopg.OperationalError("away")
        self.table.note(note)

    def go_on(self, seconds, step=1):
        """Let this many seconds pass, with a note after each `step` seconds."""
        for _ in range(0, seconds, step):
            self.now += timedelta(seconds=step)
            self.life.note()
            with suppress(psycopg.OperationalError):
                self.life.tell()

    def silences(self):
        """Return the silences in the table, in seconds since the beginning."""
        found = self.table.silences(NOW - timedelta(days=1))
        return [tuple(round((end - NOW).total_seconds()) for end in silence) for silence in found]

    def until(self):
        return round((self.table.taken().until - NOW).total_seconds())


@pytest.fixture
def door(database, tmp_path):
    return Noting(database, tmp_path / "door.json")


def test_a_door_that_is_reached_has_no_silences(door):
    door.go_on(30)
    door.go_on(10, step=5)
    assert (door.silences(), door.until()) == ([], 39)


def test_a_frozen_door_was_silent_once_it_goes_on(door):
    door.go_on(10)
    door.reached = False
    door.go_on(20)
    assert door.until() == 10
    door.reached = True
    door.go_on(1)
    assert (door.silences(), door.until()) == ([(10, 31)], 30)


def test_between_two_processes_nobody_is_reached_however_short_it_is(door):
    door.go_on(10)
    door.life = door.started()
    door.now += timedelta(seconds=2)
    door.go_on(1)
    assert door.silences() == [(10, 13)]


def test_while_the_database_is_away_the_disk_has_the_notes(door):
    """The door was reached all the time but for its own restart, and says so when the database is back."""
    door.go_on(10)
    door.away = True
    door.go_on(60)
    door.now += timedelta(seconds=8)
    door.life = door.started()
    door.go_on(60)
    assert (door.silences(), door.until()) == ([], 9)
    door.life = door.started()
    door.away = False
    door.go_on(1)
    assert door.silences() == [(70, 79), (138, 139)]
    assert door.until() == 138


def test_what_waits_on_disk_is_not_in_the_log(door):
    door.go_on(10)
    door.held = True
    door.go_on(60)
    assert (door.silences(), door.until()) == ([], 9)
    door.held = False
    door.go_on(1)
    assert door.until() == 70


def test_a_delivery_that_was_kept_nowhere_is_a_silence(door):
    door.go_on(10)
    door.losses = [NOW + timedelta(seconds=7)]
    door.go_on(2)
    assert door.silences() == [(5, 9)]


@pytest.mark.parametrize("torn", [None, "", '{"noted_at": 3}', "[]", "7"])
def test_without_readable_notes_the_door_was_silent_since_the_table_last_heard(door, torn):
    door.go_on(10)
    door.path.unlink() if torn is None else door.path.write_text(torn)
    door.now += timedelta(seconds=100)
    door.life = door.started()
    door.away = True
    door.go_on(5)
    door.away = False
    door.go_on(1)
    assert door.silences() == [(9, 111)]


def test_the_first_start_of_all_is_no_silence(door):
    assert door.table.taken() is None
    door.go_on(1)
    assert (door.silences(), door.until()) == ([], 0)


def test_a_clock_that_is_set_back_tells_nothing_of_the_time_in_between(door):
    """The row follows the door's clock, so that the judge does not overtake what waits on disk."""
    door.go_on(10)
    door.now -= timedelta(seconds=100)
    door.go_on(1)
    assert (door.silences(), door.until()) == ([(-89, 10)], -90)
    door.now -= timedelta(seconds=50)
    door.life = door.started()
    door.go_on(1)
    assert (door.silences(), door.until()) == ([(-138, -89), (-89, 10)], -139)


def test_a_database_that_was_set_back_has_lost_what_came_since(door, database):
    """A restored backup, or a server that lagged behind: alerts were received of which the log knows nothing."""
    door.go_on(10)
    with database.connect() as owner:
        earlier = owner.execute("SELECT taken_until FROM service.door").fetchone()
    door.go_on(100)
    with database.connect() as owner:
        owner.execute("UPDATE service.door SET taken_until = %s", earlier)
    door.life = door.started()
    door.go_on(1)
    assert door.silences() == [(9, 111), (110, 111)]


def test_the_same_silence_twice_is_one(door):
    silence = (NOW, NOW + timedelta(seconds=5))
    door.table.note(life.Note(NOW, NOW, [silence, (NOW, NOW + timedelta(seconds=9))]))
    assert door.silences() == [(0, 9)]


def test_a_database_that_hangs_keeps_no_note_from_the_disk(door, eventually, monkeypatch):
    """The door is there all the while, and what the database has missed is told when it answers. Errors end nothing."""
    monkeypatch.setattr(life, "EVERY_SECONDS", 0.001)
    asked, answers, stopping, real = threading.Event(), threading.Event(), threading.Event(), door.table.note
    broken = iter([psycopg.errors.ReadOnlySqlTransaction(), ValueError()])

    def hang(note):
        asked.set()
        if (error := next(broken, None)) is not None:
            raise error
        answers.wait(30)
        real(note)

    def tick():
        door.now += timedelta(seconds=1)
        return True

    door.life._is_reached = tick
    monkeypatch.setattr(door, "note", hang)
    door.life.keep(stopping, Pulse(), Pulse())
    assert asked.wait(30)
    eventually(lambda: door.now > NOW + timedelta(seconds=60))
    assert door.table.taken() is None
    answers.set()
    eventually(lambda: (taken := door.table.taken()) and taken.until > NOW + timedelta(seconds=50))
    stopping.set()
    assert door.silences() == []

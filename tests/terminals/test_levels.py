"""A protection that has been on its way for too long raises an alert, even when no gateway lives."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from aristobot.terminals.alerts.levels import TOO_OLD, AgeingLevels
from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.trading.position import Position
from tests.conftest import NOW
from tests.support.log import Log

STOP, MOVED = Protection(Decimal(90)), Protection(Decimal(95))


class Told:
    """A position in the log, and a check of its age at times of the test's choosing."""

    def __init__(self, store):
        self.store, self.now, self.position = store, 0.0, Position(1, 1, "BTC/USDT", "webhook")
        self.levels = AgeingLevels(store, Log(), lambda: self.now)
        self.say(lambda p: p.grow(Execution(uuid4(), "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW)))

    def say(self, verb):
        with carrying(user="1"):
            verb(self.position)
            self.store.save(self.position)

    def want(self, protection):
        self.say(lambda p: p.want(protection, HUNDRED_PERCENT, uuid4(), awaited=()))

    def rest(self):
        self.say(lambda p: p.rest([uuid4()], Decimal(1)))

    def look(self, after):
        """Check now and again after this many seconds, and return the reasons of all alerts raised so far."""
        self.levels.look()
        self.now += after
        self.levels.look()
        return [recorded.event.facts["reason"] for recorded in self.store.read(0, topics=["Alert.Raised"])]


@pytest.fixture
def told(database):
    with carrying(user="1"):
        return Told(database.store())


def test_a_stop_that_was_never_sent_is_told_once(told):
    told.want(STOP)
    assert told.look(TOO_OLD - 1) == []
    assert told.look(2) == ["level_awaited"]
    assert told.look(TOO_OLD) == ["level_awaited"]


def test_a_move_that_nobody_carries_out_is_told(told):
    told.want(STOP)
    told.rest()
    told.want(MOVED)
    assert told.look(TOO_OLD) == ["level_old_level"]


def test_what_rests_in_time_is_not_told(told):
    told.want(STOP)
    assert told.look(TOO_OLD - 1) == []
    told.rest()
    assert told.look(TOO_OLD) == []


def test_each_request_has_an_age_of_its_own(told):
    told.want(STOP)
    told.look(TOO_OLD - 1)
    told.want(MOVED)
    assert told.look(TOO_OLD - 1) == []

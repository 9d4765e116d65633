"""Faults that come and go in quick succession raise one alert or none, so that no user is woken at each change."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest

from adapters.bus import Bus
from aristobot.supervision.standstill import Lookout, Standstill
from aristobot.terminals.alerts import watch
from aristobot.terminals.alerts.levels import TOO_OLD, AgeingLevels
from aristobot.terminals.alerts.open_alerts import OpenAlerts
from aristobot.terminals.alerts.watch import Watch
from domain.aggregate import carrying
from domain.alert import Cause
from domain.orders.execution import Execution
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.trading.position import Position
from tests.conftest import NOW
from tests.support.log import Log

STOP = Protection(Decimal(90))
TIMES = 4


class Held:
    """Ten coins of user 1 in the log. The engine judges each change of the position at once."""

    def __init__(self, trouble):
        self._trouble = trouble
        self.position = Position(1, 1, "BTC/USDT", "webhook")
        self.buy()

    def say(self, verb):
        with carrying(user="1"):
            verb(self.position)
            self._trouble.store.save(self.position)
        self._trouble.judge()

    def buy(self):
        self.say(lambda p: p.grow(Execution(uuid4(), "t1", Decimal(10), Decimal(100), Decimal(0), None, NOW)))

    def rest(self):
        self.say(lambda p: p.rest([uuid4()], p.covered))


def test_a_part_whose_stop_comes_and_goes_is_told_once(trouble):
    """The stop covers the share that was asked for. It is taken off for sales and put back, but one alert is enough."""
    held = Held(trouble)
    held.say(lambda p: p.want(STOP, Decimal(50), uuid4(), awaited=()))
    for _ in range(TIMES):
        held.rest()
        held.say(lambda p: p.lose_protection("in_exit"))
    held.rest()
    trouble.send()
    assert [cause for _, cause in trouble.raised()] == [Cause.PARTLY_COVERED]
    assert len(trouble.one.heard) == 1


@pytest.mark.parametrize(
    "leaves",
    [lambda held: held.buy(), lambda held: held.say(lambda p: p.take_off([], Decimal(0)))],
    ids=["grows", "is taken off"],
)
def test_a_level_that_leaves_and_comes_back_does_not_grow_old(trouble, leaves):
    """Each interruption is mended in time, although together they last longer than `TOO_OLD`."""
    held, now = Held(trouble), [0.0]
    levels = AgeingLevels(trouble.store, Log(), lambda: now[0])
    held.say(lambda p: p.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=()))
    held.rest()
    for _ in range(TIMES):
        leaves(held)
        levels.look()
        now[0] += TOO_OLD - 1
        levels.look()
        held.rest()
        now[0] += 1
        levels.look()
    assert trouble.raised() == []


def test_what_grows_again_before_anybody_has_looked_does_not_grow_old(trouble):
    """Every buy is covered in time, but the next buy has followed by the time of each look."""
    held, now = Held(trouble), [0.0]
    levels = AgeingLevels(trouble.store, Log(), lambda: now[0])
    held.say(lambda p: p.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=()))
    held.rest()
    for _ in range(TIMES):
        held.buy()
        levels.look()
        now[0] += TOO_OLD - 1
        held.rest()
    assert trouble.raised() == []


def test_growth_that_nobody_covers_is_told_by_its_age(trouble):
    """The alert needs no living gateway. It ends once the whole position is under the stop."""
    held, now = Held(trouble), [0.0]
    levels = AgeingLevels(trouble.store, Log(), lambda: now[0])
    held.say(lambda p: p.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=()))
    held.rest()
    held.buy()
    levels.look()
    now[0] += TOO_OLD
    levels.look()
    levels.look()
    [raised] = trouble.events("Alert.Raised")
    assert raised.facts["reason"] == "level_partly_covered"
    opened = OpenAlerts(trouble.store, Log())
    opened.end_what_is_over()
    assert trouble.events("Alert.Ended") == []
    held.rest()
    opened.end_what_is_over()
    assert len(trouble.events("Alert.Ended")) == 1


def test_a_terminal_that_is_gone_for_moments_only_is_not_told(trouble, monkeypatch):
    """Its sign of life is missing again and again, but each time for less than `DOWN_SECONDS`."""
    now, bus = [1000.0], Bus(trouble.house.settings.redis_url)
    monkeypatch.setattr(watch, "time", SimpleNamespace(time=lambda: now[0], monotonic=time.monotonic))
    looking = Watch(
        trouble.house, Log(), OpenAlerts(trouble.store, Log()), Lookout(Standstill(bus, trouble.store), Log())
    )
    for _ in range(TIMES):
        bus.beat("alerts", {"pid": os.getpid()})
        bus.beat("engine", {"pid": 1})
        looking.look()
        bus.leave("engine")
        looking.look()
        now[0] += watch.DOWN_SECONDS - 1
        looking.look()
    assert trouble.raised() == []

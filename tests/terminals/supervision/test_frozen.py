"""Terminals whose process lives but gives no sign of life any more are found, and no others."""

from __future__ import annotations

import time

import pytest
import redis

from adapters.bus import LIVENESS, Bus
from aristobot.supervision.frozen import BETWEEN_LOOKS, Frozen
from aristobot.terminals import WATCHED


@pytest.fixture
def looks(valkey):
    """Return `look`, `beat` and a client of the bus.

    `look()` returns the frozen terminals some seconds after the look before; `beat(name, age)` leaves a sign of life
    that is `age` seconds old.
    """
    client, now = redis.Redis.from_url(valkey.url), [0.0]
    client.flushall()
    frozen = Frozen(Bus(valkey.url), lambda: now[0])

    def look(seconds=BETWEEN_LOOKS):
        now[0] += seconds
        return frozen.names()

    def beat(name, age):
        client.set(f"{LIVENESS}{name}", time.time() - age)

    return look, beat, client


def test_who_is_silent_for_a_minute_at_two_looks_is_frozen(looks):
    look, beat, _ = looks
    beat("gateway", 61)
    beat("engine", 59 - BETWEEN_LOOKS)
    assert look() == set()
    assert look(1) == set()
    assert look() == {"gateway"}


def test_who_gives_a_sign_again_is_not(looks):
    """All terminals do so shortly after the machine has woken up."""
    look, beat, _ = looks
    for name in ("gateway", "engine"):
        beat(name, 3600)
    assert look() == set()
    for name in WATCHED:
        beat(name, 0)
    assert look() == look() == set()


def test_who_left_no_sign_at_all_is_silent_while_others_show_theirs(looks):
    """Its last sign has expired, or lay in the future of a clock that was set back."""
    look, beat, client = looks
    for name in WATCHED:
        beat(name, 0)
    client.delete(f"{LIVENESS}engine")
    assert look() == set()
    assert look() == {"engine"}


def test_without_any_sign_nothing_is_known(looks):
    """An empty bus, or one that is away, ends no terminal."""
    look, beat, client = looks
    beat("gateway", 100)
    look()
    client.flushall()
    assert look() == look() == set()

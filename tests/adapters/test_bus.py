"""Announcements on the bus reach their listeners; losing one stops no terminal."""

from __future__ import annotations

import queue
import threading

from adapters.bus import Bus


def test_an_announcement_wakes_whoever_listens(valkey, eventually):
    """Log positions arrive as announced, once the subscription is in place."""
    bus, heard = Bus(valkey.url), queue.Queue()

    def listen():
        for position in Bus(valkey.url).announcements():
            heard.put(position)

    threading.Thread(target=listen, daemon=True).start()

    def first():
        bus.announce(4711)
        return not heard.empty()

    eventually(first)
    bus.announce(4712)
    eventually(lambda: 4712 in heard.queue)
    assert set(heard.queue) == {4711, 4712}


def test_a_bus_that_is_away_is_no_failure(valkey):
    """Signs of life and announcements are dropped without an error, and every terminal counts as down."""
    away = Bus("redis://127.0.0.1:1/0")
    away.beat("engine", {"position": 1})
    away.announce(1)
    assert [t["state"] for t in away.terminals(("engine", "web"))] == ["down", "down"]


def test_a_beat_tells_the_age_and_the_figures(valkey):
    """A terminal that has never given a sign of life is down."""
    bus = Bus(valkey.url)
    bus.beat("engine", {"position": 7})
    engine, other = bus.terminals(("engine", "nobody"))
    assert (engine["state"], engine["figures"], other["state"]) == ("up", {"position": 7}, "down")
    assert 0 <= engine["age"] < 30

"""New orders are counted in the exchange's own windows, and the exchange's number always wins."""

from __future__ import annotations

import pytest

from adapters.exchanges.counts import CLOCKS_DIFFER, OrderCounts

LIMITS = {10: 5, 86_400: 100}


class Clock:
    """A clock that a test turns."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counts(clock):
    return OrderCounts(LIMITS, clock)


def test_the_window_that_leaves_the_least_tells_the_room(counts):
    """Of ten seconds or of the day."""
    counts.spend(3)
    assert (counts.room.left, counts.room.most) == (2, 5)
    counts.told(86_400, 99, counts.now)
    assert (counts.room.left, counts.room.most) == (1, 100)


def test_a_count_of_the_exchange_replaces_ours_and_lasts_as_long_as_its_window(counts, clock):
    """Another program uses the account too; a moment after the end of a full window nobody is sure of the clocks."""
    counts.spend(1)
    counts.told(10, 5, counts.now)
    assert counts.room.left == 0
    clock.now += 10
    assert counts.room.left == 0
    clock.now += CLOCKS_DIFFER
    assert counts.room.left == 5


def test_counts_that_are_given_back_are_used(counts):
    """A fill gives some back, as the next answer tells."""
    counts.told(10, 5, counts.now)
    counts.told(10, 2, counts.now)
    assert counts.room.left == 3


def test_an_answer_from_a_window_that_is_gone_says_nothing_of_the_next(counts, clock):
    """It was asked in the old one."""
    asked_at, clock.now = counts.now + 9, counts.now + 10
    counts.told(10, 5, asked_at)
    assert counts.room.left == 5


def test_what_the_exchange_wants_to_wait_for_is_waited_for(counts, clock):
    """Whatever the counts say."""
    counts.close_until(clock.now + 3)
    assert (counts.room.left, counts.room.seconds) == (0, 3)
    clock.now += 3
    assert counts.room.left == 5

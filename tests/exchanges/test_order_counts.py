"""New orders are counted in the exchange's own windows, and the exchange's count always replaces ours."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from adapters.exchanges.binance.entry import OrderEntry
from adapters.exchanges.binance.native import NativeAnswer
from adapters.exchanges.counts import CLOCKS_DIFFER, OrderCounts
from application.ports.errors import NoAnswer, RefusedByExchange
from application.ports.statements import Credentials
from tests.support.clock import Clock

LIMITS = {10: 5, 86_400: 100}
REFUSED = {"status": 400, "error": {"code": -2010, "msg": "Account has insufficient balance for requested action."}}
UNCLEAR = {"status": 300}
TOLD = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 5, "count": 2}


@pytest.fixture
def clock():
    return Clock(1_000_000.0)


@pytest.fixture
def counts(clock):
    return OrderCounts(LIMITS, clock)


def test_the_window_that_leaves_the_least_tells_the_room(counts):
    """The windows are ten seconds and one day."""
    counts.spend(3)
    assert (counts.room.left, counts.room.most) == (2, 5)
    counts.told(86_400, 99, counts.now)
    assert (counts.room.left, counts.room.most) == (1, 100)


def test_a_count_of_the_exchange_replaces_ours_and_lasts_as_long_as_its_window(counts, clock):
    """Another program uses the account too.

    A full window stays closed for a moment after its end, because the clocks may differ.
    """
    counts.spend(1)
    counts.told(10, 5, counts.now)
    assert counts.room.left == 0
    clock.now += 10
    assert counts.room.left == 0
    clock.now += CLOCKS_DIFFER
    assert counts.room.left == 5


def test_counts_that_are_given_back_are_used(counts):
    """A fill gives counts back, and the next answer reports the lower count."""
    counts.told(10, 5, counts.now)
    counts.told(10, 2, counts.now)
    assert counts.room.left == 3


def test_an_answer_from_a_window_that_is_gone_says_nothing_of_the_next(counts, clock):
    """The request was sent in the previous window, so its count is ignored."""
    asked_at, clock.now = counts.now + 9, counts.now + 10
    counts.told(10, 5, asked_at)
    assert counts.room.left == 5


def test_what_the_exchange_wants_to_wait_for_is_waited_for(counts, clock):
    """A demanded wait closes the room, whatever the counts are."""
    counts.close_until(clock.now + 3)
    assert (counts.room.left, counts.room.seconds) == (0, 3)
    clock.now += 3
    assert counts.room.left == 5


def test_what_is_given_back_in_the_next_window_makes_no_more_room_than_there_is(counts, clock):
    """The order was sent in the previous window and refused in this one."""
    counts.spend(1)
    clock.now += 10
    counts.spend(-1)
    assert counts.room.left == 5


@pytest.mark.parametrize(
    ("answer", "error", "left"),
    [
        ({**REFUSED, "rateLimits": [TOLD]}, RefusedByExchange, 3),
        (REFUSED, RefusedByExchange, 5),
        (UNCLEAR, NoAnswer, 4),
    ],
    ids=["refused, with a number", "refused, without a number", "in doubt"],
)
def test_a_refused_order_is_given_back_unless_the_exchange_has_told_its_number(counts, answer, error, left):
    """The exchange's own count does not include the refused order. An order in doubt counts."""
    pace = SimpleNamespace(told=lambda *_: None, close_for=lambda *_: None)
    entry = OrderEntry("", SimpleNamespace(pace=pace), 5000, lambda: 0)
    native = msgspec.json.decode(msgspec.json.encode({"id": 1, **answer}), type=NativeAnswer)

    async def answered(*_):
        return entry._meant(native, 1.0, counts, counts.now)

    entry._sent = answered
    with pytest.raises(error):
        asyncio.run(entry.send("order.place", {}, Credentials("key", "secret"), counts, 1))
    assert counts.room.left == left

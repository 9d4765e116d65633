"""The weight budget of a minute and the fuse, with clocks that the tests set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.exchanges.http import Fuse, Pace
from application.ports.errors import NotAccepted
from tests.support.clock import Clock


def pace_at(now: float, limit: int = 100, share: float = 0.8) -> tuple[Pace, Clock]:
    """Return a pace and its clock."""
    clock = Clock(now)
    return Pace(limit, share, clock), clock


def test_the_budget_ends_below_the_limit_and_is_new_every_minute():
    """80 of 100 may be spent. A request that must wait gets the seconds left of the minute."""
    pace, clock = pace_at(120.0)
    assert [pace.spend(20) for _ in range(4)] == [0, 0, 0, 0]
    clock.now = 165.0
    assert pace.spend(1) == 15
    assert pace.used == 80
    clock.now = 180.0
    assert pace.spend(80) == 0
    assert pace.spend(1) == 60


def test_the_exchange_counts_better_than_we_do():
    """Other programs may use the same address, so the exchange's count of this minute replaces ours.

    A new minute starts at zero.
    """
    pace, clock = pace_at(61.0)
    assert pace.spend(10) == 0
    pace.told(79, clock.now)
    pace.told(5, clock.now - 60)  # the answer to a request sent in the previous minute
    pace.told("many", clock.now)
    assert pace.spend(2) == 59
    assert pace.spend(1) == 0
    clock.now = 120.0
    assert pace.spend(80) == 0


def test_asked_for_silence_nothing_is_sent_before_its_end():
    """Retry-After holds beyond the end of the minute, and a shorter one does not cut a longer one short."""
    pace, clock = pace_at(50.0)
    pace.close_for(30)
    pace.close_for(5)
    assert pace.spend(1) == 30
    clock.now = 79.0
    assert pace.spend(1) == 1
    clock.now = 80.0
    assert pace.spend(1) == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30", 30),
        ("0.5", 0.5),
        ("Thu, 01 Jan 1970 00:01:30 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
        ("-5", 0),
        ("Thu, 01 Jan 1970 02:00:00 GMT", 3600),
        ("inf", 3600),
        ("nan", 3600),
        ("86400", 3600),
        ("soon", 60),
        ("", 60),
        ("Thu, 99 Jan 1970 00:01:30 GMT", 60),
    ],
)
def test_a_retry_after_is_a_number_of_seconds_or_a_date(said: str, seconds: float):
    """Anything else counts as one minute, and no value counts as more than an hour."""
    pace, _ = pace_at(50.0)
    pace.asked_for_silence(said)
    assert pace.spend(1) == seconds


def failures(fuse: Fuse, times: int) -> None:
    """Record this many failures in a row."""
    for _ in range(times):
        fuse.failed()


def is_open(fuse: Fuse) -> bool:
    """Return True when the fuse lets nothing through."""
    try:
        fuse.check()
    except NotAccepted:
        return True
    return False


def test_the_fuse_opens_after_failures_in_a_row_only():
    """Seven failures are too few, and an answer between failures restarts the count."""
    fuse = Fuse(Clock())
    failures(fuse, 7)
    fuse.worked()
    failures(fuse, 7)
    assert not is_open(fuse)
    failures(fuse, 1)
    assert is_open(fuse)


@pytest.mark.parametrize(
    ("then", "stays_closed"), [(Fuse.worked, True), (Fuse.failed, False)], ids=["it answers", "it is still away"]
)
def test_after_a_while_one_try_decides(then: Callable[[Fuse], None], stays_closed: bool):
    """Five seconds later a request is let through again. An answer closes the fuse; one more failure opens it."""
    clock = Clock()
    fuse = Fuse(clock)
    failures(fuse, 8)
    clock.now = 4.9
    assert is_open(fuse)
    clock.now = 5.0
    assert not is_open(fuse)
    then(fuse)
    assert is_open(fuse) is not stays_closed
    failures(fuse, 1)
    assert is_open(fuse) is not stays_closed


def test_what_nobody_waits_for_takes_a_small_share_and_leaves_room():
    """30 of 100 at most, and nothing once others have used half."""
    pace, clock = pace_at(120.0)
    assert [pace.spend_aside(15) for _ in range(3)] == [0, 0, 60]
    assert pace.spend(50) == 0
    clock.now = 180.0
    assert pace.spend(40) == 0
    assert pace.spend_aside(15) == 60
    assert pace.spend_aside(10) == 0
    pace.told(10, clock.now)
    assert [pace.spend_aside(20), pace.spend_aside(1)] == [0, 60]

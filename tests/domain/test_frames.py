"""Larger bars: sums of minutes, complete or waiting."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.candles.bar import Bar, Proof
from domain.candles.frames import Frames
from domain.candles.timeframes import MINUTE, TIMEFRAMES, closing

DAY = 1440 * MINUTE


def minute(number: int, proof: Proof = Proof.PROVED) -> Bar:
    """Return the bar of a minute whose prices rise with its number."""
    low, high = Decimal(number), Decimal(number + 2)
    return Bar(DAY + number * MINUTE, 1, low, high, low, high, Decimal(3), 2, 2 * number, 2 * number + 1, proof)


def spans(bars: list[Bar]) -> list[tuple[int, int]]:
    """Return the first minute and the length of each bar."""
    return [((bar.opened_at - DAY) // MINUTE, bar.minutes) for bar in bars]


def test_the_timeframes_that_close_count_from_1970():
    assert closing(DAY) == [*TIMEFRAMES]
    assert closing(DAY + 30 * MINUTE) == ["1m", "3m", "5m", "10m", "15m"]
    assert closing(DAY + 1 * MINUTE) == ["1m"]


def test_a_larger_bar_is_the_sum_of_its_minutes():
    frames = Frames()
    told = [bar for number in range(10) for bar in frames.add(minute(number))]
    assert spans(told) == [(0, 3), (0, 5), (3, 3), (6, 3), (5, 5), (0, 10)]
    ten = told[-1]
    assert (ten.open, ten.high, ten.low, ten.close) == (0, 11, 0, 11)
    assert (ten.volume, ten.trades, ten.first_id, ten.last_id, ten.proof) == (30, 20, 0, 19, Proof.PROVED)


def test_a_larger_bar_is_as_well_proved_as_its_weakest_minute():
    frames = Frames()
    proofs = [Proof.CONFIRMED, Proof.TIMED, Proof.PROVED]
    told = [bar for number, proof in enumerate(proofs) for bar in frames.add(minute(number, proof))]
    assert [bar.proof for bar in told] == [Proof.TIMED]


def test_a_missing_minute_holds_up_its_larger_bars_and_no_others():
    frames = Frames()
    told = []
    for number in range(10):
        if number == 4:
            frames.end(DAY + 5 * MINUTE)
        else:
            told += frames.add(minute(number))
    assert spans(told) == [(0, 3), (6, 3), (5, 5)]
    assert frames.missing == [DAY + 4 * MINUTE]
    assert spans(frames.add(minute(4))) == [(0, 5), (3, 3), (0, 10)]


def test_minutes_that_are_filled_behind_a_newer_one_complete_their_bars_once():
    """Nobody has noted the larger bars of the gap."""
    frames, told = Frames(), []
    for number in [0, 15, *range(1, 15)]:
        told += frames.add(minute(number))
    assert sorted(spans(told)) == sorted(
        [*((n, 3) for n in range(0, 15, 3)), *((n, 5) for n in range(0, 15, 5)), (0, 10), (0, 15)]
    )


def test_a_corrected_minute_corrects_the_larger_bars_that_have_ended():
    frames = Frames()
    for number in range(7):
        frames.add(minute(number))
    higher = Bar(DAY + 4 * MINUTE, 1, *map(Decimal, (4, 99, 4, 6, 3)), 2, 8, 9, Proof.CORRECTED)
    assert [(*span, bar.high) for bar in frames.correct(higher) for span in spans([bar])] == [(3, 3, 99), (0, 5, 99)]


@given(st.permutations(range(60)))
def test_every_larger_bar_is_told_once_in_whatever_order_its_minutes_come(order):
    frames, told = Frames(), []
    frames.remember([])
    for number in range(60):
        frames.end(DAY + (number + 1) * MINUTE)
    for number in order:
        told += frames.add(minute(number))
    assert sorted(spans(told)) == sorted(
        (first, length) for length in TIMEFRAMES.values() if length > 1 for first in range(0, 61 - length, length)
    )

"""Bars of one minute: what closes them, what is doubted, and what ends a doubt."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.candles.bar import Bar, MarketTrade, Proof
from domain.candles.minutes import REMEMBERED, Closed, Corrected, Doubted, Minutes, Reason, Settled
from domain.candles.timeframes import MINUTE

START = 20 * MINUTE


def trade(number: int, minute: float, price: int = 100) -> MarketTrade:
    """Return a trade of one coin, so many minutes after the start."""
    return MarketTrade(number, Decimal(price), Decimal(1), int(START + minute * MINUTE))


def candle(minute: int, *prices: int, volume: int, ids: tuple[int, int] | None) -> Bar:
    """Return the exchange's own candle: open, high, low, close."""
    first, last = ids or (None, None)
    prices_there = (Decimal(price) for price in prices)
    return Bar(START + minute * MINUTE, 1, *prices_there, Decimal(volume), volume, first, last, Proof.CONFIRMED)


def said(outcomes: list) -> list:
    """Return outcomes as (minute, what became of it)."""
    words = []
    for one in outcomes:
        if isinstance(one, Doubted):
            words.append(((one.opened_at - START) // MINUTE, one.reason))
        else:
            bar = one.after if isinstance(one, Corrected) else one.bar
            words.append(((bar.opened_at - START) // MINUTE, bar.proof))
    return words


@pytest.fixture
def minutes() -> Minutes:
    """Return minutes of which the first was heard in part, and the second begun with trade 2."""
    made = Minutes()
    assert said([*made.hear(trade(1, 0.5)), *made.hear(trade(2, 1.1))]) == [(0, Reason.PARTIAL)]
    return made


def test_the_first_trade_of_the_next_minute_proves_a_bar(minutes):
    minutes.hear(trade(3, 1.5, 104))
    minutes.hear(trade(4, 1.6, 98))
    [closed] = minutes.hear(trade(5, 2.0, 99))
    assert closed == Closed(Bar(START + MINUTE, 1, *map(Decimal, (100, 104, 98, 98, 3)), 3, 2, 4, Proof.PROVED))


def test_the_clock_closes_a_bar_and_the_next_trade_proves_it(minutes):
    assert minutes.close(START + 2 * MINUTE - 1) == []
    assert said(minutes.close(START + 2 * MINUTE)) == [(1, Proof.TIMED)]
    assert minutes.close(START + 2 * MINUTE) == []
    [settled] = minutes.hear(trade(3, 2.3))
    assert (type(settled), said([settled])) == (Settled, [(1, Proof.PROVED)])


def test_a_trade_that_comes_after_the_clock_corrects(minutes):
    """It belongs to the minute that the clock has closed; its id shows that nothing else is missing."""
    minutes.close(START + 2 * MINUTE)
    [corrected] = minutes.hear(trade(3, 1.99, 120))
    assert isinstance(corrected, Corrected)
    assert (corrected.before.high, corrected.after.high, corrected.after.trades) == (100, 120, 2)
    assert said(minutes.hear(trade(4, 2.5))) == [(1, Proof.PROVED)]


def test_a_bar_told_by_the_clock_before_a_hole_is_proved_by_nothing_but_the_exchange(minutes):
    """Trade 3 is missing. It may belong to the minute that the clock had closed, so later ids prove nothing of it."""
    minutes.close(START + 2 * MINUTE)
    heard = [outcome for number, at in ((4, 2.2), (5, 3.1), (6, 4.1)) for outcome in minutes.hear(trade(number, at))]
    assert said(heard) == [(2, Reason.HOLE), (3, Proof.PROVED)]
    assert said(minutes.witness(candle(1, 100, 100, 100, 100, volume=1, ids=(2, 2)))) == [(1, Proof.CONFIRMED)]
    assert said(minutes.witness(candle(2, 100, 150, 100, 100, volume=2, ids=(3, 4)))) == [(2, Proof.CONFIRMED)]
    assert minutes.doubts == {START: Reason.PARTIAL}


def test_a_hole_leaves_both_of_its_minutes_in_doubt(minutes):
    heard = [outcome for number, at in ((4, 2.2), (5, 3.1)) for outcome in minutes.hear(trade(number, at))]
    assert said(heard) == [(1, Reason.HOLE), (2, Reason.HOLE)]


@pytest.mark.parametrize("by", ["trade", "candle"])
def test_a_quiet_minute_waits_for_a_proof(minutes, by):
    """It stands at the close before it: the next trade has the next id, or the exchange's candle has no trade."""
    minutes.close(START + 2 * MINUTE)
    assert said(minutes.close(START + 3 * MINUTE)) == [(2, Reason.QUIET)]
    if by == "trade":
        closed, settled = minutes.hear(trade(3, 3.4))
        assert said([closed, settled]) == [(2, Proof.PROVED), (1, Proof.PROVED)]
    else:
        [closed] = minutes.witness(candle(2, 100, 100, 100, 100, volume=0, ids=None))
    assert (closed.bar.open, closed.bar.close, closed.bar.volume, closed.bar.trades) == (100, 100, 0, 0)


def test_a_quiet_minute_before_a_hole_is_proved_by_nothing_but_the_exchange(minutes):
    minutes.close(START + 3 * MINUTE)
    heard = [outcome for number, at in ((4, 3.2), (5, 4.1)) for outcome in minutes.hear(trade(number, at))]
    assert said(heard) == [(3, Reason.HOLE)]
    assert minutes.doubts[START + 2 * MINUTE] is Reason.QUIET


def test_a_minute_whose_only_trade_is_late_was_not_quiet(minutes):
    """What else was traded in it is not known: the exchange has to tell."""
    minutes.close(START + 3 * MINUTE)
    assert said(minutes.hear(trade(3, 2.99, 9))) == [(1, Proof.PROVED)]
    assert minutes.hear(trade(4, 3.1)) == []
    assert minutes.doubts[START + 2 * MINUTE] is Reason.HOLE


def test_a_late_trade_beyond_a_hole_proves_nothing(minutes):
    """Trade 3 is missing; trade 4 came after its minute was closed. More may be missing there."""
    minutes.close(START + 2 * MINUTE)
    assert said(minutes.hear(trade(4, 1.99, 120))) == [(1, Proof.TIMED)]
    assert minutes.hear(trade(5, 2.5)) == []
    assert minutes.questions[START + MINUTE] is Reason.UNPROVED


@pytest.mark.parametrize("by", ["late trade", "candle"])
def test_a_quiet_minute_stands_at_the_corrected_close(minutes, by):
    minutes.close(START + 2 * MINUTE)
    if by == "candle":
        minutes.witness(candle(1, 100, 100, 90, 90, volume=2, ids=(2, 3)))
    else:
        minutes.hear(trade(3, 1.99, 90))
    closed = [one for one in minutes.hear(trade(4, 3.1)) if isinstance(one, Closed)]
    assert [(one.bar.opened_at, one.bar.close) for one in closed] == [(START + 2 * MINUTE, 90)]


def test_a_candle_beyond_a_hole_does_not_bridge_it(minutes):
    """Trade 3 is missing, and may belong to the minute that the clock has closed."""
    minutes.close(START + 2 * MINUTE)
    minutes.witness(candle(2, 100, 100, 100, 100, volume=1, ids=(4, 4)))
    minutes.hear(trade(5, 3.1))
    assert minutes.questions[START + MINUTE] is Reason.UNPROVED


def test_ids_that_begin_anew_are_a_hole(minutes):
    """The exchange has counted its trades from the beginning again."""
    heard = [outcome for number, at in ((1, 2.5), (2, 3.1), (3, 4.1)) for outcome in minutes.hear(trade(number, at))]
    assert said(heard) == [(1, Reason.HOLE), (2, Reason.HOLE), (3, Proof.PROVED)]


def test_a_minute_that_the_exchange_does_not_have_is_given_up(minutes):
    minutes.hear(trade(9, 3.1))
    minutes.give_up(START + 2 * MINUTE)
    assert [*minutes.doubts] == [START, START + MINUTE]


def test_quiet_minutes_between_two_trades_are_proved(minutes):
    assert said(minutes.hear(trade(3, 4.2))) == [(1, Proof.PROVED), (2, Proof.PROVED), (3, Proof.PROVED)]


def test_a_candle_closes_the_minute_before_the_clock_does(minutes):
    """It is proof enough, and the trades after it continue from its last one."""
    assert said(minutes.witness(candle(1, 100, 101, 100, 101, volume=2, ids=(2, 3)))) == [(1, Proof.CONFIRMED)]
    assert minutes.close(START + 2 * MINUTE) == []
    assert minutes.hear(trade(3, 1.9)) == []
    minutes.hear(trade(4, 2.5))
    assert said(minutes.hear(trade(5, 3.0))) == [(2, Proof.PROVED)]


def test_two_closing_candles_that_contradict_each_other_are_both_told(minutes):
    minutes.witness(candle(1, 100, 101, 100, 101, volume=2, ids=(2, 3)))
    assert minutes.witness(candle(1, 100, 101, 100, 101, volume=2, ids=(2, 3))) == []
    [corrected] = minutes.witness(candle(1, 100, 102, 100, 101, volume=2, ids=(2, 3)))
    assert (corrected.before.high, corrected.after.high, corrected.after.proof) == (101, 102, Proof.CORRECTED)


def test_after_a_standstill_every_minute_is_doubted_until_it_is_filled(minutes):
    """The stream comes back 35 minutes later: nothing is invented for the time between."""
    heard = minutes.hear(trade(900, 36.5))
    assert said(heard) == [(minute, Reason.HOLE) for minute in range(1, 36)]
    for minute in range(1, 36):
        [closed] = minutes.witness(candle(minute, 100, 100, 100, 100, volume=1, ids=(minute, minute)))
        assert isinstance(closed, Closed)
    assert minutes.doubts == {START: Reason.PARTIAL}


@pytest.mark.parametrize("end", ["clock", "candle"])
def test_no_more_than_a_day_is_doubted_at_once(end):
    """The past before it is read by other ways. A candle of long ago is no reason to stand still."""
    minutes, day = Minutes(), 1440
    minutes.witness(candle(0, 100, 100, 100, 100, volume=1, ids=(1, 1)))
    if end == "clock":
        outcomes = minutes.close(START + 400 * day * MINUTE)
    else:
        outcomes = minutes.witness(candle(400 * day, 100, 100, 100, 100, volume=1, ids=(9, 9)))[:-1]
    assert [one.opened_at for one in outcomes] == [START + n * MINUTE for n in range(399 * day, 400 * day)]
    assert [*minutes.doubts] == [one.opened_at for one in outcomes]


def test_nothing_is_told_before_the_first_trade():
    made = Minutes()
    assert made.close(START) == []
    assert made.witness(candle(3, 1, 1, 1, 1, volume=1, ids=(7, 7)))[0].bar.proof is Proof.CONFIRMED
    assert said(made.hear(trade(8, 4.5))) == []
    assert said(made.hear(trade(9, 5.5))) == [(4, Proof.PROVED)]


def test_a_candle_whose_first_trade_follows_ours_proves_the_quiet_minutes_before_it(minutes):
    """The exchange's answer came before the trade itself."""
    minutes.close(START + 4 * MINUTE)
    told = minutes.witness(candle(5, 100, 100, 100, 100, volume=1, ids=(3, 3)))
    assert said(told) == [
        (2, Proof.PROVED), (3, Proof.PROVED), (1, Proof.PROVED), (4, Proof.PROVED), (5, Proof.CONFIRMED),
    ]  # fmt: skip


def test_a_quiet_minute_that_the_exchange_does_not_have_waits_for_the_next_trade(minutes):
    """Given up, it would be a gap although the next trade proves that there is none."""
    minutes.close(START + 4 * MINUTE)
    minutes.give_up(START + 2 * MINUTE)
    assert minutes.doubts[START + 2 * MINUTE] is Reason.QUIET
    assert (2, Proof.PROVED) in said(minutes.hear(trade(3, 4.1)))


def test_after_a_hole_it_is_given_up(minutes):
    minutes.close(START + 3 * MINUTE)
    minutes.hear(trade(9, 3.1))
    minutes.give_up(START + 2 * MINUTE)
    assert START + 2 * MINUTE not in minutes.doubts


def test_a_candle_without_ids_keeps_the_number_of_trades_that_were_heard():
    """Bitget's candles tell no number, and its ids leave gaps."""
    made = Minutes()
    for number, at in enumerate((0.5, 1.1, 1.4, 1.7, 2.1)):
        made.hear(trade(10 * number + 1, at, 100 + number))
    told = [
        one.bar for one in made.witness(candle(1, 101, 103, 101, 103, volume=3, ids=None)) if isinstance(one, Closed)
    ]
    assert [(bar.trades, bar.proof) for bar in told] == [(3, Proof.CONFIRMED)]


def test_of_trades_that_were_not_all_heard_the_exchange_is_believed():
    made = Minutes()
    for number, at in enumerate((0.5, 1.1, 1.7, 2.1)):
        made.hear(trade(10 * number + 1, at))
    [closed] = made.witness(candle(1, 100, 100, 100, 100, volume=9, ids=None))
    assert (closed.bar.volume, closed.bar.trades) == (9, 9)


def test_a_late_trade_proves_the_quiet_minutes_before_it_at_the_price_before_it(minutes):
    minutes.close(START + 5 * MINUTE)
    told = minutes.hear(trade(3, 3.5, 200))
    assert {(one.bar.opened_at - START) // MINUTE: one.bar.close for one in told} == {1: 100, 2: 100}
    assert minutes.doubts[START + 3 * MINUTE] is Reason.HOLE
    assert [one.bar.close for one in minutes.hear(trade(4, 5.1, 300))] == [200]


def test_a_market_without_trades_is_not_doubted_for_ever(minutes):
    """What is older than a bar would be remembered is given up, as the exchange does not have it."""
    minutes.close(START + (REMEMBERED + 10) * MINUTE)
    for minute in range(2, REMEMBERED + 10):
        minutes.give_up(START + minute * MINUTE)
    assert len(minutes.doubts) <= REMEMBERED + 2

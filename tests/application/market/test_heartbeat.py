"""The heartbeat without a network: the clock's signals, several series, and what is asked of the exchange."""

from __future__ import annotations

from decimal import Decimal

import pytest

from application.market.beat import Beat, Telling
from application.market.heartbeat import WITNESS_WITHIN, Heartbeat
from domain.candles.bar import Bar, MarketTrade, Proof
from domain.candles.clock import GRACE, INCOHERENT_AFTER
from domain.candles.minutes import Reason
from domain.candles.series import Series, series_of
from domain.candles.timeframes import MINUTE, TIMEFRAMES

BTC, ETH = Series("binance", "paper", "BTC/USDT"), Series("binance", "paper", "ETH/USDT")
DAY = 20_000 * 1440 * MINUTE


def trade(number: int, at: int) -> MarketTrade:
    return MarketTrade(number, Decimal(100), Decimal(1), at)


def ends(beat: Beat) -> list[tuple[str, int]]:
    """Return timeframe and end (minutes after the day's beginning) of each signal."""
    return [(signal.timeframe, (signal.closed_at - DAY) // MINUTE) for signal in beat.signals]


@pytest.fixture
def heart() -> Heartbeat:
    """Return a heartbeat that listens since half a minute before the day."""
    made = Heartbeat(BTC, [ETH])
    made.listening = True
    for series in (BTC, ETH):
        made.hear(series, trade(1, DAY - 30_000), DAY - 30_000)
    made.tick(DAY - 30_000)
    return made


def test_the_first_trade_of_a_minute_signals_the_one_before_and_every_timeframe_that_ends(heart):
    """Only one of the clock's own series does."""
    assert ends(heart.hear(ETH, trade(2, DAY), DAY)) == []
    assert ends(heart.hear(BTC, trade(2, DAY), DAY)) == [(timeframe, 0) for timeframe in TIMEFRAMES]


def test_the_clock_alone_signals_a_quarter_of_a_second_later(heart):
    """It waits for no trade, and for no bar in doubt."""
    assert ends(heart.tick(DAY + GRACE - 1)) == []
    beat = heart.tick(DAY + GRACE)
    assert ends(beat)[0] == ("1m", 0)
    assert {(doubt.series, doubt.reason) for doubt in beat.doubts} == {(BTC, Reason.PARTIAL), (ETH, Reason.PARTIAL)}
    assert ends(heart.tick(DAY + GRACE + 1)) == []


def test_the_clock_ticks_every_ten_seconds_once_and_never_backwards(heart):
    """Each tick names the whole ten seconds. After a standstill there is one, not all that were missed."""
    told = [heart.tick(DAY + at).ticked_at for at in range(0, 21_000, 500)]
    assert [tick - DAY for tick in told if tick is not None] == [0, 10_000, 20_000]
    assert heart.tick(DAY + 12_000).ticked_at is None
    assert heart.tick(DAY + 95_000).ticked_at == DAY + 90_000
    heart.listening = False
    assert heart.tick(DAY + 150_000).ticked_at is None


def test_a_clock_that_is_not_heard_stands_still_and_tells_later_what_it_missed(heart):
    """The signals come in order; those that are older than a minute are late."""
    heart.listening = False
    assert not heart.tick(DAY + 3 * MINUTE)
    heart.listening = True
    beat = heart.tick(DAY + 3 * MINUTE + 1000)
    assert [end for timeframe, end in ends(beat) if timeframe == "1m"] == [0, 1, 2, 3]
    assert [signal.late for signal in beat.signals if signal.timeframe == "1m"] == [True, True, True, False]


def test_a_trade_of_the_future_moves_nothing(heart):
    """It may be another market's time that is wrong. When all disagree for ten seconds, the clock is not coherent."""
    assert not heart.hear(ETH, trade(2, DAY + 60 * MINUTE), DAY - 20_000)
    assert heart.coherent
    for number, at in ((3, DAY - 19_000), (4, DAY - 19_000 + INCOHERENT_AFTER + 1)):
        heart.hear(ETH, trade(number, at + 60 * MINUTE), at)
    assert not heart.coherent
    heart.hear(BTC, trade(2, DAY - 5_000), DAY - 5_000)
    assert heart.coherent


def test_a_clock_that_is_set_back_by_hours_stands_still_and_says_so(heart):
    """Exchange and machine agree on a time that has been already. Nothing is signalled twice, and nothing is hidden."""
    heart.hear(BTC, trade(2, DAY + 1000), DAY + 1000)
    back = DAY - 180 * MINUTE
    for number, seconds in ((3, 0), (4, 5), (5, 11)):
        at = back + seconds * 1000
        assert ends(heart.hear(BTC, trade(number, at), at)) == []
        assert ends(heart.tick(at)) == []
    assert not heart.coherent
    assert heart.clock.now == DAY + 1000
    assert ends(heart.tick(DAY + MINUTE + GRACE)) == [("1m", 1)]
    heart.hear(BTC, trade(6, DAY + MINUTE + 1000), DAY + MINUTE + 1000)
    assert heart.clock.coherent


def test_a_leap_second_ends_no_minute_twice(heart):
    """The last second of the day is told twice: by the exchange, and by our clock as it follows."""
    assert len(ends(heart.hear(BTC, trade(2, DAY + 100), DAY + 100))) == len(TIMEFRAMES)
    beat = heart.hear(BTC, trade(3, DAY - 900), DAY - 900)
    assert (beat.signals, heart.clock.now) == ([], DAY + 100)
    assert [told.telling for told in beat.bars] in ([], [Telling.CORRECTED])
    assert ends(heart.tick(DAY - 800)) == []
    assert ends(heart.hear(BTC, trade(4, DAY + 200), DAY + 200)) == []
    assert heart.coherent or heart.missing
    assert ends(heart.hear(BTC, trade(5, DAY + MINUTE), DAY + MINUTE)) == [("1m", 1)]


def test_the_exchange_is_asked_about_what_nobody_has_witnessed_in_time(heart):
    heart.tick(DAY + GRACE)
    assert heart.overdue() == []
    heart.tick(DAY + WITNESS_WITHIN + 1)
    assert [(doubt.series, doubt.opened_at) for doubt in heart.overdue()] == [(BTC, DAY - MINUTE), (ETH, DAY - MINUTE)]
    candle = Bar(DAY - MINUTE, 1, *[Decimal(100)] * 4, Decimal(2), 2, 0, 1, Proof.CONFIRMED)
    told = heart.witness(BTC, candle, DAY + 3000).bars
    assert [(one.bar.minutes, one.telling) for one in told] == [(1, Telling.CLOSED)]
    assert [doubt.series for doubt in heart.overdue()] == [ETH]


def test_a_candle_of_the_future_is_not_believed(heart):
    """It would put every minute until then in doubt."""
    far = Bar(DAY + 525_600 * MINUTE, 1, *[Decimal(1)] * 5, 1, 1, 1, Proof.CONFIRMED)
    assert not heart.witness(BTC, far, DAY)
    assert heart.overdue() == []


def test_what_an_earlier_process_left_open_is_open_again(heart):
    """Its signals go on after the last one, late ones too; its holes and unproved bars are asked about."""
    made = Heartbeat(BTC)
    made.listening = True
    told = [Bar(DAY + n * MINUTE, 1, *[Decimal(1)] * 5, 1, n, n, proof) for n, proof in
            ((0, Proof.CONFIRMED), (2, Proof.TIMED), (3, Proof.PROVED))]  # fmt: skip
    made.remember(BTC, told)
    made.begin_after(DAY + 4 * MINUTE)
    beat = made.tick(DAY + 6 * MINUTE + 30_000)
    assert [end for timeframe, end in ends(beat) if timeframe == "1m"] == [5, 6]
    assert [(one.opened_at - DAY) // MINUTE for one in made.overdue()] == [1, 2]


def test_a_series_can_be_given_up_but_not_the_clocks(heart):
    heart.unfollow(ETH)
    heart.unfollow(BTC)
    assert heart.series == [BTC]
    assert not heart.hear(ETH, trade(2, DAY - 20_000), DAY - 20_000)
    assert not heart.witness(ETH, Bar(DAY, 1, *[Decimal(1)] * 5, 1, 1, 1, Proof.CONFIRMED), DAY)


@pytest.mark.parametrize("text", ["", "binance", "binance/paper", "binance/paper/BTC", "a/b/c/d/e", "/paper/BTC/USDT"])
def test_a_series_is_written_in_one_way(text):
    with pytest.raises(ValueError, match="is not EXCHANGE/VENUE/BASE/QUOTE"):
        series_of(text)
    assert str(series_of("binance/paper/BTC/USDT")) == "binance/paper/BTC/USDT"

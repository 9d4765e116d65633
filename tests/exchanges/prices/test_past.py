"""The past of the paper markets: the same for ever, told alike by candles and trades, and joined to the present."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from adapters.paper.exchange import Paper
from adapters.paper.pairs import PAIRS
from adapters.paper.past import BEGINS, MINUTE, STEP, STEPS
from adapters.paper.prices import KEPT_MINUTES, Bar, Prices
from adapters.paper.tape import tapes_of
from domain.candles.bar import check_bar
from domain.candles.timeframes import minute_of
from tests.exchanges.test_paper_limits import ask

NOW = BEGINS + 500 * 1440 * MINUTE + 25_750


class Market:
    """The prices of a paper exchange whose clock the test moves."""

    def __init__(self, now: int = NOW, seed: int = 1) -> None:
        self.now = now
        self.prices = Prices(lambda: self.now, seed)
        self.told: list[tuple[str, Decimal, int]] = []
        self.prices.listeners.append(lambda symbol, price: self.told.append((symbol, price, self.prices.now)))

    def live(self, milliseconds: int, every: int = 50) -> None:
        for _ in range(0, milliseconds, every):
            self.now += every
            self.prices.advance()
            self.prices.roll()

    def bars(self, start: int, end: int, symbol: str = "BTC/USDT") -> list[Bar]:
        return [*self.prices.columns(symbol, start, end).bars(1)]


def test_it_is_the_same_for_a_seed_wherever_it_is_asked_for():
    """Another process at another time says the same, of any part of it; another seed says something else."""
    start, later = NOW - 3000 * MINUTE, Market(NOW + 99 * MINUTE)
    whole = Market().bars(start, NOW - 100 * MINUTE)
    assert len(whole) == 2900
    assert later.bars(start, NOW - 100 * MINUTE) == whole
    assert later.bars(start + 700 * MINUTE, start + 701 * MINUTE) == whole[700:701]
    assert Market(seed=2).bars(start, start + 9 * MINUTE) != whole[:9]


@pytest.mark.parametrize("symbol", PAIRS)
def test_every_candle_is_one_that_a_market_can_have(symbol):
    """Each opens where the one before has closed, on the market's ticks."""
    bars, pair = Market().bars(BEGINS, BEGINS + 2000 * MINUTE, symbol), PAIRS[symbol]
    for bar in bars:
        check_bar(bar)
        assert not any(price % pair.tick for price in bar.amounts[:4])
        assert bar.volume % pair.step == 0
    assert all(before.close == after.open for before, after in pairwise(bars))
    assert len({bar.close for bar in bars}) > (1 if symbol == "USDC/USDT" else 100)


def test_it_wanders_as_markets_do_and_comes_back():
    """Over two years the price stays between half and twice its middle, and moves by one to six percent a day."""
    columns = Market(BEGINS + 760 * 1440 * MINUTE).prices.columns("BTC/USDT", BEGINS, BEGINS + 760 * 1440 * MINUTE)
    days = columns.close[::1440] / float(PAIRS["BTC/USDT"].start)
    assert 0.5 < days.min() < days.max() < 2
    assert 0.01 < float(np.std(np.diff(days) / days[:-1])) < 0.06
    assert len(Market().bars(BEGINS - 9 * MINUTE, BEGINS + 2 * MINUTE)) == 2


def test_the_present_goes_on_where_the_past_ends():
    """What was traded live is afterwards the past: of this process, and of the next one."""
    market = Market()
    first = market.prices.last["BTC/USDT"]
    market.live(3 * MINUTE)
    lived = market.bars(NOW - 2 * MINUTE, NOW + 2 * MINUTE)
    assert Market(NOW + 60 * MINUTE).bars(NOW - 2 * MINUTE, NOW + 2 * MINUTE) == lived
    mine = [price for symbol, price, _ in market.told if symbol == "BTC/USDT"]
    assert abs(mine[0] - first) < first / 1000
    assert len(mine) == 3 * STEPS


def test_a_busy_process_loses_no_trade_and_puts_each_into_its_minute():
    """It wakes two seconds after the end of a minute."""
    market = Market()
    market.live(30_000)
    market.live(8_000, every=4_000)
    market.live(2 * MINUTE)
    minute = minute_of(NOW)
    assert market.bars(minute, minute + MINUTE) == Market(NOW + 9 * MINUTE).bars(minute, minute + MINUTE)
    times = [at for symbol, _, at in market.told if symbol == "ETH/USDT"]
    assert times == [*range(times[0], times[-1] + 1, STEP)]


def test_a_held_price_is_remembered_and_the_market_goes_on_from_there():
    market = Market()
    market.live(MINUTE)
    market.prices.hold("BTC/USDT", Decimal(50_000))
    market.live(2 * MINUTE)
    assert market.prices.last["BTC/USDT"] == 50_000
    market.prices.release("BTC/USDT")
    market.live(500)
    assert abs(market.prices.last["BTC/USDT"] - 50_000) < 50
    held = minute_of(NOW) + 2 * MINUTE
    assert market.bars(held, held + MINUTE)[0].close == 50_000
    for number in range(KEPT_MINUTES + 600):  # much later, when the bar itself is forgotten
        market.now = held + (2 + number) * MINUTE
        market.prices.roll()
    assert len(market.prices.bars["BTC/USDT"]) <= KEPT_MINUTES + 500
    assert market.bars(held, held + MINUTE)[0].close == 50_000
    assert market.bars(held - 9 * MINUTE, held - 5 * MINUTE) == Market().bars(held - 9 * MINUTE, held - 5 * MINUTE)


def test_a_clock_that_jumps_leaves_quiet_minutes():
    market = Market()
    market.now += 9 * MINUTE
    market.live(1_000, every=500)
    bars = market.bars(minute_of(NOW), market.now)
    assert [bar.trades for bar in bars[1:-1]] == [0] * 8
    assert [bar.opened_at for bar in bars] == [minute_of(NOW) + n * MINUTE for n in range(10)]


def test_a_market_that_stood_still_has_no_candles_of_that_time():
    market = Market()
    market.prices.stop("ETH/USDT")
    market.live(3 * MINUTE, every=500)
    market.prices.resume("ETH/USDT")
    market.live(MINUTE, every=500)
    minute = minute_of(NOW)
    there = [bar.opened_at for bar in market.bars(minute - MINUTE, market.now, "ETH/USDT")]
    assert there == [minute - MINUTE, minute, minute + 3 * MINUTE, minute + 4 * MINUTE]


def test_trades_and_candles_tell_the_same():
    paper = Paper()
    tapes, now = tapes_of(paper), paper.now()
    start = minute_of(now) - 5 * MINUTE
    trades = tapes.between("BTC/USDT", start, start + 3 * MINUTE - 1, 1000)
    assert [trade.id for trade in trades] == [*range(trades[0].id, trades[0].id + 3 * STEPS)]
    for number, bar in enumerate(paper.prices.columns("BTC/USDT", start, start + 3 * MINUTE).bars(1)):
        mine = trades[number * STEPS : (number + 1) * STEPS]
        assert (mine[0].price, mine[-1].price) == (bar.open, bar.close)
        assert (max(t.price for t in mine), min(t.price for t in mine)) == (bar.high, bar.low)
        assert sum(t.quantity for t in mine) == bar.volume
    assert tapes.from_id("BTC/USDT", trades[7].id, 3) == trades[7:10]


def test_ids_run_on_from_the_past_into_the_present(paper):
    rows = ask(paper, "trades", symbol="ETHUSDT", limit=500)[2]
    ids = [row["id"] for row in rows]
    assert ids == [*range(ids[0], ids[0] + 500)]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    again = ask(paper, "historicalTrades", symbol="ETHUSDT", fromId=ids[3], limit=2)[2]
    assert [row["id"] for row in again] == ids[3:5]
    within = ask(paper, "aggTrades", symbol="ETHUSDT", startTime=rows[9]["time"], endTime=rows[11]["time"])[2]
    assert [row["a"] for row in within] == ids[9:12]


def test_candles_of_the_first_days_are_served(paper):
    rows = ask(paper, "klines", symbol="BTCUSDT", interval="4h", startTime=BEGINS - 1, limit=3)[2]
    assert [row[0] for row in rows] == [BEGINS + n * 240 * MINUTE for n in range(3)]
    assert {row[8] for row in rows} == {240 * STEPS}
    month = ask(paper, "klines", symbol="BTCUSDT", interval="1M", startTime=BEGINS, endTime=BEGINS + MINUTE)[2]
    assert [(row[0], row[6]) for row in month] == [(BEGINS, BEGINS + 31 * 1440 * MINUTE - 1)]
    assert ask(paper, "klines", symbol="BTCUSDT", interval="1m", endTime=BEGINS - 1)[2] == []

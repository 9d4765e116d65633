"""The heartbeat at the paper exchange on its good and bad days, on a clock that the test turns."""

from __future__ import annotations

import asyncio

import pytest

from application.market.beat import Telling
from application.ports.errors import RefusedByExchange
from domain.candles.bar import STRENGTH, Proof
from domain.candles.timeframes import MINUTE

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def test_the_clock_beats_and_every_bar_is_confirmed(day):
    """After the minute in which it began, each minute is told once, and each timeframe when it ends."""
    await day.minute()
    opened = [await day.minute() for _ in range(3)]
    await day.until(lambda: all(day.newest(one).get(at) for one in (day.btc, day.eth) for at in opened))
    assert [day.is_true(series, at) for series in (day.btc, day.eth) for at in opened] == [True] * 6
    ends = [signal.closed_at for signal in day.signals if signal.timeframe == "1m"]
    assert ends == sorted(set(ends))
    assert {at + MINUTE for at in opened} <= {*ends}
    assert all(0 <= signal.emitted_at - signal.closed_at < 1000 for signal in day.signals)
    threes = [signal.closed_at for signal in day.signals if signal.timeframe == "3m"]
    assert threes == [end for end in ends if end % (3 * MINUTE) == 0]
    told = [one for one in day.bars if one.telling is Telling.CLOSED and one.series == day.btc and one.bar.minutes == 3]
    assert {end for end in threes if end - 3 * MINUTE >= opened[0] - MINUTE} <= {one.bar.ended_at for one in told}


@pytest.mark.exchanges("binance")
async def test_without_candles_the_trade_ids_prove_the_same_bars(day):
    """Nothing is asked of the exchange for them: the next minute's first trade is proof enough."""
    await day.minute()
    day.server.paper.market_faults.candles = False
    opened = [await day.minute() for _ in range(3)]
    await day.until(lambda: all(day.newest(day.btc).get(at) for at in opened))
    await day.until(lambda: day.newest(day.btc)[opened[-1]].proof is not Proof.TIMED)
    assert [day.newest(day.btc)[at].proof for at in opened] == [Proof.PROVED] * 3
    assert [day.is_true(series, at) for series in (day.btc, day.eth) for at in opened] == [True] * 6


@pytest.mark.parametrize("candles", [True, False], ids=["with candles", "without"])
async def test_a_lost_trade_makes_a_doubt_that_the_exchange_ends(day, candles):
    """The clock does not wait for it. Without the stream's candles, the exchange is asked."""
    await day.minute()
    day.server.paper.market_faults.candles = candles
    day.server.paper.market_faults.lost_trades["ETH/USDT"] = 1
    await day.until(lambda: not day.server.paper.market_faults.lost_trades["ETH/USDT"])
    at = await day.minute()
    assert any(signal.closed_at == at + MINUTE for signal in day.signals)
    await day.until(lambda: at in day.newest(day.btc))
    day.turn(3000)
    await day.until(lambda: at in day.newest(day.eth) and day.newest(day.eth)[at].proof is not Proof.TIMED)
    assert day.newest(day.eth)[at].proof in {Proof.CONFIRMED, Proof.CORRECTED}
    assert day.is_true(day.eth, at)


async def test_a_cut_is_filled_in_order_before_the_clock_goes_on(day):
    """Three minutes pass meanwhile: their signals come late, in their order, and nothing is to act on them."""
    await day.minute()
    known = len(day.signals)
    await day.cut()
    await day.until(lambda: not day.heartbeat.listening)
    first = day.clock.now // MINUTE * MINUTE
    day.turn(3 * MINUTE)
    await day.until(lambda: day.heartbeat.listening)
    await day.minute()
    missed = [first + n * MINUTE for n in range(3)]
    await day.until(lambda: all(at in day.newest(day.btc) for at in missed))
    ends = [(signal.closed_at, signal.late) for signal in day.signals[known:] if signal.timeframe == "1m"]
    assert ends[:2] == [(missed[0] + MINUTE, True), (missed[1] + MINUTE, True)]
    assert [end for end, _ in ends] == sorted(end for end, _ in ends)
    assert not ends[-1][1]


@pytest.mark.exchanges("binance")
async def test_an_announced_end_is_handed_over_without_a_doubt(day):
    """The new connection stands before the old one ends: no trade is lost, and the clock does not stop."""
    await day.minute()
    doubted = set(day.doubted)
    await day.announce_the_end()
    opened = [await day.minute() for _ in range(2)]
    await day.until(lambda: all(day.newest(day.btc).get(at) for at in opened))
    assert day.doubted == doubted
    assert day.heartbeat.listening


async def test_two_closing_candles_change_nothing(day):
    await day.minute()
    day.server.paper.market_faults.candles_twice = True
    at = await day.minute()
    await day.until(lambda: at in day.newest(day.btc))
    assert (
        len([one for one in day.bars if one.bar.opened_at == at and one.bar.minutes == 1 and one.series == day.btc])
        == 1
    )


async def test_a_market_whose_times_are_wrong_by_an_hour_misleads_nobody(day):
    """Its trades are not believed, its bars wait for the exchange's candles, and the clock goes on."""
    await day.minute()
    day.server.paper.market_faults.wrong_time["ETH/USDT"] = 60 * MINUTE
    opened = [await day.minute() for _ in range(2)]
    day.turn(3000)
    await day.until(lambda: all(at in day.newest(one) for one in (day.btc, day.eth) for at in opened))
    assert [day.is_true(series, at) for series in (day.btc, day.eth) for at in opened] == [True] * 4
    assert day.heartbeat.clock.coherent
    assert {signal.closed_at for signal in day.signals} >= {at + MINUTE for at in opened}


@pytest.mark.parametrize("ids", ["consecutive", "missing"])
async def test_a_market_that_stood_still_is_told_as_far_as_it_is_known(day, ids):
    """The exchange has no candles of that time. Consecutive ids prove that nobody traded; otherwise a gap stays."""
    if (day.exchange, ids) == ("bitget", "consecutive"):
        pytest.skip("Bitget's ids leave gaps")
    await day.minute()
    if ids == "missing":
        day.server.paper.market_faults.lost_trades["ETH/USDT"] = 1
        day.server.paper.market_faults.candles = False  # their ids would close the hole
    prices = day.server.paper.prices
    prices.stop("ETH/USDT")
    first = day.clock.now // MINUTE * MINUTE + MINUTE
    day.turn(35 * MINUTE)
    prices.resume("ETH/USDT")
    await day.minute()
    last = await day.minute()
    await day.until(lambda: last in day.newest(day.eth))
    assert day.is_true(day.eth, last)
    stood = [first + n * MINUTE for n in range(33)]
    if ids == "consecutive":
        bars = [day.newest(day.eth)[at] for at in stood]
        assert {(bar.open == bar.close, bar.trades, bar.proof) for bar in bars} == {(True, 0, Proof.PROVED)}
    else:
        assert not {at: day.newest(day.eth)[at] for at in stood if at in day.newest(day.eth)}
        assert day.heartbeat.gaps[day.eth] >= 33
        day.turn(70_000)
        # And the exchange is not asked for ever: it has later candles, and none of these.
        await day.until(lambda: not [one for one in day.heartbeat.overdue() if one.opened_at in stood])


def test_the_strength_of_every_proof_is_known():
    assert STRENGTH.keys() == {*Proof}


async def test_a_market_that_is_delisted_stops_no_other(day, monkeypatch):
    """After a cut its minutes cannot be read. The clock and the other markets go on."""
    await day.minute()
    read = day.client.bars

    async def bars(market, *since):
        if market.symbol == "ETH/USDT":
            raise RefusedByExchange("Invalid symbol.", code="symbol_unknown")
        return await read(market, *since)

    monkeypatch.setattr(day.client, "bars", bars)
    await day.cut()
    await day.until(lambda: not day.heartbeat.listening)
    await day.until(lambda: day.heartbeat.listening)
    at = await day.minute()
    await day.until(lambda: at in day.newest(day.btc))


async def test_a_gap_is_read_although_newer_minutes_come_meanwhile(day, monkeypatch):
    """The stream tells the present minute while another market's gap is being filled."""
    await day.minute()
    read, held = day.client.bars, asyncio.Event()

    async def bars(market, *since):
        if market.symbol == "BTC/USDT" and not held.is_set():
            await day.minute()  # a minute of both markets closes while the first one is read
            held.set()
        return await read(market, *since)

    await day.cut()
    await day.until(lambda: not day.heartbeat.listening)
    monkeypatch.setattr(day.client, "bars", bars)
    first = day.clock.now // MINUTE * MINUTE
    day.turn(20 * MINUTE)
    await day.until(lambda: day.heartbeat.listening)
    gap = [first + n * MINUTE for n in range(20)]
    await day.until(lambda: all(at in day.newest(series) for series in (day.btc, day.eth) for at in gap))
    larger = {
        (one.bar.opened_at, one.bar.minutes) for one in day.bars if one.series == day.btc and one.bar.minutes == 5
    }
    whole = [at for at in gap if at % (5 * MINUTE) == 0 and at + 5 * MINUTE <= gap[-1]]
    assert {(at, 5) for at in whole} <= larger

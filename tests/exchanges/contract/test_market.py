"""The public side of every exchange in the platform's words."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from application.ports.errors import ExchangeError
from application.ports.market_data import SeenCandle, SeenTrade
from domain.candles.bar import Proof
from domain.candles.timeframes import TIMEFRAMES


async def test_markets_have_the_rules_by_which_orders_are_rounded(desk):
    async with desk() as one:
        await one.rules(filters={"PRICE_FILTER": {"tickSize": "0.1"}, "MAX_NUM_ORDERS": {"maxNumOrders": 7}})
        [market] = [market for market in await one.client.markets() if market.symbol == "BTC/USDT"]
    assert (market.exchange, market.native, market.base, market.quote, market.active) == (
        one.exchange, "BTCUSDT", "BTC", "USDT", True,
    )  # fmt: skip
    assert (market.price_tick, market.quantity_step, market.minimum_notional, market.most_orders) == (
        Decimal("0.1"), Decimal("0.00001"), Decimal(5), 7,
    )  # fmt: skip


async def test_a_price_band_is_that_of_its_side(desk):
    band = {"PERCENT_PRICE_BY_SIDE": {"bidMultiplierUp": "1.02", "askMultiplierDown": "0.97"}}
    async with desk() as one:
        await one.rules(filters=band)
        [market] = [market for market in await one.client.markets() if market.symbol == "BTC/USDT"]
    assert (market.buy_band.highest, market.sell_band.lowest) == (Decimal("1.02"), Decimal("0.97"))


async def test_prices_are_told_of_one_market_of_some_and_of_all(desk):
    async with desk() as one:
        markets = {market.symbol: market for market in await one.client.markets()}
        alone = await one.client.tickers([one.market])
        some = await one.client.tickers([one.market, markets["ETH/USDT"]])
        days = {day.native: day for day in await one.client.day_tickers()}
        await asyncio.to_thread(one.paper.control, "PUT", "markets", {
            "exchange": one.exchange, "symbol": "ETH/USDT", "delist": True,
        })  # fmt: skip
        with pytest.raises(ExchangeError):
            await one.client.tickers([one.market, markets["ETH/USDT"]])
    assert (alone.keys(), some.keys()) == ({"BTC/USDT"}, {"BTC/USDT", "ETH/USDT"})
    assert alone["BTC/USDT"].last == days["BTCUSDT"].last == 50000
    assert alone["BTC/USDT"].bid < 50000 < alone["BTC/USDT"].ask
    assert len(days) == len(markets)


async def test_the_clock_is_measured(desk):
    async with desk() as one:
        await one.fault("query", "skew_clock", seconds=7200)
        there = await one.client.server_time()
    assert timedelta(hours=1, minutes=59) < there - datetime.now(UTC) < timedelta(hours=2, minutes=1)
    assert abs(one.client.clock_offset - timedelta(hours=2)) < timedelta(seconds=5)


@pytest.mark.parametrize("timeframe", ["1m", "15m", "1h", "4h"])
async def test_bars_are_closed_and_come_in_order(desk, timeframe):
    length = timedelta(minutes=TIMEFRAMES[timeframe])
    since = datetime.now(UTC) - 9 * length
    async with desk() as one:
        bars = await one.client.bars(one.market, timeframe, since)
        some = await one.client.bars(one.market, timeframe, since, since + 4 * length)
    opened = [bar.opened_at for bar in bars]
    step = int(length.total_seconds() * 1000)
    assert opened == [opened[0] + number * step for number in range(len(opened))]
    assert len(opened) in {7, 8}
    assert opened[0] >= since.timestamp() * 1000
    assert opened[-1] + step <= datetime.now(UTC).timestamp() * 1000
    assert {bar.proof for bar in bars} == {Proof.CONFIRMED}
    assert 3 <= len(some) <= 4
    assert some == bars[: len(some)]


async def test_bars_of_last_year_are_there_too(desk):
    since = datetime(2025, 3, 1, tzinfo=UTC)
    async with desk() as one:
        bars = await one.client.bars(one.market, "1h", since)
    assert bars[0].opened_at == since.timestamp() * 1000
    assert len(bars) >= 199


async def test_trades_and_closed_candles_are_streamed(desk):
    async with desk() as one:
        stream = one.client.market_stream(["BTCUSDT"])
        seen: list[SeenTrade | SeenCandle] = []

        async def listen() -> None:
            async for event, _ in stream:
                if isinstance(event, SeenTrade | SeenCandle):
                    seen.append(event)

        listening = asyncio.create_task(listen())
        prices = iter(range(50001, 60000))
        while not seen:
            await one.hold(str(next(prices)))
            await asyncio.sleep(0.05)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    first = seen[0]
    assert isinstance(first, SeenTrade)
    assert (first.native, first.trade.price >= 50001) == ("BTCUSDT", True)

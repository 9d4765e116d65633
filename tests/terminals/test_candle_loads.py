"""Loads of history: whole, resumed where they were interrupted, and never in the way of an order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.candles.coverage import Coverage
from adapters.paper.pairs import PAIRS
from application.orders.agenda import Agenda
from application.ports.requests import Action
from aristobot.commands.candles import verify
from aristobot.terminals.gateway import loads
from domain.candles.columns import Flag
from domain.candles.series import Series
from domain.refusals import Impossible
from tests.terminals.at_work import PAPER, platform_for

BTC = Series("binance", "paper", "BTC/USDT")
SINCE = datetime(2025, 3, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=4)
WHOLE = 4 * 1440
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    monkeypatch.setattr(loads, "LOOKED_EVERY", 0.01)
    return platform_for(database, valkey, tmp_path, monkeypatch)


async def ask(house, symbol="BTC/USDT", timeframe="1m", since=SINCE, until=UNTIL):
    """Ask for a load as the command line does."""
    named = {"symbol": symbol, "timeframe": timeframe, "since": since.isoformat(), "until": until.isoformat()}
    _, end = await house.ask(0, Action.CANDLES, **PAPER, **named)
    return end


async def working(house):
    """Return the gateway's work on the loads."""
    return asyncio.create_task(house.gateway.loads.keep())


def stored(house, since=SINCE, until=UNTIL, timeframe="1m"):
    times = (int(at.timestamp() * 1000) for at in (since, until))
    return house.house.candles.read(BTC, timeframe, *times)


async def test_a_load_is_interrupted_twice_and_goes_on_where_it_was(platform):
    """Paused by its user, then killed with its gateway: nothing is read twice, and nothing is missing."""
    async with platform() as house:
        number = (await ask(house)).data["load"]
        work = await working(house)
        first = await house.until(lambda: (one := house.house.loads.find(number)).candles >= 1000 and one)
        house.house.loads.change(number, "paused")
        paused = await house.until(lambda: (one := house.house.loads.find(number)).state == "paused" and one)
        assert first.reached <= paused.reached < UNTIL
        assert (await ask(house)).data["load"] == number
        await house.until(lambda: house.house.loads.find(number).candles >= 3000)
        work.cancel()
        again = loads.Loads(house.house, house.gateway._clients, {}, house.log)
        work = asyncio.create_task(again.keep())
        done = await house.until(lambda: (one := house.house.loads.find(number)).state == "done" and one)
        work.cancel()
        assert (done.candles, done.reached, done.error) == (WHOLE, UNTIL, None)
        prices = house.server.paper.prices
        told = prices.columns("BTC/USDT", int(SINCE.timestamp() * 1000), int(UNTIL.timestamp() * 1000))
        assert [*stored(house).bars(1)] == [*told.bars(1)]
        said = []
        assert verify(Coverage(house.house.pool), said.append)
        assert said == [f"{BTC} 1m: {WHOLE} candles without a hole of ours"]
        revisions = house.database.connect().execute("SELECT DISTINCT revision FROM service.candle_blocks")
        assert revisions.fetchall() == [(0,)]  # a page ends with a block, so none is written twice


async def test_larger_candles_are_loaded_as_the_exchanges_own(platform):
    async with platform() as house:
        until = SINCE + timedelta(days=300)
        number = (await ask(house, timeframe="4h", until=until)).data["load"]
        work = await working(house)
        await house.until(lambda: house.house.loads.find(number).state == "done")
        work.cancel()
        found = stored(house, until=until, timeframe="4h")
        assert len(found) == 1800
        assert all(flags & int(Flag.NATIVE) for flags in found.flags.tolist())


async def test_time_before_the_first_candle_is_passed_over(platform):
    """The exchange has nothing before October 2024."""
    async with platform() as house:
        since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 10, 1, 12, tzinfo=UTC)
        number = (await ask(house, since=since, until=until)).data["load"]
        work = await working(house)
        done = await house.until(lambda: (one := house.house.loads.find(number)).state == "done" and one)
        work.cancel()
        assert done.candles == 720


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"timeframe": "10m"}, "timeframe_unknown"), ({"timeframe": "7m"}, "timeframe_unknown"),
        ({"symbol": "DOGE/USDT"}, "symbol_unknown"), ({"since": UNTIL}, "range_empty"),
        ({"since": datetime(1970, 1, 1, tzinfo=UTC)}, "range_empty"),
        ({"since": TOMORROW, "until": TOMORROW + timedelta(days=1)}, "range_empty"),
    ],
)  # fmt: skip
async def test_what_no_exchange_has_is_refused_with_a_reason(platform, named, code):
    async with platform() as house:
        end = await ask(house, **named)
        assert (end.success, end.code) == (False, code)
        assert house.house.loads.newest() == []


async def test_an_exchange_that_fails_is_told_and_asked_again(platform, monkeypatch):
    async with platform() as house:
        monkeypatch.setattr(loads, "PAUSES", (0.2,))
        number = (await ask(house, until=SINCE + timedelta(days=1))).data["load"]
        markets = house.server.paper.markets
        markets.delist("binance", PAIRS["BTC/USDT"])
        work = await working(house)
        assert await house.until(lambda: house.house.loads.find(number).error)
        markets.list("binance", PAIRS["BTC/USDT"])
        done = await house.until(lambda: (one := house.house.loads.find(number)).state == "done" and one)
        work.cancel()
        assert (done.candles, done.error) == (1440, None)


async def test_an_order_that_waits_comes_first(platform):
    """While a lane has anything to do no history is read."""

    class Busy:
        agenda, idle = Agenda(), False

    async with platform() as house:
        number = (await ask(house, until=SINCE + timedelta(days=1))).data["load"]
        lanes = {1: Busy()}
        work = asyncio.create_task(loads.Loads(house.house, house.gateway._clients, lanes, house.log).keep())
        await asyncio.sleep(0.3)
        assert house.house.loads.find(number).candles == 0
        lanes.clear()
        await house.until(lambda: house.house.loads.find(number).state == "done")
        work.cancel()


async def test_the_same_load_asked_for_later_goes_on_to_the_later_end(platform):
    """So the command can be given again whose end is now."""
    async with platform() as house:
        number = (await ask(house, until=SINCE + timedelta(days=1))).data["load"]
        house.house.loads.change(number, "paused")
        for until in (UNTIL, SINCE + timedelta(hours=2)):
            assert (await ask(house, until=until)).data["load"] == number
            load = house.house.loads.find(number)
            assert (load.state, load.until) == ("running", UNTIL)


async def test_a_load_that_has_ended_cannot_go_on(platform):
    async with platform() as house:
        number = (await ask(house)).data["load"]
        house.house.loads.change(number, "cancelled")
        with pytest.raises(Impossible, match="has ended"):
            house.house.loads.change(number, "running")
        assert (await ask(house)).data["load"] == number + 1
        assert [one.state for one in house.house.loads.newest()] == ["running", "cancelled"]

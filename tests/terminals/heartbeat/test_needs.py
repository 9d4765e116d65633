"""Series that others need are followed for as long as they are asked for, beside those of the settings."""

from __future__ import annotations

import pytest

from adapters.bus import Bus
from aristobot.following import AWAY
from aristobot.terminals.heartbeat import needs as needing
from aristobot.terminals.heartbeat.needs import Needs
from domain.candles.series import Series
from tests.support.log import Log
from tests.terminals.heartbeat.day import Day

SOL = Series("binance", "paper", "SOL/USDT")


@pytest.fixture
async def needs(day: Day, valkey) -> Needs:
    """Return the needs of a heartbeat that follows BTC and ETH by its settings."""
    listed = {Series("binance", "paper", market.symbol): market for market in await day.client.markets()}
    return Needs(Bus(valkey.url), day.heartbeat, day.listener, listed, lambda _: [], Log())


async def test_a_needed_series_is_followed_with_its_past_and_given_up_afterwards(day: Day, needs: Needs) -> None:
    """Its minutes are proved like all others, and those of BTC know no gap meanwhile."""
    await day.minute()
    needs._bus.need_series(str(SOL))
    await needs.look()
    assert SOL in day.heartbeat.series
    assert len(day.newest(SOL)) >= 400
    await day.until(lambda: day.heartbeat.running(SOL))
    first, second = await day.minute(), await day.minute()
    await day.until(lambda: {first, second} <= day.newest(SOL).keys() and {first, second} <= day.newest(day.btc).keys())
    await day.until(lambda: day.newest(SOL)[second].proof in {"proved", "confirmed"})
    assert day.heartbeat.gaps[day.btc] == day.heartbeat.gaps[SOL] == 0
    needs._bus._client.delete(f"heartbeat_need:{SOL}")
    await needs.look()
    assert day.heartbeat.series == [day.btc, day.eth]
    third = await day.minute()
    await day.until(lambda: third in day.newest(day.btc))
    assert third not in day.newest(SOL)


@pytest.mark.parametrize("asked", ["binance/paper/NONE/USDT", "kraken/live/BTC/USD", "nonsense", "", "a/b/c/d/e"])
async def test_what_cannot_be_followed_is_left_alone(day: Day, needs: Needs, asked: str) -> None:
    needs._bus.need_series(asked)
    await needs.look()
    assert day.heartbeat.series == [day.btc, day.eth]


async def test_no_more_are_followed_than_a_connection_bears(day: Day, needs: Needs, monkeypatch) -> None:
    monkeypatch.setattr(needing, "MOST_FOLLOWED", 3)
    for symbol in ("SOL/USDT", "XRP/USDT"):
        needs._bus.need_series(f"binance/paper/{symbol}")
    for _ in range(2):
        await needs.look()
    assert [one.symbol for one in day.heartbeat.series] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    assert needs._log.said.count("too_many_series") == 1


async def test_while_the_bus_is_away_everything_stays(day: Day, needs: Needs) -> None:
    needs._bus.need_series(str(SOL))
    await needs.look()
    needs._bus = Bus("redis://127.0.0.1:1")
    await needs.look()
    assert SOL in day.heartbeat.series


async def test_a_series_that_is_given_up_while_its_minutes_are_read_harms_nobody(
    day: Day, needs: Needs, monkeypatch
) -> None:
    """A chart is closed while the exchange answers slowly."""
    needs._bus.need_series(str(SOL))
    read = day.client.bars

    async def slow(market, *given, **named):
        if market.symbol == "SOL/USDT" and SOL in day.listener.markets:
            day.listener.unfollow(SOL)
            day.heartbeat.unfollow(SOL)
        return await read(market, *given, **named)

    monkeypatch.setattr(day.client, "bars", slow)
    await needs.look()
    assert SOL not in day.listener._marks
    await day.listener.end_doubts()
    at = await day.minute()
    await day.until(lambda: at in day.newest(day.btc))


async def test_a_need_that_is_seen_while_the_database_is_away_waits(day: Day, needs: Needs) -> None:
    needs._bus.need_series(str(SOL))

    def away(_):
        raise AWAY("the database is away")

    needs._known = away
    await needs.look()
    assert SOL not in day.heartbeat.series
    needs._known = lambda _: []
    await needs.look()
    assert SOL in day.heartbeat.series

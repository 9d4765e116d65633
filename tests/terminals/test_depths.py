"""The depth of a market is followed while somebody looks at it, and no longer."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import count

from adapters import bus
from application.ports.errors import NoAnswer
from aristobot.terminals.gateway import depths
from tests.terminals.at_work import platform_for

BTC = ("binance", "paper", "BTC/USDT")


async def _looking(opened, key=BTC, *, until):
    """Look at a market until the condition holds, and return what was told last."""
    while True:
        await asyncio.to_thread(opened.web.bus.need_depth, key, "a viewer")
        await opened.gateway.depths.look()
        told = await asyncio.to_thread(opened.web.bus.depth, key)
        if until(told):
            return told
        await asyncio.sleep(0.02)


async def test_it_is_followed_while_somebody_looks_and_no_longer(database, valkey, tmp_path, monkeypatch):
    async with platform_for(database, valkey, tmp_path, monkeypatch)() as opened:
        prices = count(50000)

        def moved(told):
            opened.server.paper.prices.hold("BTC/USDT", Decimal(next(prices)))
            return told and told["bids"] and told["trades"]

        told = await _looking(opened, until=moved)
        assert float(told["bids"][0][0]) < float(told["asks"][0][0])
        assert {"id", "price", "quantity", "at"} == told["trades"][0].keys()
        assert opened.gateway.depths.followed == 1
        monkeypatch.setattr(bus, "_DEPTH_SECONDS", -1)
        await opened.gateway.depths.look()
        assert opened.gateway.depths.followed == 0


async def test_a_stream_that_breaks_is_opened_again(database, valkey, tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "PAUSE_SECONDS", 0.01)
    async with platform_for(database, valkey, tmp_path, monkeypatch)() as opened:
        client = await opened.gateway.depths._clients.of("binance", "paper")
        stream, broken = client.depth_stream, []

        async def breaks(native):
            if len(broken) < 2:
                broken.append(native)
                raise NoAnswer("the stream broke")
            async for event in stream(native):
                yield event

        client.depth_stream = breaks
        await _looking(opened, until=lambda told: told and told["bids"])
        assert broken == ["BTCUSDT"] * 2
        assert opened.log.said.count("depth_stream_ended") == 2


async def test_a_market_that_is_not_listed_is_told_nothing_of(database, valkey, tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "PAUSE_SECONDS", 0.01)
    async with platform_for(database, valkey, tmp_path, monkeypatch)() as opened:
        key = ("binance", "paper", "NOPE / USDT")
        await _looking(opened, key, until=lambda _: "depth_stream_ended" in opened.log.said)
        assert await asyncio.to_thread(opened.web.bus.depth, key) is None


async def test_who_leafs_through_markets_opens_no_flood_of_streams(database, valkey, tmp_path, monkeypatch):
    """A viewer looks at one market, all of them at twenty, and forty streams are opened in a minute."""
    async with platform_for(database, valkey, tmp_path, monkeypatch)() as opened:
        bus = opened.web.bus
        for number in range(50):
            await asyncio.to_thread(bus.need_depth, ("binance", "paper", f"X{number}/USDT"), "one viewer")
        assert [key[2] for key in await asyncio.to_thread(bus.needed_depths)] == ["X49/USDT"]
        for round_of in range(3):
            for number in range(50):
                key = ("binance", "paper", f"Y{round_of}{number}/USDT")
                await asyncio.to_thread(bus.need_depth, key, f"viewer {number}")
            await opened.gateway.depths.look()
            assert opened.gateway.depths.followed <= depths.MOST_FOLLOWED
        assert len(opened.gateway.depths._opened) == depths.MOST_OPENED

"""Balances and their worth: what the gateway tells the console of each account."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from adapters.paper.faults import Fault
from tests.terminals.at_work import platform_for


async def test_what_an_account_holds_is_told_and_its_worth_kept(database, valkey, tmp_path, monkeypatch):
    platform = platform_for(database, valkey, tmp_path, monkeypatch)
    async with platform() as opened:
        # Given an account with coins that are priced, and a resting order.
        user = await opened.user()
        _, keys = opened.account(USDT="1000", BTC="0.5")
        broker = await opened.connect(user, keys)
        await opened.wish(broker)
        await opened.until(lambda: opened.gateway.lanes[broker].reconciled_at)
        # When the gateway looks.
        await opened.gateway.balances.look()
        # Then the web reads what is free and locked, and the prices that its worth depends on.
        held, age = await asyncio.to_thread(opened.web.bus.balances, broker)
        assert {name: (Decimal(free), Decimal(locked)) for name, (free, locked) in held.items()} == {
            "USDT": (600, 400),
            "BTC": (Decimal("0.5"), 0),
        }
        assert age < 30
        prices = await asyncio.to_thread(opened.web.bus.rates, "binance", "paper")
        assert Decimal(prices["BTC/USDT"][0]) == 50000
        # Nothing is held in a position, so no position's price is told.
        assert await asyncio.to_thread(opened.web.bus.prices, "binance", "paper") == {}
        # And its worth is kept for the curve.
        kept = database.connect().execute("SELECT broker, user_id, currency, worth FROM service.equity").fetchall()
        assert kept == [(broker, user, "USDT", 26000)]


async def test_an_exchange_that_is_away_is_no_empty_account(database, valkey, tmp_path, monkeypatch):
    platform = platform_for(database, valkey, tmp_path, monkeypatch)
    async with platform() as opened:
        user = await opened.user()
        _, keys = opened.account()
        broker = await opened.connect(user, keys)
        await opened.until(lambda: broker in opened.gateway.lanes and opened.gateway.lanes[broker].reconciled_at)
        opened.server.paper.faults.add(Fault("query", "status_500", times=1000))
        await opened.gateway.balances.look()
        assert await asyncio.to_thread(opened.web.bus.balances, broker) is None
        assert database.connect().execute("SELECT count(*) FROM service.equity").fetchone() == (0,)
        assert "balances_unknown" in opened.log.said

"""The monitor goes on without a database for a while, and while the exchange's budget is needed elsewhere."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal

import psycopg
import pytest

from adapters.paper.pairs import PAIRS
from aristobot.terminals import monitor as terminal
from aristobot.terminals.monitor import Monitor
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.reconciliation import Occasion
from tests.support.log import Log
from tests.terminals.at_work import platform_for


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    monkeypatch.setattr(terminal, "POLL_SECONDS", 0.1)
    return platform_for(database, valkey, tmp_path, monkeypatch)


async def unheard(house):
    """Connect a broker with a resting order, stop listening to its stream, and return its lane and the order."""
    broker = await house.connect(await house.user(), house.account(USDT="5000")[1])
    order = await house.wish(broker)
    lane = house.gateway.lanes[broker]
    await house.until(lambda: lane.streaming and lane.idle)
    house.gateway._listening[broker].cancel()
    return lane, order


async def test_a_database_that_was_away_ends_no_monitor(platform, database, postgres):
    """Once the database is back, the monitor looks again and finds the unreported fill."""
    async with platform() as house:
        # Given a running monitor.
        _, order = await unheard(house)
        name = psycopg.conninfo.conninfo_to_dict(database.url)["dbname"]
        log, stopping = Log(), threading.Event()
        running = asyncio.create_task(asyncio.to_thread(terminal.run, house.web, log, stopping))
        # When the database goes away and comes back.
        with psycopg.connect(postgres._superuser_url("postgres"), autocommit=True) as owner:
            owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            try:
                while "database_away" not in log.said:
                    assert not running.done(), "the monitor has ended"
                    await asyncio.sleep(0.01)
            finally:
                owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        # Then the monitor finds an unreported fill.
        house.server.paper.prices.hold("BTC/USDT", Decimal(39000))
        store = database.store()
        await house.until(lambda: store.get(Order, order.id).status is Status.CLOSED)
        stopping.set()
        await running


async def test_a_poll_that_leaves_the_budget_to_others_is_no_broker_that_is_away(platform):
    """If it counted as away, the next look would be a full one, which costs more of a budget that is short."""
    async with platform() as house:
        lane, _ = await unheard(house)
        pace, moment = lane.orders.account.exchange._http.pace, time.time() + 60
        pace.told(int(pace.limit * 0.6), moment)
        pace._clock = lambda: moment
        monitor = Monitor(house.web, Log())
        for _ in range(2):
            await asyncio.to_thread(monitor.look)
            assert monitor.figures()["away"] == []
        runs = [one.event.occasion for one in house.store.read(0, topics=["Reconciliation.Started"])]
        assert Occasion.FULL not in runs


@pytest.mark.parametrize(("seconds", "occasions"), [(0.0, [Occasion.FULL]), (300.0, [])])
async def test_the_whole_account_is_looked_at_now_and_again(platform, monkeypatch, seconds, occasions):
    """Every `FULL_EVERY` seconds, without any outage: this finds an order in a symbol that no poll asks about."""
    monkeypatch.setattr(terminal, "FULL_EVERY", seconds)
    async with platform() as house:
        await unheard(house)
        [account] = house.server.paper.ledger.accounts.values()
        named = {"client_order_id": "web_1", "side": "buy", "type": "limit", "price": Decimal(2000)}
        house.server.paper.ledger.place(account, PAIRS["ETH/USDT"], quantity=Decimal("0.1"), **named)
        monitor = Monitor(house.web, Log())
        await asyncio.to_thread(monitor.look)
        await house.until(lambda: monitor.figures()["look_age"] is not None)
        assert monitor.figures()["away"] == []
        runs = [one.event for one in house.store.read(0, topics=["Reconciliation.Started"])]
        assert [run.occasion for run in runs if run.occasion in {Occasion.FULL, Occasion.POLL}] == occasions

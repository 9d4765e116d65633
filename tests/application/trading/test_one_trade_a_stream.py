"""One trade per stream: the next stream begins in the commit that ends the trade, with everything that outlives it."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from itertools import pairwise

import pytest

from domain.trading.position import Position
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, POSITION, PRICES, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)
LONG = 20.0
"""The most seconds that a test waits."""


async def test_each_trade_has_a_stream_of_its_own_that_follows_from_the_one_before(at):
    """The next stream is opened in the commit that completes the trade."""
    async with at(LISTS) as trader:
        for number in range(3):
            await trader.alert("BuyMarket", PourCent="50", **PRICES)
            await trader.trading.until(lambda: trader.position().is_open and trader.position().resting)
            assert await trader.alert("SellMarket") == EXECUTED
            await trader.closed()
            opened = await trader.trading.read("Position.Opened")
            assert len(opened) == number + 2
        log = trader.trading.store.read(0)
        ends = [index for index, one in enumerate(log) if one.topic == "Position.Closed"]
        assert [log[index + 1].topic for index in ends] == ["Position.Opened"] * 3
        assert opened[0].originator_id == POSITION
        for before, after in pairwise(opened):
            assert after.previous == before.originator_id
            assert after.originator_id == Position.create_id(1, 1, "BTC/USDT", "webhook", before.originator_id)


@pytest.mark.exchanges("binance")
async def test_dust_and_its_cost_go_with_the_next_trade(at):
    """Dust moves to the next trade's stream, so nothing that was bought is missing from the books."""
    async with at(LISTS) as trader:
        dust = Decimal("0.00007")
        await trader.buy(STOP, TARGET)
        trader.target_is_met(HELD - dust)
        await trader.trading.until(lambda: trader.position().previous == POSITION)
        assert trader.position().held == dust
        await trader.alert("BuyMarket", PourCent="50", **PRICES)
        await trader.trading.until(lambda: trader.position().is_open)
        bought = trader.position()
        assert bought.held > dust
        assert bought.trade.bought_quantity > bought.held - dust
        await trader.protected(trader.trading.markets["BTC/USDT"].round_quantity(bought.held), STOP, TARGET)


async def test_a_buy_that_outlives_its_trade_brings_its_stop_to_the_next_one(at):
    """The stop was wanted in the stream before, where the buy still looks for its position."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.alert("BuyLimit", PourCent="40", Prix="48000", PrixSL="44000")
        await trader.alert("BuyMarket", PourCent="50", **PRICES)
        await trading.until(lambda: trader.position().is_open and trader.position().resting)
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        trading.hold("BTC/USDT", "48000")
        await trading.until(lambda: trader.position().is_open)
        held = trading.markets["BTC/USDT"].round_quantity(trader.position().held)
        await trader.protected(held, ("stop_loss", Decimal(44000)))
        assert trader.position().previous == POSITION


async def test_an_exit_after_the_end_of_a_trade_sells_none_of_its_traders_other_coins(at):
    """The new stream has no fills, although the webhooks have bought before."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert await trader.alert("SellMarket") == (WebhookStatus.FAILED, "no_position")
        assert trader.sold() == HELD


async def test_a_buy_that_is_executed_and_not_counted_when_its_trade_ends_belongs_to_the_next_one(at, monkeypatch):
    """The second exit waits until the buy is counted, and sells its coins."""
    async with at(LISTS) as trader:
        trading, judge, delivered = trader.trading, trader._judge, threading.Event()
        await trader.buy(STOP, TARGET)
        before = trader.position().id

        def bought():
            return [order for order in trading.on_exchange() if order.side == "buy" and order.filled]

        def slowly(recorded):
            """Delay the engine: it counts the sale once the buy is executed, and the buy later still."""
            assert delivered.wait(LONG)
            last = time.monotonic() + LONG
            while recorded.topic == "Order.Filled" and len(bought()) < 2 and time.monotonic() < last:
                time.sleep(0.01)
            judge(recorded)
            if recorded.topic == "Order.Filled":
                time.sleep(0.3)

        monkeypatch.setattr(trader, "_judge", slowly)
        alerts = ("SellMarket", "100"), ("BuyMarket", "50"), ("SellMarket", "100")
        told = [await trader.deliver(action, PourCent=percent) for action, percent in alerts]
        delivered.set()
        assert [await trader.ended(one) for one in told] == [EXECUTED] * 3
        await trader.closed()
        assert trader.position().id != before

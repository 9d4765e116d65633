"""A stop that the exchange ends by itself is placed again, at once and then ever more rarely, and its owner is told."""

from __future__ import annotations

import asyncio

import pytest

from adapters.paper.faults import Fault
from application.protection import trouble
from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, STOP, alarms

WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
ENDLESS = 10_000


def ends_stops(trading, times=ENDLESS):
    """Make the exchange accept stops and end them at once."""
    trading.paper.faults.add(Fault("place_order", "expire", times=times, type="STOP_LOSS"))


def stops(trader):
    return [order for order in trader.sells() if order.type == "stop_loss"]


@WAYS
async def test_a_stop_that_ends_once_is_placed_again_at_once(at, able):
    """No alert is raised for a stop that was missing for a moment."""
    async with at(able) as trader:
        ends_stops(trader.trading, times=1)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, STOP)
        assert await alarms(trader.trading) == []


@WAYS
def test_a_stop_that_ends_again_and_again_is_told_and_placed_more_and_more_rarely(at, able, monkeypatch):
    """Each attempt uses up one of the account's new orders, which other positions need."""
    pauses, pause = [], trouble.Trouble.pause_after_losses

    def paused(self):
        pauses.append(pause(self))
        return 0.01

    monkeypatch.setattr(trouble.Trouble, "pause_after_losses", paused)

    async def story():
        async with at(able) as trader:
            ends_stops(trader.trading)
            await trader.alert("BuyMarket", PourCent="50", PrixSL="45000")
            await trader.trading.until(lambda: len(stops(trader)) > 9)
            assert set(await alarms(trader.trading)) == {Cause.POSITION_UNPROTECTED}
            assert trader.position().lost == "stop_ended"
            trader.trading.paper.faults.pending.clear()
            await trader.protected(HELD, STOP)

    asyncio.run(story())
    assert [round(seconds / trouble.AT_MOST_EVERY) for seconds in pauses[:8]] == [1, 2, 4, 8, 16, 32, 64, 64]


@WAYS
async def test_the_price_is_watched_while_the_next_try_waits(at, able, monkeypatch):
    """The coins are sold once the price passes the stop."""
    monkeypatch.setattr(trouble.Trouble, "pause_after_losses", lambda _: 60.0)
    async with at(able) as trader:
        ends_stops(trader.trading)
        await trader.alert("BuyMarket", PourCent="50", PrixSL="45000")
        await trader.trading.until(lambda: stops(trader))
        await trader.trading.until(lambda: trader.position().lost)
        trader.trading.hold("BTC/USDT", "44000")
        await trader.closed()
        assert trader.sold() == HELD


@WAYS
async def test_a_stop_that_rests_for_a_minute_has_ended_for_the_first_time(at, able):
    """A stop that has rested for a minute counts as ending for the first time, so no alert is raised."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, PrixSL="45000")
        for _ in range(3):
            trading.pass_by(120)
            [stop] = [order for order in stops(trader) if order.rests]
            trading.paper.ledger._end(stop, "expired", "EXCHANGE_CANCELED")
            await trading.until(lambda stop=stop: any(o.rests and o is not stop for o in stops(trader)))
            await trader.protected(HELD, STOP)
        assert await alarms(trading) == []

"""Stops at a limit: sold at worst half a percent below the trigger, and left waiting when the market jumps over it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from domain.alert import Cause
from domain.people.broker import StopStyle
from domain.webhooks.webhook import WebhookStatus
from tests.application.protection.test_price_watch import in_time, told
from tests.application.protection.test_what_cannot_rest import NO_STOPS, rule
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP_ALONE, TARGET, alarms

LIMITED = ("stop_loss_limit", Decimal(45000))
GAP = pytest.mark.parametrize(("prices", "shapes"), [({"PrixSL": "45000"}, [LIMITED]), (PRICES, [LIMITED, TARGET])])


@pytest.mark.parametrize(
    ("able", "prices", "shapes"),
    [
        (LISTS, {"PrixSL": "45000"}, [LIMITED]),
        (LISTS, PRICES, [LIMITED, TARGET]),
        (STOP_ALONE, PRICES, [LIMITED]),
    ],
)
async def test_a_stop_at_a_limit_rests_half_a_percent_below_its_trigger(at, able, prices, shapes):
    """The stop rests alone or in a list. A fall to a price between trigger and limit sells at the market."""
    async with at(able, StopStyle.LIMIT) as trader:
        await trader.buy(*shapes, **prices)
        [stop] = [order for order in trader.sells() if order.type == LIMITED[0]]
        assert (stop.stop_price, stop.price) == (Decimal(45000), Decimal(44775))
        assert (stop.list_id is not None) == (len(shapes) == 2)
        trader.trading.hold("BTC/USDT", "44900")
        await trader.closed()
        assert (stop.status, stop.trades[0].price) == ("filled", Decimal(44900))
        assert trader.sold() == HELD


@GAP
async def test_a_stop_whose_limit_was_jumped_over_waits_for_its_price(at, prices, shapes):
    """The stop rests in the order book at its limit, and is sold there when the market comes back."""
    async with at(LISTS, StopStyle.LIMIT) as trader:
        await trader.buy(*shapes, **prices)
        trader.trading.hold("BTC/USDT", "44000")
        assert trader.resting() == [(*LIMITED, HELD)]
        trader.trading.hold("BTC/USDT", "44800")
        await trader.closed()
        assert [trade.price for order in trader.sells() for trade in order.trades] == [Decimal(44775)]


@GAP
async def test_a_stop_whose_limit_was_jumped_over_can_be_moved(at, prices, shapes):
    """A new stop below the market replaces it, and the webhook that asked for the move ends."""
    async with at(LISTS, StopStyle.LIMIT) as trader:
        await trader.buy(*shapes, **prices)
        trader.trading.hold("BTC/USDT", "44000")
        assert await trader.alert("MAJ", PrixSL="43000") == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, ("stop_loss_limit", Decimal(43000)), *shapes[1:])
        assert trader.sold() == 0


@GAP
async def test_what_a_stop_no_longer_sells_can_be_sold_by_an_alert(at, prices, shapes):
    """The stop is cancelled, and everything is sold at the market."""
    async with at(LISTS, StopStyle.LIMIT) as trader:
        await trader.buy(*shapes, **prices)
        trader.trading.hold("BTC/USDT", "44000")
        assert await trader.alert("SellMarket") == (WebhookStatus.EXECUTED, None)
        await trader.closed()
        assert [trade.price for order in trader.sells() for trade in order.trades] == [Decimal(44000)]


@pytest.mark.parametrize(("prices", "shapes"), [({"PrixSL": "45000"}, [LIMITED]), (PRICES, [LIMITED, TARGET])])
async def test_a_stop_that_waits_at_the_limit_its_owner_chose_is_told_of(at, prices, shapes):
    """The owner gets an alert, with or without a target beside the stop. Nothing is sold below the limit."""
    async with at(LISTS, StopStyle.LIMIT) as trader:
        trading = trader.trading
        await trader.buy(*shapes, **prices)
        trading.hold("BTC/USDT", "44000")
        await in_time(trading, lambda: trader.position().lost == "stop_not_sold" and told(trading))
        assert (trader.sold(), await alarms(trading)) == (0, [Cause.POSITION_UNPROTECTED])
        assert [kind for kind, *_ in trader.resting()] == [LIMITED[0]]


@pytest.mark.parametrize("able", [LISTS, BINANCE], ids=["cancel and place", "in one call"])
async def test_a_stop_at_a_limit_that_the_market_alone_demands_is_helped(at, able):
    """The owner did not choose a limit, so what the stop does not sell is sold at the market."""
    async with at(able) as trader:
        trading = trader.trading
        await rule(trading, order_types=NO_STOPS, oco_allowed=False)
        await trader.buy(LIMITED, PrixSL="45000")
        trading.hold("BTC/USDT", "44000")
        await in_time(trading, lambda: not trader.position().is_open)
        assert trader.sold() == HELD


async def test_a_stop_that_waits_at_its_limit_is_not_taken_off_on_an_old_price(at):
    """The old price is from before the stop was triggered, so it is no reason to cancel the stop."""
    async with at(BINANCE, StopStyle.LIMIT) as trader:
        trading = trader.trading
        await trader.buy(LIMITED, TARGET)
        trading.hold("BTC/USDT", "50000")
        tickers = await trading.client.tickers([trading.markets["BTC/USDT"]])
        old = {symbol: replace(ticker, time=trading.now) for symbol, ticker in tickers.items()}
        [stop] = [order for order in trader.sells() if order.type == LIMITED[0]]
        trading.hold("BTC/USDT", "44000")
        for _ in range(20):
            trading.lane.hear_prices(old)
            trading.lane.agenda.put(Task.GUARD, trader.position().id)
            await asyncio.sleep(0.02)
        assert stop.rests
        assert trader.sold() == 0

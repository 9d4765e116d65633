"""A price that is passed while its order does not rest is carried out, once and at once. A move of it ends."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from application.orders.agenda import Task
from application.ports.errors import NoAnswer
from application.ports.market_data import Ticker
from application.protection import trouble
from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.protection.test_what_cannot_rest import EXECUTED, rule
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP, TARGET, alarms

pytestmark = pytest.mark.exchanges("binance", "bitget")

WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
LONG = 60.0
"""A pause (seconds) longer than any test."""
FEW = 20
"""More events than a second or two of normal work records, and fewer than a loop without a pause would."""
HALF = Decimal("0.015")
"""A quantity (base) that is more than the first entry bought, and less than both entries bought."""


async def in_time(trading, condition):
    """Wait until the condition holds, moving the lane's clock meanwhile."""
    while not condition():
        trading.pass_by(1)
        await asyncio.sleep(0.02)


def no_stops(trading):
    """Make the exchange refuse all stops from now on."""
    for kind in ("STOP_LOSS", "STOP_LOSS_LIMIT"):
        no = {"times": 10000, "type": kind, "code": -2010, "message": "This action is disabled on this account."}
        trading.paper.faults.add(Fault("place_order", "refuse", **no))


def falls_after_the_buy(trading, price):
    """Set the market to this price as soon as the next buy is filled."""

    def look(account, order, *_):
        if order.side == "buy" and order.filled:
            trading.paper.ledger.listeners.remove(look)
            asyncio.get_running_loop().call_soon(trading.hold, "BTC/USDT", price)

    trading.paper.ledger.listeners.append(look)


def told(trading):
    """Return the alerts that were raised."""
    return trading.store.read(0, topics=["Alert.Raised"])


# --- prices that were passed ---------------------------------------------------------------------------------------


@pytest.mark.exchanges("binance")
@WAYS
async def test_a_passed_stop_is_sold_in_the_pause_between_two_tries_to_place_it(at, able, monkeypatch):
    """The pause holds back the next attempt to place the stop, not the looks at the price."""
    async with at(able) as trader:
        monkeypatch.setattr(trouble, "AT_MOST_EVERY", LONG)
        trading = trader.trading
        no_stops(trading)
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: trader.position() is not None and trader.position().lost)
        trading.hold("BTC/USDT", "44999")
        await trading.until(lambda: trader.sold() == HELD)
        await bought


async def test_a_second_entry_whose_higher_stop_was_passed_meanwhile_is_sold(at):
    """Everything is sold, by the stop that was wanted last."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        falls_after_the_buy(trading, "47000")
        assert await trader.alert("BuyMarket", PourCent="80", PrixSL="48000", PrixTP="60000") == EXECUTED
        await in_time(trading, lambda: trader.sold() > HALF)
        await trader.closed()


async def test_a_print_at_the_target_with_the_bid_below_it_leaves_a_stop(at):
    """The target has no buyer, so nothing is sold, and a stop protects the coins."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading)
        wide = {"spread": 200, "step": 100, "quantity": "5", "levels": 3}
        trading.paper.book.shape(trading.paper.markets.pair("BTC/USDT"), wide)
        falls_after_the_buy(trading, "50100")
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="50100") == EXECUTED
        await in_time(trading, trader.resting)
        assert trader.resting()[0][:2] == STOP
        assert trader.sold() == 0


async def test_a_price_told_before_an_entry_sells_nothing_of_it(at):
    """The price from before the entry is out of date."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        below = Ticker("BTC/USDT", Decimal(44900), Decimal(44899), Decimal(44901), trading.now)
        trading.lane.hear_prices({"BTC/USDT": below})
        trading.pass_by(1)
        assert await trader.alert("BuyMarket", PourCent="50", **PRICES) == EXECUTED
        await trader.protected(HELD, STOP, TARGET)
        assert trader.sold() == 0


# --- what cannot rest ----------------------------------------------------------------------------------------------


@pytest.mark.exchanges("binance")
async def test_what_can_rest_in_no_form_is_told_and_not_tried_without_a_pause(at, monkeypatch):
    """No stop is allowed, and the band refuses the price of any other order. The owner is told once."""
    async with at(BINANCE) as trader:
        monkeypatch.setattr(trouble, "AT_MOST_EVERY", 1.0)
        monkeypatch.setattr(trouble, "LOOK_EVERY", 2.0)
        trading = trader.trading
        nothing = {
            "PERCENT_PRICE_BY_SIDE": {"askMultiplierDown": "0.95"},
            "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 0},
        }
        await rule(trading, filters=nothing)
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await in_time(trading, lambda: told(trading))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        before = len(trading.store.read(0, 100000))
        for _ in range(15):
            trading.pass_by(1)
            await asyncio.sleep(0.1)
        assert len(trading.store.read(0, 100000)) - before < FEW
        bought.cancel()


@pytest.mark.exchanges("binance")
async def test_a_move_to_a_target_outside_of_the_band_is_executed(at):
    """The target cannot rest, so its price is watched and the webhook ends."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, filters={"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1"}})
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
        moving = asyncio.create_task(trader.alert("MAJ", PrixTP="60000"))
        await in_time(trading, moving.done)
        assert moving.result() == EXECUTED
        assert trader.position().target_watched


@pytest.mark.exchanges("binance")
async def test_a_move_to_a_stop_that_is_refused_fails_and_is_told(at):
    """The webhook fails, and an alert tells the owner that the coins are unprotected."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        no_stops(trading)
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
        moving = asyncio.create_task(trader.alert("MAJ", PrixSL="45000"))
        await in_time(trading, moving.done)
        assert moving.result() == (WebhookStatus.FAILED, "protection_refused")
        await trading.until(lambda: told(trading))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]


async def test_a_watched_price_that_does_not_come_is_known_to_be_old(at, monkeypatch):
    """The symbol counts as blind, which lets the alerts terminal tell the owner. The next price ends it."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, oco_allowed=False)
        await trader.buy(STOP)
        prices = trading.client.tickers

        async def silence(*_, **__):
            raise NoAnswer("the connection was closed", code="stream_broken")

        monkeypatch.setattr(trading.client, "tickers", silence)
        assert trading.lane.blind == []
        await in_time(trading, lambda: trading.lane.blind == ["BTC/USDT"])
        monkeypatch.setattr(trading.client, "tickers", prices)
        trading.lane.agenda.put(Task.GUARD, trader.position().id)
        await trading.until(lambda: trading.lane.blind == [])


async def test_no_price_is_old_that_nobody_watches(at):
    """Orders that rest on the exchange need no watched price."""
    async with at(BINANCE) as trader:
        await trader.buy(STOP, TARGET)
        trader.trading.pass_by(60)
        await asyncio.sleep(0.1)
        assert trader.trading.lane.blind == []

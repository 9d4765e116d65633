"""Two moves of one protection at once: each webhook ends with the result of its own move."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.application.trader import HELD, LISTS, STOP

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)
OVERTAKEN, REFUSED = (WebhookStatus.FAILED, "superseded"), (WebhookStatus.FAILED, "market_below_stop")
FIRST = {"PrixSL": "46000"}


async def two_at_once(trader, second, price="50000"):
    """Deliver a move and a second one before the exchange has answered the first. Return how both webhooks ended.

    The market is at this `price` when the exchange answers.
    """
    gate = asyncio.Event()
    trader.trading.client.before["place"] = gate.wait
    first = await trader.deliver("MAJ", **FIRST)
    await trader.trading.until(lambda: trader.position().request == first)
    later = await trader.deliver("MAJ", **second)
    await trader.trading.until(lambda: trader.position().request == later)
    assert trader.store.get(Webhook, first).is_under_way
    trader.trading.hold("BTC/USDT", price)
    gate.set()
    return await trader.ended(first), await trader.ended(later)


async def test_a_move_that_is_refused_gives_way_to_the_one_that_it_overtook(at):
    """The first move can still be placed: it rests, and its webhook says so.

    The second webhook says why its move failed.
    """
    async with at(LISTS) as trader:
        await trader.buy(STOP, PrixSL="45000")
        assert await two_at_once(trader, {"PrixSL": "51000"}) == (EXECUTED, REFUSED)
        await trader.protected(HELD, ("stop_loss", Decimal(46000)))


@pytest.mark.exchanges("binance")
async def test_where_both_are_refused_what_rested_is_there_again(at):
    """The market fell below both new stops in the meantime, but not below the old one."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, PrixSL="45000")
        assert await two_at_once(trader, {"PrixSL": "47000"}, price="45500") == (REFUSED, REFUSED)
        await trader.protected(HELD, STOP)


async def test_a_move_that_rests_answers_what_it_overtook(at):
    async with at(LISTS) as trader:
        await trader.buy(STOP, PrixSL="45000")
        assert await two_at_once(trader, {"PrixSL": "47000"}) == (OVERTAKEN, EXECUTED)
        await trader.protected(HELD, ("stop_loss", Decimal(47000)))


async def test_a_move_for_a_buy_that_never_arrives_is_not_executed(at):
    """The move waits for the buy, and fails with it."""
    async with at(LISTS) as trader:
        trading, gate = trader.trading, asyncio.Event()
        trading.client.before["place"] = gate.wait
        trading.fault("place_order", "refuse")
        buy = await trader.deliver("BuyMarket", PourCent="50", PrixSL="45000")
        await trading.until(lambda: trader.position() is not None)
        move = await trader.deliver("MAJ", PrixSL="46000")
        await trading.until(lambda: trader.position().request == move)
        gate.set()
        assert (await trader.ended(buy))[0] is WebhookStatus.FAILED
        assert await trader.ended(move) == (WebhookStatus.FAILED, "entry_ended")
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED


async def test_a_move_for_a_buy_that_is_on_its_way_is_executed_when_it_rests(at):
    async with at(LISTS) as trader:
        trading, gate = trader.trading, asyncio.Event()
        trading.client.before["place"] = gate.wait
        await trader.deliver("BuyMarket", PourCent="50", PrixSL="45000")
        await trading.until(lambda: trader.position() is not None)
        move = await trader.deliver("MAJ", PrixSL="46000")
        await trading.until(lambda: trader.position().request == move)
        assert trader.store.get(Webhook, move).is_under_way
        gate.set()
        assert await trader.ended(move) == EXECUTED
        await trader.protected(HELD, ("stop_loss", Decimal(46000)))

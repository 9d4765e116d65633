"""A stop or a target that was carried out is over: no later buy, move or refusal brings it back."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.aggregate import carrying
from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.protection.test_what_cannot_rest import EXECUTED
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET, alarms

pytestmark = pytest.mark.exchanges("binance", "bitget")

WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
HALF = HELD / 2
STEP = Decimal("0.00001")


async def half_is_stopped(trader):
    """Buy, stop out one half of the position, and let the market rise again."""
    trading = trader.trading
    await trader.alert("BuyMarket", PourCent="50")
    assert await trader.alert("MAJ", PrixSL="45000", PourCent="50") == EXECUTED
    trading.hold("BTC/USDT", "44900")
    await trading.until(lambda: trader.position().lost == "carried_out")
    trading.hold("BTC/USDT", "50000")


async def is_protected(trader, more_than):
    """Wait until everything that is held is protected, except for less than one step."""
    await trader.trading.until(lambda: trader.position().held - trader.position().protected < STEP)
    assert trader.position().protected > more_than


@pytest.mark.exchanges("binance")
@WAYS
async def test_a_move_after_a_stop_was_carried_out_protects_what_is_bought_besides(at, able):
    """The fill of the second buy and the move may come in either order."""
    async with at(able) as trader:
        await half_is_stopped(trader)
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50"))
        assert await trader.alert("MAJ", PrixSL="46000", PrixTP="60000") == EXECUTED
        await bought
        await is_protected(trader, more_than=HALF)
        assert {price for _, price, _ in trader.resting()} == {Decimal(46000), Decimal(60000)}


@WAYS
@pytest.mark.parametrize(("action", "percent"), [("MAJ", "100"), ("SellMarket", "20")])
async def test_a_target_for_what_a_stop_has_left_does_not_bring_the_stop_back(at, able, action, percent):
    """Only the target is wanted, as the stop's price was passed long ago."""
    async with at(able) as trader:
        await half_is_stopped(trader)
        trader.trading.hold("BTC/USDT", "44000")
        before = trader.sold()
        assert await trader.alert(action, PrixTP="60000", PourCent=percent) == EXECUTED
        await trader.trading.until(lambda: [kind for kind, *_ in trader.resting()] == ["limit"])
        sold = HALF * Decimal(percent) / 100 if action == "SellMarket" else Decimal(0)
        assert abs(trader.sold() - before - sold) <= STEP
        assert await alarms(trader.trading) == [Cause.PARTLY_COVERED]  # raised by the first move


@WAYS
async def test_what_is_bought_above_a_target_that_is_done_is_kept(at, able):
    """The target covered one half and has sold it. The stop covers everything."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        assert await trader.alert("MAJ", PrixTP="55000", PourCent="50") == EXECUTED
        trading.hold("BTC/USDT", "55001")
        await trading.until(lambda: trader.sold() > 0 and [kind for kind, *_ in trader.resting()] == ["stop_loss"])
        sold = trader.sold()
        trading.hold("BTC/USDT", "56000")
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
        await is_protected(trader, more_than=HELD * Decimal("0.6"))
        assert trader.sold() == sold
        assert [kind for kind, *_ in trader.resting()] == ["stop_loss"]


@WAYS
async def test_a_target_that_is_met_while_a_move_is_refused_sells_its_part_once(at, able):
    """The other half stays under the same stop."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        assert await trader.alert("MAJ", PrixTP="55000", PourCent="50") == EXECUTED
        trading.hold("BTC/USDT", "55001")
        status, _ = await trader.alert("MAJ", PrixSL="70000", PrixTP="80000")
        assert status is WebhookStatus.FAILED
        await trading.until(lambda: [kind for kind, *_ in trader.resting()] == ["stop_loss"])
        await is_protected(trader, more_than=HALF - STEP)
        assert trader.position().wanted.stop_loss == STOP[1]


@WAYS
async def test_a_refused_move_leaves_what_was_wanted_also_while_nothing_of_it_rests(at, able):
    """The protection was reported as lost before the move came. The refusal leaves the earlier prices wanted."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        with carrying(user="1"):
            position = trader.position()
            position.lose_protection("too_many_orders")
            trading.store.save(position)
        status, _ = await trader.alert("MAJ", PrixSL="52000")
        assert status is WebhookStatus.FAILED
        await trader.protected(HELD, STOP, TARGET)

"""A stop and a target have quantities of their own: moving one takes no quantity away from the other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, PART, alarms

EXECUTED = (WebhookStatus.EXECUTED, None)
HALF = Decimal("0.00499")
"""Half of the held quantity (base), rounded to the market's step."""
REST = HELD - HALF
STOP, TARGET = Decimal(45000), Decimal(60000)


async def rests(trader, *expected):
    """Wait until exactly these orders rest, each given as type, price and quantity."""
    await trader.trading.until(lambda: sorted(trader.resting()) == sorted(expected))


@pytest.mark.parametrize("able", [BINANCE, LISTS])
async def test_a_target_for_a_half_leaves_the_stop_under_everything(at, able):
    async with at(able) as trader:
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
        assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
        await rests(trader, ("stop_loss", STOP, HALF), ("limit", TARGET, HALF), ("stop_loss", STOP, REST))
        assert await alarms(trader.trading) == []


@pytest.mark.parametrize("able", [BINANCE, LISTS])
async def test_a_stop_for_a_half_is_told_and_takes_the_target_with_it(at, able):
    """The target never sells more than its stop protects, so it is cut to the half too. The owner gets an alert."""
    async with at(able) as trader:
        await trader.buy(("stop_loss", STOP), ("limit", TARGET))
        assert await trader.alert("MAJ", PourCent="50", PrixSL="46000") == EXECUTED
        await rests(trader, ("stop_loss", Decimal(46000), HALF), ("limit", TARGET, HALF))
        await trader.trading.until(lambda: trader.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trader.trading) == [Cause.PARTLY_COVERED]


async def test_a_moved_target_never_bares_the_stop_of_the_rest(at):
    """Only the list is replaced. The stop of the rest stays on the book all the while."""
    async with at(BINANCE) as trader:
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
        assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
        [alone] = [o for o in trader.sells() if o.rests and o.quantity == REST]
        assert await trader.alert("MAJ", PourCent="50", PrixTP="61000") == EXECUTED
        await rests(trader, ("stop_loss", STOP, HALF), ("limit", Decimal(61000), HALF), ("stop_loss", STOP, REST))
        assert alone.rests


async def test_a_target_that_sells_a_part_leaves_the_other_stop_alone(at):
    """One call replaces what is left of the target with a stop. The stop of the rest is not touched."""
    async with at(BINANCE) as trader:
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
        assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
        [alone] = [o for o in trader.sells() if o.rests and o.quantity == REST]
        trader.target_is_met(PART)
        await rests(trader, ("stop_loss", STOP, HALF - PART), ("stop_loss", STOP, REST))
        assert alone.rests


async def test_a_target_too_small_for_an_order_of_its_own_is_refused(at):
    """The move is refused, and the resting stop stays."""
    async with at(BINANCE) as trader:
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
        status, reason = await trader.alert("MAJ", PourCent="1", PrixTP="60000")
        assert (status, reason) == (WebhookStatus.REFUSED, "too_small_to_protect")
        await rests(trader, ("stop_loss", STOP, HELD))


async def test_what_is_too_little_beside_the_target_goes_with_it(at):
    """A rest below the exchange's minimum could have no stop of its own, so the list covers everything."""
    async with at(BINANCE) as trader:
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
        assert await trader.alert("MAJ", PourCent="99", PrixTP="60000") == EXECUTED
        await rests(trader, ("stop_loss", STOP, HELD), ("limit", TARGET, HELD))

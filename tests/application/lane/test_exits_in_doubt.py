"""Exits whose request was lost: they may never have arrived, so the resting orders stay."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET

WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])


@WAYS
async def test_all_coins_are_under_their_stop_again_once_a_doubtful_exit_can_no_longer_be_carried_out(at, able):
    """The exit's absence is proven only a minute later, but the stop covers all coins again before that."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.paper.faults.add(Fault("place_order", "lose_request", times=1, type="MARKET"))
        exit_ = asyncio.create_task(trader.alert("SellMarket", PourCent="50"))
        await trading.until(lambda: trader.position().exits)
        while trader.position().protected != HELD or trader.resting() != [(*STOP, HELD), (*TARGET, HELD)]:
            trading.pass_by(1)
            await asyncio.sleep(0.05)
        assert trader.sold() == Decimal(0)
        exit_.cancel()

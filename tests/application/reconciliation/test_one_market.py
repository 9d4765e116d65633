"""A refusal about one market is a finding about that market: the others are reconciled and their orders are sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.orders.order_status import Status
from domain.reconciliation import Occasion, Resolution

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def test_after_a_restart_a_market_that_the_exchange_refuses_keeps_no_other_from_trading(open_trading):
    """The order in that market is left to a person. The rest is reconciled, and waiting orders are sent."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.becomes(await trading.rest("0.1", "1000", symbol="ETH/USDT"), Status.OPEN)
        trading.paper.faults.add(Fault("query", "refuse_symbol", symbol="BTC/USDT"))
        for task in trading.tasks:
            task.cancel()
        await asyncio.gather(*trading.tasks, return_exceptions=True)
        trading.tasks.clear()
        await trading.begin_anew()
        bought = await trading.wish(symbol="ETH/USDT", cost=Decimal(100))
        await trading.becomes(bought, Status.CLOSED)


@pytest.mark.exchanges("binance")
async def test_a_market_that_the_exchange_refuses_is_told_once(open_trading):
    """The finding quotes the exchange. It is reported again to a person who asks."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        trading.paper.faults.add(Fault("query", "refuse_symbol", symbol="BTC/USDT"))
        found = [one for one in await trading.reconcile(Occasion.FULL) if one.order is None]
        assert [(one.symbol, one.resolution) for one in found] == [("BTC/USDT", Resolution.DECIDE)]
        assert "Invalid symbol" in found[0].theirs.values["said"]
        assert [one for one in await trading.reconcile(Occasion.FULL) if one.order is None] == []
        again = [one for one in await trading.reconcile() if one.order is None]
        assert [one.resolution for one in again] == [Resolution.UNDECIDED]

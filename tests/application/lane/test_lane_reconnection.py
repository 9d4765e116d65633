"""Reconciliation of all orders after an interruption of the private stream: always recorded, whatever it finds."""

from __future__ import annotations

import asyncio

import pytest

from domain.reconciliation import Occasion
from tests.application.lane.test_lane_stream import cut

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def reconnections(trading):
    """Return the number of reconciliations that a reconnection caused."""
    return [run.occasion for run in await trading.read("Reconciliation.Started")].count(Occasion.RECONNECTION)


async def test_a_reconnection_is_a_reconciliation_of_its_own(open_trading):
    """The first connection is not a reconnection: the reconciliation at the start finds what was missed before it."""
    async with open_trading() as trading:
        await trading.listening()
        await trading.known()
        assert await reconnections(trading) == 0
        await cut(trading)
        await trading.until(lambda: trading.lane.streaming)
        await trading.known()
        assert await reconnections(trading) == 1
        ended = {type(event).__name__ for event in await trading.read("Reconciliation")}
        assert "Failed" not in ended


async def test_a_reconnection_that_meets_a_reconciliation_under_way_is_one_all_the_same(open_trading):
    """The stream is back before the full look that began when it broke has ended."""
    async with open_trading() as trading:
        await trading.listening()
        await trading.known()
        back = asyncio.Event()
        trading.client.before["open_orders"] = back.wait
        await cut(trading)
        await trading.until(lambda: trading.lane.streaming)
        back.set()
        await trading.known()
        assert await reconnections(trading) == 1

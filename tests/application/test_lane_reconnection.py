"""After an interruption of the private stream all orders are compared, and that is written down, whatever was found."""

from __future__ import annotations

import asyncio

from domain.reconciliation import Occasion
from tests.application.test_lane_stream import cut


async def reconnections(desk):
    """How many comparisons were made because the stream was back."""
    return [run.occasion for run in await desk.read("Reconciliation.Started")].count(Occasion.RECONNECTION)


def test_a_reconnection_is_a_comparison_of_its_own(trading):
    """The first connection after the start is none: what was missed before it, the start has found."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            await desk.known()
            assert await reconnections(desk) == 0
            await cut(desk)
            await desk.until(lambda: desk.lane.streaming)
            await desk.known()
            assert await reconnections(desk) == 1
            ended = {type(event).__name__ for event in await desk.read("Reconciliation")}
            assert "Failed" not in ended

    asyncio.run(story())


def test_a_reconnection_that_meets_a_comparison_under_way_is_one_all_the_same(trading):
    """The stream is back before the look at the orders has ended that began when it broke."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            await desk.known()
            back = asyncio.Event()
            desk.client.before["open_orders"] = back.wait
            await cut(desk)
            await desk.until(lambda: desk.lane.streaming)
            back.set()
            await desk.known()
            assert await reconnections(desk) == 1

    asyncio.run(story())

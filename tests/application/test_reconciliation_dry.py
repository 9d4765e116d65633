"""A dry comparison only tells: it appends nothing, begins nothing that would, and takes nothing from the next one."""

from __future__ import annotations

import asyncio

import pytest

from domain.order import Status
from domain.reconciliation import Resolution


async def head(desk):
    """Where the log ends."""
    return await asyncio.to_thread(desk.store.head)


@pytest.mark.parametrize("why", ["hidden", "not listed"])
def test_a_dry_comparison_begins_no_look_up(trading, why):
    """Which would record what it finds, after the dry run has said that nothing is recorded."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            await desk.known()
            desk.show_orders(shown=False)
            if why == "not listed":
                del desk.markets["BTC/USDT"]
            before = await head(desk)
            await desk.compare(dry=True)
            assert order.id not in desk.lane._look_ups
            assert await head(desk) == before

    asyncio.run(story())


def test_a_dry_comparison_is_no_second_look(trading):
    """An order made elsewhere is not adopted by it, but by the next one that records."""

    async def story():
        async with trading() as desk:
            await desk.elsewhere("web_1")
            await desk.compare()
            desk.pass_by(10)
            before = await head(desk)
            assert {found.resolution for found in await desk.compare(dry=True)} <= {Resolution.AWAITED}
            assert await head(desk) == before
            assert Resolution.ADOPTED in {found.resolution for found in await desk.compare()}

    asyncio.run(story())


def test_a_dry_comparison_repeats_no_cancel(trading):
    """The order rests although its cancel was asked for: that is told to the exchange again by a real one only."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            await desk.known()
            await desk.say(order.id, lambda o: o.request_cancel("somebody"))
            await desk.lane._desk.recording.load(order.id)
            await desk.compare(dry=True)
            assert desk.lane._queue.empty()
            assert desk.client.asked["cancel"] == 0
            await desk.compare()
            await desk.becomes(order.id, Status.CANCELLED)

    asyncio.run(story())

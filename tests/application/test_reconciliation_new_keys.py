"""Keys that are refused have compared nothing: with the next ones nothing is sent before that is done."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.order import Status


def test_with_new_keys_nothing_is_sent_before_the_orders_have_been_compared(trading):
    """A comparison with keys that could compare nothing was none; what was wished meanwhile waits or grows stale."""

    async def story():
        async with trading() as desk:
            good = desk.credentials
            desk.credentials = replace(good, secret="nobody")
            await desk.begin_anew()
            old = await desk.rest(not_after=desk.now)
            await desk.asked_again("open_orders", 1)
            listed = asyncio.Event()
            desk.client.before["open_orders"] = listed.wait
            desk.pass_by(1)
            desk.lane.renew(desk.broker, good)
            order_id = await desk.rest()
            await desk.asked_again("open_orders", 1)
            for _ in range(50):
                await desk.load(order_id)  # enough moments for a lane that does not wait
            assert desk.client.asked["place"] == 0
            listed.set()
            await desk.becomes(order_id, Status.OPEN)
            assert (await desk.load(old)).reason == "stale"

    asyncio.run(story())

"""Keys that are refused have compared nothing: with the next ones nothing is sent before that is done."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.order import Status


async def test_with_new_keys_nothing_is_sent_before_the_orders_have_been_compared(open_trading):
    """A comparison with keys that could compare nothing was none; what was wished meanwhile waits or grows stale."""
    async with open_trading() as trading:
        good = trading.credentials
        trading.credentials = replace(good, secret="nobody")
        await trading.begin_anew()
        old = await trading.rest(not_after=trading.now)
        await trading.asked_again("open_orders", 1)
        listed = asyncio.Event()
        trading.client.before["open_orders"] = listed.wait
        trading.pass_by(1)
        trading.lane.renew(trading.broker, good)
        order_id = await trading.rest()
        await trading.asked_again("open_orders", 1)
        for _ in range(50):
            await trading.load(order_id)  # enough moments for a lane that does not wait
        assert trading.client.asked["place"] == 0
        listed.set()
        await trading.becomes(order_id, Status.OPEN)
        assert (await trading.load(old)).reason == "stale"

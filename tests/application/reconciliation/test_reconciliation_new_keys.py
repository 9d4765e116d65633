"""Refused keys reconcile nothing: with the next keys nothing is sent before a reconciliation has succeeded."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.orders.order_status import Status

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def test_with_new_keys_nothing_is_sent_before_the_orders_have_been_compared(open_trading):
    """A run with refused keys does not count. Orders placed meanwhile wait or grow stale."""
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
            await trading.load(order_id)  # long enough for a lane that does not wait to send
        assert trading.client.asked["place"] == 0
        listed.set()
        await trading.becomes(order_id, Status.OPEN)
        assert (await trading.load(old)).reason == "stale"

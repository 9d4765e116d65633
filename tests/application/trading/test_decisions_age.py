"""The age of an insisted exit: it is sent within half a minute or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from application.trading.decisions import send_again
from domain.orders.order_status import Status
from domain.orders.wish import Side

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def test_an_exit_that_is_sent_again_may_be_sent_for_half_a_minute(open_trading):
    """The person who insisted decided by the price of that moment."""
    async with open_trading(BTC="1") as trading:
        late = await trading.becomes(
            await trading.wish(side=Side.SELL, quantity=Decimal("0.01"), not_after=trading.now - timedelta(seconds=1)),
            Status.REFUSED,
        )
        again = await asyncio.to_thread(send_again, trading.store, 1, late.id, trading.now)
        trading.pass_by(30.001)
        trading.lane.agenda.put(Task.SEND, again)
        refused = await trading.becomes(again, Status.REFUSED, Status.CLOSED)
        assert (refused.status, refused.reason) == (Status.REFUSED, "stale")
        assert trading.client.asked["place"] == 0

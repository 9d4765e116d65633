"""Orders that no doubt holds back: exits that protection places, and insisted ones."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from application.orders.agenda import Task
from application.trading.positions import INSISTED
from domain.aggregate import carrying
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish

pytestmark = pytest.mark.exchanges("binance", "bitget")


@pytest.mark.parametrize(("requester", "waits"), [(PROTECTION, False), (INSISTED, False), ("webhook", True)])
async def test_a_sale_in_a_doubtful_symbol_waits_unless_it_protects(open_trading, requester, waits):
    """The sale for a passed stop is carried out at once, whatever else is in doubt on its symbol."""
    async with open_trading(USDT="1000", BTC="1") as trading:
        trading.fault("place_order", "lose_request")
        await trading.becomes(await trading.rest(), Status.UNKNOWN)
        wish = Wish("BTC/USDT", Side.SELL, Type.MARKET, quantity=Decimal("0.01"))
        order_id = uuid4()
        with carrying(user="1"):
            order = Order.place(
                order_id=order_id, user=1, broker=1, wish=wish, source=Source.MANUAL, requester=requester,
                client_order_id=f"ARISTO_{order_id.hex[:20]}",
            )  # fmt: skip
        await asyncio.to_thread(trading.store.save, order)
        trading.lane.agenda.put(Task.SEND, order_id)
        if waits:
            await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
            assert await trading.facts(order_id) == ["Placed"]
        else:
            assert (await trading.becomes(order_id, Status.CLOSED, Status.REFUSED)).filled == Decimal("0.01")
        assert trading.lane.doubts == 1

"""After an interruption of the private stream all orders are compared, and that is written down, whatever was found."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from application.exchange import OrderRequest
from domain.reconciliation import Occasion
from domain.wish import Side, Type


def test_a_reconnection_is_a_comparison_of_its_own(trading):
    """The first connection after the start is none: what was missed before it, the start has found."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            await desk.known()
            runs = [run.occasion for run in await desk.read("Reconciliation.Started")]
            assert Occasion.RECONNECTION not in runs
            desk.fault("stream", "drop_stream")
            named = ("stranger", desk.markets["ETH/USDT"], Side.BUY, Type.MARKET)
            await desk.client.place(desk.credentials, OrderRequest(*named, cost=Decimal(100)))
            await desk.until(lambda: "stream_ended" in desk.log.said)
            await desk.until(lambda: desk.lane.streaming)
            await desk.known()
            runs = [run.occasion for run in await desk.read("Reconciliation.Started")]
            assert runs.count(Occasion.RECONNECTION) == 1
            ended = {type(event).__name__ for event in await desk.read("Reconciliation")}
            assert "Failed" not in ended

    asyncio.run(story())

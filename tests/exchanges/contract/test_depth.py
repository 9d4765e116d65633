"""The depth and the tape of a market, from the public stream of every exchange, and what an order makes of them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from application.ports.errors import NoAnswer
from application.ports.market_data import SeenDepth, SeenTrade
from application.trading.weighing import Asked, Means, Unit, weighed
from domain.depth import Depth
from domain.orders.wish import Side, Type

BOOK = {"spread": 4, "step": 100, "quantity": "0.02", "levels": 12}
"""Levels of 0.02 BTC, a whole USDT apart."""


async def depth_of(one: Any) -> Depth:
    """Return the first depth that the stream tells."""
    async with aclosing(one.client.depth_stream("BTCUSDT")) as stream:
        async for event in stream:
            if isinstance(event, SeenDepth):
                assert event.native == "BTCUSDT"
                return event.depth
    raise AssertionError("the stream ended")


async def test_the_best_levels_and_the_trades_are_told_as_they_change(desk: Any) -> None:
    async with desk() as one, aclosing(one.client.depth_stream("BTCUSDT")) as stream:
        await one.rules(book=BOOK)
        depths, trades = list[Depth](), list[SeenTrade]()

        async def listen() -> None:
            async for event in stream:
                if isinstance(event, SeenDepth):
                    depths.append(event.depth)
                if isinstance(event, SeenTrade):
                    trades.append(event)

        listening, prices = asyncio.create_task(listen()), count(50100, 100)
        while len({depth.asks[0] for depth in depths}) < 2 or len(trades) < 2:
            await one.hold(str(next(prices)))
            await asyncio.sleep(0.05)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    newest = depths[-1]
    newest.check()
    assert len(newest.bids) == len(newest.asks) == BOOK["levels"]
    assert {there for _, there in (*newest.bids, *newest.asks)} == {Decimal("0.02")}
    assert newest.asks[1][0] - newest.asks[0][0] == 1


@pytest.mark.parametrize(("side", "amount", "unit"), [
    (Side.BUY, "0.05", Unit.BASE), (Side.BUY, "4000", Unit.QUOTE), (Side.SELL, "0.07", Unit.BASE),
    (Side.SELL, "0.011", Unit.BASE),
])  # fmt: skip
@pytest.mark.parametrize("bound", [None, "0.5"])
async def test_what_is_expected_is_what_is_paid(
    desk: Any, side: Side, amount: str, unit: Unit, bound: str | None
) -> None:
    """The average of the validation and that of the fills are within one tick of each other."""
    async with desk(USDT="100000", BTC="1") as one:
        await one.rules(book=BOOK)
        depth = await depth_of(one)
        asked = Asked(
            "BTC/USDT", side, Type.MARKET, unit, Decimal(amount), max_slippage=None if bound is None else Decimal(bound)
        )
        free = Decimal(100000) if side is Side.BUY else Decimal(1)
        found = weighed(asked, one.market, Means(free, Decimal(50000), depth=depth))
        wish = found.wish
        await one.client.place(one.keys, one.wish(
            "slips", side=side, type=wish.type, quantity=wish.quantity, cost=wish.cost, price=wish.price,
            time_in_force=wish.time_in_force,
        ))  # fmt: skip
        [order] = [order for order in one.paper.orders() if order.filled]
    assert found.walk is not None
    assert found.walk.whole
    assert found.walk.slippage > 0 or amount == "0.011"
    assert abs(found.walk.average - order.cost / order.filled) <= one.market.price_tick
    assert abs(found.quantity - order.filled) <= one.market.quantity_step


async def test_an_order_beyond_what_is_known_of_the_book_is_told_as_such(desk: Any) -> None:
    """Nothing is made up of the levels that were not told."""
    async with desk(USDT="100000") as one:
        await one.rules(book=BOOK)
        depth = await depth_of(one)
        asked = Asked("BTC/USDT", Side.BUY, Type.MARKET, Unit.BASE, Decimal(1))
        found = weighed(asked, one.market, Means(Decimal(100000), Decimal(50000), depth=depth))
    assert found.walk is not None
    assert (found.walk.whole, found.walk.quantity) == (False, Decimal("0.24"))
    assert found.price == 50000


async def test_a_stream_that_cannot_be_had_says_so(desk: Any) -> None:
    async with desk() as one:
        await asyncio.to_thread(one.paper.stop)
        with pytest.raises(NoAnswer):
            await depth_of(one)
        one.paper.stop = lambda: None

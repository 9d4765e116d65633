"""Order entry over the WebSocket API: one frame each way, and the doubts that a broken connection leaves."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from aiohttp import web

from adapters.exchanges.binance import entry
from application.ports.errors import NoAnswer, NotAccepted
from application.ports.statements import OrderRequest
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type
from tests.exchanges.binance.test_binance_client import trading


def resting(market, name):
    """Return a buy of 0.001 BTC far below the market."""
    return OrderRequest(
        name, market, Side.BUY, Type.LIMIT,
        quantity=Decimal("0.001"), price=Decimal(40000), time_in_force=TimeInForce.GTC,
    )  # fmt: skip


def names(paper):
    """Return the client ids that the exchange knows."""
    return {order["client_order_id"] for order in paper.control("GET", "orders")}


def test_a_cut_connection_leaves_all_that_waited_in_doubt_and_the_next_order_connects_again(paper, eventually):
    """One answer is lost with its connection.

    Another request waiting there is in doubt too, and both orders are on the book.
    """

    async def story():
        async with trading(paper) as (client, keys, market):
            await asyncio.to_thread(paper.fault, "place_order", "delay", seconds=2)
            slow = asyncio.create_task(client.place(keys, resting(market, "slow")))
            done, _ = await asyncio.wait([slow], timeout=0.05)
            assert not done
            await asyncio.to_thread(paper.fault, "place_order", "lose_answer")
            with pytest.raises(NoAnswer):
                await client.place(keys, resting(market, "lost"))
            with pytest.raises(NoAnswer):
                await slow
            after = await client.place(keys, resting(market, "after"))
            assert after.state is Status.OPEN

    asyncio.run(asyncio.wait_for(story(), 30))
    eventually(lambda: names(paper) == {"slow", "lost", "after"})


def test_a_connection_that_swallows_requests_is_left(paper):
    """The server answers pings and nothing else.

    All waiting requests are in doubt, and the next order connects anew.
    """

    async def swallow(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def story():
        application = web.Application()
        application.router.add_get("/", swallow)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with trading(paper) as (client, keys, market):
                exchange, client._entry._url = client._entry._url, "ws://{}:{}/".format(*runner.addresses[0][:2])
                with pytest.MonkeyPatch.context() as soon:
                    soon.setattr(entry, "_ANSWER_SECONDS", 0.2)
                    waiting = [client.place(keys, resting(market, name)) for name in ("one", "two")]
                    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                        assert isinstance(outcome, NoAnswer)
                client._entry._url = exchange
                assert (await client.place(keys, resting(market, "after"))).state is Status.OPEN
        finally:
            await runner.cleanup()

    asyncio.run(asyncio.wait_for(story(), 30))
    assert names(paper) == {"after"}


def test_a_slow_answer_holds_up_no_other(paper):
    """On one connection, each request is answered as soon as it is done."""

    async def story():
        async with trading(paper) as (client, keys, market):
            await asyncio.to_thread(paper.fault, "place_order", "delay", seconds=1)
            slow = asyncio.create_task(client.place(keys, resting(market, "slow")))
            await asyncio.sleep(0)
            while not await asyncio.to_thread(lambda: "quick" in names(paper)):
                await client.place(keys, resting(market, "quick"))
            assert not slow.done()
            assert (await slow).client_order_id == "slow"

    asyncio.run(asyncio.wait_for(story(), 30))


async def test_two_accounts_share_the_connection(paper):
    """Each request carries the keys of its own account."""
    async with trading(paper) as (client, keys, market), trading(paper) as (_, others, _):
        await client.place(keys, resting(market, "mine"))
        await client.place(others, resting(market, "theirs"))
        mine, theirs = await client.open_orders(keys), await client.open_orders(others)
    assert [o.client_order_id for o in mine] == ["mine"]
    assert [o.client_order_id for o in theirs] == ["theirs"]


def test_an_order_that_could_not_be_sent_was_not_accepted(paper):
    """Nothing listens at the address and nothing was written, so the order may be sent again."""

    async def story():
        async with trading(paper) as (client, keys, market):
            client._entry._url = "ws://127.0.0.1:1/ws-api/v3"
            with pytest.raises(NotAccepted) as error:
                await client.place(keys, resting(market, "nowhere"))
            assert error.value.code == "exchange_unreachable"

    asyncio.run(story())
    assert names(paper) == set()


def test_a_refusal_for_too_many_requests_is_obeyed(paper):
    """The exchange says when to come back. Until then nothing more is sent."""

    async def story():
        async with trading(paper) as (client, keys, market):
            await asyncio.to_thread(paper.fault, "place_order", "status_429")
            with pytest.raises(NotAccepted) as first:
                await client.place(keys, resting(market, "one"))
            with pytest.raises(NotAccepted) as second:
                await client.place(keys, resting(market, "two"))
        assert (first.value.code, second.value.code) == ("rate_limited", "rate_limited")
        assert "budget" in str(second.value)

    asyncio.run(story())
    assert names(paper) == set()

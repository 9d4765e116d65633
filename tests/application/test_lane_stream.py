"""The private stream breaks or talks nonsense: its follower lives on, connects again, and nothing is missed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web

from adapters.paper.binance import forms
from application import lane
from application.exchange import NoAnswer, OrderRequest
from domain.order import Status
from domain.wish import Side, Type

FILLED = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]
STANDS = '{"id": "1", "status": 200, "result": {"subscriptionId": 0}}'
PAGE = "<html>Bad gateway</html>"


@asynccontextmanager
async def somebody_else(first: str | None, *then: str):
    """A server that is no exchange: a page for every request, or frames for every connection, which it then closes."""

    async def say(request: web.Request) -> web.StreamResponse:
        if first == PAGE:
            return web.Response(text=PAGE, content_type="text/html")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if first is not None:
            await socket.receive()
            for frame in (first, *then):
                await socket.send_str(frame)
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/{path:.*}", say)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "ws://{}:{}/ws-api/v3".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def is_heard(desk):
    """What happens now comes over the stream."""
    order = await desk.becomes(await desk.rest(), Status.OPEN)
    await desk.until(lambda: desk.client.heard[order.client_order_id])


async def cut(desk):
    """The connection of the stream ends, with the report of an order that is not ours."""
    desk.fault("stream", "drop_stream")
    market = desk.markets["ETH/USDT"]
    await desk.client.place(
        desk.credentials, OrderRequest("stranger", market, Side.BUY, Type.MARKET, cost=Decimal(100))
    )
    await desk.until(lambda: "stream_ended" in desk.log.said)


def test_a_fill_while_the_stream_connects_again_is_found_once_it_stands(trading):
    """The look at the orders when the stream ended was too early to see it, and no report tells it."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            filled = asyncio.Event()
            desk.client.before["reports"] = filled.wait
            asked = desk.client.asked["open_orders"]
            await cut(desk)
            await desk.until(lambda: desk.client.asked["open_orders"] > asked)
            await desk.known()
            assert (await desk.load(order.id)).status is Status.OPEN
            desk.hold("BTC/USDT", "39000")
            filled.set()
            await desk.becomes(order.id, Status.CLOSED)
            assert await desk.facts(order.id) == FILLED

    asyncio.run(story())


@pytest.mark.parametrize("worked", ["stood", "told"])
def test_a_stream_that_only_ever_stands_for_a_moment_is_asked_for_more_and_more_rarely(trading, monkeypatch, worked):
    """Every connection costs a look at all orders; one that stood for a while, or told something, was a good one."""
    monkeypatch.setattr(lane, "FIRST_PAUSE", 0.01)

    async def story():
        async with trading() as desk:
            order, pauses = await desk.becomes(await desk.rest(), Status.OPEN), []

            async def reports(_):
                yield None
                if len(pauses) == 3 and worked == "stood":
                    desk.pass_by(30)
                elif len(pauses) == 3:
                    yield await desk.client.query(desk.credentials, desk.markets["BTC/USDT"], order.client_order_id)
                raise NoAnswer("the stream was closed", code="stream_broken")

            monkeypatch.setattr(desk.log, "warning", lambda _, **said: pauses.append(said.get("pause")))
            monkeypatch.setattr(desk.client, "reports", reports)
            desk.start(desk.lane.follow_stream())
            await desk.until(lambda: len(pauses) >= 5)
            assert pauses[:5] == [0.01, 0.02, 0.04, 0.01, 0.02]

    asyncio.run(story())


def test_a_fill_behind_the_answer_of_a_list_under_way_is_found_too(trading):
    """The exchange's answer is older than the fill, and the stream stands before the answer is here."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            filled = asyncio.Event()

            async def is_slow():
                if not filled.is_set():
                    desk.hold("BTC/USDT", "39000")
                    filled.set()
                    await desk.until(lambda: desk.lane.streaming)

            desk.client.before["reports"], desk.client.after["open_orders"] = filled.wait, is_slow
            await cut(desk)
            await desk.until(filled.is_set)
            await desk.known()
            await desk.until(lambda: desk.lane.streaming)
            assert (await desk.load(order.id)).status is Status.CLOSED

    asyncio.run(story())


def test_a_look_up_that_is_wanted_the_moment_another_ends_is_not_forgotten(trading):
    """The fill came behind the answer with which the first one ended."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.lane.look_up(order.id)
            [under_way] = desk.lane._look_ups._tasks.values()
            while not under_way.done():  # noqa: ASYNC110 - this very moment
                await asyncio.sleep(0)
            desk.hold("BTC/USDT", "39000")
            desk.lane.look_up(order.id)
            await desk.known()
            assert (await desk.load(order.id)).status is Status.CLOSED

    asyncio.run(story())


@pytest.mark.parametrize(
    "said",
    [
        [PAGE],
        [None],
        ["<html>"],
        ["[]"],
        [STANDS, "<html>"],
        [STANDS, "[]"],
        [STANDS, '{"event": {"e": "executionReport"}}'],
    ],
    ids=["a page", "a close", "no JSON", "a list", "then no JSON", "then a list", "then half a report"],
)
def test_nonsense_on_the_stream_ends_a_connection_and_not_its_follower(trading, said):
    """Whatever was said instead, the next connection is heard."""

    async def story():
        async with trading() as desk, somebody_else(*said) as elsewhere:
            exchange, desk.client._ws_api = desk.client._ws_api, elsewhere
            desk.start(desk.lane.follow_stream())
            await desk.until(lambda: "stream_ended" in desk.log.said)
            desk.client._ws_api = exchange
            await desk.until(lambda: desk.lane.streaming)
            await is_heard(desk)

    asyncio.run(story())


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_report_whose_amounts_are_no_numbers_ends_a_connection_and_not_its_follower(trading, word):
    """The fill of which it spoke is looked up, and the next connection is heard."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            with pytest.MonkeyPatch.context() as nonsense:
                nonsense.setattr(forms, "amount", lambda _: word)
                desk.hold("BTC/USDT", "39000")
                await desk.until(lambda: "stream_ended" in desk.log.said)
                assert await desk.facts(order.id) == FILLED[:3]
            await desk.becomes(order.id, Status.CLOSED)
            assert await desk.facts(order.id) == FILLED
            await desk.until(lambda: desk.lane.streaming)
            desk.hold("BTC/USDT", "50000")
            await is_heard(desk)

    asyncio.run(story())

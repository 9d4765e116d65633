"""A private stream that breaks or sends nonsense: the lane reconnects, and misses nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web

from adapters.paper.binance import forms
from application.lane import lane
from application.ports.errors import NoAnswer
from application.ports.statements import OrderRequest
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type

pytestmark = pytest.mark.exchanges("binance", "bitget")

FILLED = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]
STANDS = '{"id": "1", "status": 200, "result": {"subscriptionId": 0}}'
PAGE = "<html>Bad gateway</html>"


@asynccontextmanager
async def somebody_else(first: str | None, *then: str):
    """Run a server that is not an exchange, and yield its address.

    It returns a page for every request, or sends frames on every connection and closes it.
    """

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


async def is_heard(trading):
    """Place an order, and wait until the stream has reported it."""
    order = await trading.becomes(await trading.rest(), Status.OPEN)
    await trading.until(lambda: trading.client.heard[order.client_order_id])


async def cut(trading):
    """Break the stream's connection, with the report of an order that is not ours."""
    trading.fault("stream", "drop_stream")
    market = trading.markets["ETH/USDT"]
    await trading.client.place(
        trading.credentials, OrderRequest("stranger", market, Side.BUY, Type.MARKET, cost=Decimal(100))
    )
    await trading.until(lambda: "stream_ended" in trading.log.said)


async def test_a_fill_while_the_stream_connects_again_is_found_once_it_stands(open_trading):
    """The full look when the stream broke was too early to find the fill, and the stream never reports it."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        filled = asyncio.Event()
        trading.client.before["reports"] = filled.wait
        asked = trading.client.asked["open_orders"]
        await cut(trading)
        await trading.until(lambda: trading.client.asked["open_orders"] > asked)
        await trading.known()
        assert (await trading.load(order.id)).status is Status.OPEN
        trading.hold("BTC/USDT", "39000")
        filled.set()
        await trading.becomes(order.id, Status.CLOSED)
        assert await trading.facts(order.id) == FILLED


@pytest.mark.parametrize("worked", ["stood", "told"])
async def test_a_stream_that_only_ever_stands_for_a_moment_is_asked_for_more_and_more_rarely(
    open_trading, monkeypatch, worked
):
    """Every connection costs a full look. One that stayed up for a while, or reported something, resets the pause."""
    monkeypatch.setattr(lane, "FIRST_PAUSE", 0.01)
    async with open_trading() as trading:
        order, pauses = await trading.becomes(await trading.rest(), Status.OPEN), []

        async def reports(_):
            yield None
            if len(pauses) == 3 and worked == "stood":
                trading.pass_by(30)
            elif len(pauses) == 3:
                yield await trading.client.query(
                    trading.credentials, trading.markets["BTC/USDT"], order.client_order_id
                )
            raise NoAnswer("the stream was closed", code="stream_broken")

        monkeypatch.setattr(trading.log, "warning", lambda _, **said: pauses.append(said.get("pause")))
        monkeypatch.setattr(trading.client, "reports", reports)
        trading.start(trading.lane.follow_stream())
        await trading.until(lambda: len(pauses) >= 5)
        assert pauses[:5] == [0.01, 0.02, 0.04, 0.01, 0.02]


async def test_a_fill_behind_the_answer_of_a_list_under_way_is_found_too(open_trading):
    """The list is older than the fill, and the stream reconnects before the list arrives."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        filled = asyncio.Event()

        async def is_slow():
            if not filled.is_set():
                trading.hold("BTC/USDT", "39000")
                filled.set()
                await trading.until(lambda: trading.lane.streaming)

        trading.client.before["reports"], trading.client.after["open_orders"] = filled.wait, is_slow
        await cut(trading)
        await trading.until(filled.is_set)
        await trading.known()
        await trading.until(lambda: trading.lane.streaming)
        assert (await trading.load(order.id)).status is Status.CLOSED


async def test_a_look_up_that_is_wanted_the_moment_another_ends_is_not_forgotten(open_trading):
    """The fill happens after the answer with which the first look-up ends."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.lane.look_up(order.id)
        [under_way] = trading.lane.look_ups._tasks.values()
        while not under_way.done():  # noqa: ASYNC110 - this very moment
            await asyncio.sleep(0)
        trading.hold("BTC/USDT", "39000")
        trading.lane.look_up(order.id)
        await trading.known()
        assert (await trading.load(order.id)).status is Status.CLOSED


@pytest.mark.exchanges("binance")
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
async def test_nonsense_on_the_stream_ends_a_connection_and_not_its_follower(open_trading, said):
    """The next connection is heard, whatever was sent instead of reports."""
    async with open_trading() as trading, somebody_else(*said) as elsewhere:
        exchange, trading.client._ws_api = trading.client._ws_api, elsewhere
        trading.start(trading.lane.follow_stream())
        await trading.until(lambda: "stream_ended" in trading.log.said)
        trading.client._ws_api = exchange
        await trading.until(lambda: trading.lane.streaming)
        await is_heard(trading)


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_a_report_whose_amounts_are_no_numbers_ends_a_connection_and_not_its_follower(open_trading, word):
    """The fill that it reported is looked up, and the next connection is heard."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        with pytest.MonkeyPatch.context() as nonsense:
            nonsense.setattr(forms, "amount", lambda _: word)
            trading.hold("BTC/USDT", "39000")
            await trading.until(lambda: "stream_ended" in trading.log.said)
            assert await trading.facts(order.id) == FILLED[:3]
        await trading.becomes(order.id, Status.CLOSED)
        assert await trading.facts(order.id) == FILLED
        await trading.until(lambda: trading.lane.streaming)
        trading.hold("BTC/USDT", "50000")
        await is_heard(trading)

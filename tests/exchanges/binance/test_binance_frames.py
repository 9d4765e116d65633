"""Meaningless frames: a change answered by one is in doubt, and a stream that brings one counts as broken."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from adapters.exchanges.binance.client import Binance
from tests.exchanges.binance.test_binance_garbage import BTC, EXECUTION, KEYS, WISH, changed, encoded, paths, told
from tests.exchanges.binance.test_binance_shapes import DEEP, NO_NUMBERS, no_answer

STANDS = '{"id": "1", "status": 200, "result": {"subscriptionId": 0}}'
CLOSE = None
"""In place of a frame: close the connection."""
CHANGES = {"place": lambda c: c.place(KEYS, WISH), "cancel": lambda c: c.cancel(KEYS, BTC, "mine")}


@asynccontextmanager
async def framed(*frames: str | None, page: bool = False):
    """Yield a client of a Binance that answers the first request on each socket with these frames.

    In a frame, $ stands for the request's id. With `page`, every request gets an HTML page instead.
    """

    async def say(request: web.Request) -> web.StreamResponse:
        if page:
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if "streams" not in request.query and frames[0] is not CLOSE:
            message = await socket.receive()
            assert message.type is WSMsgType.TEXT
        for frame in frames:
            if frame is not CLOSE:
                await socket.send_str(frame.replace("$", "1"))
        if CLOSE in frames:
            await socket.close()
        else:
            await socket.receive()
        return socket

    application = web.Application()
    application.router.add_get("/{path:.*}", say)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    client = Binance(f"http://{host}:{port}", f"ws://{host}:{port}/ws-api/v3", f"ws://{host}:{port}")
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


async def last_word(stream) -> str:
    """Return the code of the error that ends a stream which yields nothing but its own start (None)."""

    async def listen():
        async for said in stream:
            assert said is None

    return (await no_answer(listen())).code


@pytest.mark.parametrize(
    "frame",
    [
        '{"id": $}',
        '{"id": $, "status": 0}',
        '{"id": $, "status": 200}',
        '{"id": $, "status": 204}',
        '{"id": $, "status": 302}',
        '{"id": $, "status": 302, "error": {"code": -2010, "msg": "Account has insufficient balance."}}',
        '{"id": $, "status": 400}',
        '{"id": $, "status": 400, "error": null}',
        '{"id": $, "status": 500, "error": {"code": -1000, "msg": "An unknown error occurred."}}',
        '{"id": $, "result": {}}',
        '{"status": 400, "error": {"code": -2010, "msg": "to whom?"}}',
    ],
)
@pytest.mark.parametrize("asked", CHANGES)
async def test_a_frame_that_is_neither_a_result_nor_an_error_leaves_a_change_in_doubt(asked, frame):
    """Only a status of 200 is a yes, and only an error with an error status is a no."""
    async with framed(frame) as client:
        assert (await no_answer(CHANGES[asked](client))).code == "no_answer"


@pytest.mark.parametrize("asked", CHANGES)
async def test_json_deeper_than_anybody_reads_leaves_a_change_in_doubt(asked):
    """The connection is dropped, and the client can still be closed."""
    async with told(DEEP) as client:
        await no_answer(CHANGES[asked](client))


@pytest.mark.parametrize(
    "frames",
    [
        [CLOSE],
        ["<html>Bad gateway</html>"],
        [""],
        ["[]"],
        ["null"],
        ["7"],
        [DEEP.decode()],
        ['{"status": 400, "error": []}'],
        ['{"status": "bad"}'],
        [STANDS, CLOSE],
        [STANDS, "<html>Bad gateway</html>"],
        [STANDS, "[]"],
        [STANDS, '{"event": null}'],
        [STANDS, '{"event": []}'],
        [STANDS, '{"event": {"e": 7}}'],
        [STANDS, '{"event": {"e": "executionReport"}}'],
        [STANDS, DEEP.decode()],
    ],
    ids=lambda frames: " then ".join(str(frame)[:30] for frame in frames),
)
async def test_nonsense_ends_the_private_stream_as_a_broken_connection_would(frames):
    """The error is `stream_broken`, which makes the follower connect again and look at the orders."""
    async with framed(*frames) as client:
        assert await last_word(client.reports(KEYS)) == "stream_broken"


async def test_a_page_instead_of_a_stream_is_a_broken_connection():
    """A proxy answers the upgrade request with an HTML page."""
    async with framed(page=True) as client:
        assert await last_word(client.reports(KEYS)) == "stream_broken"


@pytest.mark.parametrize("word", NO_NUMBERS)
async def test_an_amount_that_is_no_number_ends_a_stream(word):
    """The private stream ends for every amount of an execution report."""
    for path in [path for path in paths(EXECUTION) if "." in str(EXECUTION[path[0]])]:
        event = encoded({"subscriptionId": 0, "event": changed(EXECUTION, path, word)}).decode()
        async with framed(STANDS, event) as client:
            assert await last_word(client.reports(KEYS)) == "stream_broken"

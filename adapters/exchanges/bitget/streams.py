"""Bitget's private stream: a login, the channels of orders and plan orders, and a `ping` of our own now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import msgspec

from adapters.exchanges.bitget import signing
from adapters.exchanges.bitget.errors import error_of_code
from adapters.exchanges.decoding import NONSENSE
from application.ports.errors import NoAnswer, RefusedByExchange
from application.ports.statements import Credentials

PING_SECONDS, ANSWER_SECONDS = 25.0, 10.0
"""Seconds between two pings, of which Bitget wants one every 30, and those in which it has to answer."""
ORDERS, PLANS = "orders", "orders-algo"
_PONG = "pong"
_LOGIN_REFUSED = frozenset({"30005", "30011", "30012", "30015"})


class _Said(msgspec.Struct):
    event: str = ""
    code: Any = ""
    msg: str = ""
    arg: dict[str, str] = msgspec.field(default_factory=dict)
    data: list[msgspec.Raw] = msgspec.field(default_factory=list)


_decoder = msgspec.json.Decoder(_Said)


async def pushes(
    session: aiohttp.ClientSession, url: str, credentials: Credentials, now: Callable[[], int]
) -> AsyncGenerator[tuple[str, bytes] | None]:
    """Yield None once orders and plan orders are followed, and then the channel and text of every row about one.

    Raises `NoAnswer` when the connection ends or falls silent, `RefusedByExchange` when the key is refused.
    """
    async with _connection(session, url) as socket, _pinging(socket):
        await _say(socket, "login", signing.login(credentials, now() // 1000))
        await _heard(socket, "login")
        for channel in (ORDERS, PLANS):
            await _say(socket, "subscribe", {"instType": "SPOT", "channel": channel, "instId": "default"})
            await _heard(socket, "subscribe")
        yield None
        async for said in _messages(socket):
            channel = said.arg.get("channel", "")
            for row in said.data if channel in {ORDERS, PLANS} else ():
                yield channel, bytes(row)


@asynccontextmanager
async def _connection(session: aiohttp.ClientSession, url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    try:
        # No total timeout: the connection lives until Bitget cuts it, after 24 hours at most.
        async with session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=5)) as socket:
            yield socket
    except (aiohttp.ClientError, msgspec.MsgspecError, *NONSENSE) as error:
        # Whatever came, nothing more can be read here: a new connection and a look at the orders show what happened.
        raise NoAnswer(f"the stream broke: {type(error).__name__}: {error}", code="stream_broken") from error


@asynccontextmanager
async def _pinging(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[None]:
    async def ping() -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await socket.send_str("ping")

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await task


async def _say(socket: aiohttp.ClientWebSocketResponse, operation: str, arg: dict[str, str]) -> None:
    await socket.send_str(msgspec.json.encode({"op": operation, "args": [arg]}).decode())


async def _heard(socket: aiohttp.ClientWebSocketResponse, event: str) -> None:
    """Wait for the answer to a request. Raises the error that Bitget tells instead."""
    async with asyncio.timeout(ANSWER_SECONDS):
        async for said in _messages(socket):
            if said.event == event:
                return
    raise NoAnswer("the stream was closed", code="stream_broken")


async def _messages(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[_Said]:
    """Yield every message but the answers to pings. Raises `NoAnswer` when nothing at all has come for too long."""
    while True:
        async with asyncio.timeout(PING_SECONDS + ANSWER_SECONDS):
            message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise NoAnswer("the stream was closed", code="stream_broken")
        if message.data == _PONG:
            continue
        said = _decoder.decode(message.data)
        if said.event == "error":
            if str(said.code) in _LOGIN_REFUSED:
                raise RefusedByExchange(f"{said.code}: {said.msg}", code="key_refused", raw=message.data)
            raise error_of_code(400, str(said.code), said.msg, message.data)
        yield said

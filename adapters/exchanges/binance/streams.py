"""Binance's private stream, by signature subscription."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import msgspec

from adapters.exchanges.binance import messages
from adapters.exchanges.binance.errors import error_of_code
from adapters.exchanges.binance.signing import signed_parameters
from adapters.exchanges.decoding import NONSENSE
from application.ports.errors import NoAnswer
from application.ports.statements import Credentials, OrderReport

_SUBSCRIBE_SECONDS = 10.0
_OK = 200


class _Event(msgspec.Struct):
    event: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct):
    e: str = ""


_event_decoder = msgspec.json.Decoder(_Event)
_kind_decoder = msgspec.json.Decoder(_Kind)


@asynccontextmanager
async def _connection(session: aiohttp.ClientSession, url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    try:
        # No total timeout: the connection lives until Binance cuts it, after 24 hours at most.
        async with session.ws_connect(url, heartbeat=20, timeout=aiohttp.ClientWSTimeout(ws_close=5)) as socket:
            yield socket
    except (aiohttp.ClientError, msgspec.MsgspecError, *NONSENSE) as error:
        # Whatever came, nothing more can be read here: a new connection and a look at the orders show what happened.
        raise NoAnswer(f"the stream broke: {type(error).__name__}: {error}", code="stream_broken") from error


async def _texts(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[bytes]:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            yield message.data.encode()
    raise NoAnswer("the stream was closed", code="stream_broken")


async def reports(
    session: aiohttp.ClientSession, url: str, credentials: Credentials, now: Callable[[], int]
) -> AsyncIterator[OrderReport | None]:
    """Yield None once the subscription stands, and then every `executionReport` of the account.

    Raises `NoAnswer` when the connection ends, `RefusedByExchange` when the key is refused.
    """
    async with _connection(session, url) as socket:
        request = {"apiKey": credentials.key, "recvWindow": 5000, "timestamp": now()}
        await socket.send_str(
            msgspec.json.encode(
                {
                    "id": str(uuid4()),
                    "method": "userDataStream.subscribe.signature",
                    "params": signed_parameters(request, credentials.secret),
                }
            ).decode()
        )
        answer = msgspec.json.decode(await asyncio.wait_for(socket.receive_str(), _SUBSCRIBE_SECONDS))
        if answer.get("status") != _OK:
            error = answer.get("error", {})
            raise error_of_code(
                int(answer.get("status", 0)), int(error.get("code", 0)), str(error.get("msg")), str(answer)
            )
        yield None
        async for text in _texts(socket):
            event = _event_decoder.decode(text).event
            if not bytes(event):
                continue
            kind = _kind_decoder.decode(event).e
            if kind == "executionReport":
                yield messages.report_of_execution(bytes(event))
            elif kind in {"eventStreamTerminated", "serverShutdown"}:
                raise NoAnswer(f"Binance ends the stream: {kind}", code="stream_broken")

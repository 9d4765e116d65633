"""The webhook door: token, record, answer. No business decision is made, nothing is answered before it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

MOST_BYTES = 64 * 1024
PATIENCE_SECONDS = 1.5
"""How long the log may take before a delivery goes to disk: TradingView waits for three seconds."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Take = Callable[[str, bytes, str, datetime], Future[bool]]
"""Token, body, address, time. Called in the order of reception, it only queues; what it answers is done when the
delivery is durable, and says whether the token is somebody's."""
Keep = Callable[[], None]
"""All that was taken and is not durable yet goes to disk, in its order and without a look at tokens."""
Count = Callable[[str, str], None]
"""Reason and address of an attempt that no user can be blamed for."""


class Door:
    """A bare ASGI application: the path is short because TradingView gives up after three seconds."""

    def __init__(self, take: Take, keep: Keep, count: Count, workers: int = 4) -> None:
        self._take = take
        self._keep = keep
        self._count = count
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="door")
        # A thread of its own, which no frozen database can occupy.
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="keeper")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status, code = await self._answer(scope, receive)
            body = b'{"code":"' + code.encode() + b'","message":"' + code.encode() + b'","field":null}'
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        if scope["path"] != "/webhook/receive":
            return 404, "not_found"
        if scope["method"] != "POST":
            return 405, "method_not_allowed"
        address = scope["client"][0] if scope.get("client") else "unknown"
        loop = asyncio.get_running_loop()
        body = await _body(receive)
        # From here until it is taken nothing is awaited: deliveries are taken in the order in which they were complete.
        received_at = datetime.now(UTC)
        if body is None:
            await loop.run_in_executor(self._threads, self._count, "too_large", address)
            return 413, "too_large"
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if token and await self._durable(token, body, address, received_at):
            return 200, "received"
        await loop.run_in_executor(self._threads, self._count, "wrong_token", address)
        return 401, "wrong_token"

    async def _durable(self, *delivery: Any) -> bool:
        """In the log within seconds, or else on disk: an append that comes through later is then a repetition."""
        taken = asyncio.wrap_future(self._take(*delivery))
        done, _ = await asyncio.wait([taken], timeout=PATIENCE_SECONDS)
        if not done:
            await asyncio.get_running_loop().run_in_executor(self._keeper, self._keep)
        return await taken


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is longer than the door takes."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

"""The webhook door: check the token, record, answer.

It makes no business decisions and confirms no delivery before it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

MOST_BYTES = 64 * 1024
PATIENCE_SECONDS = 1.5
"""Seconds that the log may take before a delivery goes to disk. TradingView waits for three."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Take = Callable[[str, bytes, str, datetime], Future[bool]]
"""A function of the token, body, address and time of a delivery. Called in the order of reception, it only queues.

The future that it returns is done when the delivery is durable; its result is False for a token of no user."""
Keep = Callable[[], None]
"""A function that writes all taken but not yet durable deliveries to disk, in order and without checking tokens."""
Count = Callable[[str, str], None]
"""A function that counts a refused attempt that belongs to no user, by its reason and address."""


class Door:
    """A bare ASGI application. The path is short because TradingView gives up after three seconds."""

    def __init__(self, take: Take, keep: Keep, count: Count, workers: int = 4) -> None:
        self._take = take
        self._keep = keep
        self._count = count
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="door")
        # A thread of its own, which a frozen database cannot occupy.
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
        # Nothing is awaited from here to `take`, so that deliveries are taken in the order in which they were complete.
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
        """Wait until a delivery is durable: in the log, or on disk after `PATIENCE_SECONDS`.

        An append that succeeds later is then a repetition. Returns False for a token of no user.
        """
        taken = asyncio.wrap_future(self._take(*delivery))
        done, _ = await asyncio.wait([taken], timeout=PATIENCE_SECONDS)
        if not done:
            await asyncio.get_running_loop().run_in_executor(self._keeper, self._keep)
        return await taken


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None as soon as it exceeds `MOST_BYTES`."""
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

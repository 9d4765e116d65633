"""The webhook door: check the token, record, answer.

It makes no business decisions and confirms no delivery before it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs

from web.addresses import address_of

MOST_BYTES = 64 * 1024
MOST_LOOKED_FOR = 200
"""Deliveries with an unknown token whose bodies are kept until it is looked for. Beyond, it is looked for first."""
STAMPING = timedelta(seconds=0.5)
"""More than enough time for a delivery that is complete to be counted among those in flight."""
LOOK_SECONDS = 1.5
"""Seconds for which an unknown token is looked for, in case it was made a moment ago."""
PATIENCE_SECONDS = 1.5
"""Seconds that the log may take before a delivery goes to disk. TradingView waits for three."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class CutOff(Exception):
    """The sender has hung up in the middle of a body: what came of it is no delivery."""


class NotReady(Exception):
    """The door cannot take a delivery yet: it never learned which tokens there are, and enough waits on disk."""


class Reception(Protocol):
    """The way of deliveries behind the door."""

    def recognise(self, token: str, received_at: datetime) -> bool | None:
        """Return whether a token is valid at that moment, as far as memory tells; None while it knows no tokens."""

    def read_again(self) -> Future[None]:
        """Return a future that is done when all tokens have been read again, or could not be."""

    def take(self, token: str, body: bytes, address: str, received_at: datetime) -> Future[bool]:
        """Queue a delivery. It is called in the order of reception.

        The future is done when the delivery is durable; its result is False for a token of no user. It raises
        `NotReady`, or `OSError` when the delivery could be kept nowhere.
        """

    def keep(self) -> None:
        """Write all taken but not yet durable deliveries to disk, in order and without checking tokens."""

    def refuse(self, reason: str, address: str) -> bool:
        """Count a refusal that belongs to no user, and return True when the address has had too many."""


class Door:
    """A bare ASGI application. The path is short because TradingView gives up after three seconds."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._looked_for = 0
        self._in_flight = dict[object, datetime]()
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
            if status != HTTPStatus.OK:
                headers.append((b"connection", b"close"))
            await send({"type": "http.response.start", "status": int(status), "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def taken_until(self, now: datetime) -> datetime:
        """Return the time (UTC) before which every delivery that was complete is durable or refused."""
        return min([now - STAMPING, *[*self._in_flight.values()]])

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[HTTPStatus, str]:
        if scope["path"] != "/webhook/receive":
            return HTTPStatus.NOT_FOUND, "not_found"
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed"
        try:
            return await self._received(scope, receive, address_of(scope))
        except CutOff:
            self._reception.refuse("cut_off", address_of(scope))
            return HTTPStatus.BAD_REQUEST, "cut_off"  # nobody hears it

    async def _received(self, scope: Scope, receive: Receive, address: str) -> tuple[HTTPStatus, str]:
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        unknown = bool(token) and self._reception.recognise(token, datetime.now(UTC)) is False
        if not token or (unknown and self._looked_for >= MOST_LOOKED_FOR and not await self._is_found(token)):
            await _body(receive, kept=False)
            return self._refused("wrong_token", address)
        self._looked_for += unknown
        try:
            body = await _body(receive)
            with self._completed() as received_at:
                # Deliveries are taken in the order in which they were complete: from here to `take` nothing is awaited,
                # or one look for all who wait, which lets them go on in their order.
                if unknown and not await self._is_found(token):
                    return self._refused("wrong_token", address)
                return await self._delivered(scope, token, body, address, received_at)
        finally:
            self._looked_for -= unknown

    @contextmanager
    def _completed(self) -> Iterator[datetime]:
        """Yield the time (UTC) at which a delivery is complete; it is in flight until it is durable or refused."""
        delivery = object()
        self._in_flight[delivery] = received_at = datetime.now(UTC)
        try:
            yield received_at
        finally:
            del self._in_flight[delivery]

    async def _delivered(
        self, scope: Scope, token: str, body: bytes | None, address: str, received_at: datetime
    ) -> tuple[HTTPStatus, str]:
        if body is None:
            self._reception.refuse("too_large", address)
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"
        try:
            if not await self._durable(token, body, address, received_at):
                return self._refused("wrong_token", address)
        except NotReady:
            return HTTPStatus.SERVICE_UNAVAILABLE, "not_ready"
        if (connection := scope.get("state", {}).get("connection")) is not None:
            connection.proven = True
        return HTTPStatus.OK, "received"

    async def _is_found(self, token: str) -> bool:
        """Look once more for a token that memory does not know, for a moment at most: it may be a new one."""
        now = datetime.now(UTC)
        await asyncio.wait([asyncio.wrap_future(self._reception.read_again())], timeout=LOOK_SECONDS)
        return self._reception.recognise(token, now) is not False

    def _refused(self, reason: str, address: str) -> tuple[HTTPStatus, str]:
        if self._reception.refuse(reason, address):
            return HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts"
        return HTTPStatus.UNAUTHORIZED, reason

    async def _durable(self, *delivery: Any) -> bool:
        """Wait until a delivery is durable: in the log, or on disk after `PATIENCE_SECONDS`.

        An append that succeeds later is then a repetition. Returns False for a token of no user.
        """
        taken = asyncio.wrap_future(self._reception.take(*delivery))
        done, _ = await asyncio.wait([taken], timeout=PATIENCE_SECONDS)
        if not done:
            await asyncio.get_running_loop().run_in_executor(self._keeper, self._reception.keep)
        return await taken


async def _body(receive: Receive, *, kept: bool = True) -> bytes | None:
    """Return the whole body, or None as soon as it exceeds `MOST_BYTES`. One that is not kept is only read.

    Raises `CutOff` when the sender hangs up before it is complete.
    """
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CutOff
        part = message.get("body", b"")
        size += len(part)
        if kept:
            parts.append(part)
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

"""A connection at one of our ports: bounds on the size of headers and on the time that a request may take to arrive.

Uvicorn has none for its faster parser. A connection that has delivered something good is never closed for its address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEADERS = 16 * 1024
"""The largest request line with its headers, in bytes."""
READING_SECONDS = 10.0
"""Seconds in which a request has to be complete. An honest sender needs far less than one."""
CROWD = 100
"""Connections of one address that have shown nothing good; beyond them each has `CROWDED_SECONDS` to do so."""
CROWDED_SECONDS = 3.0
"""As long as TradingView waits for an answer, so nobody honest is cut off."""
LOOK_SECONDS = 0.5


class Watch:
    """The open connections of one server, of which those that take too long are closed.

    `for_strangers` is true at a port where a connection can show that it is no stranger's.
    """

    def __init__(self, *, for_strangers: bool) -> None:
        self._for_strangers = for_strangers
        self._open = set[Connection]()
        self._looking = False

    def add(self, connection: Connection) -> None:
        """Watch over a connection from now on."""
        self._open.add(connection)
        if not self._looking:
            self._looking = True
            connection.loop.call_later(LOOK_SECONDS, self._look, connection.loop)

    def discard(self, connection: Connection) -> None:
        """Watch no longer."""
        self._open.discard(connection)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        strangers = Counter(one.address for one in self._open if not one.proven) if self._for_strangers else Counter()
        for one in [*self._open]:
            crowded = not one.proven and strangers[one.address] > CROWD and now - one.made_at >= CROWDED_SECONDS
            if one.reads_for(now) >= READING_SECONDS or (crowded and not one.answering):
                one.transport.abort()
                self._open.discard(one)
        self._looking = bool(self._open)
        if self._looking:
            loop.call_later(LOOK_SECONDS, self._look, loop)


class Connection(HttpToolsProtocol):
    """One connection. `proven` is set by the application once it has delivered something good."""

    watch: Watch
    most_body: int
    """The largest body, in bytes. As it comes, with its chunks and what follows them, it may be twice as large."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch it."""
        super().connection_made(transport)
        self.proven = False
        self.made_at = self.loop.time()
        self.address = self.client[0] if self.client else ""
        self._reading_since: float | None = self.made_at
        self._headers = self._size = 0  # bytes of the request so far: in its headers, and in all
        self._in_body = self._too_long = False
        self.watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End to watch it."""
        self.watch.discard(self)
        super().connection_lost(exc)

    @property
    def answering(self) -> bool:
        """True while a complete request waits for its answer."""
        return self._reading_since is None and self.cycle is not None and not self.cycle.response_complete

    def reads_for(self, now: float) -> float:
        """Return the seconds for which it has been reading one request."""
        return 0.0 if self._reading_since is None else now - self._reading_since

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the request has become too long."""
        self._size += len(data)
        if self._in_body and self._size > MOST_HEADERS + 2 * self.most_body:
            self._refuse_body()
            return
        super().data_received(data)
        if not self._in_body and self._size > MOST_HEADERS and not self.transport.is_closing():
            self._refuse_headers()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Go on for a sender that has sent everything and only listens: it gets its answer."""
        return self.answering or None

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over: from here on its messages have bounds of their own."""
        self.watch.discard(self)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin to count the headers of a request."""
        super().on_message_begin()
        self._headers, self._reading_since = 0, self.loop.time()
        self.scope["state"]["connection"] = self

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(name, value)
        super().on_header(name, value)

    def _count(self, *parts: bytes) -> None:
        self._headers += sum(map(len, parts))
        if self._headers > MOST_HEADERS:
            self._too_long = True
            raise ValueError("the headers are too long")  # ends the parsing, which answers by `send_400_response`

    def on_headers_complete(self) -> None:
        """Take the headers as read: what follows is a body."""
        super().on_headers_complete()
        self._in_body = True

    def on_message_complete(self) -> None:
        """Take the request as read."""
        super().on_message_complete()
        self._reading_since, self._size, self._in_body = None, 0, False

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request in the form of all errors."""
        if self._too_long:
            self._refuse_headers()
        else:
            self._answer(HTTPStatus.BAD_REQUEST, "not_http", msg)

    def _refuse_headers(self) -> None:
        message = f"the request line and its headers may have {MOST_HEADERS} bytes"
        self._answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)

    def _refuse_body(self) -> None:
        if not self.transport.is_closing():
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"a body may have {self.most_body} bytes")

    def _answer(self, status: HTTPStatus, code: str, message: str) -> None:
        body = f'{{"code":"{code}","message":"{message}","field":null}}'.encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def watched(most_body: int, *, for_strangers: bool = False) -> type[Connection]:
    """Return the kind of connection of one server, with a watch of its own and a bound on bodies (bytes)."""
    bounds: dict[str, Any] = {"watch": Watch(for_strangers=for_strangers), "most_body": most_body}
    return type("WatchedConnection", (Connection,), bounds)

"""Order entry: the single connection to Binance's WebSocket API over which all changes of a venue are sent.

One frame each way over an open connection costs a fraction of an HTTP request, and each request carries the keys of
its own account. Reads stay with REST, so that a doubt about a change is resolved by another route.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from adapters.exchanges.binance.errors import HALF_DONE, HalfDone, error_of_code
from adapters.exchanges.binance.native import NativeAnswer, NativeError, NativeLimit
from adapters.exchanges.binance.rules import SECONDS
from adapters.exchanges.binance.signing import signed_parameters
from adapters.exchanges.counts import OrderCounts
from adapters.exchanges.http import Http
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, RefusedByExchange
from application.ports.statements import Credentials

_ANSWER_SECONDS = 10.0
_CONNECT_SECONDS, _CLOSE_SECONDS = 5.0, 1.0
_OK, _LOWEST_ERROR = 200, 400
_TOO_MANY_ORDERS = -1015


_decoder = msgspec.json.Decoder(NativeAnswer)
_encoder = msgspec.json.Encoder()


class _Connection:
    """One socket and the requests that wait for their answers on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.waiting: dict[int, asyncio.Future[NativeAnswer]] = {}
        self.listening = asyncio.create_task(self._listen())

    def _heard(self, answer: NativeAnswer) -> None:
        if answer.id is None:
            if answer.status:
                raise msgspec.ValidationError("an answer to nobody")
            return  # an event, such as the announcement of a server shutdown
        waiting = self.waiting.pop(answer.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def _listen(self) -> None:
        reason = "the connection was closed"
        try:
            async for message in self.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._heard(_decoder.decode(message.data))
        except (msgspec.MsgspecError, RecursionError) as error:
            # The answer cannot be matched to its request: all that wait are in doubt, and reading ends here.
            reason = f"an answer that says nothing: {error}"
        finally:
            for waiting in self.waiting.values():
                if not waiting.done():
                    waiting.set_exception(NoAnswer(reason, code="no_answer"))
            self.waiting.clear()
            await self.socket.close()


class OrderEntry:
    """The order entry of one venue, which connects at the first request and again whenever the connection has ended.

    `now` is the exchange's clock in milliseconds, `receive_window` is in milliseconds too.
    """

    def __init__(self, url: str, http: Http, receive_window: int, now: Callable[[], int]) -> None:
        self._url = url
        self._http = http
        self._receive_window = receive_window
        self._now = now
        self._ids = itertools.count(1)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def send(
        self,
        method: str,
        parameters: Mapping[str, object],
        credentials: Credentials,
        counts: OrderCounts | None = None,
        orders: int = 0,
    ) -> bytes:
        """Send one change, once, and return the result undecoded. `orders` is the number of new orders for `counts`.

        Raises `NotAccepted` when nothing was written, `NoAnswer` when the connection ended or nothing came back,
        `HalfDone` for a cancel-replace that was not carried out completely, and whatever Binance's own error means.
        """
        tellings = 0 if counts is None else counts.tellings
        if counts is not None:
            counts.spend(orders)
        try:
            return await self._sent(method, parameters, credentials, counts)
        except (RefusedByExchange, NotAccepted):
            if counts is not None and counts.tellings == tellings:
                counts.spend(-orders)  # a refused order does not count
            raise

    async def _sent(
        self, method: str, parameters: Mapping[str, object], credentials: Credentials, counts: OrderCounts | None
    ) -> bytes:
        self._http.spend(1)
        connection = await self._connected()
        number, answered = next(self._ids), asyncio.get_running_loop().create_future()
        stamped = {
            **parameters,
            "apiKey": credentials.key,
            "recvWindow": self._receive_window,
            "timestamp": self._now(),
        }
        asked = {"id": number, "method": method, "params": signed_parameters(stamped, credentials.secret)}
        connection.waiting[number] = answered
        sent_at, asked_at = time.time(), self._now() / 1000
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await connection.socket.send_str(_encoder.encode(asked).decode())
                answer: NativeAnswer = await answered
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            self._leave(connection)
            self._http.fuse.failed()
            raise NoAnswer(f"{type(error).__name__}: {error}", code="no_answer") from error
        finally:
            connection.waiting.pop(number, None)
        self._http.answered()
        return self._meant(answer, sent_at, counts, asked_at)

    async def _connected(self) -> _Connection:
        async with self._connecting:
            if self._connection is None or self._connection.socket.closed:
                try:
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        closing = aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS)
                        socket = await self._http.session.ws_connect(self._url, heartbeat=20, timeout=closing)
                except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
                    self._http.fuse.failed()
                    raise NotAccepted(f"no connection: {error}", code="exchange_unreachable") from error
                self._connection = _Connection(socket)
            return self._connection

    def _leave(self, connection: _Connection) -> None:
        """Drop a connection that failed, so that the next request connects anew.

        Its server may still answer pings but no requests. All other requests waiting on it are in doubt at once,
        because their answers may never come either.
        """
        if self._connection is connection:
            self._connection = None
        connection.listening.cancel()  # which closes the socket

    def _meant(self, answer: NativeAnswer, sent_at: float, counts: OrderCounts | None, asked_at: float) -> bytes:
        for limit in answer.rateLimits:
            if limit.rateLimitType == "REQUEST_WEIGHT":
                self._http.pace.told(limit.count, sent_at)
            elif limit.rateLimitType == "ORDERS" and counts is not None:
                counts.told(_seconds_of(limit), limit.count, asked_at)
        if answer.status == _OK:
            return bytes(answer.result)
        error = answer.error
        if error is None or answer.status < _LOWEST_ERROR:
            raise NoAnswer(f"an answer that says nothing: status {answer.status}", code="no_answer")
        until = 0 if error.data is None else error.data.retryAfter
        if error.code == _TOO_MANY_ORDERS and counts is not None:
            counts.close_until(until / 1000 or counts.end_of_window)
        elif until:
            self._http.pace.close_for(max(until - self._now(), 0) / 1000)
        raise _error_of(answer, error)

    async def close(self) -> None:
        """Close the connection; requests still waiting for an answer are in doubt."""
        if self._connection is not None:
            await self._connection.socket.close()
            await self._connection.listening


def _seconds_of(limit: NativeLimit) -> int:
    return SECONDS.get(limit.interval, 0) * limit.intervalNum


def _error_of(answer: NativeAnswer, error: NativeError) -> ExchangeError:
    raw = msgspec.json.encode(answer).decode()
    if error.code in HALF_DONE and error.data is not None and error.data.cancelResult:
        return HalfDone(f"{error.code}: {error.msg}", raw=raw, halves=error.data)
    return error_of_code(answer.status, error.code, error.msg, raw)

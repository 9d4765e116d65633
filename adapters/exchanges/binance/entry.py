"""Order entry: the one connection over which all changes of a venue are sent, Binance's WebSocket API.

A frame each way over a connection that stands already costs a fraction of an HTTP request, and each request carries
the keys of its own account. Reads stay with REST, so that a doubt about a change is resolved on another way.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from adapters.exchanges.binance.errors import error_of_code
from adapters.exchanges.binance.native import NativeAnswer
from adapters.exchanges.binance.signing import signed_parameters
from adapters.exchanges.http import Http
from application.exchange import Credentials, NoAnswer, NotAccepted

_ANSWER_SECONDS = 10.0
_CONNECT_SECONDS, _CLOSE_SECONDS = 5.0, 1.0
_OK, _LOWEST_ERROR = 200, 400


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
            return  # an event, such as the announcement that the server goes down
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
            # Whose answer it was cannot be told: all that wait are in doubt, and nothing more is read from here.
            reason = f"an answer that says nothing: {error}"
        finally:
            for waiting in self.waiting.values():
                if not waiting.done():
                    waiting.set_exception(NoAnswer(reason, code="no_answer"))
            self.waiting.clear()
            await self.socket.close()


class OrderEntry:
    """Connects at the first request and again whenever the connection has ended. `now` is the exchange's clock."""

    def __init__(self, url: str, http: Http, receive_window: int, now: Callable[[], int]) -> None:
        self._url = url
        self._http = http
        self._receive_window = receive_window
        self._now = now
        self._ids = itertools.count(1)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def send(self, method: str, parameters: Mapping[str, object], credentials: Credentials) -> bytes:
        """Ask for one change, once; answers the result as it came.

        Raises `NotAccepted` when nothing was written, `NoAnswer` when the connection ended or nothing came back, and
        whatever Binance's own error means.
        """
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
        sent_at = time.time()
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
        return self._meant(answer, sent_at)

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
        """What stands behind it may answer pings and no request any more: the next request connects anew.

        Whatever else waits there is in doubt at once, as its answer may never come either.
        """
        if self._connection is connection:
            self._connection = None
        connection.listening.cancel()  # which closes the socket

    def _meant(self, answer: NativeAnswer, sent_at: float) -> bytes:
        for limit in answer.rateLimits:
            if limit.rateLimitType == "REQUEST_WEIGHT":
                self._http.pace.told(limit.count, sent_at)
        if answer.status == _OK:
            return bytes(answer.result)
        error = answer.error
        if error is None or answer.status < _LOWEST_ERROR:
            raise NoAnswer(f"an answer that says nothing: status {answer.status}", code="no_answer")
        if error.data is not None and error.data.retryAfter:
            self._http.pace.close_for(max(error.data.retryAfter - self._now(), 0) / 1000)
        raise error_of_code(answer.status, error.code, error.msg, msgspec.json.encode(answer).decode())

    async def close(self) -> None:
        """End the connection; what still waits for an answer is in doubt."""
        if self._connection is not None:
            await self._connection.socket.close()
            await self._connection.listening

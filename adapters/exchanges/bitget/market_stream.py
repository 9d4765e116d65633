"""Bitget's public streams of trades and candles: one connection for several markets.

The client pings every 30 seconds, or is closed after two minutes; a connection ends after 24 hours
(bitget.com/api-doc/common/websocket-intro). No flag says that a candle has ended: a later one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from adapters.exchanges.bitget.messages import bar_of
from adapters.exchanges.decoding import NONSENSE, number_of
from application.ports.errors import NoAnswer
from application.ports.market_data import Malformed, MarketEvent, SeenCandle, SeenTrade
from domain.candles.bar import MarketTrade

OPEN_SECONDS, PING_SECONDS = 10.0, 25.0
LONGEST_MESSAGE = 256 * 1024
QUEUED = 10_000
"""Messages that may wait to be read: about a burst of five seconds at 2,000 trades per second."""
_MINUTE = 60_000
MOST_AT_ONCE = 20
"""The most channels in one request, whose text may have 4,096 bytes."""


class Arg(msgspec.Struct):
    channel: str = ""
    about: str = msgspec.field(default="", name="instId")


class Push(msgspec.Struct):
    action: str = ""
    arg: Arg = msgspec.field(default_factory=Arg)
    data: list[Any] = msgspec.field(default_factory=list)
    ts: int = 0


decoder = msgspec.json.Decoder(Push, strict=False)


async def events(url: str, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
    """Yield each event of a new connection, read and raw. Raises `NoAnswer` when it cannot be made, or ends."""
    reader = Reader()
    async with aclosing(messages(url, native_symbols, ("trade", "candle1m"))) as told:
        async for text in told:
            for event in reader.read(text):
                yield event, text


async def messages(url: str, native_symbols: Sequence[str], channels: Sequence[str]) -> AsyncGenerator[str]:
    """Yield each message of a new connection. Raises `NoAnswer` when it cannot be made, or ends."""
    try:
        async with connect(
            url, open_timeout=OPEN_SECONDS, ping_interval=None, close_timeout=1, max_size=LONGEST_MESSAGE,
            max_queue=QUEUED, compression=None,
        ) as socket:  # fmt: skip
            pinging = asyncio.create_task(_ping(socket))
            try:
                await _follow(socket, native_symbols, channels)
                async for raw in socket:
                    yield raw if isinstance(raw, str) else raw.decode(errors="replace")
            finally:
                pinging.cancel()
                with suppress(asyncio.CancelledError, WebSocketException):
                    await pinging
    except (WebSocketException, OSError, TimeoutError) as error:
        raise NoAnswer(f"the stream broke: {type(error).__name__}: {error}", code="stream_broken") from error
    raise NoAnswer("the stream was closed", code="stream_broken")


async def _ping(socket: ClientConnection) -> None:
    while True:
        await asyncio.sleep(PING_SECONDS)
        await socket.send("ping")


async def _follow(socket: ClientConnection, native_symbols: Sequence[str], channels: Sequence[str]) -> None:
    args = [{"instType": "SPOT", "channel": channel, "instId": name} for name in native_symbols for channel in channels]
    for first in range(0, len(args), MOST_AT_ONCE):
        asked = {"op": "subscribe", "args": args[first : first + MOST_AT_ONCE]}
        await socket.send(msgspec.json.encode(asked).decode())


class Reader:
    """The messages of one connection, and the running candle of each market: it has ended when a later one comes."""

    def __init__(self) -> None:
        self._running: dict[str, list[Any]] = {}

    def read(self, text: str) -> list[MarketEvent]:
        """Return the events in a message, a None in place of one that shows only that the connection lives.

        What came before the connection was made is left out: it is read from REST.
        """
        if text == "pong":
            return [None]
        try:
            push = decoder.decode(text)
            if push.arg.channel == "trade" and push.action == "update":
                return [SeenTrade(push.arg.about, trade_of(row), push.ts) for row in reversed(push.data)]
            if push.arg.channel == "candle1m":
                return [*self._ended(push)] or [None]
        except (msgspec.MsgspecError, *NONSENSE):
            return [Malformed(text)]
        return [None]

    def _ended(self, push: Push) -> list[MarketEvent]:
        """Return the candles that have ended, as a later one has come."""
        name, ended = push.arg.about, list[MarketEvent]()
        for row in push.data:
            before, at = self._running.get(name), int(row[0])
            if push.ts and at > push.ts + _MINUTE:
                raise ValueError("a candle of the future")
            if before is None or at >= int(before[0]):
                self._running[name] = row  # first, so that a row that cannot be read is not read again
            if before is not None and at > int(before[0]):
                ended.append(SeenCandle(name, bar_of(before, 1), push.ts))
        return ended if push.action == "update" else []


def trade_of(row: dict[str, str]) -> MarketTrade:
    price, quantity = number_of(row["price"]), number_of(row["size"])
    number, at = int(row["tradeId"]), int(row["ts"])
    if price <= 0 or quantity <= 0 or number <= 0 or at <= 0:
        raise ValueError("no trade of a market")
    return MarketTrade(number, price, quantity, at)

"""Binance's public streams of trades and candles: one combined connection for several markets.

Binance pings every 20 seconds and ends a connection after 24 hours; since May 2026 it announces an earlier end with
`serverShutdown` (web-socket-streams.md). A candle is final when its `x` is true.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from decimal import Decimal

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from adapters.exchanges.decoding import NONSENSE
from application.ports.errors import NoAnswer
from application.ports.market_data import Ending, Malformed, MarketEvent, SeenCandle, SeenTrade
from domain.amounts import ZERO
from domain.candles.bar import Bar, MarketTrade, Proof, check_bar

OPEN_SECONDS, PING_SECONDS = 10.0, 15.0
LONGEST_MESSAGE = 64 * 1024
QUEUED = 10_000
"""Messages that may wait to be read: about a burst of five seconds at 2,000 trades per second."""


class _Kline(msgspec.Struct):
    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - Binance's name
    c: Decimal
    v: Decimal
    n: int
    x: bool
    f: int = -1
    L: int = -1


class _Data(msgspec.Struct):
    e: str = ""
    E: int = 0
    s: str = ""
    t: int = 0
    T: int = 0
    p: Decimal = ZERO
    q: Decimal = ZERO
    k: _Kline | None = None


class _Frame(msgspec.Struct):
    data: _Data


_decoder = msgspec.json.Decoder(_Frame)


async def events(url: str, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
    """Yield each message of a new connection, read and raw. Raises `NoAnswer` when it cannot be made, or ends."""
    names = "/".join(f"{name}@{kind}" for name in map(str.lower, native_symbols) for kind in ("trade", "kline_1m"))
    async with aclosing(messages(url, names)) as told:
        async for text in told:
            yield event_of(text), text


async def messages(url: str, names: str) -> AsyncGenerator[str]:
    """Yield each message of a new combined connection. Raises `NoAnswer` when it cannot be made, or ends."""
    try:
        async with connect(
            f"{url}/stream?streams={names}", open_timeout=OPEN_SECONDS, ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS, close_timeout=1, max_size=LONGEST_MESSAGE, max_queue=QUEUED, compression=None,
        ) as socket:  # fmt: skip
            async for raw in socket:
                yield raw if isinstance(raw, str) else raw.decode(errors="replace")
    except (WebSocketException, OSError, TimeoutError) as error:
        raise NoAnswer(f"the stream broke: {type(error).__name__}: {error}", code="stream_broken") from error
    raise NoAnswer("the stream was closed", code="stream_broken")


def event_of(text: str) -> MarketEvent:
    """Read one message of a combined stream."""
    try:
        data = _decoder.decode(text).data
        if data.e == "trade":
            return SeenTrade(data.s, _trade_of(data), data.E)
        if data.e == "kline":
            return _candle_of(data)
    except (msgspec.MsgspecError, *NONSENSE):
        return Malformed(text)
    return Ending() if data.e == "serverShutdown" else None


def _trade_of(data: _Data) -> MarketTrade:
    if not (
        data.p.is_finite()
        and data.q.is_finite()
        and data.p > ZERO
        and data.q > ZERO
        and 0 < data.t < 2**63
        and data.T > 0
    ):
        raise ValueError("no trade of a market")
    return MarketTrade(data.t, data.p, data.q, data.T)


def _candle_of(data: _Data) -> MarketEvent:
    kline = data.k
    if kline is None or not kline.x:
        return None
    first, last = (kline.f, kline.L) if kline.f >= 0 else (None, None)
    bar = Bar(kline.t, 1, kline.o, kline.h, kline.l, kline.c, kline.v, kline.n, first, last, Proof.CONFIRMED)
    check_bar(bar)
    return SeenCandle(data.s, bar, data.E)

"""Binance's public stream of one market's best levels and trades (web-socket-streams.md, partial book depth)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal

import msgspec

from adapters.exchanges.binance.market_stream import event_of, messages
from adapters.exchanges.decoding import NONSENSE
from application.ports.market_data import DepthEvent, Malformed, SeenDepth, SeenTrade
from domain.depth import Depth

LEVELS = "depth20@100ms"


class _Levels(msgspec.Struct):
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class _Frame(msgspec.Struct):
    data: _Levels


class _Named(msgspec.Struct):
    stream: str = ""


_frames, _names = msgspec.json.Decoder(_Frame), msgspec.json.Decoder(_Named)


async def events(url: str, native_symbol: str) -> AsyncIterator[DepthEvent]:
    """Yield each message of a new connection. Raises `NoAnswer` when it cannot be made, or ends."""
    name = native_symbol.lower()
    async with aclosing(messages(url, f"{name}@{LEVELS}/{name}@trade")) as told:
        async for text in told:
            yield depth_event_of(text, native_symbol)


def depth_event_of(text: str, native_symbol: str) -> DepthEvent:
    """Read one message. The levels do not say to which market they belong."""
    try:
        if not _names.decode(text).stream.endswith(LEVELS):
            event = event_of(text)
            return event if isinstance(event, SeenTrade | Malformed) else None
        levels = _frames.decode(text).data
        depth = Depth(levels.bids, levels.asks)
        depth.check()
    except (msgspec.MsgspecError, *NONSENSE):
        return Malformed(text)
    return SeenDepth(native_symbol, depth)

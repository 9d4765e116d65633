"""Bitget's public stream of one market's best levels and trades (spot websocket, depth channel).

The first trades that it sends were made before the connection: they begin the tape.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from adapters.exchanges.bitget.market_stream import Push, decoder, messages, trade_of
from adapters.exchanges.decoding import NONSENSE, number_of
from application.ports.market_data import DepthEvent, Malformed, SeenDepth, SeenTrade
from domain.depth import Depth

LEVELS = "books15"


async def events(url: str, native_symbol: str) -> AsyncIterator[DepthEvent]:
    """Yield each event of a new connection. Raises `NoAnswer` when it cannot be made, or ends."""
    async with aclosing(messages(url, [native_symbol], (LEVELS, "trade"))) as told:
        async for text in told:
            for event in depth_events_of(text):
                yield event


def depth_events_of(text: str) -> Sequence[DepthEvent]:
    """Read one message."""
    if text == "pong":
        return [None]
    try:
        push = decoder.decode(text)
        if push.arg.channel == "trade":
            return [SeenTrade(push.arg.about, trade_of(row), push.ts) for row in reversed(push.data)]
        if push.arg.channel == LEVELS and push.data:
            return [SeenDepth(push.arg.about, _depth_of(push))]
    except (msgspec.MsgspecError, *NONSENSE):
        return [Malformed(text)]
    return [None]


def _depth_of(push: Push) -> Depth:
    sides = [
        [(number_of(price), number_of(there)) for price, there in push.data[-1][side]] for side in ("bids", "asks")
    ]
    depth = Depth(*sides)
    depth.check()
    return depth

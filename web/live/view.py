"""Views: the one market whose depth and tape a browser looks at."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import psycopg
from fastapi import WebSocket

from application.people.brokers import broker_of
from application.trading.positions import listed
from domain.refusals import NotFound
from web.context import Context

TOPIC = "depth"
TELL_SECONDS = 0.25
NEED_SECONDS = 2.0
Place = tuple[str, str, str]
"""Exchange, venue and symbol."""


class View:
    """The market that one browser looks at, told at most four times a second, and only when something has changed."""

    def __init__(self, context: Context, user: int) -> None:
        self._context = context
        self._user = user
        self._place: Place | None = None
        self._asked: Any = None
        self._turned = asyncio.Event()
        self._sequence = 0
        self._viewer = uuid4().hex

    async def turn(self, asked: Any) -> None:
        """Look at the market that is asked for, or at nothing. A broker that is not the user's is nothing."""
        self._asked = asked
        place = await asyncio.to_thread(self._place_of, asked)
        if self._asked is asked:  # in the meantime the browser may have turned elsewhere
            self._place = place
            self._turned.set()

    def _place_of(self, asked: Any) -> Place | None:
        if not isinstance(asked, dict) or type(number := asked.get("broker")) is not int:
            return None
        try:
            broker = broker_of(self._context.records.store, self._user, number)
        except (NotFound, psycopg.Error, OverflowError):
            return None
        market = listed(self._context.records.markets, broker, str(asked.get("symbol")))
        return None if market is None else (broker.exchange, broker.venue, market.symbol)

    async def tell(self, socket: WebSocket, seconds: float) -> None:
        """Tell the browser what it looks at, for ever. Raises `TimeoutError` when it takes a message too slowly."""
        told: Any = None
        asked_at, place = float("-inf"), None
        while True:
            if self._place is None:
                self._turned.clear()
                await self._turned.wait()
            if self._place != place:
                place, told, asked_at = self._place, None, float("-inf")
            if place is not None:
                if time.monotonic() - asked_at >= NEED_SECONDS:
                    asked_at = time.monotonic()
                    await asyncio.to_thread(self._context.platform.need_depth, place, self._viewer)
                now = await asyncio.to_thread(self._context.platform.depth, place)
                if now is not None and now != told and self._place == place:
                    told = now
                    await asyncio.wait_for(socket.send_json(self._message(place[2], now)), seconds)
            await asyncio.sleep(TELL_SECONDS)

    def _message(self, symbol: str, told: Any) -> dict[str, Any]:
        self._sequence += 1
        item = {**told, "symbol": symbol}
        return {"topic": TOPIC, "kind": "snapshot", "sequence": self._sequence, "items": [item]}

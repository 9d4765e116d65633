"""Binance's market streams on the paper exchange: subscriptions, and their messages whenever a price moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.paper.binance import forms
from adapters.paper.binance.controls import Following, control
from adapters.paper.binance.market import NAME, BinanceMarket
from adapters.paper.binance.stream_forms import WINDOWS, StreamForms
from adapters.paper.exchange import Paper
from adapters.paper.pairs import PAIRS, Pair
from adapters.paper.past import MINUTE

REFRESHED_EVERY = 2000
"""Milliseconds between two messages about a running bar whose price does not move."""


class BinanceStreams:
    """Every open connection and the streams that it follows."""

    def __init__(self, paper: Paper) -> None:
        # Create this before adding our listener: it numbers the trades, so it must receive each price first.
        self._forms = StreamForms(BinanceMarket(paper))
        self._paper = paper
        self._markets = paper.markets
        self._minute = paper.now() // MINUTE * MINUTE
        self._refreshed_at = 0
        self._public: dict[web.WebSocketResponse, Following] = {}
        self._changed: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        paper.prices.listeners.append(self._priced)

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/ws", self._market),
            web.get("/ws/{stream:.*}", self._market),
            web.get("/stream", self._market),
        ]

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        combined = request.path == "/stream"
        first = request.query.get("streams", "") if combined else request.match_info.get("stream", "")
        following = self._public[socket] = Following(combined, {name for name in first.split("/") if "@" in name})
        self._welcome(socket, following, sorted(following.names))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    controlled = control(following, message.data)
                    self._send(socket, controlled.told)
                    self._welcome(socket, following, controlled.joined)
        finally:
            self._public.pop(socket, None)
        return socket

    def _welcome(self, socket: web.WebSocketResponse, following: Following, names: list[str]) -> None:
        """Send the current state, so that a subscriber does not wait for a held price to move."""
        for name in names:
            pair, kind = self._meant(name)
            if pair is not None:
                self._tell(socket, following, name, self._forms.standing(pair, kind))

    def tick(self) -> None:
        """Tell the bars that have ended since the last call, and every two seconds the running ones."""
        self._paper.prices.roll()
        now, faults = self._paper.prices.now, self._paper.market_faults
        minute = now // MINUTE * MINUTE
        for end in range(self._minute + MINUTE, minute + 1, MINUTE):
            if faults.candle_delay:
                asyncio.get_running_loop().call_later(faults.candle_delay, self._end, end)
            else:
                self._end(end)
        self._minute = max(minute, self._minute)
        if now - self._refreshed_at >= REFRESHED_EVERY:
            self._refreshed_at = now
            self._each("kline_", self._forms.standing)

    def _end(self, end: int) -> None:
        self._each("kline_", lambda pair, kind: self._forms.ended(pair, kind, end))

    def _each(self, start: str, form: Callable[[Pair, str], list[dict[str, Any]]]) -> None:
        """Tell every subscriber of a kind of stream about its market."""
        for socket, following in [*self._public.items()]:
            for name in following.names:
                pair, kind = self._meant(name)
                if pair is not None and kind.startswith(start):
                    self._tell(socket, following, name, form(pair, kind))

    async def shut_down(self) -> None:
        """Announce that the server ends its connections, and end them a second later."""
        sockets = [*self._public.items()]
        for socket, following in sockets:
            event = {"e": "serverShutdown", "E": self._paper.now()}
            self._send(socket, {"stream": "!serverShutdown", "data": event} if following.combined else event)
        await asyncio.sleep(1)
        for socket, _ in sockets:
            await socket.close()

    async def cut(self) -> None:
        """End every connection without a word."""
        for socket in [*self._public]:
            await socket.close()

    def _priced(self, symbol: str, _: Decimal) -> None:
        self.tick()
        start = forms.native(PAIRS[symbol]).lower() + "@"
        for socket, following in [*self._public.items()]:
            for name in following.names:
                if name.startswith(start):
                    self._tell(socket, following, name, self._forms.moved(PAIRS[symbol], name.removeprefix(start)))
        if self._public:
            if not self._changed:
                # All moves of one moment are one message of the all-market streams.
                asyncio.get_running_loop().call_soon(self._all_markets)
            self._changed.add(symbol)

    def _all_markets(self) -> None:
        pairs = [pair for pair in self._markets.pairs(NAME) if pair.symbol in self._changed]
        self._changed.clear()
        for socket, following in [*self._public.items()]:
            for name in following.names:
                if rows := self._of_all(name, pairs):
                    self._tell(socket, following, name, [rows])

    def _of_all(self, name: str, pairs: list[Pair]) -> list[dict[str, Any]]:
        """Return the rows of an all-market stream. Binance retired `!ticker@arr` in March 2026."""
        if name == "!miniTicker@arr":
            return [self._forms.ticker(pair, mini=True) for pair in pairs]
        size = name.removeprefix("!ticker_").removesuffix("@arr")
        if size in WINDOWS and name == f"!ticker_{size}@arr":
            return [self._forms.window(pair, size) for pair in pairs]
        return []

    def _meant(self, name: str) -> tuple[Pair | None, str]:
        """Split a stream's name into its market, None for an unknown one, and its kind."""
        native, _, kind = name.partition("@")
        return next((pair for pair in self._markets.pairs(NAME) if forms.native(pair).lower() == native), None), kind

    def _tell(self, socket: web.WebSocketResponse, following: Following, name: str, messages: list[Any]) -> None:
        for data in messages:
            self._send(socket, {"stream": name, "data": data} if following.combined else data)

    def _send(self, socket: web.WebSocketResponse, message: Any) -> None:
        """Queue a message. A closed socket takes no messages."""
        if socket.closed:
            return
        task = asyncio.ensure_future(_sent(socket, msgspec.json.encode(message).decode()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _sent(socket: web.WebSocketResponse, text: str) -> None:
    if not socket.closed:
        try:
            await socket.send_str(text)
        except ConnectionError:
            await socket.close()

"""Binance's market streams of the paper exchange: bars, trades and tickers, told whenever the price moves."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.paper.binance import forms, market_forms
from adapters.paper.binance.market import BinanceMarket
from adapters.paper.exchange import Paper
from adapters.paper.prices import PAIRS, Pair


class BinanceStreams:
    """Every open connection, the streams that it asked for and whether each message names its stream."""

    def __init__(self, paper: Paper) -> None:
        self._market_data = BinanceMarket(paper)
        self._paper = paper
        self._public: dict[web.WebSocketResponse, tuple[set[str], bool]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paper.prices.listeners.append(self._priced)

    def routes(self) -> list[web.RouteDef]:
        """All paths."""
        return [
            web.get("/ws", self._market),
            web.get("/ws/{stream:.*}", self._market),
            web.get("/stream", self._market),
        ]

    def _send(self, socket: web.WebSocketResponse, message: Any) -> None:
        """Queue a message; a socket that is gone takes no more."""
        if socket.closed:
            return
        task = asyncio.ensure_future(_sent(socket, msgspec.json.encode(message).decode()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        wrapped = request.path == "/stream"
        first = request.query.get("streams", "") if wrapped else request.match_info.get("stream", "")
        names = {name for name in first.split("/") if "@" in name}
        self._public[socket] = (names, wrapped)
        for name in names:
            self._tell(socket, name, wrapped=wrapped)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    asked = msgspec.json.decode(message.data)
                    self._send(socket, {"result": self._controlled(names, asked), "id": asked.get("id")})
                    for name in asked.get("params") or ():
                        if asked.get("method") == "SUBSCRIBE":
                            self._tell(socket, name, wrapped=wrapped)
        finally:
            self._public.pop(socket, None)
        return socket

    def _controlled(self, names: set[str], asked: dict[str, Any]) -> Any:
        method, given = asked.get("method"), asked.get("params") or []
        if method == "SUBSCRIBE":
            names.update(given)
        elif method == "UNSUBSCRIBE":
            names.difference_update(given)
        elif method == "LIST_SUBSCRIPTIONS":
            return sorted(names)
        return None

    def _priced(self, symbol: str, _: Decimal) -> None:
        start = forms.native(PAIRS[symbol]).lower() + "@"
        for socket, (names, wrapped) in [*self._public.items()]:
            for name in names:
                if name.startswith(start):
                    self._tell(socket, name, wrapped=wrapped)

    def _tell(self, socket: web.WebSocketResponse, name: str, *, wrapped: bool) -> None:
        native, _, kind = name.partition("@")
        pair = next((pair for pair in PAIRS.values() if forms.native(pair).lower() == native), None)
        if pair is None or (data := self._data(pair, kind)) is None:
            return
        self._send(socket, {"stream": name, "data": data} if wrapped else data)

    def _data(self, pair: Pair, kind: str) -> dict[str, Any] | None:
        now, native, last = self._paper.now(), forms.native(pair), forms.amount(self._paper.prices.last[pair.symbol])
        if kind.startswith("kline_") and kind[6:] in market_forms.INTERVALS:
            return market_forms.kline(pair, self._paper.prices.bars[pair.symbol], kind[6:], now)
        if kind in {"trade", "aggTrade"}:
            ids = {"t": now} if kind == "trade" else {"a": now, "f": now, "l": now}
            return {
                "e": kind,
                "E": now,
                "s": native,
                **ids,
                "p": last,
                "q": forms.amount(pair.step),
                "T": now,
                "m": False,
                "M": True,
            }
        if kind == "bookTicker":
            book = self._market_data.book(pair)
            return {
                "u": now,
                "s": native,
                "b": book["bidPrice"],
                "B": book["bidQty"],
                "a": book["askPrice"],
                "A": book["askQty"],
            }
        if kind in {"miniTicker", "ticker"}:
            day = market_forms.day(pair, self._paper.prices, now)
            mini = {
                "s": native,
                "E": now,
                "c": last,
                "o": day["openPrice"],
                "h": day["highPrice"],
                "l": day["lowPrice"],
                "v": day["volume"],
                "q": day["quoteVolume"],
            }
            if kind == "miniTicker":
                return {"e": "24hrMiniTicker", **mini}
            more = {
                "p": day["priceChange"],
                "P": day["priceChangePercent"],
                "w": last,
                "x": last,
                "Q": day["lastQty"],
                "b": day["bidPrice"],
                "B": day["bidQty"],
                "a": day["askPrice"],
                "A": day["askQty"],
                "O": day["openTime"],
                "C": now,
                "F": 0,
                "L": 1,
                "n": 2,
            }
            return {"e": "24hrTicker", **mini, **more}
        return None


async def _sent(socket: web.WebSocketResponse, text: str) -> None:
    if not socket.closed:
        try:
            await socket.send_str(text)
        except ConnectionError:
            await socket.close()

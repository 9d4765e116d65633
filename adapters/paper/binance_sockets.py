"""Binance's WebSockets of the paper exchange: the WebSocket API with the private stream, and the market streams."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.paper import binance_forms as forms
from adapters.paper.binance_rest import BinanceApi, Error, Parameters
from adapters.paper.ledger import Account, PaperOrder, PaperTrade
from adapters.paper.prices import PAIRS, Pair


class BinanceSockets:
    """Every open socket of the paper Binance."""

    def __init__(self, api: BinanceApi) -> None:
        self._api = api
        self._paper = api.paper
        self._private: dict[web.WebSocketResponse, dict[int, Account]] = {}
        self._public: dict[web.WebSocketResponse, tuple[set[str], bool]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paper.ledger.listeners.append(self._happened)
        self._paper.prices.listeners.append(self._priced)

    def routes(self) -> list[web.RouteDef]:
        """All socket paths."""
        return [
            web.get("/ws-api/v3", self._ws_api),
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

    # --- the WebSocket API -------------------------------------------------------------------------------------

    async def _ws_api(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._private[socket] = {}
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._send(socket, self._answer(socket, msgspec.json.decode(message.data)))
        finally:
            self._private.pop(socket, None)
        return socket

    def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("method", "")).removeprefix("v3/")
        told: dict[str, Any] = {"id": asked.get("id")}
        try:
            result = self._carry_out(socket, name, asked.get("params") or {})
        except Error as error:
            told |= {"status": error.status, "error": {"code": error.code, "msg": error.message}}
        else:
            told |= {"status": 200, "result": result}
        return {**told, "rateLimits": []}

    def _carry_out(self, socket: web.WebSocketResponse, name: str, given: dict[str, Any]) -> Any:
        p: Parameters = {
            key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()
        }
        api = self._api
        if name == "ping":
            return {}
        if name == "time":
            return {"serverTime": self._paper.now()}
        if name == "exchangeInfo":
            return api.exchange_info(p)
        if name == "klines":
            return api.klines(p)
        private = {
            "order.place": api.place,
            "order.cancel": api.cancel,
            "order.status": api.query,
            "openOrders.status": api.open_orders,
            "openOrders.cancelAll": api.cancel_all,
            "allOrders": api.all_orders,
            "myTrades": api.my_trades,
            "account.status": api.account,
        }
        if name == "userDataStream.subscribe.signature":
            return self._subscribed(socket, self._signed(p))
        if name == "userDataStream.unsubscribe":
            self._private[socket].clear()
            return {}
        if name not in private:
            raise Error(-1020, "This operation is not supported.")
        return private[name](self._signed(p), p)

    def _signed(self, p: Parameters) -> Account:
        account = self._api.account_of(p.get("apiKey"))
        payload = "&".join(f"{name}={p[name]}" for name in sorted(p) if name != "signature")
        self._api.check_signature(account, payload, p.get("signature", ""), p)
        return account

    def _subscribed(self, socket: web.WebSocketResponse, account: Account) -> dict[str, int]:
        mine = self._private[socket]
        if account in mine.values():
            raise Error(-2035, "User Data Stream subscription already active.")
        number = len(mine)
        mine[number] = account
        return {"subscriptionId": number}

    # --- what happens to orders --------------------------------------------------------------------------------

    def _happened(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        fault = (
            self._paper.faults.take("stream", frozenset({"drop_stream", "duplicate_fill"})) if self._private else None
        )
        now = self._paper.now()
        told = forms.execution(what, order, trade, self._api.cancel_ids.get(order.id, ""), now)
        moved = forms.positions(order.account, order.pair, now)
        for socket, mine in [*self._private.items()]:
            for number, account in mine.items():
                if account is not order.account:
                    continue
                if fault is not None and fault.kind == "drop_stream":
                    task = asyncio.ensure_future(_closed(socket))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                    continue
                times = 2 if fault is not None and trade is not None else 1
                for event in [*[told] * times, moved]:
                    self._send(socket, {"subscriptionId": number, "event": event})

    # --- market streams ----------------------------------------------------------------------------------------

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
        if kind.startswith("kline_") and kind[6:] in forms.INTERVALS:
            return forms.kline(pair, self._paper.prices.bars[pair.symbol], kind[6:], now)
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
            book = self._api.book(pair)
            return {
                "u": now,
                "s": native,
                "b": book["bidPrice"],
                "B": book["bidQty"],
                "a": book["askPrice"],
                "A": book["askQty"],
            }
        if kind in {"miniTicker", "ticker"}:
            day = forms.day(pair, self._paper.prices, now)
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


async def _closed(socket: web.WebSocketResponse) -> None:
    await socket.close()

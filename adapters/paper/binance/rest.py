"""Binance's REST API of the paper exchange: paths, signatures over query and body, headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from adapters.paper.binance.api import Error, Parameters
from adapters.paper.binance.desk import Desk, Reply
from adapters.paper.orders import Account

PATHS = [
    ("GET", "ping", "ping"),
    ("GET", "time", "time"),
    ("GET", "exchangeInfo", "exchangeInfo"),
    ("GET", "ticker/price", "ticker.price"),
    ("GET", "ticker/bookTicker", "ticker.book"),
    ("GET", "ticker/24hr", "ticker.24hr"),
    ("GET", "avgPrice", "avgPrice"),
    ("GET", "klines", "klines"),
    ("GET", "depth", "depth"),
    ("GET", "trades", "trades.recent"),
    ("GET", "historicalTrades", "trades.historical"),
    ("GET", "aggTrades", "trades.aggregate"),
    ("POST", "order", "order.place"),
    ("POST", "order/test", "order.test"),
    ("POST", "order/cancelReplace", "order.cancelReplace"),
    ("PUT", "order/amend/keepPriority", "order.amend.keepPriority"),
    ("POST", "orderList/oco", "orderList.place.oco"),
    ("GET", "orderList", "orderList.status"),
    ("DELETE", "orderList", "orderList.cancel"),
    ("GET", "openOrderList", "openOrderLists.status"),
    ("GET", "allOrderList", "allOrderLists"),
    ("DELETE", "order", "order.cancel"),
    ("DELETE", "openOrders", "openOrders.cancelAll"),
    ("GET", "order", "order.status"),
    ("GET", "openOrders", "openOrders.status"),
    ("GET", "allOrders", "allOrders"),
    ("GET", "myTrades", "myTrades"),
    ("GET", "account", "account.status"),
    ("GET", "account/commission", "account.commission"),
    ("GET", "rateLimit/order", "account.rateLimits.orders"),
]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BinanceRest:
    """Every path under /api/v3, and the one of the wallet API that tells what a key may do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """The paths and what is asked by each."""
        wallet = web.get("/sapi/v1/account/apiRestrictions", self._handler("account.restrictions"))
        return [wallet, *(web.route(method, f"/api/v3/{path}", self._handler(name)) for method, path, name in PATHS)]

    def _handler(self, name: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            query = request.query_string
            body = (await request.read()).decode() if request.can_read_body else ""
            parameters = dict(parse_qsl(body, keep_blank_values=True)) | dict(parse_qsl(query, keep_blank_values=True))
            reply = await self._desk.serve(name, parameters, lambda: self._account(request, query, body, parameters))
            if reply is None:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            return _response(reply)

        return handle

    def _account(self, request: web.Request, query: str, body: str, parameters: Parameters) -> Account:
        account = self._desk.api.account_of(request.headers.get("X-MBX-APIKEY"))
        signature = parameters.get("signature")
        if not signature:
            raise Error(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        payload = _without_signature(query) + _without_signature(body)
        self._desk.api.check_signature(account, payload, signature, parameters)
        return account


def _response(reply: Reply) -> web.Response:
    if reply.garbage:
        return web.Response(text="<html>Bad gateway</html>", status=200)
    headers = {"X-MBX-USED-WEIGHT-1M": str(reply.used), "X-MBX-USED-WEIGHT": str(reply.used)}
    if reply.retry_after is not None:
        headers["Retry-After"] = str(reply.retry_after)
    if reply.orders is not None:
        headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1D"] = map(str, reply.orders)
    body = msgspec.json.encode(reply.told)
    return web.Response(body=body, status=reply.status, content_type="application/json", headers=headers)


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))

"""Binance's REST API on the paper exchange: paths, headers, and signatures over query and body as they were sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from adapters.paper.binance.dispatcher import Dispatcher, Reply
from adapters.paper.binance.parameters import Error, Parameters
from adapters.paper.orders import Account

PATHS = [
    ("GET", "ping", "ping"),
    ("GET", "time", "time"),
    ("GET", "exchangeInfo", "exchangeInfo"),
    ("GET", "ticker/price", "ticker.price"),
    ("GET", "ticker/bookTicker", "ticker.book"),
    ("GET", "ticker/24hr", "ticker.24hr"),
    ("GET", "avgPrice", "avgPrice"),
    ("GET", "ticker", "ticker"),
    ("GET", "ticker/tradingDay", "ticker.tradingDay"),
    ("GET", "klines", "klines"),
    ("GET", "uiKlines", "uiKlines"),
    ("GET", "depth", "depth"),
    ("GET", "trades", "trades.recent"),
    ("GET", "historicalTrades", "trades.historical"),
    ("GET", "aggTrades", "trades.aggregate"),
    ("POST", "order", "order.place"),
    ("POST", "order/test", "order.test"),
    ("POST", "order/cancelReplace", "order.cancelReplace"),
    ("PUT", "order/amend/keepPriority", "order.amend.keepPriority"),
    ("GET", "order/amendments", "order.amendments"),
    ("POST", "order/oco", "orderList.place"),
    ("POST", "orderList/oco", "orderList.place.oco"),
    ("POST", "orderList/oto", "orderList.place.oto"),
    ("POST", "orderList/otoco", "orderList.place.otoco"),
    ("POST", "orderList/opo", "orderList.place.opo"),
    ("POST", "orderList/opoco", "orderList.place.opoco"),
    ("POST", "sor/order", "sor.order.place"),
    ("POST", "sor/order/test", "sor.order.test"),
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
    ("GET", "myFilters", "myFilters"),
    ("GET", "myPreventedMatches", "myPreventedMatches"),
    ("GET", "myAllocations", "myAllocations"),
    ("GET", "account", "account.status"),
    ("GET", "account/commission", "account.commission"),
    ("GET", "rateLimit/order", "account.rateLimits.orders"),
]
OTHER_PATHS = [
    ("/sapi/v1/account/apiRestrictions", "account.restrictions"),
    ("/sapi/v1/capital/config/getall", "wallet.coins"),
    ("/sapi/v1/asset/tradeFee", "wallet.fees"),
    ("/sapi/v1/system/status", "wallet.status"),
    ("/sapi/v1/account/status", "wallet.account"),
    ("/sapi/v1/accountSnapshot", "wallet.snapshot"),
    ("/sapi/v1/margin/allPairs", "other.pairs"),
    ("/sapi/v1/margin/isolated/allPairs", "other.pairs"),
    ("/fapi/v1/exchangeInfo", "other.markets"),
    ("/dapi/v1/exchangeInfo", "other.markets"),
]
"""The paths of the wallet, and of margin and futures, whose markets clients load together with those of spot."""
_GONE = "<html>\r\n<head><title>410 Gone</title></head>\r\n<body>\r\n<center><h1>410 Gone</h1></center>\r\n</body>\r\n</html>\r\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BinanceRest:
    """Every path under /api/v3, and the few of other APIs that spot clients request."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def routes(self) -> list[web.RouteDef]:
        """Return the paths with their operations, and a JSON error for every unknown path."""
        spot = [web.route(method, f"/api/v3/{path}", self._handler(name)) for method, path, name in PATHS]
        others = [web.get(path, self._handler(name)) for path, name in OTHER_PATHS]
        # aiohttp tries a path with a longer fixed prefix first, whatever the order.
        gone, unknown = web.route("*", "/api/v3/userDataStream", _gone), web.route("*", "/{path:.*}", _unknown)
        return [*spot, *others, gone, unknown]

    def _handler(self, name: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # Keep the text as sent: the signature covers the encoded form, and re-encoding decoded text may differ.
            query = request.rel_url.raw_query_string
            body = (await request.read()).decode(errors="replace") if request.can_read_body else ""
            parameters = dict(parse_qsl(body, keep_blank_values=True)) | dict(parse_qsl(query, keep_blank_values=True))
            reply = await self._dispatcher.serve(
                name, parameters, lambda: self._account(request, query, body, parameters)
            )
            if reply is None:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            return _response(reply)

        return handle

    def _account(self, request: web.Request, query: str, body: str, parameters: Parameters) -> Account:
        account = self._dispatcher.api.account_of(request.headers.get("X-MBX-APIKEY"))
        payload = _without_signature(query) + _without_signature(body)
        if parameters.get("signature") and not payload.isascii():
            # Since January 2026 only percent-encoded text may be signed.
            raise Error(-1022, "Signature for this request is not valid.")
        self._dispatcher.api.check_signature(account, payload, parameters)
        return account


async def _gone(_: web.Request) -> web.Response:
    """Return a proxy's error page, as Binance does since listen keys ended in February 2026."""
    return web.Response(text=_GONE, status=410, content_type="text/html")


async def _unknown(request: web.Request) -> web.Response:
    # The code and its text are those of Binance's futures API; the spot API's are not verified.
    error = Error(-5000, f"Path {request.path}, Method {request.method} is invalid")
    return web.json_response(error.told, status=404)


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

"""Binance's REST API of the paper exchange: paths, signatures, weights and errors as the real one has them."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from adapters.paper import binance_forms as forms
from adapters.paper.exchange import Paper
from adapters.paper.faults import Fault
from adapters.paper.ledger import Account, PaperOrder, Refused, pair_of_native
from adapters.paper.prices import PAIRS, Pair

LONGEST_WINDOW = 60_000
_CLIENT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
Parameters = dict[str, str]


class Error(Exception):
    """An answer of Binance that is an error."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


_REFUSALS = {
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action."),
    "duplicate": (-2010, "Duplicate order sent."),
    "would_take": (-2010, "Order would immediately match and take."),
    "unknown_order": (-2011, "Unknown order sent."),
}


def error_of(refused: Refused) -> Error:
    """The engine's refusal in Binance's words."""
    if refused.reason == "filter":
        return Error(-1013, f"Filter failure: {refused.detail}")
    return Error(*_REFUSALS[refused.reason])


class BinanceApi:
    """What both the REST and the WebSocket API can do, on already authenticated parameters."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.cancel_ids: dict[int, str] = {}

    # --- who asks ----------------------------------------------------------------------------------------------

    def account_of(self, key: str | None) -> Account:
        """The account of a key."""
        account = self.paper.ledger.accounts.get(("binance", key or ""))
        if account is None:
            raise Error(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def check_signature(self, account: Account, payload: str, signature: str, parameters: Parameters) -> None:
        """Signature first, then the time window."""
        expected = hmac.digest(account.secret.encode(), payload.encode(), sha256).hex()
        if not hmac.compare_digest(expected, signature.lower()):
            raise Error(-1022, "Signature for this request is not valid.")
        if "timestamp" not in parameters:
            raise Error(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
        stamp, window = int(parameters["timestamp"]), float(parameters.get("recvWindow", 5000))
        stamp = stamp // 1000 if stamp > 10**14 else stamp
        now = self.paper.now()
        if window > LONGEST_WINDOW:
            raise Error(-1131, "recvWindow must be less than 60000.")
        if stamp >= now + 1000:
            raise Error(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - stamp > window:
            raise Error(-1021, "Timestamp for this request is outside of the recvWindow.")

    def pair(self, parameters: Parameters) -> Pair:
        """The market that is meant."""
        if not parameters.get("symbol"):
            raise Error(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        pair = pair_of_native(parameters["symbol"])
        if pair is None:
            raise Error(-1121, "Invalid symbol.")
        return pair

    # --- orders ------------------------------------------------------------------------------------------------

    def place(self, account: Account, p: Parameters, fault: Fault | None = None) -> dict[str, Any]:
        """order.place."""
        order = self._placed(account, p, fault)
        default = "FULL" if order.type == "market" or order.time_in_force != "PO" else "ACK"
        return forms.placed(order, p.get("newOrderRespType", default))

    def _placed(self, account: Account, p: Parameters, fault: Fault | None) -> PaperOrder:
        pair = self.pair(p)
        side, kind = p.get("side", ""), p.get("type", "")
        if side not in {"BUY", "SELL"}:
            raise Error(-1117, "Invalid side.")
        if kind not in {"MARKET", "LIMIT", "LIMIT_MAKER"}:
            raise Error(-1116, "Invalid orderType.")
        client_id = p.get("newClientOrderId") or secrets.token_hex(11)
        if len(client_id) > 36 or not set(client_id) <= _CLIENT_ID:  # noqa: PLR2004 - Binance's limit
            raise Error(
                -1100,
                "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
            )
        quantity, quote, price = (self._decimal(p, name) for name in ("quantity", "quoteOrderQty", "price"))
        time_in_force = "PO" if kind == "LIMIT_MAKER" else p.get("timeInForce", "")
        if kind == "MARKET":
            if price is not None or time_in_force:
                raise Error(-1106, f"Parameter '{'price' if price else 'timeInForce'}' sent when not required.")
            if (quantity is None) == (quote is None):
                raise Error(-1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.")
            time_in_force = "GTC"
        else:
            if time_in_force not in {"GTC", "IOC", "FOK", "PO"}:
                raise Error(
                    -1115 if time_in_force else -1102,
                    "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
                )
            if quantity is None or price is None:
                raise Error(
                    -1102,
                    f"Mandatory parameter '{'price' if quantity else 'quantity'}' was not sent, was empty/null, or malformed.",
                )
        try:
            order = self.paper.ledger.place(
                account, pair, client_order_id=client_id, side=side.lower(), type="market" if kind == "MARKET" else "limit",
                quantity=quantity or Decimal(0), quote_quantity=quote or Decimal(0), price=price,
                time_in_force=time_in_force, partly=fault is not None and fault.kind == "partial_fill",
            )  # fmt: skip
        except Refused as refused:
            raise error_of(refused) from refused
        if fault is not None and fault.kind == "hide_order":
            order.hidden_until = self.paper.now() + int(fault.seconds * 1000)
        return order

    def _decimal(self, p: Parameters, name: str) -> Decimal | None:
        if name not in p:
            return None
        try:
            value = Decimal(p[name])
        except InvalidOperation:
            raise Error(-1100, f"Illegal characters found in parameter '{name}'.") from None
        if not value.is_finite() or value <= 0:
            raise Error(-1013, f"Invalid {name}.")
        if -int(value.normalize().as_tuple().exponent) > 8:  # noqa: PLR2004 - Binance's precision
            raise Error(-1111, f"Parameter '{name}' has too much precision.")
        return value

    def order(self, account: Account, p: Parameters, missing: Error) -> PaperOrder:
        """The order that is meant by either id."""
        if not p.get("orderId") and not p.get("origClientOrderId"):
            raise Error(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        order_id = int(p["orderId"]) if p.get("orderId") else None
        order = self.paper.ledger.find(account, self.pair(p), order_id, p.get("origClientOrderId"))
        if order is None:
            raise missing
        return order

    def cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.cancel."""
        order = self.order(account, p, Error(-2011, "Unknown order sent."))
        cancel_id = p.get("newClientOrderId") or secrets.token_hex(11)
        self.cancel_ids[order.id] = cancel_id
        try:
            self.paper.ledger.cancel(order)
        except Refused as refused:
            raise error_of(refused) from refused
        return forms.cancelled(order, cancel_id)

    def cancel_all(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.cancelAll."""
        resting = [o for o in self.paper.ledger.of(account, self.pair(p)) if o.rests]
        if not resting:
            raise Error(-2011, "Unknown order sent.")
        return [self.cancel(account, {**p, "orderId": str(o.id)}) for o in resting]

    def query(self, account: Account, p: Parameters) -> dict[str, Any]:
        """order.status."""
        return forms.queried(self.order(account, p, Error(-2013, "Order does not exist.")))

    def open_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """openOrders.status."""
        pair = self.pair(p) if p.get("symbol") else None
        orders = self.paper.ledger.of(account, pair)
        return [forms.queried(o) for o in orders if o.rests and o.hidden_until <= self.paper.now()]

    def all_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """AllOrders."""
        orders = [o for o in self.paper.ledger.of(account, self.pair(p)) if o.hidden_until <= self.paper.now()]
        start, end, first = (int(p[n]) if p.get(n) else None for n in ("startTime", "endTime", "orderId"))
        chosen = [
            o
            for o in orders
            if (start is None or o.at >= start) and (end is None or o.at <= end) and (first is None or o.id >= first)
        ]
        limit = int(p.get("limit", 500))
        return [
            forms.queried(o) for o in (chosen[:limit] if start is not None or first is not None else chosen[-limit:])
        ]

    def my_trades(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """MyTrades."""
        pair, limit = self.pair(p), int(p.get("limit", 500))
        start, end, first, order_id = (
            int(p[n]) if p.get(n) else None for n in ("startTime", "endTime", "fromId", "orderId")
        )
        chosen = [
            t for t in self.paper.ledger.trades
            if t.order.account is account and t.order.pair is pair and (start is None or t.at >= start)
            and (end is None or t.at <= end) and (first is None or t.id >= first) and (order_id is None or t.order.id == order_id)
        ]  # fmt: skip
        return [forms.trade(t) for t in (chosen[:limit] if start is not None or first is not None else chosen[-limit:])]

    def account(self, account: Account, p: Parameters) -> dict[str, Any]:
        """account.status."""
        return forms.account(account, omit_zero=p.get("omitZeroBalances") == "true")

    # --- public ------------------------------------------------------------------------------------------------

    def exchange_info(self, p: Parameters) -> dict[str, Any]:
        """ExchangeInfo."""
        return {
            "timezone": "UTC",
            "serverTime": self.paper.now(),
            "rateLimits": forms.RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [forms.symbol(pair) for pair in self._chosen(p)],
        }

    def _chosen(self, p: Parameters) -> list[Pair]:
        if p.get("symbol"):
            return [self.pair(p)]
        if p.get("symbols"):
            return [self.pair({"symbol": name}) for name in msgspec.json.decode(p["symbols"])]
        return list(PAIRS.values())

    def one_or_all(self, p: Parameters, form: Callable[[Pair], dict[str, Any]]) -> Any:
        """An object for `symbol`, a list otherwise."""
        rows = [form(pair) for pair in self._chosen(p)]
        return rows[0] if p.get("symbol") else rows

    def price(self, pair: Pair) -> dict[str, Any]:
        """ticker/price."""
        return {"symbol": forms.native(pair), "price": forms.amount(self.paper.prices.last[pair.symbol])}

    def book(self, pair: Pair) -> dict[str, Any]:
        """ticker/bookTicker: one tick on each side of the last price."""
        last, size = self.paper.prices.last[pair.symbol], "1.00000000"
        sides = {
            "bidPrice": forms.amount(last - pair.tick),
            "bidQty": size,
            "askPrice": forms.amount(last + pair.tick),
            "askQty": size,
        }
        return {"symbol": forms.native(pair), **sides}

    def depth(self, p: Parameters) -> dict[str, Any]:
        """depth: ten levels on each side."""
        pair = self.pair(p)
        last = self.paper.prices.last[pair.symbol]
        sides = [[[forms.amount(last + sign * n * pair.tick), "1.00000000"] for n in range(1, 11)] for sign in (-1, 1)]
        return {"lastUpdateId": self.paper.now(), "bids": sides[0], "asks": sides[1]}

    def klines(self, p: Parameters) -> list[list[Any]]:
        """Klines."""
        pair = self.pair(p)
        if p.get("interval") not in forms.INTERVALS:
            raise Error(-1120, "Invalid interval.")
        rows = forms.bars(self.paper.prices.bars[pair.symbol], p["interval"])
        start, end, limit = int(p.get("startTime", 0)), int(p.get("endTime", 2**62)), int(p.get("limit", 500))
        rows = [row for row in rows if start <= row[0] <= end]
        return rows[:limit] if "startTime" in p else rows[-limit:]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Public = Callable[[Parameters], Any]
Private = Callable[..., Any]


class BinanceRest:
    """The REST paths, their weights, and the faults that strike them."""

    def __init__(self, api: BinanceApi) -> None:
        self._api = api
        self._paper = api.paper

    def routes(self) -> list[web.RouteDef]:
        """Every path under /api/v3."""
        api = self._api
        public: list[tuple[str, int, Public]] = [
            ("ping", 1, lambda _: {}),
            ("time", 1, lambda _: {"serverTime": self._paper.now()}),
            ("exchangeInfo", 20, api.exchange_info),
            ("ticker/price", 2, lambda p: api.one_or_all(p, api.price)),
            ("ticker/bookTicker", 2, lambda p: api.one_or_all(p, api.book)),
            ("ticker/24hr", 2, lambda p: api.one_or_all(p, lambda pair: forms.day(pair, self._paper.prices, self._paper.now()))),
            ("avgPrice", 2, lambda p: {"mins": 5, "price": api.price(api.pair(p))["price"], "closeTime": self._paper.now()}),
            ("klines", 2, api.klines),
            ("depth", 5, api.depth),
        ]  # fmt: skip
        private: list[tuple[str, str, int, str, Private]] = [
            ("POST", "order", 1, "place_order", api.place),
            ("POST", "order/test", 1, "query", self._tested),
            ("GET", "order", 4, "query", api.query),
            ("DELETE", "order", 1, "cancel_order", api.cancel),
            ("GET", "openOrders", 6, "query", api.open_orders),
            ("DELETE", "openOrders", 1, "cancel_order", api.cancel_all),
            ("GET", "allOrders", 20, "query", api.all_orders),
            ("GET", "myTrades", 20, "query", api.my_trades),
            ("GET", "account", 20, "query", api.account),
        ]
        return [
            *(web.get(f"/api/v3/{path}", self._open(weight, answer)) for path, weight, answer in public),
            *(
                web.route(method, f"/api/v3/{path}", self._closed(weight, when, answer))
                for method, path, weight, when, answer in private
            ),
        ]

    def _tested(self, _: Account, p: Parameters) -> dict[str, Any]:
        self._api.pair(p)
        return {}

    def _open(self, weight: int, answer: Public) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return self._answered(weight, lambda: answer(dict(request.query)))

        return handle

    def _closed(self, weight: int, when: str, answer: Private) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            query, body = request.query_string, (await request.read()).decode()
            parameters = dict(parse_qsl(body, keep_blank_values=True)) | dict(parse_qsl(query, keep_blank_values=True))
            fault = self._paper.faults.take(when)
            if fault is not None and (struck := await self._struck(request, fault)) is not None:
                return struck

            def carry_out() -> Any:
                account = self._authenticated(request, query, body, parameters)
                return answer(account, parameters, fault) if when == "place_order" else answer(account, parameters)

            response = self._answered(weight, carry_out)
            if fault is not None and fault.kind == "lose_answer" and request.transport is not None:
                request.transport.abort()
            if fault is not None and fault.kind == "garbage":
                return web.Response(text="<html>Bad gateway</html>", status=200)
            return response

        return handle

    async def _struck(self, request: web.Request, fault: Fault) -> web.Response | None:
        """Faults that come before the request is carried out."""
        if fault.kind == "lose_request" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "status_500":
            return web.Response(text="Internal error", status=500)
        if fault.kind == "status_429":
            body = {"code": -1003, "msg": "Too much request weight used."}
            return web.json_response(body, status=429, headers={"Retry-After": "1"})
        return None

    def _authenticated(self, request: web.Request, query: str, body: str, parameters: Parameters) -> Account:
        account = self._api.account_of(request.headers.get("X-MBX-APIKEY"))
        signature = parameters.get("signature")
        if not signature:
            raise Error(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        payload = _without_signature(query) + _without_signature(body)
        self._api.check_signature(account, payload, signature, parameters)
        return account

    def _answered(self, weight: int, answer: Callable[[], Any]) -> web.Response:
        used = self._paper.weigh("binance", weight)
        headers = {"X-MBX-USED-WEIGHT-1M": str(used), "X-MBX-USED-WEIGHT": str(used)}
        if self._paper.limited("binance") and used > forms.RATE_LIMITS[0]["limit"]:  # type: ignore[operator]
            told: Any = {
                "code": -1003,
                "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.",
            }
            wait = 60 - self._paper.now() // 1000 % 60
            return web.Response(
                body=msgspec.json.encode(told),
                status=429,
                content_type="application/json",
                headers=headers | {"Retry-After": str(wait)},
            )
        try:
            status, told = 200, answer()
        except Error as error:
            status, told = error.status, {"code": error.code, "msg": error.message}
        return web.Response(
            body=msgspec.json.encode(told), status=status, content_type="application/json", headers=headers
        )


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))

"""Bitget's REST API on the paper exchange: paths, limits, faults, signatures, and the envelope of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from adapters.paper.bitget import NAME
from adapters.paper.bitget.access import Access
from adapters.paper.bitget.account import BitgetAccount
from adapters.paper.bitget.errors import TOO_MANY, Error
from adapters.paper.bitget.market import BitgetMarket
from adapters.paper.bitget.orders import BitgetOrders
from adapters.paper.bitget.plans import BitgetPlans
from adapters.paper.bitget.values import Parameters, number_of
from adapters.paper.exchange import Paper
from adapters.paper.faults import FATES, UNKNOWN_SYMBOL, Fault
from adapters.paper.ledger import pair_of_native
from adapters.paper.orders import Account, PaperOrder
from adapters.paper.plans import Plan

PER_MINUTE = 6000
"""The most requests of one address in a minute, whatever they are (bitget.com/api-doc/common/intro, August 2025)."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Operation(NamedTuple):
    """One path: its method, how often it may be asked in a second, and what answers it.

    `when` is the moment of the fault script, None for a path that needs no account.
    """

    method: str
    path: str
    limit: int
    answer: Callable[..., Any]
    when: str | None = None


class Asked(NamedTuple):
    """One request. `path` is as it was sent, with its query; `remote` is the address that it came from."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    remote: str


class BitgetRest:
    """Every path of the spot API v2, and the few others that spot clients ask."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._access = Access(paper)
        self.market = BitgetMarket(paper)
        account, orders, plans = BitgetAccount(paper), BitgetOrders(paper), BitgetPlans(paper)
        self._operations = [*_public(self.market), *_private(account), *_trading(orders), *_planned(plans)]

    def routes(self) -> list[web.RouteDef]:
        """Return all routes, and an error for every other path."""
        known = [web.route(one.method, f"/api/v2/{one.path}", self._handler(one)) for one in self._operations]
        unified = web.route("*", "/api/v3/{path:.*}", self._unified)
        return [*known, unified, web.route("*", "/{path:.*}", self._unknown)]

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            sent = (await request.read()).decode(errors="replace")
            path, remote = request.rel_url.raw_path_qs, request.remote or ""
            try:
                body, status = await self.serve(operation, Asked(request.method, path, request.headers, sent, remote))
            except Cut:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            except _Garbage:
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
            return self._answer(body, status)

        return handle

    def operation(self, method: str, path: str) -> Operation:
        """Return what serves a path without its query. Raises `StopIteration` for an unknown one."""
        return next(one for one in self._operations if (one.method, f"/api/v2/{one.path}") == (method, path))

    async def serve(self, operation: Operation, asked: Asked) -> tuple[dict[str, Any], int]:
        """Carry out a request, and return the body and the status of its answer. Raises `Cut` for none at all."""
        try:
            told = await self._served(operation, asked)
        except Error as error:
            return error.told(self._paper.now()), error.status
        return {"code": "00000", "msg": "success", "requestTime": self._paper.now(), "data": told}, 200

    async def _served(self, operation: Operation, asked: Asked) -> Any:
        parameters = _parameters(asked)
        fault = self._fault(operation, parameters)
        kind = "" if fault is None else fault.kind
        if kind == "lose_request":
            raise Cut
        if kind == "delay" and fault is not None:
            await asyncio.sleep(fault.seconds)
        if kind == "status_500":
            raise Error("50000", "Internal server error", 500)
        if kind == "status_429":
            raise _too_many()
        if operation.when is None:
            self._spend(operation, asked.remote)
            return operation.answer(parameters)
        account = self._access.account_of(asked.headers, asked.method, asked.path, asked.body)
        self._spend(operation, account.key)
        told = self._carried_out(operation, account, parameters, fault)
        if kind == "lose_answer":
            raise Cut
        if kind == "garbage":
            raise _Garbage
        return told

    def _fault(self, operation: Operation, p: Parameters) -> Fault | None:
        if operation.when is None:
            return None
        pair = pair_of_native(str(p.get("symbol", "")))
        types = {str(p[name]).upper() for name in ("orderType",) if name in p}
        return self._paper.faults.take(operation.when, NAME, "" if pair is None else pair.symbol, types)

    def _carried_out(self, operation: Operation, account: Account, p: Parameters, fault: Fault | None) -> Any:
        self._access.check_window(p)
        kind = "" if fault is None else fault.kind
        if kind == "clock_refused":
            raise Error("40008", "Request timestamp expired")
        if kind == "refuse" and fault is not None:
            raise Error(str(fault.code) if fault.code > 0 else "43011", fault.message)
        if operation.when == "query":
            symbol = str(p.get("symbol") or "")
            pair = pair_of_native(symbol)
            if pair is not None and self._paper.faults.standing(UNKNOWN_SYMBOL, NAME, pair.symbol) is not None:
                raise Error("40034", f"Parameter {symbol} does not exist")
            if kind == "hide_order" and fault is not None:
                self._hide(account, p, fault.seconds)
            return operation.answer(account, p)
        if operation.when == "cancel_order":
            return operation.answer(account, p)
        told = operation.answer(account, p, kind if kind in FATES else "")
        if kind == "hide_order" and fault is not None:
            self._hide(account, told if isinstance(told, Mapping) else {}, fault.seconds)
        return told

    def _hide(self, account: Account, named: Mapping[str, Any], seconds: float) -> None:
        """Hide the named order, or all of the account's when none is named, for some seconds."""
        until = self._paper.now() + int(seconds * 1000)
        ids = {number_of(str(named["orderId"]))} if named.get("orderId") else set()
        names = {str(named["clientOid"])} if named.get("clientOid") else set()
        known: list[PaperOrder | Plan] = [*self._paper.ledger.of(account), *self._paper.plans.of(account)]
        for order in known:
            if not (ids or names) or order.id in ids or order.client_order_id in names:
                order.hidden_until = until

    def _spend(self, operation: Operation, subject: str) -> None:
        """Count a request. Raises `Error` when there were too many in this second or minute."""
        budgets = self._paper.budgets
        here = budgets.spend(NAME, f"{operation.path} {subject}", 1, 1)
        if here > operation.limit or budgets.spend(NAME, "requests", 60, 1) > PER_MINUTE:
            raise _too_many()

    def _answer(self, body: dict[str, Any], status: int) -> web.Response:
        left = max(PER_MINUTE - self._paper.budgets.spend(NAME, "requests", 60, 0), 0)
        return web.Response(
            body=msgspec.json.encode(body), status=status, content_type="application/json",
            headers={"x-mbx-used-remain-limit": str(left)},
        )  # fmt: skip

    async def _unknown(self, request: web.Request) -> web.Response:
        error = Error("40404", "Request URL NOT FOUND")
        return self._answer(error.told(self._paper.now()), error.status)

    async def _unified(self, request: web.Request) -> web.Response:
        """Refuse the API of unified accounts, which is not built."""
        error = Error("40084", "You are in Classic Account mode, and the Unified Account API is not supported")
        return self._answer(error.told(self._paper.now()), error.status)


class Cut(Exception):
    """The connection is to be cut."""


class _Garbage(Exception):
    """The answer is to be that of a broken proxy."""


def _too_many() -> Error:
    return Error("429", "Too Many Requests", TOO_MANY)


def _parameters(asked: Asked) -> Parameters:
    """Return the parameters of the query and of a JSON body. Raises `Error` for a body that is no object."""
    query = dict(parse_qsl(asked.path.partition("?")[2], keep_blank_values=True))
    if not asked.body:
        return query
    try:
        body = msgspec.json.decode(asked.body)
    except msgspec.DecodeError:
        raise Error("40020", "Parameter body error") from None
    if not isinstance(body, dict):
        raise Error("40020", "Parameter body error")
    return {**query, **body}


def _public(market: BitgetMarket) -> list[Operation]:
    rows = [
        ("public/time", 20, market.time),
        ("spot/public/coins", 3, market.coins),
        ("spot/public/symbols", 20, market.symbols),
        ("spot/market/tickers", 20, market.tickers),
        ("spot/market/candles", 20, market.candles),
        ("spot/market/history-candles", 20, market.old_candles),
        ("spot/market/orderbook", 20, market.order_book),
        ("spot/market/fills", 10, market.trades),
        ("spot/market/fills-history", 10, market.old_trades),
        ("spot/market/vip-fee-rate", 10, market.fee_levels),
        ("margin/currencies", 10, market.nothing),
        ("mix/market/contracts", 20, market.nothing),
    ]
    return [Operation("GET", path, limit, answer) for path, limit, answer in rows]


def _private(account: BitgetAccount) -> list[Operation]:
    return [
        Operation("GET", "spot/account/info", 1, account.info, "query"),
        Operation("GET", "spot/account/assets", 10, account.assets, "query"),
        Operation("GET", "common/trade-rate", 10, account.rate, "query"),
        Operation("GET", "common/all-trade-rate", 10, account.rates, "query"),
    ]


def _trading(orders: BitgetOrders) -> list[Operation]:
    return [
        Operation("POST", "spot/trade/place-order", 10, orders.place, "place_order"),
        Operation("POST", "spot/trade/batch-orders", 5, orders.place_many, "place_order"),
        Operation("POST", "spot/trade/cancel-replace-order", 5, orders.replace, "place_order"),
        Operation("POST", "spot/trade/cancel-order", 10, orders.cancel, "cancel_order"),
        Operation("POST", "spot/trade/batch-cancel-order", 10, orders.cancel_many, "cancel_order"),
        Operation("POST", "spot/trade/cancel-symbol-order", 5, orders.cancel_all, "cancel_order"),
        Operation("GET", "spot/trade/orderInfo", 20, orders.info, "query"),
        Operation("GET", "spot/trade/unfilled-orders", 20, orders.unfilled, "query"),
        Operation("GET", "spot/trade/history-orders", 20, orders.history, "query"),
        Operation("GET", "spot/trade/fills", 10, orders.fills, "query"),
    ]


def _planned(plans: BitgetPlans) -> list[Operation]:
    return [
        Operation("POST", "spot/trade/place-plan-order", 20, plans.place, "place_order"),
        Operation("POST", "spot/trade/modify-plan-order", 20, plans.change, "cancel_order"),
        Operation("POST", "spot/trade/cancel-plan-order", 20, plans.cancel, "cancel_order"),
        Operation("POST", "spot/trade/batch-cancel-plan-order", 5, plans.cancel_many, "cancel_order"),
        Operation("GET", "spot/trade/current-plan-order", 20, plans.current, "query"),
        Operation("GET", "spot/trade/history-plan-order", 20, plans.history, "query"),
        Operation("GET", "spot/trade/plan-sub-order", 20, plans.sub_orders, "query"),
    ]

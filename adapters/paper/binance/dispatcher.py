"""The handling of a request at the paper Binance, whatever its API: faults, ban, budget, signature, response."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.paper.binance import forms
from adapters.paper.binance.api import BinanceApi, Error, Parameters
from adapters.paper.binance.limits import NAME, Count, OrderLimits, TooManyOrders
from adapters.paper.binance.lists import BinanceLists
from adapters.paper.binance.market import BinanceMarket
from adapters.paper.binance.operations import Operation, completed
from adapters.paper.binance.replacements import Replacements
from adapters.paper.faults import UNKNOWN_SYMBOL, Fault
from adapters.paper.ledger import pair_of_native
from adapters.paper.orders import Account

_COUNTS_ITSELF = "order.cancelReplace"
TOO_MUCH = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
_PATIENCE, _BAN_SECONDS = 10, 120
"""The refusals tolerated per minute before callers are banned (HTTP 418), and the ban's length in seconds."""
_OK = 200


@dataclass(frozen=True)
class Reply:
    """A response. `used` is this minute's request weight, `orders` the new orders of ten seconds and of the day."""

    status: int
    told: Any
    used: int = 0
    retry_after: int | None = None
    orders: tuple[int, int] | None = None
    garbage: bool = False


@dataclass(frozen=True)
class _Meant:
    """The market and the order types that a request names; faults can be limited to them."""

    native: str
    symbol: str
    types: frozenset[str]

    @classmethod
    def by(cls, p: Parameters) -> _Meant:
        native = p.get("symbol", "")
        pair = pair_of_native(native)
        types = frozenset(p[name] for name in ("type", "aboveType", "belowType") if name in p)
        return cls(native, "" if pair is None else pair.symbol, types)


@dataclass(frozen=True)
class Request:
    """One request, and the fault that strikes it, if any."""

    name: str
    operation: Operation
    p: Parameters
    meant: _Meant
    fault: Fault | None


class Dispatcher:
    """All operations, under their names in the WebSocket API."""

    def __init__(self, api: BinanceApi) -> None:
        self.api = api
        self.paper = api.paper
        self.limits = OrderLimits(self.paper)
        self._replacements = Replacements(api, self.limits)
        self._market = market = BinanceMarket(self.paper)
        lists = BinanceLists(api)
        self.operations = completed(self._documented(market, lists), api, market, lists)

    def _documented(self, market: BinanceMarket, lists: BinanceLists) -> dict[str, Operation]:
        api = self.api
        return {
            "ping": Operation(lambda _: {}, 1),
            "time": Operation(market.time, 1),
            "exchangeInfo": Operation(self._information, 20),
            "ticker.price": Operation(lambda p: market.one_or_all(p, market.price), 2),
            "ticker.book": Operation(lambda p: market.one_or_all(p, market.book), 2),
            "ticker.24hr": Operation(lambda p: market.one_or_all(p, market.day), 2),
            "avgPrice": Operation(market.average_price, 2),
            "klines": Operation(market.klines, 2),
            "depth": Operation(market.depth, 5),
            "trades.recent": Operation(market.trades, 25),
            "trades.historical": Operation(market.trades, 25),
            "trades.aggregate": Operation(market.aggregate_trades, 4),
            "order.place": Operation(api.place, 1, "place_order", free_when_done=True, orders=1),
            "order.test": Operation(api.test, 1, "query"),
            "order.cancelReplace": Operation(self._replacements.replace, 1, "place_order", free_when_done=True, orders=1),
            "order.amend.keepPriority": Operation(api.amend, 4, "place_order"),
            "orderList.place.oco": Operation(lists.place, 1, "place_order", free_when_done=True, orders=2),
            "orderList.cancel": Operation(lists.cancel, 1, "cancel_order", free_when_done=True),
            "orderList.status": Operation(lists.query, 4, "query"),
            "openOrderLists.status": Operation(lists.open_lists, 6, "query"),
            "allOrderLists": Operation(lists.all_lists, 20, "query"),
            "order.cancel": Operation(api.cancel, 1, "cancel_order", free_when_done=True),
            "openOrders.cancelAll": Operation(api.cancel_all, 1, "cancel_order", free_when_done=True),
            "order.status": Operation(api.query, 4, "query"),
            "openOrders.status": Operation(api.open_orders, 6, "query"),
            "allOrders": Operation(api.all_orders, 20, "query"),
            "myTrades": Operation(api.my_trades, 20, "query"),
            "account.status": Operation(api.account, 20, "query"),
            "account.restrictions": Operation(api.restrictions, 1, "query"),
            "account.commission": Operation(api.commission, 20, "query"),
            "account.rateLimits.orders": Operation(self._order_counts, 40, "query"),
        }  # fmt: skip

    async def serve(self, name: str, p: Parameters, signed: Callable[[], Account]) -> Reply | None:
        """Return the response, or None to cut the connection. `signed` returns the account or raises `Error`."""
        operation = self.operations[name]
        meant = _Meant.by(p)
        fault = self.paper.faults.take(operation.when, NAME, meant.symbol, meant.types) if operation.when else None
        kind = fault.kind if fault is not None else ""
        if kind == "lose_request":
            return None
        if kind == "delay" and fault is not None:
            await asyncio.sleep(fault.seconds)
        if kind == "status_500":
            return Reply(500, {"code": -1000, "msg": "An unknown error occurred while processing the request."})
        if kind == "status_429":
            return Reply(429, {"code": -1003, "msg": TOO_MUCH}, retry_after=1)
        reply = self._within_budget(Request(name, operation, p, meant, fault), signed)
        if kind == "lose_answer":
            return None
        return replace(reply, garbage=kind == "garbage")

    def _within_budget(self, request: Request, signed: Callable[[], Account]) -> Reply:
        budgets, operation = self.paper.budgets, request.operation
        if seconds := budgets.banned_for(NAME):
            until = self.paper.now() + seconds * 1000
            message = (
                f"Way too much request weight used; IP banned until {until}. Please use WebSocket Streams instead."
            )
            return Reply(418, {"code": -1003, "msg": message}, retry_after=seconds)
        used = self.weigh(0)
        if used + operation.weight > forms.WEIGHT_PER_MINUTE:
            if budgets.spend(NAME, "refused", 60, 1) > _PATIENCE:
                budgets.ban(NAME, _BAN_SECONDS)
            return Reply(429, {"code": -1003, "msg": TOO_MUCH}, used, retry_after=budgets.left(60))
        try:
            told, orders = self._carried_out(request, signed)
        except TooManyOrders as full:
            return Reply(full.status, full.told, self.weigh(operation.weight), retry_after=full.retry_after)
        except Error as error:
            return Reply(error.status, error.told, self.weigh(operation.weight))
        return Reply(_OK, told, self.weigh(0 if operation.free_when_done else operation.weight), orders=orders)

    def _carried_out(self, request: Request, signed: Callable[[], Account]) -> tuple[Any, tuple[int, int] | None]:
        operation, p, fault = request.operation, request.p, request.fault
        if operation.when is None:
            self._check_listed(p)
            return operation.answer(p), None
        account = signed()
        self._check_listed(p)
        if (said := self._refusal(request)) is not None:
            raise said
        if fault is not None and fault.kind == "hide_order" and operation.when == "query":
            self._hide(account, p, fault.seconds)
        if not operation.orders:
            return operation.answer(account, p), None
        return self._placed(account, request), self.limits.shown(account)

    def _placed(self, account: Account, request: Request) -> Any:
        """Carry out an operation that makes orders. Count them before they trade; a refusal takes the count back."""
        operation, p, fault = request.operation, request.p, request.fault
        full = self.limits.fault_for(request.meant.symbol, request.meant.types)
        if request.name == _COUNTS_ITSELF:
            return operation.answer(account, p, fault, full)
        full = full or self.limits.exceeded(account, operation.orders)
        if full is not None:
            raise full
        self.paper.counts.add(account, operation.orders)
        try:
            return operation.answer(account, p, fault)
        except BaseException:
            self.paper.counts.add(account, -operation.orders)
            raise

    def _refusal(self, request: Request) -> Error | None:
        """Return the error with which the fault script refuses this request, if any."""
        fault = request.fault
        if fault is not None and fault.kind == "clock_refused":
            return Error(-1021, "Timestamp for this request is outside of the recvWindow.")
        if fault is not None and fault.kind == "refuse":
            return Error(fault.code, fault.message)
        if request.operation.when == "query" and request.meant.native:
            unknown = self.paper.faults.standing(UNKNOWN_SYMBOL, NAME, request.meant.symbol)
            return None if unknown is None else Error(-1121, "Invalid symbol.")
        return None

    def _check_listed(self, p: Parameters) -> None:
        """Refuse a delisted market. One that never existed is refused where its symbol is read."""
        for native in (p.get("symbol", ""), *re.findall(r'"([^"]+)"', p.get("symbols", ""))):
            pair = pair_of_native(native)
            if pair is not None and not self.paper.markets.listed(NAME, pair):
                raise Error(-1121, "Invalid symbol.")

    def _information(self, p: Parameters) -> dict[str, Any]:
        """Serve exchangeInfo with the current rules and limits."""
        told = self._market.exchange_info(p)
        asked = {row["symbol"] for row in told["symbols"]}
        every, status = not p.keys() & {"symbol", "symbols"}, p.get("symbolStatus")
        chosen = [pair for pair in self.paper.markets.pairs(NAME) if every or forms.native(pair) in asked]
        symbols = [forms.symbol(pair, self.paper.markets.rules(NAME, pair)) for pair in chosen]
        shown = [symbol for symbol in symbols if status in {None, symbol["status"]}]
        return {**told, "rateLimits": self.limits.told(), "symbols": shown}

    def _hide(self, account: Account, p: Parameters, seconds: float) -> None:
        """Hide the requested order, or all of the account's orders when several are requested, for some seconds."""
        until, names = (
            self.paper.now() + int(seconds * 1000),
            {p.get("orderId"), p.get("origClientOrderId")} - {None, ""},
        )
        for order in self.paper.ledger.of(account):
            if not names or names & {str(order.id), order.client_order_id}:
                order.hidden_until = until

    def weigh(self, weight: int) -> int:
        """Count request weight and return what this minute has used."""
        return self.paper.budgets.spend(NAME, "weight", 60, weight)

    def _order_counts(self, account: Account, _: Parameters) -> list[dict[str, Any]]:
        return limits_of(orders=self.limits.shown(account))


def limits_of(*, used: int | None = None, orders: tuple[int, int] | None = None) -> list[dict[str, Any]]:
    """Return the limits with their counts, as the WebSocket API appends them to its responses."""
    counts = ([] if used is None else [("REQUEST_WEIGHT", used)]) + [("ORDERS", count) for count in orders or ()]
    limits = [limit for limit in forms.RATE_LIMITS if limit["rateLimitType"] in {kind for kind, _ in counts}]
    return [
        {**limit, **({"limit": count.limit} if isinstance(count, Count) else {}), "count": int(count)}
        for limit, (_, count) in zip(limits, counts, strict=True)
    ]

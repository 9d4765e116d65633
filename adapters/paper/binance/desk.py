"""What happens to a request at the paper Binance, whichever way it came: faults, ban, budget, signature, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.paper.binance import forms
from adapters.paper.binance.api import BinanceApi, Error, Parameters
from adapters.paper.binance.lists import BinanceLists
from adapters.paper.binance.market import BinanceMarket
from adapters.paper.faults import Fault
from adapters.paper.orders import Account

NAME = "binance"
TOO_MUCH = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
_PATIENCE, _BAN_SECONDS = 10, 120
"""How many refusals in a minute are borne before the caller is shut out, and for how long (HTTP 418)."""
_OK = 200


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked. `when` names the faults that may strike it, None for public data."""

    answer: Callable[..., Any]
    weight: int
    when: str | None = None
    free_when_done: bool = False
    """Since April 2026 a successful change costs no weight."""
    orders: int = 0
    """How many new orders it makes: these see the fault, for some are carried out in part."""


@dataclass(frozen=True)
class Reply:
    """What is answered. `used` is the weight of this minute, `orders` the new orders of ten seconds and of the day."""

    status: int
    told: Any
    used: int = 0
    retry_after: int | None = None
    orders: tuple[int, int] | None = None
    garbage: bool = False


class Desk:
    """All operations under the names of the WebSocket API."""

    def __init__(self, api: BinanceApi) -> None:
        self.api = api
        self.paper = api.paper
        market, lists = BinanceMarket(self.paper), BinanceLists(api)
        self.operations = {
            "ping": Operation(lambda _: {}, 1),
            "time": Operation(market.time, 1),
            "exchangeInfo": Operation(market.exchange_info, 20),
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
            "order.cancelReplace": Operation(api.replace, 1, "place_order", free_when_done=True, orders=1),
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
        """The answer, or None when the connection is to be cut. `signed` tells the account or raises `Error`."""
        operation = self.operations[name]
        fault = self.paper.faults.take(operation.when) if operation.when else None
        kind = fault.kind if fault is not None else ""
        if kind == "lose_request":
            return None
        if kind == "delay" and fault is not None:
            await asyncio.sleep(fault.seconds)
        if kind == "status_500":
            return Reply(500, {"code": -1000, "msg": "An unknown error occurred while processing the request."})
        if kind == "status_429":
            return Reply(429, {"code": -1003, "msg": TOO_MUCH}, retry_after=1)
        reply = self._within_budget(operation, p, signed, fault)
        if kind == "lose_answer":
            return None
        return replace(reply, garbage=kind == "garbage")

    def _within_budget(
        self, operation: Operation, p: Parameters, signed: Callable[[], Account], fault: Fault | None
    ) -> Reply:
        budgets = self.paper.budgets
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
            told, orders = self._carried_out(operation, p, signed, fault)
        except Error as error:
            return Reply(error.status, error.told, self.weigh(operation.weight))
        return Reply(_OK, told, self.weigh(0 if operation.free_when_done else operation.weight), orders=orders)

    def _carried_out(
        self, operation: Operation, p: Parameters, signed: Callable[[], Account], fault: Fault | None
    ) -> tuple[Any, tuple[int, int] | None]:
        if operation.when is None:
            return operation.answer(p), None
        account = signed()
        if fault is not None and fault.kind == "hide_order" and operation.when == "query":
            self._hide(account, p, fault.seconds)
        if not operation.orders:
            return operation.answer(account, p), None
        orders = self._counted(account, operation.orders)
        if orders[0] > forms.ORDERS_PER_TEN_SECONDS:
            raise Error(-1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", 429)
        return operation.answer(account, p, fault), orders

    def _hide(self, account: Account, p: Parameters, seconds: float) -> None:
        """The order that is asked for, or all of the account's when a list is: not shown for a while."""
        until, names = (
            self.paper.now() + int(seconds * 1000),
            {p.get("orderId"), p.get("origClientOrderId")} - {None, ""},
        )
        for order in self.paper.ledger.of(account):
            if not names or names & {str(order.id), order.client_order_id}:
                order.hidden_until = until

    def weigh(self, weight: int) -> int:
        """Count weight; answers what was used in this minute."""
        return self.paper.budgets.spend(NAME, "weight", 60, weight)

    def _counted(self, account: Account, orders: int) -> tuple[int, int]:
        subject, spend = f"orders {account.number}", self.paper.budgets.spend
        return spend(NAME, subject, 10, orders), spend(NAME, subject, 86_400, orders)

    def _order_counts(self, account: Account, _: Parameters) -> list[dict[str, Any]]:
        return limits_of(orders=self._counted(account, 0))


def limits_of(*, used: int | None = None, orders: tuple[int, int] | None = None) -> list[dict[str, Any]]:
    """The limits with their counts, as the WebSocket API appends them to its answers."""
    counts = ([] if used is None else [("REQUEST_WEIGHT", used)]) + [("ORDERS", count) for count in orders or ()]
    limits = [limit for limit in forms.RATE_LIMITS if limit["rateLimitType"] in {kind for kind, _ in counts}]
    return [{**limit, "count": count} for limit, (_, count) in zip(limits, counts, strict=True)]

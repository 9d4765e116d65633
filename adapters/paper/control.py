"""The control API of the paper exchange: accounts, prices, faults, limits and the contents of its books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from aiohttp import web

from adapters.paper.exchange import Paper
from adapters.paper.faces import EXCHANGES
from adapters.paper.faults import Fault
from adapters.paper.fees import BNB
from adapters.paper.orders import PaperOrder
from adapters.paper.plans import Plan
from adapters.paper.rules import ORDER_TYPES
from adapters.paper.rules_control import RulesControl
from adapters.paper.streams_control import Streams, StreamsControl

STATES = {
    "new": "open", "partly": "open", "filled": "closed", "cancelled": "cancelled", "expired": "expired",
    "expired_in_match": "expired",
}  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.Response]]


def _answer(told: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), status=status, content_type="application/json")


class Control:
    """The handlers under /paper. Symbols are written `BTC/USDT`; decimals are strings."""

    def __init__(self, paper: Paper, streams: Sequence[Streams]) -> None:
        self._paper = paper
        self._public = StreamsControl(paper, streams)
        self._rules = RulesControl(paper)

    def routes(self) -> list[web.RouteDef]:
        """Return every route under /paper."""
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("POST", "accounts", self._open_account),
            ("GET", "orders", self._orders),
            ("GET", "trades", self._trades),
            ("GET", "balances", self._balances),
            ("GET", "streams", self._streams),
            ("PUT", "price", self._price),
            ("POST", "faults", self._add_fault),
            ("GET", "faults", self._faults),
            ("DELETE", "faults", self._clear_faults),
            ("PUT", "limits", self._limits),
            ("GET", "plans", self._plans),
            ("PUT", "plans", self._change_plans),
            ("GET", "markets", self._rules.markets),
            ("PUT", "markets", self._rules.change_market),
            ("PUT", "counts", self._rules.change_counts),
            ("GET", "market-streams", self._public.told),
            ("PUT", "market-streams", self._public.change),
            ("DELETE", "market-streams", self._public.end),
        ]
        return [web.route(method, f"/paper/{path}", _checked(handler)) for method, path, handler in table]

    async def _open_account(self, request: web.Request) -> dict[str, str]:
        given = msgspec.json.decode(await request.read())
        if given.get("exchange") not in EXCHANGES:
            raise ValueError(f"exchange is one of {EXCHANGES}")
        fees_in = given.get("fees_in") or ""
        if fees_in not in {"", BNB}:
            raise ValueError(f"fees_in is {BNB}, or absent for what is received")
        balances = {str(currency): Decimal(str(value)) for currency, value in given.get("balances", {}).items()}
        account = self._paper.ledger.open_account(
            given["exchange"], balances, given.get("key"), given.get("secret"), given.get("passphrase"),
            may_withdraw=bool(given.get("may_withdraw", False)), unified=bool(given.get("unified", False)),
            fees_in=fees_in,
        )  # fmt: skip
        keys = {"exchange": account.exchange, "key": account.key, "secret": account.secret}
        return keys | ({"passphrase": account.passphrase} if account.passphrase else {})

    async def _orders(self, request: web.Request) -> list[dict[str, Any]]:
        wanted = request.query.get("exchange")
        return [_order(o) for o in self._paper.ledger.orders.values() if wanted in {None, o.account.exchange}]

    async def _trades(self, request: web.Request) -> list[dict[str, Any]]:
        return [
            {
                "exchange": t.order.account.exchange, "account": t.order.account.key, "id": str(t.id),
                "order": str(t.order.id), "symbol": t.order.pair.symbol, "side": t.order.side,
                "quantity": f"{t.quantity:f}", "price": f"{t.price:f}", "fee": f"{t.fee:f}",
                "fee_currency": t.fee_currency, "time": t.at,
            }
            for t in self._paper.ledger.trades
        ]  # fmt: skip

    async def _balances(self, request: web.Request) -> list[dict[str, Any]]:
        return [
            {
                "exchange": account.exchange,
                "account": account.key,
                "free": {currency: f"{value:f}" for currency, value in account.free.items()},
                "locked": {currency: f"{value:f}" for currency, value in account.locked.items()},
            }
            for account in self._paper.ledger.accounts.values()
        ]

    async def _streams(self, request: web.Request) -> list[dict[str, str]]:
        """Return the private streams that have a listener now."""
        followed = [account for accounts in self._paper.followed for account in accounts()]
        return [{"exchange": account.exchange, "account": account.key} for account in followed]

    async def _price(self, request: web.Request) -> dict[str, str]:
        given = msgspec.json.decode(await request.read())
        pair = self._paper.markets.pair(given.get("symbol"))
        symbol, tick = pair.symbol, self._paper.markets.rules(EXCHANGES[0], pair).tick
        if given.get("auto"):
            self._paper.prices.release(symbol)
        else:
            price = Decimal(str(given["price"]))
            if not price.is_finite() or price <= 0 or (tick and price % tick):
                raise ValueError(f"a price of {symbol} is a multiple of {tick}")
            self._paper.prices.hold(symbol, price)
        return {"symbol": symbol, "price": f"{self._paper.prices.last[symbol]:f}"}

    async def _add_fault(self, request: web.Request) -> dict[str, bool]:
        given = msgspec.json.decode(await request.read())
        if given.get("exchange", "") not in {"", *EXCHANGES}:
            raise ValueError(f"exchange is one of {EXCHANGES}")
        if given.get("symbol"):
            self._paper.markets.pair(given["symbol"])
        if given.get("type", "") not in {"", *ORDER_TYPES}:
            raise ValueError(f"type is one of {list(ORDER_TYPES)}")
        fault = Fault(
            when=given["when"],
            kind=given["kind"],
            times=int(given.get("times", 1)),
            seconds=float(given.get("seconds", 1)),
            symbol=str(given.get("symbol") or ""),
            type=str(given.get("type") or ""),
            code=int(given.get("code", -1013)),
            message=str(given.get("message") or ""),
            exchange=str(given.get("exchange") or ""),
        )
        self._paper.faults.add(fault)
        return {"ok": True}

    async def _faults(self, request: web.Request) -> list[dict[str, Any]]:
        return [vars(fault) for fault in self._paper.faults.pending]

    async def _clear_faults(self, request: web.Request) -> dict[str, bool]:
        self._paper.faults.pending.clear()
        return {"ok": True}

    async def _limits(self, request: web.Request) -> dict[str, bool]:
        given = msgspec.json.decode(await request.read())
        for exchange in [given["exchange"]] if given.get("exchange") else EXCHANGES:
            self._paper.budgets.limit(exchange, enabled=bool(given["enabled"]))
        return {"ok": True}

    async def _plans(self, _: web.Request) -> dict[str, Any]:
        """Return the plan orders of all accounts, and whether they lock coins."""
        return {"lock_coins": self._paper.plans.lock_coins, "plans": [_plan(one) for one in self._paper.plans.all()]}

    async def _change_plans(self, request: web.Request) -> dict[str, Any]:
        given = msgspec.json.decode(await request.read())
        if given.get("lock_coins") not in {True, False}:
            raise ValueError("lock_coins is true or false")
        self._paper.plans.lock_coins = given["lock_coins"]
        return await self._plans(request)


def _plan(one: Plan) -> dict[str, Any]:
    return {
        "exchange": one.account.exchange, "account": one.account.key, "id": str(one.id),
        "client_order_id": one.client_order_id, "symbol": one.pair.symbol, "side": one.side, "type": one.type,
        "quantity": f"{one.quantity:f}", "cost": f"{one.cost:f}", "trigger": f"{one.trigger:f}",
        "price": None if one.price is None else f"{one.price:f}", "status": one.status,
        "order": None if one.order is None else str(one.order.id),
    }  # fmt: skip


def _order(o: PaperOrder) -> dict[str, Any]:
    return {
        "exchange": o.account.exchange,
        "account": o.account.key,
        "id": str(o.id),
        "client_order_id": o.client_order_id,
        "symbol": o.pair.symbol,
        "side": o.side,
        "type": o.type,
        "quantity": f"{o.quantity:f}",
        "price": None if o.price is None else f"{o.price:f}",
        "stop_price": None if o.trigger is None else f"{o.trigger:f}",
        "status": STATES[o.status],
        "filled": f"{o.filled:f}",
        "average": f"{(o.cost / o.filled).quantize(Decimal('1e-8')):f}" if o.filled else None,
    }


def _checked(handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            return _answer(await handler(request))
        except (ValueError, KeyError, TypeError, InvalidOperation, msgspec.MsgspecError) as error:
            return _answer({"code": "invalid", "message": str(error), "field": None}, 400)

    return handle

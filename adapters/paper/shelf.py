"""The paper exchange's books on disk, so that accounts and resting orders survive a restart of the exchange."""

from __future__ import annotations

import itertools
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from adapters.paper.ledger import Ledger
from adapters.paper.markets import new_pair
from adapters.paper.orders import Account, PaperList, PaperOrder, PaperTrade
from adapters.paper.pairs import PAIRS
from adapters.paper.plans import Plan, Plans

_ORDER = (
    "id", "client_order_id", "side", "type", "quantity", "quote_quantity", "price", "time_in_force", "at", "status",
    "filled", "cost", "locked", "updated", "reason", "stop_price", "trailing", "extreme", "triggered", "list_id",
    "shown",
)  # fmt: skip
_TRADE = ("id", "quantity", "price", "fee", "fee_currency", "at", "maker")
_PLAN = (
    "id", "client_order_id", "side", "trigger", "price", "quantity", "cost", "at", "above", "updated", "status",
    "locked",
)  # fmt: skip
_AMOUNTS = frozenset({
    "quantity", "quote_quantity", "price", "filled", "cost", "locked", "fee", "stop_price", "extreme", "trigger",
    "shown",
})  # fmt: skip


class Shelf:
    """A SQLite file. Every change of an order is written with its account and trades before the response is sent."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")  # it must survive a crash of the process, not of the machine
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS kept (kind TEXT, id TEXT, body BLOB, PRIMARY KEY (kind, id))"
        )

    def restore(self, ledger: Ledger, plans: Plans) -> None:
        """Restore everything as it was, and save every change from now on."""
        for body in self._read("account"):
            account = Account(**{**body, "free": _decimals(body["free"]), "locked": _decimals(body["locked"])})
            ledger.accounts[account.exchange, account.key] = account
        for body in self._read("order"):
            account = ledger.accounts[body["account"][0], body["account"][1]]
            if "listed" in body:
                ledger.markets.list(account.exchange, new_pair(*body["listed"]))
            order = PaperOrder(account=account, pair=PAIRS[body["pair"]], **_typed(body, _ORDER))
            order.trades = [PaperTrade(order=order, **_typed(trade, _TRADE)) for trade in body["trades"]]
            ledger.enter(order)
        for body in self._read("list"):
            legs = [order for order in ledger.orders.values() if order.list_id == body["id"]]
            ledger.lists[body["id"]] = PaperList(body["id"], body["client_id"], legs, body["at"])
        ledger.trades = sorted((t for o in ledger.orders.values() for t in o.trades), key=lambda t: t.id)
        ledger.list_ids = itertools.count(max(ledger.lists, default=700) + 1)
        ledger.trade_ids = itertools.count(max((t.id for t in ledger.trades), default=50000) + 1)
        ledger.listeners.append(lambda _, order, __: self._keep(ledger, order))
        ledger.opened = self._keep_account
        for body in self._read("plan"):
            account = ledger.accounts[body["account"][0], body["account"][1]]
            became = None if body["order"] is None else ledger.orders[body["order"]]
            plans.enter(Plan(account=account, pair=PAIRS[body["pair"]], order=became, **_typed(body, _PLAN)))
        numbers = (*ledger.orders, *(plan.id for plan in plans.all()))
        ledger.order_ids = itertools.count(max(numbers, default=1000) + 1)
        plans.listeners.append(lambda _, plan: self._keep_plan(plan))

    def _read(self, kind: str) -> list[dict[str, Any]]:
        rows = self._database.execute("SELECT body FROM kept WHERE kind = ? ORDER BY rowid", (kind,))
        return sorted((msgspec.json.decode(row[0]) for row in rows), key=lambda b: b.get("id", b.get("number", 0)))

    def _put(self, kind: str, key: object, body: dict[str, Any]) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, str(key), msgspec.json.encode(body))
        )

    def _keep_account(self, account: Account) -> None:
        self._put("account", f"{account.exchange}/{account.key}", vars(account))

    def _keep(self, ledger: Ledger, order: PaperOrder) -> None:
        body = {name: getattr(order, name) for name in _ORDER}
        body["account"] = [order.account.exchange, order.account.key]
        body["pair"] = order.pair.symbol
        if ledger.markets.added(order.pair):
            pair = order.pair
            body["listed"] = [pair.base, pair.quote, ledger.prices.last[pair.symbol], pair.tick, pair.step]
        body["trades"] = [{name: getattr(trade, name) for name in _TRADE} for trade in order.trades]
        self._put("order", order.id, body)
        if order.list_id is not None:
            kept = ledger.lists[order.list_id]
            self._put("list", kept.id, {"id": kept.id, "client_id": kept.client_id, "at": kept.at})
        self._keep_account(order.account)

    def _keep_plan(self, plan: Plan) -> None:
        body = {name: getattr(plan, name) for name in _PLAN}
        body["account"] = [plan.account.exchange, plan.account.key]
        body |= {"pair": plan.pair.symbol, "order": None if plan.order is None else plan.order.id}
        self._put("plan", plan.id, body)
        self._keep_account(plan.account)


def _decimals(amounts: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(value) for currency, value in amounts.items()}


def _typed(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named fields with their types. A field missing from an older file keeps its default."""
    return {n: Decimal(body[n]) if n in _AMOUNTS and body[n] is not None else body[n] for n in names if n in body}

"""The control API for changes to the running exchange: the rules of markets, their order books, the order counts."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from adapters.paper.book import shape_of
from adapters.paper.counts import WINDOWS
from adapters.paper.exchange import Paper
from adapters.paper.faces import EXCHANGES
from adapters.paper.markets import new_pair
from adapters.paper.orders import Account
from adapters.paper.pairs import PAIRS, Pair
from adapters.paper.rules import rules_of

_RULES = ("status", "order_types", "cancel_replace_allowed", "oco_allowed", "filters")
_MARKET = {"exchange", "symbol", "book", "list", "delist", *_RULES}
_COUNTS = {"exchange", "limits", "used", "account", "weight"}
_LISTED = {"base", "quote", "price", "tick", "step"}


class RulesControl:
    """The handlers for markets and counts. Bad input raises `ValueError` and changes nothing."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    async def markets(self, request: web.Request) -> list[dict[str, Any]]:
        """Return the rules of every listed market."""
        return [self._told(exchange, pair) for exchange in EXCHANGES for pair in self._paper.markets.pairs(exchange)]

    async def change_market(self, request: web.Request) -> dict[str, Any]:
        """List, change or delist one market, and return its resulting rules."""
        given = _given(await request.read(), _MARKET)
        exchange, markets = _exchange(given), self._paper.markets
        new = self._new(exchange, given["list"]) if given.get("list") is not None else None
        pair = new or markets.pair(given.get("symbol"))
        rules = rules_of(pair, exchange) if new is not None else markets.rules(exchange, pair)
        changed = rules.changed(**{name: given[name] for name in _RULES if name in given})
        if given.get("book") is not None:
            shape_of(given["book"], changed.step)
        if new is not None:
            markets.list(exchange, new)
        markets.put(exchange, pair, changed)
        if "book" in given:
            self._paper.book.shape(pair, given["book"])
        if given.get("delist"):
            markets.delist(exchange, pair)
        return self._told(exchange, pair)

    async def change_counts(self, request: web.Request) -> dict[str, Any]:
        """Set the limits and counts of new orders, and the request weight reported as used in every minute."""
        given = _given(await request.read(), _COUNTS)
        exchange, counts = _exchange(given), self._paper.counts
        limits, used = (_windows(given.get(name) or {}) for name in ("limits", "used"))
        accounts = self._accounts(exchange, given.get("account"))
        weight = None if given.get("weight") is None else _whole(given["weight"])
        counts.limits(exchange).update(limits)
        for account in accounts if used else ():
            counts.use(account, used)
        if "weight" in given:
            self._paper.budgets.pin(exchange, "weight", 60, weight)
        shown = [{"account": account.key, "used": counts.used(account)} for account in accounts]
        spent = self._paper.budgets.spend(exchange, "weight", 60, 0)
        return {"exchange": exchange, "limits": counts.limits(exchange), "accounts": shown, "weight": spent}

    def _new(self, exchange: str, given: object) -> Pair:
        if not isinstance(given, dict) or set(given) != _LISTED:
            raise ValueError(f"a new market is told by {sorted(_LISTED)}")
        pair = new_pair(**given)
        known = PAIRS.get(pair.symbol)
        if known is not None and self._paper.markets.listed(exchange, known):
            raise ValueError(f"{pair.symbol} is listed already")
        return known or pair

    def _accounts(self, exchange: str, key: object) -> list[Account]:
        every = [a for a in self._paper.ledger.accounts.values() if a.exchange == exchange and key in {None, a.key}]
        if key is not None and not every:
            raise ValueError("account is the key of an account")
        return every

    def _told(self, exchange: str, pair: Pair) -> dict[str, Any]:
        rules, shape = self._paper.markets.rules(exchange, pair), self._paper.book.depth(pair)
        filters = {
            name: {key: value if isinstance(value, bool | int) else f"{value:f}" for key, value in fields.items()}
            for name, fields in rules.filters.items()
        }
        return {
            "exchange": exchange, "symbol": pair.symbol, "listed": self._paper.markets.listed(exchange, pair),
            "status": rules.status, "order_types": rules.order_types, "filters": filters,
            "cancel_replace_allowed": rules.cancel_replace_allowed, "oco_allowed": rules.oco_allowed,
            "book": shape and {**vars(shape), "quantity": f"{shape.quantity:f}"},
        }  # fmt: skip


def _given(body: bytes, known: set[str]) -> dict[str, Any]:
    given = msgspec.json.decode(body)
    if not isinstance(given, dict) or set(given) - known:
        raise ValueError(f"what can be told is {sorted(known)}")
    return given


def _exchange(given: dict[str, Any]) -> str:
    exchange = given.get("exchange", EXCHANGES[0])
    if exchange not in EXCHANGES:
        raise ValueError(f"exchange is one of {EXCHANGES}")
    return str(exchange)


def _windows(given: object) -> dict[str, int]:
    if not isinstance(given, dict) or set(given) - set(WINDOWS):
        raise ValueError(f"a window is one of {list(WINDOWS)}")
    return {name: _whole(count) for name, count in given.items()}


def _whole(count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError("a count is a whole number that is not negative")
    return count

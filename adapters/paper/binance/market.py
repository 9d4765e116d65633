"""The paper Binance's public data: rules of the markets, prices, books, bars, trades."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from adapters.paper.binance import forms, market_forms
from adapters.paper.binance.api import Error, Parameters, pair_in
from adapters.paper.exchange import Paper
from adapters.paper.orders import PaperTrade
from adapters.paper.prices import PAIRS, Pair


class BinanceMarket:
    """What anybody may ask."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper

    def time(self, _: Parameters) -> dict[str, Any]:
        """The exchange's clock."""
        return {"serverTime": self.paper.now()}

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
            return [pair_in(p)]
        if p.get("symbols"):
            return [pair_in({"symbol": name}) for name in msgspec.json.decode(p["symbols"])]
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

    def average_price(self, p: Parameters) -> dict[str, Any]:
        """AvgPrice: the last price stands for five minutes."""
        return {"mins": 5, "price": self.price(pair_in(p))["price"], "closeTime": self.paper.now()}

    def day(self, pair: Pair) -> dict[str, Any]:
        """ticker/24hr."""
        return market_forms.day(pair, self.paper.prices, self.paper.now())

    def depth(self, p: Parameters) -> dict[str, Any]:
        """depth: ten levels on each side."""
        pair = pair_in(p)
        last = self.paper.prices.last[pair.symbol]
        sides = [[[forms.amount(last + sign * n * pair.tick), "1.00000000"] for n in range(1, 11)] for sign in (-1, 1)]
        return {"lastUpdateId": self.paper.now(), "bids": sides[0], "asks": sides[1]}

    def klines(self, p: Parameters) -> list[list[Any]]:
        """Klines."""
        pair = pair_in(p)
        if p.get("interval") not in market_forms.INTERVALS:
            raise Error(-1120, "Invalid interval.")
        rows = market_forms.bars(self.paper.prices.bars[pair.symbol], p["interval"])
        start, end, limit = int(p.get("startTime", 0)), int(p.get("endTime", 2**62)), int(p.get("limit", 500))
        rows = [row for row in rows if start <= row[0] <= end]
        return rows[:limit] if "startTime" in p else rows[-limit:]

    def trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Trades and historicalTrades: what the paper accounts traded, for nobody else trades here."""
        return [forms.public_trade(t) for t in self._trades_of(p)]

    def aggregate_trades(self, p: Parameters) -> list[dict[str, Any]]:
        """AggTrades: each trade is an aggregate of its own."""
        return [forms.aggregate_trade(t) for t in self._trades_of(p)]

    def _trades_of(self, p: Parameters) -> list[PaperTrade]:
        pair, first = pair_in(p), int(p.get("fromId", 0))
        chosen = [t for t in self.paper.ledger.trades if t.order.pair is pair and t.id >= first]
        limit = int(p.get("limit", 500))
        return chosen[:limit] if first else chosen[-limit:]

"""The paper Binance's public data: market rules, prices, order books, bars, trades."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from adapters.paper.binance import forms, market_forms
from adapters.paper.binance.parameters import (
    DAY,
    Error,
    Parameters,
    bad_combination,
    both_missing,
    limit_in,
    pair_in,
    pairs_in,
    range_in,
    whole_in,
    word_in,
)
from adapters.paper.book import Shape
from adapters.paper.exchange import Paper
from adapters.paper.intervals import INTERVALS, longest, span, whole_bars
from adapters.paper.pairs import Pair
from adapters.paper.past import BEGINS, MINUTE
from adapters.paper.tape import Tape, TapeTrade, tapes_of

NAME = "binance"
_LEVELS, _DEEPEST = 100, 5000
_STATUSES = frozenset({"TRADING", "HALT", "BREAK"})
_UNITS = {"m": (MINUTE, 59), "h": (60 * MINUTE, 23), "d": (DAY, 7)}
"""The units of rolling windows: the length of one in milliseconds, and the most that a window may have."""
Form = Callable[[Pair], dict[str, Any]]


class BinanceMarket:
    """The public operations, which need no account."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self._tapes = tapes_of(paper)

    def tape(self, pair: Pair) -> Tape:
        """Return the tape of a market, which numbers its trades and order book changes."""
        return self._tapes.of(pair.symbol)

    def time(self, _: Parameters) -> dict[str, Any]:
        """Serve time: the exchange's clock in milliseconds since 1970."""
        return {"serverTime": self.paper.now()}

    def exchange_info(self, p: Parameters) -> dict[str, Any]:
        """Serve exchangeInfo with the opening rules of each market."""
        return {
            "timezone": "UTC",
            "serverTime": self.paper.now(),
            "rateLimits": forms.RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [forms.symbol(pair) for pair in self._chosen(p)],
        }

    def _chosen(self, p: Parameters) -> list[Pair]:
        status = word_in(p, "symbolStatus", _STATUSES, Error(-1122, "Invalid symbolStatus."))
        if status is not None and p.keys() & {"symbol", "symbols"} and "permissions" not in p:
            raise bad_combination()
        chosen = pairs_in(p)
        if chosen is not None and "permissions" in p:
            raise bad_combination()
        return [] if status not in {None, "TRADING"} else chosen or self.paper.markets.pairs(NAME)

    def one_or_all(self, p: Parameters, form: Form) -> Any:
        """Return an object for `symbol`, a list otherwise."""
        rows = [form(pair) for pair in self._chosen(p)]
        return rows[0] if "symbol" in p else rows

    def price(self, pair: Pair) -> dict[str, Any]:
        """Return one row of ticker/price."""
        return {"symbol": forms.native(pair), "price": forms.amount(self.paper.prices.last[pair.symbol])}

    def book(self, pair: Pair) -> dict[str, Any]:
        """Return one row of ticker/bookTicker: the best bid and ask, with zeros for an empty side."""
        bids, asks = self.levels(pair, self.paper.prices.last[pair.symbol], 1)
        bid, ask = (side[0] if side else ["0.00000000"] * 2 for side in (bids, asks))
        return {
            "symbol": forms.native(pair), "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1],
        }  # fmt: skip

    def average_price(self, p: Parameters) -> dict[str, Any]:
        """Serve avgPrice: the last price stands in for the average of five minutes."""
        return {"mins": 5, "price": self.price(pair_in(p))["price"], "closeTime": self.paper.now()}

    # --- tickers -----------------------------------------------------------------------------------------------

    def day(self, pair: Pair) -> dict[str, Any]:
        """Return one row of ticker/24hr."""
        return market_forms.day(pair, self.paper.prices, self.paper.now()) | self.book(pair)

    def days(self, p: Parameters) -> Any:
        """Serve ticker/24hr, in full or mini form."""
        now = self.paper.now()
        if _full(p):
            return self.one_or_all(p, self.day)
        return self.one_or_all(p, lambda pair: market_forms.window(pair, self.paper.prices, now - DAY, now))

    def rolling(self, p: Parameters) -> Any:
        """Serve ticker: a window that ends now and begins on a whole minute."""
        now = self.paper.now()
        return self._windows(p, (now - window_in(p)) // MINUTE * MINUTE, now)

    def trading_day(self, p: Parameters) -> Any:
        """Serve ticker/tradingDay: the day of a time zone, from its beginning to its end."""
        since, end = span(self.paper.now(), "1d", _offset_in(p))
        return self._windows(p, since, end - 1)

    def _windows(self, p: Parameters, since: int, until: int) -> Any:
        if "symbol" not in p and "symbols" not in p:
            raise both_missing("symbol", "symbols")
        form = market_forms.full_window if _full(p) else market_forms.window
        rows = [form(pair, self.paper.prices, since, until) for pair in pairs_in(p) or ()]
        return rows[0] if "symbol" in p else rows

    # --- books, bars, trades -----------------------------------------------------------------------------------

    def depth(self, p: Parameters) -> dict[str, Any]:
        """Serve depth."""
        pair, limit = pair_in(p), limit_in(p, 100, _DEEPEST)
        bids, asks = self.levels(pair, self.paper.prices.last[pair.symbol], limit)
        return {"lastUpdateId": self.tape(pair).book_id, "bids": bids, "asks": asks}

    def levels(self, pair: Pair, last: Decimal, limit: int = _DEEPEST) -> tuple[list[list[str]], list[list[str]]]:
        """Return bids and asks around a price, best first: the levels that the engine was given, or else a hundred."""
        tick = self.paper.markets.rules(NAME, pair).tick or pair.tick
        shape = self.paper.book.depth(pair) or Shape(spread=2, step=1, quantity=Decimal(1), levels=_LEVELS)
        (bids, asks), quantity = shape.around(last, tick, limit), forms.amount(shape.quantity)
        return [[forms.amount(bid), quantity] for bid in bids], [[forms.amount(ask), quantity] for ask in asks]

    def klines(self, p: Parameters) -> list[list[Any]]:
        """Serve klines and uiKlines."""
        pair, (start, end), limit, offset = pair_in(p), range_in(p, None), limit_in(p), _offset_in(p)
        interval = p.get("interval", "")
        if interval not in INTERVALS:
            raise Error(-1120, "Invalid interval.")
        last = min(self.paper.now(), self.paper.now() if end is None else end)
        most = limit * longest(interval)
        first = last - most if start is None else max(start, BEGINS)
        until = last if start is None else min(last, first + most)
        rows = [
            market_forms.row(bar, interval, offset)
            for bar in whole_bars(self.paper.prices, pair.symbol, interval, first, until, offset)
            if (start is None or bar.opened_at >= start) and bar.opened_at <= last
        ]
        return rows[:limit] if start is not None else rows[-limit:]

    def trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve trades and historicalTrades."""
        return [market_forms.trade(trade) for trade in self._trades_of(p)]

    def aggregate_trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve aggTrades: each trade is an aggregate of its own."""
        return [market_forms.aggregate(trade) for trade in self._trades_of(p)]

    def _trades_of(self, p: Parameters) -> list[TapeTrade]:
        symbol, first, (start, end), limit = pair_in(p).symbol, whole_in(p, "fromId"), range_in(p, None), limit_in(p)
        if first is not None:
            return self._tapes.from_id(symbol, first, limit)
        if start is not None or end is not None:
            return self._tapes.between(symbol, start or 0, self.paper.now() if end is None else end, limit)
        return self._tapes.newest(symbol, limit)


def window_in(p: Parameters) -> int:
    """Read the length of a rolling window in milliseconds."""
    found = re.fullmatch("([1-9][0-9]?)([mhd])", p.get("windowSize", "1d"))
    if found is None or int(found[1]) > _UNITS[found[2]][1]:
        raise Error(-1130, "Data sent for parameter 'windowSize' is not valid.")
    return int(found[1]) * _UNITS[found[2]][0]


def _offset_in(p: Parameters) -> int:
    offset = market_forms.offset_of(p.get("timeZone", "0"))
    if offset is None:
        raise Error(-1130, "Data sent for parameter 'timeZone' is not valid.")
    return offset


def _full(p: Parameters) -> bool:
    return word_in(p, "type", {"FULL", "MINI"}, Error(-1139, "Invalid ticker type.")) != "MINI"

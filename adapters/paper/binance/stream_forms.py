"""The messages of Binance's market streams about one market."""

from __future__ import annotations

import re
from typing import Any

from adapters.paper.binance import forms, market_forms
from adapters.paper.binance.market import BinanceMarket, window_in
from adapters.paper.intervals import INTERVALS, span
from adapters.paper.pairs import Pair
from adapters.paper.past import MINUTE
from domain.amounts import ZERO

DEPTHS = {"depth5": 5, "depth10": 10, "depth20": 20}
WINDOWS = ("1h", "4h", "1d")
_SPEED = re.compile("@(100|1000)ms$")
_KLINE = re.compile("kline_([0-9]+[mhdwM])(?:@([+-][0-9]{2}:[0-9]{2}))?")


class StreamForms:
    """The messages that a stream sends when the price moves, and those that it sends to a new subscriber."""

    def __init__(self, market: BinanceMarket) -> None:
        self._market = market
        self._paper = market.paper

    def moved(self, pair: Pair, kind: str) -> list[dict[str, Any]]:
        """Return a stream's messages about a new price, an empty list for an unknown kind."""
        kind = _SPEED.sub("", kind) if kind.startswith("depth") else kind
        if kind in {"trade", "aggTrade"}:
            return [] if self._paper.market_faults.loses(pair.symbol) else [self._trade(pair, kind)]
        if kind == "depth":
            return self._difference(pair)
        return self.standing(pair, kind)

    def standing(self, pair: Pair, kind: str) -> list[dict[str, Any]]:
        """Return a stream's messages about the current state. A stream that reports events starts silent."""
        kind = _SPEED.sub("", kind) if kind.startswith("depth") else kind
        if found := _KLINE.fullmatch(kind):
            return self._kline(pair, found[1], found[2] or "0", self._paper.now())
        if kind in DEPTHS:
            return [self._depth(pair, DEPTHS[kind])]
        if kind == "bookTicker":
            return [self._book(pair)]
        if kind == "avgPrice":
            return [self._average(pair)]
        if kind in {"miniTicker", "ticker"}:
            return [self.ticker(pair, mini=kind == "miniTicker")]
        if kind.removeprefix("ticker_") in WINDOWS and kind.startswith("ticker_"):
            return [self.window(pair, kind.removeprefix("ticker_"))]
        return []

    def _trade(self, pair: Pair, kind: str) -> dict[str, Any]:
        tape = self._market.tape(pair)
        number = tape.trade_id
        ids = {"t": number} if kind == "trade" else {"a": number, "f": number, "l": number}
        wrong = self._paper.market_faults.wrong_time.get(pair.symbol, 0)
        return {
            "e": kind, "E": self._paper.now() + wrong, "s": forms.native(pair), **ids, "p": forms.amount(tape.price),
            "q": forms.amount(tape.quantity), "T": tape.at + wrong, "m": tape.price < tape.price_before, "M": True,
        }  # fmt: skip

    def _kline(self, pair: Pair, interval: str, zone: str, at: int) -> list[dict[str, Any]]:
        """Return the bar that holds the moment `at`, an empty list when there is none."""
        offset = market_forms.offset_of(zone)
        if interval not in INTERVALS or offset is None or not self._paper.market_faults.candles:
            return []
        opened, end = span(at, interval, offset)
        minutes = [bar for bar in self._paper.prices.minutes(pair.symbol, opened) if bar.opened_at < end]
        return [market_forms.kline(pair, minutes, interval, at, self._paper.now(), offset)] if minutes else []

    def ended(self, pair: Pair, kind: str, end: int) -> list[dict[str, Any]]:
        """Return the closing message of a stream of bars, if one of them ended at this whole minute."""
        found = _KLINE.fullmatch(kind)
        if not found or found[1] not in INTERVALS:
            return []
        offset = market_forms.offset_of(found[2] or "0")
        if offset is None or span(end, found[1], offset)[0] != end:
            return []
        told = self._kline(pair, found[1], found[2] or "0", end - 1)
        return told * 2 if self._paper.market_faults.candles_twice else told

    def _difference(self, pair: Pair) -> list[dict[str, Any]]:
        """Return the change of the order book. Removed levels have the quantity zero."""
        tape, now = self._market.tape(pair), self._paper.now()
        if tape.price == tape.price_before:
            return []
        sides = []
        for before, after in zip(
            self._market.levels(pair, tape.price_before), self._market.levels(pair, tape.price), strict=True
        ):
            there = {price for price, _ in after}
            gone = [[price, forms.amount(ZERO)] for price, _ in before if price not in there]
            sides.append([*gone, *(level for level in after if level not in before)])
        return [
            {
                "e": "depthUpdate", "E": now, "s": forms.native(pair), "U": tape.book_id, "u": tape.book_id,
                "b": sides[0], "a": sides[1],
            }
        ]  # fmt: skip

    def _depth(self, pair: Pair, count: int) -> dict[str, Any]:
        return self._market.depth({"symbol": forms.native(pair), "limit": str(count)})

    def _book(self, pair: Pair) -> dict[str, Any]:
        book = self._market.book(pair)
        return {
            "u": self._market.tape(pair).book_id, "s": book["symbol"], "b": book["bidPrice"], "B": book["bidQty"],
            "a": book["askPrice"], "A": book["askQty"],
        }  # fmt: skip

    def _average(self, pair: Pair) -> dict[str, Any]:
        price = self._market.price(pair)
        return {
            "e": "avgPrice", "E": self._paper.now(), "s": price["symbol"], "i": "5m", "w": price["price"],
            "T": self._market.tape(pair).at,
        }  # fmt: skip

    def ticker(self, pair: Pair, *, mini: bool) -> dict[str, Any]:
        """Return the statistics of the last 24 hours."""
        now, day = self._paper.now(), self._market.day(pair)
        short = {"E": now, "s": day["symbol"], **_prices(day)}
        if mini:
            return {"e": "24hrMiniTicker", **short}
        more = {
            "x": day["prevClosePrice"], "Q": day["lastQty"], "b": day["bidPrice"], "B": day["bidQty"],
            "a": day["askPrice"], "A": day["askQty"],
        }  # fmt: skip
        return {"e": "24hrTicker", **short, **_changes(day), **more}

    def window(self, pair: Pair, size: str) -> dict[str, Any]:
        """Return the statistics of a rolling window. It begins on a whole minute, so it may be some seconds longer."""
        now = self._paper.now()
        since = (now - window_in({"windowSize": size})) // MINUTE * MINUTE
        told = market_forms.full_window(pair, self._paper.prices, since, now)
        return {"e": f"{size}Ticker", "E": now, "s": told["symbol"], **_prices(told), **_changes(told)}


def _prices(told: dict[str, Any]) -> dict[str, Any]:
    names = {
        "c": "lastPrice", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume",
    }  # fmt: skip
    return {short: told[name] for short, name in names.items()}


def _changes(told: dict[str, Any]) -> dict[str, Any]:
    names = {
        "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "O": "openTime", "C": "closeTime",
        "F": "firstId", "L": "lastId", "n": "count",
    }  # fmt: skip
    return {short: told[name] for short, name in names.items()}

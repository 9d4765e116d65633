"""The paper exchange's prices in Binance's format: bars, and the statistics of a market within a window."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from adapters.paper.binance.forms import amount, native
from adapters.paper.binance.parameters import DAY
from adapters.paper.intervals import span
from adapters.paper.pairs import Pair
from adapters.paper.past import MINUTE
from adapters.paper.prices import Bar, Prices
from adapters.paper.tape import TapeTrade
from domain.amounts import ZERO
from domain.candles.bar import Bar as Candle


def offset_of(zone: str) -> int | None:
    """Return a time zone such as `5`, `-1:00` or `+05:45` in milliseconds, None for one that Binance does not have."""
    found = re.fullmatch(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", zone)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    minutes = -minutes if found[1] == "-" else minutes
    return minutes * MINUTE if -12 * 60 <= minutes <= 14 * 60 else None


def row(bar: Candle, interval: str, offset: int = 0) -> list[Any]:
    """Return one row of /klines."""
    return _row(bar.opened_at, span(bar.opened_at, interval, offset)[1], *bar.amounts, bar.trades)


def _ids(minutes: list[Bar]) -> tuple[int, int]:
    """Return the ids of the first and last trade in these minutes, -1 for none, as Binance says it."""
    firsts = [bar.first_id for bar in minutes if bar.first_id is not None]
    lasts = [bar.last_id for bar in minutes if bar.last_id is not None]
    return (firsts[0], lasts[-1]) if firsts else (-1, -1)


def _row(
    opened_at: int, end: int, opened: Decimal, high: Decimal, low: Decimal, close: Decimal, volume: Decimal, trades: int
) -> list[Any]:
    amounts = [amount(one) for one in (opened, high, low, close, volume)]
    return [opened_at, *amounts, end - 1, amount(volume * close), trades, "0.00000000", "0.00000000", "0"]


def kline(pair: Pair, minutes: list[Bar], interval: str, at: int, now: int, offset: int = 0) -> dict[str, Any]:
    """Return the market stream's message about the bar that holds the moment `at`, of which these are the minutes."""
    opened_at, end = span(at, interval, offset)
    row = _row(
        opened_at, end, minutes[0].open, max(bar.high for bar in minutes), min(bar.low for bar in minutes),
        minutes[-1].close, sum((bar.volume for bar in minutes), ZERO), sum(bar.trades for bar in minutes),
    )  # fmt: skip
    first, last = _ids(minutes)
    k = {
        "t": row[0], "T": row[6], "s": native(pair), "i": interval, "f": first, "L": last, "o": row[1], "h": row[2],
        "l": row[3], "c": row[4], "v": row[5], "n": row[8], "x": row[6] < now, "q": row[7], "V": row[9], "Q": row[10],
        "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": now, "s": native(pair), "k": k}


def trade(one: TapeTrade) -> dict[str, Any]:
    """Return one row of trades."""
    return {
        "id": one.id, "price": amount(one.price), "qty": amount(one.quantity),
        "quoteQty": amount(one.quantity * one.price), "time": one.at, "isBuyerMaker": one.falls, "isBestMatch": True,
    }  # fmt: skip


def aggregate(one: TapeTrade) -> dict[str, Any]:
    """Return one row of aggTrades."""
    return {
        "a": one.id, "p": amount(one.price), "q": amount(one.quantity), "f": one.id, "l": one.id, "T": one.at,
        "m": one.falls, "M": True,
    }  # fmt: skip


def window(pair: Pair, prices: Prices, since: int, until: int) -> dict[str, Any]:
    """Return a market's statistics from a moment on. A market without trades since then stands at its last price."""
    last = prices.last[pair.symbol]
    minutes = prices.minutes(pair.symbol, since) or prices.bars[pair.symbol][-1:]
    volume = sum((bar.volume for bar in minutes), ZERO)
    return {
        "symbol": native(pair), "openPrice": amount(minutes[0].open),
        "highPrice": amount(max(bar.high for bar in minutes)), "lowPrice": amount(min(bar.low for bar in minutes)),
        "lastPrice": amount(last), "volume": amount(volume), "quoteVolume": amount(volume * last),
        "openTime": since, "closeTime": until, "firstId": 0, "lastId": 1, "count": 2,
    }  # fmt: skip


def full_window(pair: Pair, prices: Prices, since: int, until: int) -> dict[str, Any]:
    """Return the same statistics with the price changes."""
    mini, last = window(pair, prices, since, until), prices.last[pair.symbol]
    first = Decimal(mini["openPrice"])
    changes = {
        "priceChange": amount(last - first), "priceChangePercent": f"{(last - first) / first * 100:.3f}",
        "weightedAvgPrice": amount(last),
    }  # fmt: skip
    return {"symbol": mini.pop("symbol"), **changes, **mini}


def day(pair: Pair, prices: Prices, now: int) -> dict[str, Any]:
    """Return the 24-hour ticker, without the best prices."""
    told = full_window(pair, prices, now - DAY, now)
    return told | {
        "prevClosePrice": told["openPrice"], "lastQty": amount(pair.step),
    }  # fmt: skip

"""The paper exchange's prices in Binance's words: bars and the last day."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance.forms import amount, native
from adapters.paper.prices import MINUTE, Bar, Pair, Prices
from domain.amounts import ZERO

INTERVALS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "1d": 1440}


def bars(minutes: list[Bar], interval: str) -> list[list[Any]]:
    """Minutes folded into bars, as /klines lists them."""
    length = INTERVALS[interval] * MINUTE
    folded: dict[int, Bar] = {}
    for bar in minutes:
        start = bar.opened_at // length * length
        kept = folded.setdefault(start, Bar(start, bar.open, bar.high, bar.low, bar.close))
        kept.high, kept.low, kept.close = max(kept.high, bar.high), min(kept.low, bar.low), bar.close
        kept.volume += bar.volume
    return [_row(bar, length) for bar in folded.values()]


def _row(bar: Bar, length: int) -> list[Any]:
    prices = [amount(p) for p in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    quote = amount(bar.volume * bar.close)
    return [bar.opened_at, *prices, bar.opened_at + length - 1, quote, 1, "0.00000000", "0.00000000", "0"]


def kline(pair: Pair, minutes: list[Bar], interval: str, now: int) -> dict[str, Any]:
    """The running bar as the market stream sends it."""
    row = bars(minutes[-INTERVALS[interval] - 1 :], interval)[-1]
    k = {
        "t": row[0], "T": row[6], "s": native(pair), "i": interval, "f": -1, "L": -1, "o": row[1], "h": row[2],
        "l": row[3], "c": row[4], "v": row[5], "n": row[8], "x": row[6] < now, "q": row[7], "V": row[9], "Q": row[10],
        "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": now, "s": native(pair), "k": k}


def day(pair: Pair, prices: Prices, now: int) -> dict[str, Any]:
    """The 24-hour ticker."""
    minutes, last = prices.bars[pair.symbol], prices.last[pair.symbol]
    first, volume = minutes[0].open, sum((b.volume for b in minutes), ZERO)
    return {
        "symbol": native(pair), "priceChange": amount(last - first),
        "priceChangePercent": f"{(last - first) / first * 100:.3f}", "weightedAvgPrice": amount(last),
        "prevClosePrice": amount(first), "lastPrice": amount(last), "lastQty": amount(pair.step),
        "bidPrice": amount(last - pair.tick), "bidQty": "1.00000000", "askPrice": amount(last + pair.tick),
        "askQty": "1.00000000", "openPrice": amount(first), "highPrice": amount(max(b.high for b in minutes)),
        "lowPrice": amount(min(b.low for b in minutes)), "volume": amount(volume), "quoteVolume": amount(volume * last),
        "openTime": minutes[0].opened_at, "closeTime": now, "firstId": 0, "lastId": 1, "count": 2,
    }  # fmt: skip

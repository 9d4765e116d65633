"""The paper exchange's prices in Binance's format: bars, and the statistics of a market within a window."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.paper.binance.forms import amount, native
from adapters.paper.binance.parameters import DAY
from adapters.paper.prices import MINUTE, Bar, Pair, Prices
from domain.amounts import ZERO

INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720,
    "1d": 1440, "3d": 4320, "1w": 10_080, "1M": 0,
}  # fmt: skip
"""The intervals in minutes, 0 for a month, whose length varies. One-second bars cannot be made from minutes."""
_MONDAY = 4 * DAY  # 1970 began on a Thursday


def offset_of(zone: str) -> int | None:
    """Return a time zone such as `5`, `-1:00` or `+05:45` in milliseconds, None for one that Binance does not have."""
    found = re.fullmatch(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", zone)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    minutes = -minutes if found[1] == "-" else minutes
    return minutes * MINUTE if -12 * 60 <= minutes <= 14 * 60 else None


def span(moment: int, interval: str, offset: int = 0) -> tuple[int, int]:
    """Return the opening times of the bar that holds a moment and of the next bar."""
    local = moment + offset
    if interval == "1M":
        first = datetime.fromtimestamp(local / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        return int(first.timestamp()) * 1000 - offset, int(following.timestamp()) * 1000 - offset
    length = INTERVALS[interval] * MINUTE
    shift = _MONDAY if interval == "1w" else 0
    opened = (local - shift) // length * length + shift
    return opened - offset, opened + length - offset


def bars(minutes: list[Bar], interval: str, offset: int = 0) -> list[list[Any]]:
    """Fold minutes into bars, as /klines lists them."""
    folded: list[tuple[Bar, int]] = []
    for bar in minutes:
        if not folded or bar.opened_at >= folded[-1][1]:
            start, end = span(bar.opened_at, interval, offset)
            folded.append((Bar(start, bar.open, bar.high, bar.low, bar.close), end))
        kept = folded[-1][0]
        kept.high, kept.low, kept.close = max(kept.high, bar.high), min(kept.low, bar.low), bar.close
        kept.volume, kept.trades = kept.volume + bar.volume, kept.trades + bar.trades
    return [_row(bar, end) for bar, end in folded]


def _ids(minutes: list[Bar]) -> tuple[int, int]:
    """Return the ids of the first and last trade in these minutes, -1 for none, as Binance says it."""
    firsts = [bar.first_id for bar in minutes if bar.first_id is not None]
    lasts = [bar.last_id for bar in minutes if bar.last_id is not None]
    return (firsts[0], lasts[-1]) if firsts else (-1, -1)


def _row(bar: Bar, end: int) -> list[Any]:
    prices = [amount(p) for p in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    quote = amount(bar.volume * bar.close)
    return [bar.opened_at, *prices, end - 1, quote, bar.trades, "0.00000000", "0.00000000", "0"]


def kline(pair: Pair, minutes: list[Bar], interval: str, at: int, now: int, offset: int = 0) -> dict[str, Any]:
    """Return the market stream's message about the bar that holds the moment `at`."""
    opened, end = span(at, interval, offset)
    inside = [bar for bar in minutes[-_minutes(opened, now) :] if opened <= bar.opened_at < end]
    row, (first, last) = bars(inside, interval, offset)[0], _ids(inside)
    k = {
        "t": row[0], "T": row[6], "s": native(pair), "i": interval, "f": first, "L": last, "o": row[1], "h": row[2],
        "l": row[3], "c": row[4], "v": row[5], "n": row[8], "x": row[6] < now, "q": row[7], "V": row[9], "Q": row[10],
        "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": now, "s": native(pair), "k": k}


def _minutes(opened: int, now: int) -> int:
    return max((now - opened) // MINUTE + 1, 1)


def window(pair: Pair, prices: Prices, since: int, until: int) -> dict[str, Any]:
    """Return a market's statistics from a moment on. A market without trades since then stands at its last price."""
    every, last = prices.bars[pair.symbol], prices.last[pair.symbol]
    minutes = [bar for bar in every if bar.opened_at >= since] or every[-1:]
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
    first = next((bar for bar in prices.bars[pair.symbol] if bar.opened_at >= since), prices.bars[pair.symbol][-1]).open
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
        "openTime": max(now - DAY, prices.bars[pair.symbol][0].opened_at),
    }  # fmt: skip

"""The paper Bitget's public data: markets, tickers, candles, order books, trades."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from adapters.paper.bitget import NAME, forms
from adapters.paper.bitget.errors import invalid
from adapters.paper.bitget.values import Parameters, number_of, pair_in, text, whole, word
from adapters.paper.book import Shape
from adapters.paper.exchange import Paper
from adapters.paper.intervals import DAY, RunningBars, Timeframe, longest, whole_bars
from adapters.paper.pairs import Pair
from adapters.paper.past import BEGINS
from adapters.paper.tape import TapeTrade, tapes_of
from domain.amounts import ZERO
from domain.candles.bar import Bar

GRANULARITIES = {
    "1min": "1m", "3min": "3m", "5min": "5m", "15min": "15m", "30min": "30m", "1h": "1h", "4h": "4h", "6h": "6h",
    "12h": "12h", "1day": "1d", "3day": "3d", "1week": "1w", "1M": "1M", "6Hutc": "6h", "12Hutc": "12h", "1Dutc": "1d",
    "3Dutc": "3d", "1Wutc": "1w", "1Mutc": "1M",
}  # fmt: skip
"""The intervals of REST by Bitget's words."""
BEIJING = 8 * 60 * 60_000
"""Bars of six hours and more begin by this zone (UTC+8), except those whose word ends in `utc`."""
_BY_ZONE = frozenset({"6h", "12h", "1d", "3d", "1w", "1M"})
_MOST_CANDLES, _MOST_OLD, _MOST_LEVELS, _MOST_TRADES = 1000, 200, 150, 500
_MOST_OLD_TRADES = 1000
_LEVELS = 150
_TRADE_STEP = 1009


class BitgetMarket:
    """The operations that need no account."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.tapes = tapes_of(paper)
        self._running = RunningBars(paper.prices)

    def time(self, _: Parameters) -> dict[str, str]:
        """Serve public/time."""
        return {"serverTime": str(self.paper.now())}

    def coins(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve public/coins."""
        wanted = text(p, "coin", "")
        names = {coin for pair in self.paper.markets.pairs(NAME) for coin in (pair.base, pair.quote)}
        chain = {
            "chain": "PAPER", "needTag": "false", "withdrawable": "true", "rechargeable": "true", "withdrawFee": "0",
            "extraWithdrawFee": "0", "depositConfirm": "1", "withdrawConfirm": "1", "minDepositAmount": "0",
            "minWithdrawAmount": "0", "browserUrl": "", "contractAddress": "", "withdrawStep": "0",
            "withdrawMinScale": "8", "congestion": "normal",
        }  # fmt: skip
        return [
            {"coinId": str(number), "coin": coin, "transfer": "true", "chains": [chain]}
            for number, coin in enumerate(sorted(names), 1)
            if wanted in {"", coin}
        ]

    def symbols(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve public/symbols."""
        return [forms.symbol(pair, self.paper.markets.rules(NAME, pair), self._least(pair)) for pair in self._chosen(p)]

    def _least(self, pair: Pair) -> Decimal:
        """Return the smallest amount of an order in USDT, whatever the quote currency."""
        least = self.paper.markets.rules(NAME, pair).number("NOTIONAL", "minNotional")
        dollars = self.paper.prices.last.get(f"{pair.quote}/USDT", Decimal(1))
        return least if pair.quote in {"USDT", "USDC"} else (least * dollars).quantize(Decimal("0.01"))

    def _chosen(self, p: Parameters) -> list[Pair]:
        return [pair_in(p, self.paper)] if text(p, "symbol", "") else self.paper.markets.pairs(NAME)

    def tickers(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve market/tickers: one market or all, never some."""
        return [self.ticker(pair) for pair in self._chosen(p)]

    def ticker(self, pair: Pair) -> dict[str, Any]:
        """Return the last 24 hours of a market."""
        now, last = self.paper.now(), self.paper.prices.last[pair.symbol]
        minutes = self.paper.prices.minutes(pair.symbol, now - DAY) or self.paper.prices.bars[pair.symbol][-1:]
        midnight = [bar for bar in minutes if bar.opened_at >= now // DAY * DAY] or minutes[-1:]
        opened, today = minutes[0].open, midnight[0].open
        volume = sum((bar.volume for bar in minutes), ZERO)
        turnover = sum((bar.volume * bar.close for bar in minutes), ZERO)
        bids, asks = self.levels(pair, 1)
        bid, ask = (side[0] if side else ("0", "0") for side in (bids, asks))
        return {
            "symbol": forms.native(pair), "high24h": forms.amount(max(bar.high for bar in minutes)),
            "open": forms.amount(opened), "low24h": forms.amount(min(bar.low for bar in minutes)),
            "lastPr": forms.amount(last), "quoteVolume": forms.amount(turnover), "baseVolume": forms.amount(volume),
            "usdtVolume": forms.amount(turnover), "bidPr": bid[0], "askPr": ask[0], "bidSz": bid[1], "askSz": ask[1],
            "openUtc": forms.amount(today), "ts": str(now), "changeUtc24h": _change(today, last),
            "change24h": _change(opened, last),
        }  # fmt: skip

    # --- candles -------------------------------------------------------------------------------------------------

    def candles(self, p: Parameters) -> list[list[str]]:
        """Serve market/candles. The last row may still be running."""
        end = whole(p, "endTime", self.paper.now())
        return self._candles(p, whole(p, "startTime", 0) or None, end, whole(p, "limit", 100, _MOST_CANDLES) or 100)

    def old_candles(self, p: Parameters) -> list[list[str]]:
        """Serve market/history-candles: bars that end before a time that has to be given."""
        text(p, "endTime")
        return self._candles(p, None, whole(p, "endTime", 0) - 1, whole(p, "limit", 100, _MOST_OLD) or 100)

    def _candles(self, p: Parameters, start: int | None, end: int, limit: int) -> list[list[str]]:
        pair, given = pair_in(p, self.paper), text(p, "granularity")
        if given not in GRANULARITIES:
            raise invalid("granularity")
        interval = GRANULARITIES[given]
        offset = BEIJING if interval in _BY_ZONE and not given.endswith("utc") else 0
        last = min(end, self.paper.now())
        first = max(last - limit * longest(interval), start or 0, BEGINS)
        rows = [
            [str(bar.opened_at), *map(forms.amount, bar.amounts[:4]), *_volumes(bar.volume, bar.close)]
            for bar in whole_bars(self.paper.prices, pair.symbol, interval, first, last, offset)
            if bar.opened_at <= last and (start is None or bar.opened_at >= start)
        ]
        return rows[-limit:]

    def running(self, pair: Pair, timeframe: Timeframe, at: int) -> list[str]:
        """Return the bar that holds a moment, as the sockets tell it; empty without one."""
        bar = self._running.bar(pair, timeframe, at)
        return [] if bar is None else _row_of_socket(bar)

    def recent(self, pair: Pair, timeframe: Timeframe, count: int) -> list[list[str]]:
        """Return the newest bars as the sockets tell them, the running one last."""
        now, (interval, offset) = self.paper.now(), timeframe
        first = max(now - count * longest(interval), BEGINS)
        bars = whole_bars(self.paper.prices, pair.symbol, interval, first, now, offset)
        return [_row_of_socket(bar) for bar in bars][-count:]

    # --- books and trades ----------------------------------------------------------------------------------------

    def order_book(self, p: Parameters) -> dict[str, Any]:
        """Serve market/orderbook. Steps that merge levels are not carried out."""
        word(p, "type", {f"step{number}" for number in range(6)}, "step0")
        bids, asks = self.levels(pair_in(p, self.paper), whole(p, "limit", _MOST_LEVELS, _MOST_LEVELS))
        return {"asks": asks, "bids": bids, "ts": str(self.paper.now())}

    def levels(self, pair: Pair, limit: int, last: Decimal | None = None) -> tuple[list[list[str]], list[list[str]]]:
        """Return bids and asks, best first: the levels that the engine was given, or else a hundred and fifty.

        They lie around the last price, or around another one.
        """
        tick, last = self.paper.markets.rules(NAME, pair).tick or pair.tick, last or self.paper.prices.last[pair.symbol]
        shape = self.paper.book.depth(pair) or Shape(spread=2, step=1, quantity=Decimal(1), levels=_LEVELS)
        (bids, asks), quantity = shape.around(last, tick, limit), forms.amount(shape.quantity)
        return [[forms.amount(bid), quantity] for bid in bids], [[forms.amount(ask), quantity] for ask in asks]

    def trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve market/fills, newest first."""
        pair = pair_in(p, self.paper)
        return _rows(pair, self.tapes.newest(pair.symbol, whole(p, "limit", 100, _MOST_TRADES)))

    def old_trades(self, p: Parameters) -> list[dict[str, Any]]:
        """Serve market/fills-history: the trades before an id or within a time, newest first."""
        pair, limit = pair_in(p, self.paper), whole(p, "limit", 500, _MOST_OLD_TRADES)
        if before := text(p, "idLessThan", ""):
            first = _number_of(before) - limit
            return _rows(pair, self.tapes.from_id(pair.symbol, first, limit) if first > 0 else [])
        end = whole(p, "endTime", self.paper.now())
        # A market trades every half second, so that these hold at least as many trades as are asked for.
        start = whole(p, "startTime", max(end - limit * 1000, 0))
        return _rows(pair, self.tapes.between(pair.symbol, start, end, 2 * limit + 1)[-limit:])

    def fee_levels(self, _: Parameters) -> list[dict[str, str]]:
        """Serve market/vip-fee-rate."""
        return [
            {
                "level": "0", "dealAmount": "0", "assetAmount": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.001",
                "btcWithdrawAmount": "0", "usdtWithdrawAmount": "0",
            }
        ]  # fmt: skip

    def nothing(self, _: Parameters) -> list[Any]:
        """Serve what has no counterpart on paper, such as the coins of margin trading."""
        return []


def _rows(pair: Pair, oldest_first: Sequence[TapeTrade]) -> list[dict[str, Any]]:
    return [{"symbol": forms.native(pair), **trade(one)} for one in reversed(oldest_first)]


def trade_id(number: int) -> str:
    """Return the id of a public trade. Ids grow and leave gaps, so that none tells whether a trade is missing."""
    return forms.order_id(number * _TRADE_STEP)


def _number_of(trade: str) -> int:
    return -(-number_of(trade) // _TRADE_STEP)


def trade(one: TapeTrade) -> dict[str, str]:
    """Return a public trade, without its market."""
    return {
        "tradeId": trade_id(one.id), "side": "sell" if one.falls else "buy", "price": forms.amount(one.price),
        "size": forms.amount(one.quantity), "ts": str(one.at),
    }  # fmt: skip


def timeframe_of(channel: str) -> Timeframe | None:
    """Return the bars of a channel such as `candle1m` or `candle1Dutc`, None for another channel."""
    found = re.fullmatch(r"candle([0-9]+)([mHDWM])(utc)?", channel)
    if found is None:
        return None
    interval = f"{found[1]}{found[2] if found[2] in 'mM' else found[2].lower()}"
    if interval not in GRANULARITIES.values() or (found[3] and interval not in _BY_ZONE):
        return None
    return Timeframe(interval, BEIJING if interval in _BY_ZONE and not found[3] else 0)


def _row_of_socket(bar: Bar) -> list[str]:
    """Return a bar as the sockets tell it: the last two volumes in the other order than REST."""
    base, usdt, quote = _volumes(bar.volume, bar.close)
    return [str(bar.opened_at), *map(forms.amount, bar.amounts[:4]), base, quote, usdt]


def _change(before: Decimal, now: Decimal) -> str:
    return f"{(now - before) / before:.5f}"


def _volumes(volume: Decimal, price: Decimal) -> tuple[str, str, str]:
    """Return the volume in base, in USDT and in quote."""
    quote = forms.amount(volume * price)
    return forms.amount(volume), quote, quote

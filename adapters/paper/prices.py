"""The sources of paper prices: a seeded random walk, a replayed file of candles, or a price held by request."""

from __future__ import annotations

import csv
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from adapters.candles.files import NoCandles, opened

MINUTE = 60_000
_KEPT_MINUTES = 1000


@dataclass(frozen=True)
class Pair:
    """A pair of the paper exchange with the rules it enforces (prices in quote, quantities in base)."""

    base: str
    quote: str
    start: Decimal
    tick: Decimal
    step: Decimal
    minimum_notional: Decimal = Decimal(5)
    maximum_notional: Decimal = Decimal(9_000_000)
    maximum_quantity: Decimal = Decimal(9_000_000)

    @property
    def symbol(self) -> str:
        """The symbol as the platform writes it, such as `BTC/USDT`."""
        return f"{self.base}/{self.quote}"


def _pair(base: str, quote: str, start: str, tick: str, step: str, minimum: str = "5") -> Pair:
    return Pair(base, quote, Decimal(start), Decimal(tick), Decimal(step), Decimal(minimum))


PAIRS = {
    pair.symbol: pair
    for pair in (
        _pair("BTC", "USDT", "64250.10", "0.01", "0.00001"),
        _pair("ETH", "USDT", "2847.35", "0.01", "0.0001"),
        _pair("BNB", "USDT", "582.4", "0.1", "0.001"),
        _pair("SOL", "USDT", "151.22", "0.01", "0.001"),
        _pair("XRP", "USDT", "0.6123", "0.0001", "0.1"),
        _pair("USDC", "USDT", "0.9998", "0.0001", "1"),
        _pair("BTC", "USDC", "64260.00", "0.01", "0.00001"),
        _pair("ETH", "USDC", "2848.00", "0.01", "0.0001"),
        _pair("ETH", "BTC", "0.04431", "0.00001", "0.0001", "0.0001"),
    )
}


@dataclass
class Bar:
    """The bar of one pair for one minute. `first_id` and `last_id` are those of its public trades, None without any."""

    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)
    trades: int = 0
    first_id: int | None = None
    last_id: int | None = None


@dataclass
class Prices:
    """The last price and the minute bars of every pair. `listeners` are called with each new price."""

    clock: Callable[[], int]
    seed: int = 1
    last: dict[str, Decimal] = field(default_factory=dict)
    bars: dict[str, list[Bar]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    """The pairs whose trading is stopped: their prices do not move, and they have no bars."""
    listeners: list[Callable[[str, Decimal], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give every pair an hour of history, so that charts and volumes are never empty."""
        self._random = random.Random(self.seed)  # noqa: S311 - a price walk, not a secret
        for pair in PAIRS.values():
            self.open(pair)

    def open(self, pair: Pair) -> None:
        """Start pricing a pair, with an hour of history before now."""
        now, price = self.clock() // MINUTE * MINUTE, pair.start
        self.bars[pair.symbol] = []
        for minute in range(now - 60 * MINUTE, now, MINUTE):
            close = self._next(pair, price)
            volume = Decimal(self._random.randint(1, 9))
            bar = Bar(minute, price, max(price, close), min(price, close), close, volume, trades=int(volume))
            self.bars[pair.symbol].append(bar)
            price = close
        self.last[pair.symbol] = price

    def close(self, symbol: str) -> None:
        """Forget a pair and its bars."""
        del self.last[symbol], self.bars[symbol]
        self.held.discard(symbol)
        self.stopped.discard(symbol)

    def _next(self, pair: Pair, price: Decimal) -> Decimal:
        moved = price * Decimal(str(1 + self._random.gauss(0, 0.0002)))
        return max(moved.quantize(pair.tick, rounding=ROUND_HALF_EVEN), pair.tick)

    def walk(self, besides: str | None = None) -> None:
        """Move every pair whose price is not held by one step, except `besides`."""
        for symbol in [*self.last]:
            if symbol not in self.held | self.stopped and symbol != besides:
                self.tell(symbol, self._next(PAIRS[symbol], self.last[symbol]))

    def hold(self, symbol: str, price: Decimal) -> None:
        """Set a price and keep it until it is released."""
        self.held.add(symbol)
        self.tell(symbol, price)

    def release(self, symbol: str) -> None:
        """Let a held price move again."""
        self.held.discard(symbol)

    def roll(self) -> None:
        """Begin the bar of the present minute for every pair that has none, and those of the quiet minutes before.

        A minute without a trade stands at the close before it.
        """
        minute = self.clock() // MINUTE * MINUTE
        for symbol in self.last.keys() - self.stopped:
            bars = self.bars[symbol]
            while bars and bars[-1].opened_at < minute:
                close = bars[-1].close
                opened_at = max(bars[-1].opened_at + MINUTE, minute - _KEPT_MINUTES * MINUTE)
                bars.append(Bar(opened_at, close, close, close, close))
            del bars[:-_KEPT_MINUTES]

    def stop(self, symbol: str) -> None:
        """Stop the trading of a pair."""
        self.stopped.add(symbol)

    def resume(self, symbol: str) -> None:
        """Let a stopped pair trade again. The minutes meanwhile have no bars: the next one begins a new row."""
        if symbol in self.stopped:
            self.stopped.discard(symbol)
            price = self.last[symbol]
            self.bars[symbol].append(Bar(self.clock() // MINUTE * MINUTE, price, price, price, price))

    def tell(self, symbol: str, price: Decimal) -> None:
        """Record a new last price, which is a trade of the smallest quantity, and report it to the listeners."""
        self.last[symbol] = price
        minute = self.clock() // MINUTE * MINUTE
        bars = self.bars[symbol]
        if not bars or bars[-1].opened_at < minute:
            bars.append(Bar(minute, price, price, price, price))
            del bars[:-_KEPT_MINUTES]
        bar = bars[-1]
        if not bar.trades:
            bar.open = bar.high = bar.low = price
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        bar.volume, bar.trades = bar.volume + PAIRS[symbol].step, bar.trades + 1
        for listener in self.listeners:
            listener(symbol, price)


def replayed(file: Path, symbol: str) -> list[tuple[datetime, list[Decimal]]]:
    """Return the time (UTC) and the price path of each minute in a CSV of candles, plain or gzipped.

    A path is open, low and high in their likely order, close. The columns are open_time, open, high, low, close. The
    whole file is read before the replay begins. Raises `NoCandles` for a file without valid candles, or for a symbol
    that is not traded here.
    """
    if symbol not in PAIRS:
        raise NoCandles(f"{symbol} is not traded here: a symbol is one of {', '.join(PAIRS)}")
    tick = PAIRS[symbol].tick
    try:
        with opened(file) as lines:
            minutes = [_path(row, tick) for row in csv.DictReader(lines)]
    except (OSError, EOFError, zlib.error, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise NoCandles(f"{file} holds no candles: {type(error).__name__}: {error}") from error
    if not minutes:
        raise NoCandles(f"{file} holds no candles")
    return minutes


def _path(row: dict[str, str], tick: Decimal) -> tuple[datetime, list[Decimal]]:
    opened, high, low, close = (Decimal(row[name]).quantize(tick) for name in ("open", "high", "low", "close"))
    middle = [low, high] if close >= opened else [high, low]
    return datetime.fromisoformat(row["open_time"]).astimezone(UTC), [opened, *middle, close]

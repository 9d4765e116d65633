"""Paper prices: what the past says of this moment, unless a request holds a price or a file is replayed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from adapters.paper.pairs import PAIRS, Pair
from adapters.paper.past import BEGINS, MINUTE, STEP, STEPS, Minutes, Past
from domain.candles.bar import Proof
from domain.candles.columns import FLAGS, Columns, concatenated

KEPT_MINUTES, FORGOTTEN_AT_ONCE = 1000, 500
"""Minutes that are kept as they were traded, and those that are compared with the past and forgotten at once."""
LONGEST_DELAY = 2 * STEPS
"""The most trades that are made up for. After a longer pause of this process, or of the clock, they are left out."""


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


class _Kept(NamedTuple):
    """Minutes of the past of one pair, from `since` to `until`, when so many differed from what the past says."""

    since: int
    until: int
    differing: int
    bars: list[Bar]


@dataclass
class Prices:
    """The last price and the minute bars of every pair. `listeners` are called with each new price."""

    clock: Callable[[], int]
    seed: int = 1
    last: dict[str, Decimal] = field(default_factory=dict)
    bars: dict[str, list[Bar]] = field(default_factory=dict)
    """The minutes of every pair since it was opened here, the running one last."""
    held: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    """The pairs whose trading is stopped: their prices do not move, and they have no bars."""
    driven: set[str] = field(default_factory=set)
    """The pairs whose prices come from a file."""
    listeners: list[Callable[[str, Decimal], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open every pair at the price that its past leads to."""
        self._past = Past(self.seed)
        self._step = self.clock() // STEP
        self._ways: dict[str, tuple[int, list[int], Decimal]] = {}
        """The running minute of each pair: its number, the prices of its trades in ticks, the quantity of each."""
        self._ratios: dict[str, Decimal] = {}
        """The price of a pair as a multiple of what its past says, once somebody else has moved it."""
        self._steered: set[str] = set()
        """The pairs whose last price was told by somebody else."""
        self._told: dict[str, dict[int, Bar | None]] = {}
        """The minutes that differ from the past, None for one that had no trading, and are not among the bars."""
        self._kept: dict[str, _Kept] = {}
        self.quantities: dict[str, Decimal] = {}
        """The quantity of the last trade of every pair."""
        self._during: int | None = None
        """The time of the trades that are being told, None when all are."""
        for pair in PAIRS.values():
            self.open(pair)

    def open(self, pair: Pair) -> None:
        """Open a pair. The running minute is there as far as it has come."""
        symbol, at = pair.symbol, self._step * STEP
        self._told[symbol] = {}
        self.bars[symbol] = []
        for step in range(at // MINUTE * STEPS, self._step + 1):
            self._count(symbol, *self._trade_of(symbol, step), step * STEP)

    def close(self, symbol: str) -> None:
        """Forget a pair and its bars."""
        for kept in (self.last, self.bars, self._told, self._ways, self._ratios, self.quantities):
            kept.pop(symbol, None)
        for names in (self.held, self.stopped, self.driven, self._steered):
            names.discard(symbol)

    # --- trading -----------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The time up to which the markets have traded, in milliseconds."""
        return self.clock() if self._during is None else self._during

    @property
    def last_step(self) -> int:
        """The number of the last step (`STEP` milliseconds since 1970) at which the markets have traded."""
        return self._step

    def advance(self) -> None:
        """Let every market trade until now, but those that are held, stopped or driven by a file."""
        due = self.clock() // STEP
        if not 0 <= due - self._step <= LONGEST_DELAY:
            self._step = due - 1
        while self._step < due:
            self._step += 1
            self._during = self._step * STEP
            for symbol in [*self.last]:
                if symbol not in self.held | self.stopped | self.driven:
                    self._count(symbol, *self._trade_of(symbol, self._step), self._during)
                    self._report(symbol)
        self._during = None

    def _trade_of(self, symbol: str, step: int) -> tuple[Decimal, Decimal]:
        """Return price and quantity of the trade of a step. It goes on from where somebody else has moved the price."""
        pair, minute = PAIRS[symbol], step // STEPS
        if self._ways.get(symbol, (0, [], pair.step))[0] != minute:
            past = self._minutes_of(pair, minute * MINUTE, (minute + 1) * MINUTE)
            self._ways[symbol] = (minute, past.prices(), int(past.quantity[0]) * pair.step)
        _, ticks, quantity = self._ways[symbol]
        price = ticks[step % STEPS] * pair.tick
        if symbol in self._steered:
            self._steered.discard(symbol)
            self._ratios[symbol] = self.last[symbol] / price
        if (ratio := self._ratios.get(symbol)) is not None:
            price = max((price * ratio / pair.tick).to_integral_value() * pair.tick, pair.tick)
        return price, quantity

    def tell(self, symbol: str, price: Decimal) -> None:
        """Record a new price from elsewhere, which is a trade of the smallest quantity, and report it."""
        self._steered.add(symbol)
        self._count(symbol, price, PAIRS[symbol].step, self.clock())
        self._report(symbol)

    def _count(self, symbol: str, price: Decimal, quantity: Decimal, at: int) -> None:
        """Count a trade in the bar of its minute, or in the running one when that is newer."""
        minute, bars = at // MINUTE * MINUTE, self.bars[symbol]
        if symbol not in self.stopped:
            self._fill(symbol, minute - MINUTE)
        if not bars or bars[-1].opened_at < minute:
            self._begin(symbol, Bar(minute, price, price, price, price))
        bar = bars[-1]
        if not bar.trades:
            bar.open = bar.high = bar.low = price
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        bar.volume, bar.trades = bar.volume + quantity, bar.trades + 1
        self.last[symbol], self.quantities[symbol] = price, quantity

    def _report(self, symbol: str) -> None:
        for listener in self.listeners:
            listener(symbol, self.last[symbol])

    def hold(self, symbol: str, price: Decimal) -> None:
        """Set a price and keep it until it is released."""
        self.held.add(symbol)
        self.tell(symbol, price)

    def release(self, symbol: str) -> None:
        """Let a held price move again."""
        self.held.discard(symbol)

    def stop(self, symbol: str) -> None:
        """Stop the trading of a pair."""
        self.stopped.add(symbol)

    def resume(self, symbol: str) -> None:
        """Let a stopped pair trade again, from its last price. The minutes meanwhile have no bars."""
        if symbol in self.stopped:
            self.stopped.discard(symbol)
            self._steered.add(symbol)
            minute, price = self.clock() // MINUTE * MINUTE, self.last[symbol]
            if self.bars[symbol][-1].opened_at < minute:
                self._begin(symbol, Bar(minute, price, price, price, price))

    # --- bars --------------------------------------------------------------------------------------------------

    def roll(self) -> None:
        """Begin the bar of the present minute for every pair that has none, and those of the quiet minutes before."""
        for symbol in self.last.keys() - self.stopped:
            self._fill(symbol, self.now // MINUTE * MINUTE)

    def _fill(self, symbol: str, minute: int) -> None:
        """Begin the bars up to a minute. One without a trade stands at the close before it."""
        bars = self.bars[symbol]
        while bars and bars[-1].opened_at < minute:
            close = bars[-1].close
            opened_at = max(bars[-1].opened_at + MINUTE, minute - KEPT_MINUTES * MINUTE)
            self._begin(symbol, Bar(opened_at, close, close, close, close))

    def _begin(self, symbol: str, bar: Bar) -> None:
        """Begin a bar, and forget the oldest ones. What the past does not say of them is kept."""
        bars = self.bars[symbol]
        bars.append(bar)
        if len(bars) <= KEPT_MINUTES + FORGOTTEN_AT_ONCE:
            return
        old = {one.opened_at: one for one in bars[:FORGOTTEN_AT_ONCE]}
        del bars[:FORGOTTEN_AT_ONCE]
        for said in self._said(symbol, min(old), bars[0].opened_at):
            traded = old.get(said.opened_at)
            if traded is None or (said.open, said.high, said.low, said.close, said.volume) != (
                traded.open, traded.high, traded.low, traded.close, traded.volume
            ):  # fmt: skip
                self._told[symbol][said.opened_at] = traded

    def _minutes_of(self, pair: Pair, start: int, end: int) -> Minutes:
        """Return what the past says of the minutes that open from a time on and before another."""
        return self._past.minutes(pair.base, pair.quote, pair.start, pair.tick, start, end)

    def _said(self, symbol: str, start: int, end: int) -> list[Bar]:
        """Return the minutes that the past says."""
        pair = PAIRS[symbol]
        past = self._minutes_of(pair, start, end)
        return bars_of(past.columns(pair.tick, pair.step))

    def columns(self, symbol: str, start: int, end: int) -> Columns:
        """Return the minutes of a pair that open from `start` on and before `end` (milliseconds), the running one too.

        Those before the pair was opened here are of the past.
        """
        pair, bars = PAIRS[symbol], self.bars[symbol]
        opened = bars[0].opened_at
        past = self._minutes_of(pair, start, min(end, opened))
        columns = past.columns(pair.tick, pair.step)
        if differing := {at: bar for at, bar in self._told[symbol].items() if start <= at < end}:
            there = ~np.isin(columns.opened_at, [*differing])
            columns = _columns_of([bar for bar in differing.values() if bar is not None]).over(columns.chosen(there))
        first = bisect_left(bars, start, key=lambda bar: bar.opened_at)
        last = bisect_left(bars, end, key=lambda bar: bar.opened_at)
        return concatenated([columns, _columns_of(bars[first:last])])

    def minutes(self, symbol: str, since: int) -> list[Bar]:
        """Return the minutes of a pair from a moment on, the running one last, with the ids of those traded here."""
        bars = self.bars[symbol]
        first = bisect_left(bars, since, key=lambda bar: bar.opened_at)
        older = self._older(symbol, since, bars[0].opened_at) if since < bars[0].opened_at else []
        return older + bars[first:]

    def _older(self, symbol: str, since: int, until: int) -> list[Bar]:
        """Return the minutes of the past from one moment to another, which are kept while they are asked for."""
        kept, differing = self._kept.get(symbol), len(self._told[symbol])
        if kept is None or (kept.until, kept.differing) != (until, differing) or kept.since > since:
            kept = _Kept(since, until, differing, bars_of(self.columns(symbol, since, until)))
            self._kept[symbol] = kept
        return kept.bars[bisect_left(kept.bars, since, key=lambda bar: bar.opened_at) :]

    def trades(self, symbol: str, first: int, last: int) -> list[tuple[int, Decimal, Decimal]]:
        """Return time, price and quantity of the trades of the past from one step to another, both included."""
        pair, found = PAIRS[symbol], []
        for minute in range(max(first, BEGINS // STEP) // STEPS, last // STEPS + 1):
            past = self._minutes_of(pair, minute * MINUTE, (minute + 1) * MINUTE)
            quantity = int(past.quantity[0]) * pair.step
            for place, ticks in enumerate(past.prices()):
                if first <= minute * STEPS + place <= last:
                    found.append(((minute * STEPS + place) * STEP, ticks * pair.tick, quantity))
        return found


def bars_of(columns: Columns) -> list[Bar]:
    """Return candles as bars without ids."""
    return [
        Bar(bar.opened_at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades) for bar in columns.bars(1)
    ]


def _columns_of(bars: Sequence[Bar]) -> Columns:
    amounts = (np.array([getattr(bar, name) for bar in bars], np.float64) for name in ("open", "high", "low", "close"))
    opened, high, low, close = amounts
    return Columns(
        np.array([bar.opened_at for bar in bars], np.int64), opened, high, low, close,
        np.array([bar.volume for bar in bars], np.float64), np.array([bar.trades for bar in bars], np.uint32),
        np.full(len(bars), int(FLAGS[Proof.CONFIRMED]), np.uint8),
    )  # fmt: skip

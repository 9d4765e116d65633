"""The tape of each market: its trades and the changes of its order book, numbered without gaps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from adapters.paper.exchange import Paper
from adapters.paper.past import BEGINS, STEP

REMEMBERED = 5000
"""The newest trades of a market that can be asked for. What was traded before this process began is of the past."""


@dataclass(frozen=True)
class TapeTrade:
    """A public trade. `falls` is true when its price is below the one before."""

    id: int
    price: Decimal
    quantity: Decimal
    at: int
    falls: bool


@dataclass
class Tape:
    """The numbers of one market. `price_before` and `at_before` belong to the trade before the last one."""

    trade_id: int
    book_id: int
    price: Decimal
    quantity: Decimal
    at: int
    price_before: Decimal
    at_before: int
    began: int
    """The step of the first trade here: those before are of the past."""

    def __post_init__(self) -> None:
        """Remember the first trade."""
        self.first = self.trade_id
        self.trades: deque[TapeTrade] = deque(maxlen=REMEMBERED)

    def run(self, price: Decimal, quantity: Decimal, now: int) -> None:
        """Count a trade, and a change of the order book when the price has moved."""
        self.trade_id += 1
        self.book_id += price != self.price
        self.price_before, self.at_before = self.price, self.at
        self.price, self.quantity, self.at = price, quantity, now
        self.trades.append(TapeTrade(self.trade_id, price, quantity, now, price < self.price_before))


class Tapes:
    """The tapes of one paper exchange, a listener to its prices. Each new price is a trade on its market's tape."""

    def __init__(self, paper: Paper) -> None:
        self._prices = paper.prices
        # A hundred numbers per second are more than are used, so the numbers do not go back after a restart.
        self._first = paper.now() // 10
        self._tapes: dict[str, Tape] = {}
        for symbol in paper.prices.last:
            self._begin(symbol)

    def _begin(self, symbol: str) -> Tape:
        now, price, quantity = self._prices.now, self._prices.last[symbol], self._prices.quantities[symbol]
        self._tapes[symbol] = Tape(
            self._first, self._first, price, quantity, now, price, now, self._prices.last_step
        )  # fmt: skip
        bar = self._prices.bars[symbol][-1]
        bar.first_id, bar.last_id = self._first - bar.trades + 1, self._first
        return self._tapes[symbol]

    def __call__(self, symbol: str, price: Decimal) -> None:
        """Record a new price as a trade on the tape of its market."""
        if symbol not in self._tapes:
            self._begin(symbol)
            return
        tape = self._tapes[symbol]
        tape.run(price, self._prices.quantities[symbol], self._prices.now)
        bar = self._prices.bars[symbol][-1]
        bar.first_id, bar.last_id = tape.trade_id if bar.first_id is None else bar.first_id, tape.trade_id

    def of(self, symbol: str) -> Tape:
        """Return the tape of a market."""
        return self._tapes.get(symbol) or self._begin(symbol)

    def newest(self, symbol: str, count: int) -> list[TapeTrade]:
        """Return the newest trades of a market, oldest first."""
        tape = self.of(symbol)
        here = [*islice(tape.trades, max(len(tape.trades) - count, 0), None)]
        return self._of_the_past(symbol, tape.first - count + len(here) + 1, tape.first) + here

    def from_id(self, symbol: str, first: int, count: int) -> list[TapeTrade]:
        """Return trades of a market from an id on, oldest first. Trades forgotten since this process began are not."""
        tape = self.of(symbol)
        past = self._of_the_past(symbol, first, min(first + count - 1, tape.first))
        return (past + [trade for trade in tape.trades if trade.id >= first])[:count]

    def between(self, symbol: str, start: int, end: int, count: int) -> list[TapeTrade]:
        """Return the first trades of a market within a time (milliseconds, both included), oldest first."""
        tape = self.of(symbol)
        first = tape.first + max(-(-start // STEP), BEGINS // STEP) - tape.began
        last = min(tape.first + end // STEP - tape.began, tape.first, first + count - 1)
        return (self._of_the_past(symbol, first, last) + [t for t in tape.trades if start <= t.at <= end])[:count]

    def _of_the_past(self, symbol: str, first: int, last: int) -> list[TapeTrade]:
        """Return the trades from one id to another that were made before this process began."""
        return [*self._read_past(symbol, first, last)] if first <= last else []

    def _read_past(self, symbol: str, first: int, last: int) -> Iterator[TapeTrade]:
        tape = self._tapes[symbol]
        began, before = tape.began - tape.first, None
        for at, price, quantity in self._prices.trades(symbol, began + first - 1, began + last):
            if at // STEP - began >= first:
                yield TapeTrade(at // STEP - began, price, quantity, at, before is not None and price < before)
            before = price


def tapes_of(paper: Paper) -> Tapes:
    """Return the tapes of an exchange, the same object for its REST API and its streams."""
    for listener in paper.prices.listeners:
        if isinstance(listener, Tapes):
            return listener
    tapes = Tapes(paper)
    paper.prices.listeners.append(tapes)
    return tapes

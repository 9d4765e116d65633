"""The tape of each market: its trades and the changes of its order book, numbered without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.paper.exchange import Paper


@dataclass
class Tape:
    """The numbers of one market. `price_before` and `at_before` belong to the trade before the last one."""

    trade_id: int
    book_id: int
    price: Decimal
    at: int
    price_before: Decimal
    at_before: int

    def run(self, price: Decimal, now: int) -> None:
        """Count a trade, and a change of the order book when the price has moved."""
        self.trade_id += 1
        self.book_id += price != self.price
        self.price_before, self.at_before = self.price, self.at
        self.price, self.at = price, now


class Tapes:
    """The tapes of one paper exchange, a listener to its prices. Each new price is a trade on its market's tape."""

    def __init__(self, paper: Paper) -> None:
        self._now = paper.now
        self._bars = paper.prices.bars
        # A hundred numbers per second are more than are used, so the numbers do not go back after a restart.
        self._first = paper.now() // 10
        self._tapes: dict[str, Tape] = {}
        for symbol, price in paper.prices.last.items():
            self._begin(symbol, price)

    def _begin(self, symbol: str, price: Decimal) -> Tape:
        now = self._now()
        self._tapes[symbol] = Tape(self._first, self._first, price, now, price, now)
        return self._tapes[symbol]

    def __call__(self, symbol: str, price: Decimal) -> None:
        """Record a new price as a trade on the tape of its market."""
        tape = self.of(symbol, price)
        tape.run(price, self._now())
        bar = self._bars[symbol][-1]
        bar.first_id, bar.last_id = tape.trade_id if bar.first_id is None else bar.first_id, tape.trade_id

    def of(self, symbol: str, price: Decimal) -> Tape:
        """Return the tape of a market. A newly listed market's tape begins at this price."""
        return self._tapes.get(symbol) or self._begin(symbol, price)


def tapes_of(paper: Paper) -> Tapes:
    """Return the tapes of an exchange, the same object for its REST API and its streams."""
    for listener in paper.prices.listeners:
        if isinstance(listener, Tapes):
            return listener
    tapes = Tapes(paper)
    paper.prices.listeners.append(tapes)
    return tapes

"""The whole paper exchange in one object: clock, prices, markets, order book, ledger, faults, budgets, counts."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.paper.book import Book
from adapters.paper.budgets import Budgets
from adapters.paper.counts import Counts
from adapters.paper.faults import Faults
from adapters.paper.ledger import Ledger
from adapters.paper.market_faults import MarketFaults
from adapters.paper.markets import Markets
from adapters.paper.orders import Account
from adapters.paper.plans import Plans
from adapters.paper.prices import Prices


class Paper:
    """The state that the native APIs and the control API share.

    Each API adds to `followed` a function that returns the accounts whose private streams have a listener now.
    `clock` returns seconds since 1970; a test may set another than the machine's.
    """

    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(self, seed: int = 1) -> None:
        self.faults = Faults(clock=self.now)
        self.budgets = Budgets(self.now)
        self.prices = Prices(self.now, seed)
        self.markets = Markets(self.prices)
        self.book = Book(self.prices, self.markets)
        self.ledger = Ledger(self.prices, self.now, self.markets, self.book)
        self.counts = Counts(self.budgets, self.ledger)
        self.plans = Plans(self.ledger, self.faults)
        self.market_faults = MarketFaults()
        self.followed: list[Callable[[], list[Account]]] = []

    def now(self) -> int:
        """Return the exchange's time in milliseconds since 1970, skewed as the fault script says."""
        return int((self.clock() + self.faults.skew()) * 1000)

"""The whole paper exchange in one object: clock, prices, ledger, faults, budgets."""

from __future__ import annotations

import time
from collections import defaultdict

from adapters.paper.faults import Faults
from adapters.paper.ledger import Ledger
from adapters.paper.prices import Prices


class Paper:
    """What the native APIs and the control API share."""

    def __init__(self, seed: int = 1) -> None:
        self.faults = Faults()
        self.prices = Prices(self.now, seed)
        self.ledger = Ledger(self.prices, self.now)
        self._unlimited: set[str] = set()
        self._weights: dict[tuple[str, int], int] = defaultdict(int)

    def now(self) -> int:
        """The exchange's clock in milliseconds since 1970, wrong by what the fault script says."""
        return int((time.time() + self.faults.skew()) * 1000)

    def weigh(self, exchange: str, weight: int) -> int:
        """Count a request's weight; answers what was used in this minute."""
        minute = self.now() // 60_000
        for known in [key for key in self._weights if key[1] < minute]:
            del self._weights[known]
        self._weights[exchange, minute] += weight
        return self._weights[exchange, minute]

    def limited(self, exchange: str) -> bool:
        """Whether this exchange enforces its budget."""
        return exchange not in self._unlimited

    def limit(self, exchange: str, *, enabled: bool) -> None:
        """Switch the budget on or off."""
        (self._unlimited.discard if enabled else self._unlimited.add)(exchange)

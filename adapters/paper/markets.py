"""The markets of the running paper exchange: their rules, the listed ones and the delisted ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from adapters.paper.pairs import PAIRS, Pair
from adapters.paper.prices import Prices
from adapters.paper.rules import Rules, rules_of


class Markets:
    """The rules per exchange and pair. Changed rules do not survive a restart; an added pair that has orders does.

    The listeners in `delisted` are called with the exchange and the pair that is being delisted.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._rules: dict[tuple[str, str], Rules] = {}
        self._away: set[tuple[str, str]] = set()
        self._added: set[str] = set()
        self.delisted: list[Callable[[str, Pair], None]] = []

    def rules(self, exchange: str, pair: Pair) -> Rules:
        """Return the current rules of a market."""
        return self._rules.setdefault((exchange, pair.symbol), rules_of(pair, exchange))

    def pairs(self, exchange: str) -> list[Pair]:
        """Return the pairs that an exchange lists now."""
        return [pair for pair in PAIRS.values() if self.listed(exchange, pair)]

    def listed(self, exchange: str, pair: Pair) -> bool:
        """Return True when an exchange lists a pair.

        Being in `PAIRS` is not enough: another paper exchange in this process may have added it for itself.
        """
        return pair.symbol in self._prices.last and (exchange, pair.symbol) not in self._away

    def added(self, pair: Pair) -> bool:
        """Return True when a pair was added while the exchange ran."""
        return pair.symbol in self._added

    def pair(self, symbol: object) -> Pair:
        """Return the pair of a symbol such as BTC/USDT. Raises `ValueError` for one that was never listed."""
        if not isinstance(symbol, str) or symbol not in self._prices.last:
            raise ValueError(f"symbol is one of {sorted(self._prices.last)}")
        return PAIRS[symbol]

    def change(self, exchange: str, pair: Pair, **what: Any) -> Rules:
        """Change the rules of a market, see `Rules.changed`. Raises `ValueError` and changes nothing on bad input."""
        return self.put(exchange, pair, self.rules(exchange, pair).changed(**what))

    def put(self, exchange: str, pair: Pair, rules: Rules) -> Rules:
        """Set the rules of a market and return them."""
        self._rules[exchange, pair.symbol] = rules
        return rules

    def list(self, exchange: str, pair: Pair) -> None:
        """List a new pair, or one that was delisted. A new pair's price begins at its `start`."""
        if pair.symbol not in self._prices.last:
            # The public data and the market streams look pairs up in `PAIRS`.
            PAIRS[pair.symbol] = pair
            self._added.add(pair.symbol)
            self._prices.open(pair)
            self._prices.tell(pair.symbol, pair.start)
        self._away.discard((exchange, pair.symbol))

    def delist(self, exchange: str, pair: Pair) -> None:
        """Delist a pair: its orders expire, and it can no longer be used."""
        for listener in self.delisted:
            listener(exchange, pair)
        self._away.add((exchange, pair.symbol))

    def forget(self) -> None:
        """Remove the pairs added here from `PAIRS`, which the whole process shares."""
        for symbol in self._added:
            PAIRS.pop(symbol, None)
            self._prices.close(symbol)
        self._added.clear()


def new_pair(base: object, quote: object, price: object, tick: object, step: object) -> Pair:
    """Return a pair to be listed. Raises `ValueError` for input that cannot make a market."""
    if not (isinstance(base, str) and isinstance(quote, str) and base.isalnum() and quote.isalnum()):
        raise ValueError("base and quote are words of letters and digits")
    amounts = [Decimal(str(value)) for value in (price, tick, step)]
    if any(not value.is_finite() or value <= 0 for value in amounts) or amounts[0] % amounts[1]:
        raise ValueError("price, tick and step are above zero, and the price is a multiple of the tick")
    return Pair(base, quote, *amounts)

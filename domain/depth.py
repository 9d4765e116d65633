"""The depth of a market: the best orders of its book, and what an order would trade against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from domain.amounts import ZERO, difference, is_amount, product, total
from domain.orders.wish import HUNDRED_PERCENT, Side

Level = tuple[Decimal, Decimal]
"""A price (quote per base) and the quantity (base) that is offered there."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The trades that an order would make at once: their quantity (base), their cost (quote), and the best price.

    `whole` is False when the levels, or those within its limit, do not hold all of it.
    """

    quantity: Decimal
    cost: Decimal
    best: Decimal
    whole: bool

    @property
    def average(self) -> Decimal:
        """The average price (quote per base)."""
        return self.cost / self.quantity

    @property
    def slippage(self) -> Decimal:
        """The distance of the average price from the best one, in percent, never negative."""
        return abs(difference(self.average, self.best)) / self.best * HUNDRED_PERCENT


@dataclass(frozen=True, slots=True)
class Depth:
    """The best bids and asks of a market, best first."""

    bids: Sequence[Level]
    asks: Sequence[Level]

    def check(self) -> None:
        """Raise `ValueError` for levels that no book has: out of order, crossed, or without a quantity."""
        for levels, sign in ((self.bids, -1), (self.asks, 1)):
            if any(not is_amount(price) or not is_amount(there) or min(price, there) <= 0 for price, there in levels):
                raise ValueError("a level that no book has")
            if any(sign * difference(after[0], before[0]) <= 0 for before, after in pairwise(levels)):
                raise ValueError("levels out of order")
        if self.bids and self.asks and self.bids[0][0] >= self.asks[0][0]:
            raise ValueError("a crossed book")

    def against(self, side: Side) -> Sequence[Level]:
        """Return the levels that an order of this side trades with, best first."""
        return self.asks if side is Side.BUY else self.bids

    def walk(
        self, side: Side, *, quantity: Decimal | None = None, cost: Decimal | None = None, limit: Decimal | None = None
    ) -> Walk | None:
        """Return the trades of an order of this `quantity` (base) or `cost` (quote), None when it makes none."""
        levels, traded = self.against(side), list[Level]()
        left = quantity if quantity is not None else cost or ZERO
        for price, there in levels:
            if left <= 0 or (limit is not None and (price > limit if side is Side.BUY else price < limit)):
                break
            taken = min(there, left if quantity is not None else left / price)
            traded.append((price, taken))
            left = difference(left, taken if quantity is not None else product(price, taken))
            if taken < there:
                left = ZERO  # a cost that is not a whole quantity leaves a rest of no digits that count
        if not traded:
            return None
        spent = total(product(price, taken) for price, taken in traded)
        return Walk(total(taken for _, taken in traded), spent, levels[0][0], whole=left <= 0)

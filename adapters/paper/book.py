"""The order book of a market: infinitely deep at the last price until it is given levels around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from adapters.paper.markets import Markets
from adapters.paper.pairs import Pair
from adapters.paper.prices import Prices

_SHOWN_LEVELS, _SHOWN_QUANTITY = 10, Decimal(1)
_MOST_LEVELS = 5000


@dataclass(frozen=True)
class Shape:
    """The layout of a book's levels. `spread` and `step` are in ticks; `quantity` is in base, per level."""

    spread: int
    step: int
    quantity: Decimal
    levels: int

    def around(self, price: Decimal, tick: Decimal, limit: int) -> tuple[list[Decimal], list[Decimal]]:
        """Return the prices of the bids and the asks around a price, best first and at most so many of each."""
        bid = price - self.spread // 2 * tick
        ask = bid + self.spread * tick
        steps = [number * self.step * tick for number in range(min(limit, self.levels))]
        return [bid - step for step in steps if step < bid], [ask + step for step in steps]


class Book:
    """The levels of every market. Every order finds them full again; only a price change moves them."""

    def __init__(self, prices: Prices, markets: Markets, exchange: str = "binance") -> None:
        self._prices, self._markets, self._exchange = prices, markets, exchange
        self.shapes: dict[str, Shape] = {}

    def shape(self, pair: Pair, given: Mapping[str, Any] | None) -> None:
        """Set the levels of a market; None makes it infinitely deep again. Raises `ValueError` for bad input."""
        if given is None:
            self.shapes.pop(pair.symbol, None)
        else:
            self.shapes[pair.symbol] = shape_of(given, self._markets.rules(self._exchange, pair).step)

    def depth(self, pair: Pair) -> Shape | None:
        """Return the layout of a market's levels, None when it is infinitely deep."""
        return self.shapes.get(pair.symbol)

    def levels(self, pair: Pair, side: str) -> list[tuple[Decimal, Decimal]]:
        """Return price and quantity of each level of the bids (`buy`) or asks (`sell`), best first.

        An infinitely deep market shows ten levels of one coin each, one tick apart.
        """
        rules, last = self._markets.rules(self._exchange, pair), self._prices.last[pair.symbol]
        tick = rules.tick or pair.tick
        shape = self.shapes.get(pair.symbol)
        if shape is None:
            sign = -1 if side == "buy" else 1
            shown = [(last + sign * n * tick, _SHOWN_QUANTITY) for n in range(1, _SHOWN_LEVELS + 1)]
        else:
            bids, asks = shape.around(last, tick, shape.levels)
            shown = [(price, shape.quantity) for price in (bids if side == "buy" else asks)]
        return [(price, quantity) for price, quantity in shown if price > 0]

    def best(self, pair: Pair, side: str) -> Decimal | None:
        """Return the price at which an order of this side trades first, None when the other side is empty."""
        if pair.symbol not in self.shapes:
            return self._prices.last[pair.symbol]
        return next((price for price, _ in self.levels(pair, _other(side))), None)

    def fills(
        self, pair: Pair, side: str, quantity: Decimal, limit: Decimal | None = None
    ) -> list[tuple[Decimal, Decimal]]:
        """Return price and quantity of each trade that an order of this side makes at once, within its limit."""
        if pair.symbol not in self.shapes:
            last = self._prices.last[pair.symbol]
            return [(last, quantity)] if quantity and reaches(side, limit, last) else []
        made = []
        for price, there in self.levels(pair, _other(side)):
            if not quantity or not reaches(side, limit, price):
                break
            taken = min(there, quantity)
            made.append((price, taken))
            quantity -= taken
        return made

    def affordable(self, pair: Pair, side: str, quote: Decimal, step: Decimal) -> Decimal:
        """Return the quantity that buys or sells for an amount of quote at market, rounded down to whole steps."""
        if pair.symbol not in self.shapes:
            return _floor(quote / self._prices.last[pair.symbol], step)
        bought = Decimal(0)
        for price, there in self.levels(pair, _other(side)):
            if price * there >= quote:
                return _floor(bought + quote / price, step)
            bought, quote = bought + there, quote - price * there
        return _floor(bought, step)


def reaches(side: str, limit: Decimal | None, price: Decimal) -> bool:
    """Return True when an order with this limit, None for a market order, trades at a price."""
    return limit is None or (price <= limit if side == "buy" else price >= limit)


def shape_of(given: Mapping[str, Any], step: Decimal) -> Shape:
    """Read a shape. Raises `ValueError` for bad input."""
    if not isinstance(given, Mapping) or set(given) != {"spread", "step", "quantity", "levels"}:
        raise ValueError("a book is told by spread, step, quantity and levels")
    shape = Shape(int(given["spread"]), int(given["step"]), Decimal(str(given["quantity"])), int(given["levels"]))
    if not (shape.spread > 0 and shape.step > 0 and 0 <= shape.levels <= _MOST_LEVELS):
        raise ValueError(f"spread and step are at least 1, levels are at most {_MOST_LEVELS}")
    if not shape.quantity.is_finite() or shape.quantity <= 0 or (step and shape.quantity % step):
        raise ValueError(f"the quantity of a level is a multiple of {step}")
    return shape


def _other(side: str) -> str:
    return "buy" if side == "sell" else "sell"


def _floor(quantity: Decimal, step: Decimal) -> Decimal:
    return (quantity / step).to_integral_value(ROUND_DOWN) * step if step else quantity

"""A market's rules: the one place where prices are rounded to the tick and quantities down to the step."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.amounts import ZERO, down_to_step, nearest_step, product
from domain.refusals import Invalid
from domain.wish import Side, Type


@dataclass(frozen=True)
class Market:
    """One tradable pair of one exchange.

    `price_tick` and all notionals are in the quote currency, steps and quantities in the base currency. A limit of
    zero means that the exchange sets none.
    """

    exchange: str
    symbol: str
    native: str
    base: str
    quote: str
    active: bool
    price_tick: Decimal
    quantity_step: Decimal
    minimum_quantity: Decimal = ZERO
    maximum_quantity: Decimal = ZERO
    market_maximum_quantity: Decimal = ZERO
    minimum_price: Decimal = ZERO
    maximum_price: Decimal = ZERO
    minimum_notional: Decimal = ZERO
    maximum_notional: Decimal = ZERO
    cost_step: Decimal = Decimal("0.00000001")

    def round_price(self, price: Decimal) -> Decimal:
        """The nearest price on the tick."""
        return nearest_step(price, self.price_tick)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """The largest quantity on the step that is not above `quantity`."""
        return down_to_step(quantity, self.quantity_step)

    def round_cost(self, cost: Decimal) -> Decimal:
        """The largest cost (quote) that is not above `cost` and that the exchange can express."""
        return down_to_step(cost, self.cost_step)

    def check(
        self,
        order_type: Type,
        quantity: Decimal | None,
        cost: Decimal | None,
        price: Decimal | None,
        last_price: Decimal,
    ) -> None:
        """Raise `Invalid` with the rule's code when the exchange would refuse this size or price.

        A market order is weighed at `last_price` (quote per base), as exchanges do.
        """
        if not self.active:
            raise Invalid(f"{self.symbol} is not trading", code="market_closed", field="symbol")
        if quantity is not None:
            self._check_quantity(order_type, quantity)
        if price is not None and (
            price < self.minimum_price or (self.maximum_price and price > self.maximum_price) or price <= 0
        ):
            raise Invalid(f"{price} is outside the prices of {self.symbol}", code="price_out_of_range", field="price")
        notional = cost if cost is not None else product(quantity or ZERO, price if price is not None else last_price)
        if notional < self.minimum_notional:
            raise Invalid(
                f"{notional.normalize():f} {self.quote} is below the minimum of {self.minimum_notional.normalize():f}",
                code="notional_below_minimum",
                field="quantity",
            )
        if self.maximum_notional and notional > self.maximum_notional:
            raise Invalid(
                f"{notional.normalize():f} {self.quote} is above the maximum of {self.maximum_notional.normalize():f}",
                code="notional_above_maximum",
                field="quantity",
            )

    def _check_quantity(self, order_type: Type, quantity: Decimal) -> None:
        if quantity <= 0 or quantity < self.minimum_quantity:
            raise Invalid(
                f"{quantity.normalize():f} {self.base} is below the minimum of {self.minimum_quantity.normalize():f}",
                code="quantity_below_minimum",
                field="quantity",
            )
        limits = [self.maximum_quantity, *([self.market_maximum_quantity] if order_type is Type.MARKET else [])]
        if any(limit and quantity > limit for limit in limits):
            raise Invalid(
                f"{quantity.normalize():f} {self.base} is above the maximum of one order",
                code="quantity_above_maximum",
                field="quantity",
            )

    def spends(self, side: Side) -> str:
        """The currency that an order of this side gives away."""
        return self.quote if side is Side.BUY else self.base

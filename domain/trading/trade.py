"""A trade: the coins and the money from its first buy to the sale that leaves too little to sell.

Quantities are in the base currency, prices and costs in the quote currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.amounts import ZERO, difference, product, total
from domain.orders.execution import Execution, remaining_of


@dataclass(frozen=True)
class Trade:
    """The coins and the money of one trade so far. Dust that it begins with counts as bought, at its cost."""

    symbol: str
    held: Decimal = ZERO
    bought_quantity: Decimal = ZERO
    bought_cost: Decimal = ZERO
    sold_quantity: Decimal = ZERO
    sold_cost: Decimal = ZERO
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    fees_valued: Decimal = ZERO
    """The value of its fees in third currencies (quote), as far as it is known."""
    fees_left_out: bool = False
    """True when the value of some of those fees is not known."""
    opened_at: datetime | None = None
    """The time of the first buy (UTC); None before it."""

    @classmethod
    def of_dust(cls, symbol: str, dust: Decimal, cost: Decimal) -> Trade:
        """Return a trade that has not begun, with what the one before it could not sell."""
        return cls(symbol, held=dust, bought_quantity=dust, bought_cost=cost)

    @property
    def average_entry(self) -> Decimal:
        """The quantity-weighted average price of all buys; zero before the first."""
        return self.bought_cost / self.bought_quantity if self.bought_quantity else ZERO

    @property
    def average_exit(self) -> Decimal:
        """The quantity-weighted average price of all sales, at least one of which has been made."""
        return self.sold_cost / self.sold_quantity

    @property
    def dust_cost(self) -> Decimal:
        """The cost of what is still held."""
        return product(self.held, self.average_entry)

    @property
    def net(self) -> Decimal:
        """The profit after fees (quote): what the sales brought, less the cost of what was sold.

        Fees in the base currency are coins that were bought and never sold: the difference includes them already.
        """
        fees = total((self.fees.get(self.symbol.partition("/")[2], ZERO), self.fees_valued))
        return difference(self.sold_cost, total((self.bought_cost, fees, self.dust_cost.copy_negate())))

    def profit(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the gross profit (quote) of a sale: (its price - average buy price) x quantity."""
        return product(difference(price, self.average_entry), quantity)

    def bought(self, execution: Execution, received: Decimal) -> Trade:
        """Return the trade after a buy; `received` is its quantity less a fee in the base currency."""
        return replace(
            self._paid(execution),
            opened_at=self.opened_at or execution.executed_at,
            held=total((self.held, received)),
            bought_quantity=total((self.bought_quantity, execution.quantity)),
            bought_cost=total((self.bought_cost, product(execution.quantity, execution.price))),
        )

    def sold(self, execution: Execution, quantity: Decimal) -> Trade:
        """Return the trade after a sale of `quantity` of its coins."""
        return replace(
            self._paid(execution),
            held=remaining_of(self.held, quantity, execution, self.symbol),
            sold_quantity=total((self.sold_quantity, quantity)),
            sold_cost=total((self.sold_cost, product(quantity, execution.price))),
        )

    def _paid(self, execution: Execution) -> Trade:
        currency = execution.fee_currency
        if not execution.fee or not currency:
            return self
        fees = {**self.fees, currency: total((self.fees.get(currency, ZERO), execution.fee))}
        if currency in self.symbol.split("/"):
            return replace(self, fees=fees)
        return replace(
            self,
            fees=fees,
            fees_valued=total((self.fees_valued, execution.fee_value or ZERO)),
            fees_left_out=self.fees_left_out or execution.fee_value is None,
        )

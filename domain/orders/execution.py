"""An execution: one fill as a position counts it. Quantities are in the base currency, prices in quote per base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.amounts import ZERO, difference, is_amount, total
from domain.refusals import Invalid


@dataclass(frozen=True)
class Execution:
    """One fill as a position counts it. `fee` is in `fee_currency` and never negative.

    `fee_value` is the value of a fee in a third currency (quote), None when it is not known.
    """

    order_id: UUID
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str | None
    executed_at: datetime
    fee_value: Decimal | None = None

    @property
    def key(self) -> str:
        """The key that tells it apart from every other fill."""
        return key_of(self.order_id, self.trade_id)


def key_of(order_id: UUID, trade_id: str) -> str:
    """Return the key under which a position remembers a fill."""
    return f"{order_id.hex}:{trade_id}"


def fee_in_coins(execution: Execution, symbol: str) -> Decimal:
    """Return the fee that an execution took from the traded coins (base); zero when it was paid in another currency."""
    return execution.fee if execution.fee_currency == symbol.partition("/")[0] else ZERO


def remaining_of(held: Decimal, quantity: Decimal, sold: Execution, symbol: str) -> Decimal:
    """Return what is left (base) after `quantity` was sold and its fee was paid.

    Never negative: the fee may have been paid from other coins.
    """
    return max(difference(held, total((quantity, fee_in_coins(sold, symbol)))), ZERO)


def check_fill(quantity: Decimal, price: Decimal, fee: Decimal) -> None:
    """Raise `Invalid` when an amount of a fill is not valid: none is negative, and something was executed."""
    if not all(is_amount(amount) and amount >= 0 for amount in (quantity, price, fee)) or not quantity:
        raise Invalid(f"not a valid fill: {quantity} at {price} with fee {fee}", code="fill_contradicts")

"""Amounts: sums and multiples that stay exact, however many digits they have.

Decimal's usual context rounds at 28 digits, which a sum of 18-place fills or a division by a small step can reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

ZERO = Decimal(0)
_DIGITS = 100


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    with localcontext(prec=_DIGITS):
        return sum(amounts, ZERO)


def product(one: Decimal, other: Decimal) -> Decimal:
    """Their exact product."""
    with localcontext(prec=_DIGITS):
        return one * other


def down_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `amount` (never negative); a step of zero changes nothing."""
    if not step:
        return amount
    with localcontext(prec=_DIGITS):
        return amount // step * step


def nearest_step(amount: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` nearest to `amount`, the even one of two; a step of zero changes nothing."""
    if not step:
        return amount
    with localcontext(prec=_DIGITS):
        return (amount / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step

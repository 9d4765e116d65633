"""Amounts: sums and multiples that stay exact, however many digits they have.

Decimal's usual context rounds at 28 digits, which a sum of 18-place fills or a division by a small step can reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

ZERO = Decimal(0)
LONGEST = 40
"""No amount that anybody trades has more digits before or after its point; products of two still fit below."""
_DIGITS = 200


def is_amount(value: Decimal) -> bool:
    """Whether it is a number that can be reckoned with exactly: finite, and neither huge nor tiny beyond reason."""
    return value.is_finite() and abs(value.adjusted()) <= LONGEST and len(value.as_tuple().digits) <= 2 * LONGEST


def plain(amount: Decimal) -> str:
    """Every digit of it and none more, without an exponent: equal amounts are equal texts."""
    with localcontext(prec=_DIGITS):
        return f"{amount.normalize():f}"


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    with localcontext(prec=_DIGITS):
        return sum(amounts, ZERO)


def difference(one: Decimal, other: Decimal) -> Decimal:
    """What is left of `one` without `other`, exactly."""
    with localcontext(prec=_DIGITS):
        return one - other


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

"""Amounts: sums and multiples that stay exact, however many digits they have.

Decimal's default context rounds to 28 digits, which a sum of 18-place fills or a division by a small step can reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from domain.refusals import Invalid

ZERO = Decimal(0)
LONGEST = 40
"""The most digits of an amount before or after its point, more than any trade needs. Products of two fit `_DIGITS`."""
_DIGITS = 200


def is_amount(value: Decimal) -> bool:
    """Return True for a number that exact arithmetic can take: finite, and neither huge nor tiny beyond reason."""
    return value.is_finite() and abs(value.adjusted()) <= LONGEST and len(value.as_tuple().digits) <= 2 * LONGEST


def check_positive(**amounts: Decimal | None) -> None:
    """Raise `Invalid`, naming the amount, when one is given that is not an amount above zero."""
    for name, amount in amounts.items():
        if amount is not None and not (is_amount(amount) and amount > 0):
            raise Invalid(f"{name} was {amount}; it must be above zero", code="not_positive", field=name)


def plain(amount: Decimal) -> str:
    """Return every digit of the amount, without exponent or superfluous zeros: equal amounts are equal texts."""
    with localcontext(prec=_DIGITS):
        return f"{amount.normalize():f}"


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    with localcontext(prec=_DIGITS):
        return sum(amounts, ZERO)


def difference(one: Decimal, other: Decimal) -> Decimal:
    """Return `one` minus `other`, exactly."""
    with localcontext(prec=_DIGITS):
        return one - other


def product(one: Decimal, other: Decimal) -> Decimal:
    """Return the exact product."""
    with localcontext(prec=_DIGITS):
        return one * other


def down_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` not above `amount` (never negative). A step of zero changes nothing."""
    if not step:
        return amount
    with localcontext(prec=_DIGITS):
        return amount // step * step


def nearest_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the multiple of `step` nearest to `amount`, the even one of two. A step of zero changes nothing."""
    if not step:
        return amount
    with localcontext(prec=_DIGITS):
        return (amount / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step

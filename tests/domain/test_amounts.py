"""Amounts: which numbers exact arithmetic accepts, and rounding to a step."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.amounts import LONGEST, down_to_step, is_amount, nearest_step

EDGES = {
    "the largest": (Decimal(f"1e{LONGEST}"), True),
    "ten times that": (Decimal(f"1e{LONGEST + 1}"), False),
    "the least": (Decimal(f"1e-{LONGEST}"), True),
    "a tenth of that": (Decimal(f"1e-{LONGEST + 1}"), False),
    "as many digits as two such have": (Decimal("1" * LONGEST + "." + "1" * LONGEST), True),
    "one digit more": (Decimal("1" * LONGEST + "." + "1" * (LONGEST + 1)), False),
    "endless": (Decimal("Infinity"), False),
    "no number": (Decimal("NaN"), False),
}


@pytest.mark.parametrize("edge", EDGES)
def test_an_amount_is_finite_and_no_longer_than_any_trade_needs(edge):
    value, taken = EDGES[edge]
    assert (is_amount(value), is_amount(value.copy_negate())) == (taken, taken)


@pytest.mark.parametrize(
    ("amount", "below", "near"), [("7.4", "7.2", "7.2"), ("7.6", "7.2", "7.8"), ("7.5", "7.2", "7.2")]
)
def test_an_amount_goes_down_to_its_step_or_to_the_nearest_one(amount, below, near):
    """Halfway between two steps, the nearest is the even one: twelve steps, not thirteen."""
    step = Decimal("0.6")
    assert (down_to_step(Decimal(amount), step), nearest_step(Decimal(amount), step)) == (Decimal(below), Decimal(near))


def test_without_a_step_an_amount_stays_as_it_is():
    amount, none = Decimal("7.123456789"), Decimal(0)
    assert (down_to_step(amount, none), nearest_step(amount, none)) == (amount, amount)

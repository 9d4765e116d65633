"""What an order would trade against the best orders of a book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.depth import Depth
from domain.orders.wish import Side

D = Decimal
DEPTH = Depth(bids=[(D(99), D(1)), (D(98), D(2))], asks=[(D(101), D(1)), (D(103), D(3))])
amounts = st.decimals(min_value="0.001", max_value=100, places=3)


@pytest.mark.parametrize(
    ("side", "size", "quantity", "cost", "whole"),
    [
        (Side.BUY, {"quantity": D(1)}, 1, 101, True),
        (Side.BUY, {"quantity": D(2)}, 2, 204, True),
        (Side.BUY, {"quantity": D(5)}, 4, 410, False),
        (Side.BUY, {"cost": D(204)}, 2, 204, True),
        (Side.BUY, {"cost": D(1000)}, 4, 410, False),
        (Side.SELL, {"quantity": D(2)}, 2, 197, True),
        (Side.BUY, {"quantity": D(2), "limit": D(102)}, 1, 101, False),
        (Side.SELL, {"quantity": D(2), "limit": D(99)}, 1, 99, False),
    ],
)
def test_an_order_walks_the_levels_as_far_as_its_limit(side, size, quantity, cost, whole):
    walk = DEPTH.walk(side, **size)
    assert (walk.quantity, walk.cost, walk.whole) == (quantity, cost, whole)


def test_slippage_is_measured_from_the_best_price():
    walk = DEPTH.walk(Side.BUY, quantity=D(2))
    assert (walk.best, walk.average) == (101, 102)
    assert round(walk.slippage, 4) == D("0.9901")
    assert DEPTH.walk(Side.SELL, quantity=D(1)).slippage == 0


def test_an_order_that_reaches_nothing_trades_nothing():
    assert DEPTH.walk(Side.BUY, quantity=D(1), limit=D(100)) is None
    assert Depth([], []).walk(Side.BUY, quantity=D(1)) is None


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(D(99), D(1)), (D(99), D(1))], []),
        ([(D(98), D(1)), (D(99), D(1))], []),
        ([], [(D(102), D(1)), (D(101), D(1))]),
        ([(D(101), D(1))], [(D(101), D(1))]),
        ([(D(99), D(0))], []),
        ([(D(-1), D(1))], []),
        ([(D("NaN"), D(1))], []),
        ([(D("1e400"), D(1))], []),
    ],
)
def test_levels_that_no_book_has_are_refused(bids, asks):
    with pytest.raises(ValueError, match=r"book|order"):
        Depth(bids, asks).check()


@given(side=st.sampled_from(Side), amount=amounts, by_cost=st.booleans())
def test_no_more_is_traded_than_asked_for_or_offered(side, amount, by_cost):
    """And the average lies between the best and the worst level that was touched."""
    walk = DEPTH.walk(side, **({"cost": amount} if by_cost else {"quantity": amount}))
    levels = DEPTH.against(side)
    assert walk.quantity <= sum(there for _, there in levels)
    assert (walk.cost if by_cost else walk.quantity) <= amount * (1 + D("1e-20"))
    assert min(price for price, _ in levels) <= walk.average <= max(price for price, _ in levels)
    if walk.whole:
        assert abs((walk.cost if by_cost else walk.quantity) - amount) <= amount * D("1e-20")

"""The size of an order follows from values alone: the same in a lane and wherever else an order is sized."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.trading.sizing import sized
from domain.aggregate import carrying
from domain.amounts import ZERO
from domain.order import Order
from domain.refusals import Invalid
from domain.wish import Side, Source, Type, Wish
from tests.domain.test_market import MARKET

LAST = Decimal(50)
amounts = st.decimals(min_value=0, max_value=10**6, places=6)
percents = st.decimals(min_value=1, max_value=100, places=2)


def order(source=Source.WEBHOOK, **wish):
    """An order that nobody has sent."""
    with carrying(user="1"):
        return Order.place(
            order_id=UUID(int=1), user=1, broker=1, wish=Wish(MARKET.symbol, **wish), source=source,
            requester="Webhooks", client_order_id="ARISTO_1",
        )  # fmt: skip


@given(free=amounts, percent=percents, side=st.sampled_from(Side), held=st.none() | amounts)
def test_a_share_never_spends_more_than_is_free_nor_more_than_is_held(free, percent, side, held):
    """Whatever the steps of the market are; what is too small is refused."""
    held = held if side is Side.SELL else None
    try:
        found = sized(order(side=side, type=Type.MARKET, percent=percent), MARKET, free, held, LAST)
    except Invalid:
        return
    request = found.request
    spent = (request.quantity if side is Side.SELL else request.cost) + found.rest
    assert ZERO < spent <= min(free, free if held is None else held)


def test_a_share_of_a_position_is_no_share_of_all_coins():
    """Half of the four that are held, of the hundred that are there."""
    sale = order(side=Side.SELL, type=Type.MARKET, percent=Decimal(50))
    assert sized(sale, MARKET, Decimal(100), Decimal(4), LAST).request.quantity == Decimal(2)


@pytest.mark.parametrize(("free", "code"), [("0", "insufficient_funds"), ("1.99", "insufficient_funds")])
def test_what_is_not_free_is_refused_with_the_amount(free, code):
    """By hand: no coins of a fee are forgiven."""
    sale = order(Source.MANUAL, side=Side.SELL, type=Type.MARKET, quantity=Decimal(2))
    with pytest.raises(Invalid, match=f"{free} ") as refused:
        sized(sale, MARKET, Decimal(free), None, LAST)
    assert refused.value.code == code

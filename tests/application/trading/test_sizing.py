"""The size of an order is computed from values alone, the same in a lane and anywhere else."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.trading.sizing import sized
from domain.aggregate import carrying
from domain.amounts import ZERO
from domain.orders.order import PROTECTION, Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.refusals import Invalid
from tests.domain.test_market import FREE, MARKET

pytestmark = pytest.mark.exchanges("binance", "bitget")

LAST = Decimal(50)
amounts = st.decimals(min_value=0, max_value=10**6, places=6)
percents = st.decimals(min_value=1, max_value=100, places=2)


def order(source=Source.WEBHOOK, requester="Webhooks", **wish):
    """Return an order that was never sent."""
    with carrying(user="1"):
        return Order.place(
            order_id=UUID(int=1), user=1, broker=1, wish=Wish(MARKET.symbol, **wish), source=source,
            requester=requester, client_order_id="ARISTO_1",
        )  # fmt: skip


@given(free=amounts, percent=percents, side=st.sampled_from(Side), held=st.none() | amounts)
def test_a_share_never_spends_more_than_is_free_nor_more_than_is_held(free, percent, side, held):
    """The limit holds whatever the market's step is. A size that is too small is refused."""
    held = held if side is Side.SELL else None
    try:
        found = sized(order(side=side, type=Type.MARKET, percent=percent), MARKET, free, held, LAST)
    except Invalid:
        return
    request = found.request
    spent = (request.quantity if side is Side.SELL else request.cost) + found.rest
    assert ZERO < spent <= min(free, free if held is None else held)


def test_a_share_of_a_position_is_no_share_of_all_coins():
    """Half is sold of the four coins held, not of the hundred in the account."""
    sale = order(side=Side.SELL, type=Type.MARKET, percent=Decimal(50))
    assert sized(sale, MARKET, Decimal(100), Decimal(4), LAST).request.quantity == Decimal(2)


@pytest.mark.parametrize(("free", "code"), [("0", "insufficient_funds"), ("1.99", "insufficient_funds")])
def test_what_is_not_free_is_refused_with_the_amount(free, code):
    """A manual sale is not reduced for coins that a fee has taken."""
    sale = order(Source.MANUAL, side=Side.SELL, type=Type.MARKET, quantity=Decimal(2))
    with pytest.raises(Invalid, match=f"{free} ") as refused:
        sized(sale, MARKET, Decimal(free), None, LAST)
    assert refused.value.code == code


def sale(quantity, source=Source.MANUAL, **wish):
    """Return a market sell of this quantity (base)."""
    return order(source, side=Side.SELL, type=Type.MARKET, quantity=Decimal(quantity), **wish)


def buy(kind, **amounts):
    """Return a manual buy."""
    wish = {name: Decimal(amount) for name, amount in amounts.items()}
    return order(Source.MANUAL, side=Side.BUY, type=kind, **wish)


@pytest.mark.parametrize(
    ("source", "requester", "sold"),
    [(Source.WEBHOOK, "Webhooks", "2"), (Source.MANUAL, PROTECTION, "2"), (Source.MANUAL, "somebody", "3")],
)
def test_an_alert_and_a_protection_sell_no_more_than_the_position_has(source, requester, sold):
    """Fees of other trades may have taken some of the position's coins. A manual sale may sell all that is free."""
    assert sized(
        sale(3, source, requester=requester), MARKET, Decimal(100), Decimal(2), LAST
    ).request.quantity == Decimal(sold)


def test_all_that_is_free_may_be_spent():
    assert sized(sale(1), MARKET, Decimal(1), None, LAST).request.quantity == Decimal(1)
    assert sized(buy(Type.MARKET, cost="100"), MARKET, Decimal(100), None, LAST).request.cost == Decimal(100)


@pytest.mark.parametrize(
    "wish",
    [
        buy(Type.MARKET, cost="100.01"),
        buy(Type.LIMIT, quantity="2.01", price="50"),
    ],
)
def test_a_buy_costs_no_more_than_is_free(wish):
    with pytest.raises(Invalid) as refused:
        sized(wish, MARKET, Decimal(100), None, LAST)
    assert refused.value.code == "insufficient_funds"


def test_the_exchange_counts_what_a_buy_at_the_market_costs_but_nothing_free_buys_nothing():
    wish = buy(Type.MARKET, quantity="3")
    assert sized(wish, MARKET, Decimal(100), None, LAST).request.quantity == Decimal(3)
    with pytest.raises(Invalid) as refused:
        sized(wish, MARKET, ZERO, None, LAST)
    assert refused.value.code == "insufficient_funds"


def test_a_share_at_a_limit_buys_what_it_pays_for_at_that_price():
    request = sized(buy(Type.LIMIT, percent="50", price="20.004"), MARKET, Decimal(100), None, LAST).request
    assert (request.quantity, request.cost, request.price) == (Decimal("2.5"), None, Decimal(20))


def test_a_price_below_the_tick_is_refused_and_a_low_one_is_not():
    with pytest.raises(Invalid) as refused:
        sized(buy(Type.LIMIT, percent="50", price="0.001"), MARKET, Decimal(100), None, LAST)
    assert refused.value.code == "price_out_of_range"
    assert sized(buy(Type.LIMIT, quantity="9", price="1"), MARKET, Decimal(100), None, LAST).request.price == 1


def test_a_stop_is_rounded_to_the_tick_and_checked_at_its_trigger():
    stop = {"side": Side.SELL, "type": Type.STOP_LOSS, "quantity": Decimal(1)}
    request = sized(order(stop_price=Decimal("40.004"), **stop), MARKET, Decimal(1), None, LAST).request
    assert (request.stop_price, request.price) == (Decimal(40), None)
    with pytest.raises(Invalid) as refused:
        sized(order(stop_price=Decimal("0.01"), **stop), MARKET, Decimal(1), None, LAST)
    assert refused.value.code == "price_out_of_range"


@pytest.mark.parametrize(("quantity", "first"), [("50", "50"), ("50.1", "25.05"), ("120", "40")])
def test_a_sale_above_the_largest_order_is_cut_into_equal_parts(quantity, first):
    """One order sells at most fifty at the market, and follow-up orders sell the rest."""
    found = sized(sale(quantity), MARKET, Decimal(200), None, LAST)
    assert (found.request.quantity, found.rest) == (Decimal(first), Decimal(quantity) - Decimal(first))


def test_a_sale_is_sold_at_once_where_no_order_is_too_large():
    assert sized(sale("120"), FREE, Decimal(200), None, LAST).rest == ZERO


@pytest.mark.parametrize("wish", [buy(Type.MARKET, quantity="60"), buy(Type.LIMIT, quantity="120", price="50")])
def test_no_other_order_is_cut(wish):
    with pytest.raises(Invalid) as refused:
        sized(wish, MARKET, Decimal(10**6), None, LAST)
    assert refused.value.code == "quantity_above_maximum"

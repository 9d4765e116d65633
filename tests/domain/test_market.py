"""A market's rules: rounding of prices and sizes, and every reason for which an order cannot be made."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Market
from domain.orders.wish import Side, Type
from domain.refusals import Invalid

MARKET = Market(
    exchange="binance",
    symbol="BTC/USDT",
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    active=True,
    price_tick=Decimal("0.01"),
    quantity_step=Decimal("0.00001"),
    minimum_quantity=Decimal("0.0001"),
    maximum_quantity=Decimal(100),
    market_maximum_quantity=Decimal(50),
    minimum_price=Decimal("0.02"),
    maximum_price=Decimal(1_000_000),
    minimum_notional=Decimal(5),
    maximum_notional=Decimal(9_000_000),
)
FREE = replace(
    MARKET,
    minimum_quantity=Decimal(0),
    maximum_quantity=Decimal(0),
    market_maximum_quantity=Decimal(0),
    minimum_price=Decimal(0),
    maximum_price=Decimal(0),
    minimum_notional=Decimal(0),
    maximum_notional=Decimal(0),
)
# Powers of ten as most exchanges have them, and steps that divide nothing evenly.
steps = st.one_of(
    st.integers(-18, 3).map(lambda exponent: Decimal(1).scaleb(exponent)),
    st.sampled_from(
        [Decimal(step) for step in ("1e-18", "0.05", "0.25", "2.5", "0.00003", "7", "0.000000000000000007")]
    ),
)
# Up to 38 digits, ten more than Decimal's default context keeps.
amounts = st.one_of(st.integers(0, 10**38), st.integers(10**30, 10**38)).map(lambda units: Decimal(f"{units}e-18"))


def is_multiple(amount: Decimal, step: Decimal) -> bool:
    return (Fraction(amount) / Fraction(step)).denominator == 1


@given(amounts, steps)
def test_a_quantity_is_rounded_down_to_its_step(amount, step):
    """The rounded quantity is on the step, not above the given one and less than a step below it; so is a cost."""
    market = replace(MARKET, quantity_step=step, cost_step=step)
    assert market.round_quantity(amount) == market.round_cost(amount)
    rounded = market.round_quantity(amount)
    assert is_multiple(rounded, step)
    assert 0 <= Fraction(amount) - Fraction(rounded) < Fraction(step)


@given(amounts, steps)
def test_a_price_is_rounded_to_the_nearest_tick(amount, step):
    """The rounded price is on the tick, at most half a tick away. Of two equally near ticks the even one is taken."""
    rounded = replace(MARKET, price_tick=step).round_price(amount)
    assert is_multiple(rounded, step)
    away = abs(Fraction(amount) - Fraction(rounded)) / Fraction(step)
    assert away <= Fraction(1, 2)
    assert away < Fraction(1, 2) or Fraction(rounded) / Fraction(step) % 2 == 0


@given(st.integers(0, 10**20), steps)
def test_half_a_tick_goes_to_the_even_one(ticks, step):
    """A price exactly between two ticks favours neither side."""
    price = Decimal(f"{ticks}.5") * step
    assert replace(MARKET, price_tick=step).round_price(price) == (ticks + ticks % 2) * step


@given(amounts, steps)
def test_rounding_again_changes_nothing(amount, step):
    """An amount on the step stays where it is."""
    market = replace(MARKET, price_tick=step, quantity_step=step)
    for round_ in (market.round_quantity, market.round_price):
        assert round_(round_(amount)) == round_(amount)


@given(amounts)
def test_without_a_step_nothing_is_rounded(amount):
    """A step of zero means that the exchange has none."""
    market = replace(MARKET, price_tick=Decimal(0), quantity_step=Decimal(0), cost_step=Decimal(0))
    assert {market.round_price(amount), market.round_quantity(amount), market.round_cost(amount)} == {amount}


def check(
    market: Market = MARKET,
    order_type: Type = Type.LIMIT,
    *,
    quantity: str | None = "1",
    cost: str | None = None,
    price: str | None = "60000",
    last: str = "60000",
) -> None:
    given_ = [None if amount is None else Decimal(amount) for amount in (quantity, cost, price)]
    market.check(order_type, *given_, Decimal(last))


@pytest.mark.parametrize(
    ("order", "code", "field"),
    [
        ({"market": replace(MARKET, active=False)}, "market_closed", "symbol"),
        ({"quantity": "0.00009"}, "quantity_below_minimum", "quantity"),
        ({"quantity": "0"}, "quantity_below_minimum", "quantity"),
        ({"quantity": "-1"}, "quantity_below_minimum", "quantity"),
        ({"market": FREE, "quantity": "0"}, "quantity_below_minimum", "quantity"),
        ({"quantity": "100.00001"}, "quantity_above_maximum", "quantity"),
        ({"order_type": Type.MARKET, "quantity": "50.00001", "price": None}, "quantity_above_maximum", "quantity"),
        ({"price": "0.01"}, "price_out_of_range", "price"),
        ({"price": "1000000.01"}, "price_out_of_range", "price"),
        ({"market": FREE, "price": "0"}, "price_out_of_range", "price"),
        ({"market": FREE, "price": "-1"}, "price_out_of_range", "price"),
        ({"quantity": "0.001", "price": "4999.99"}, "notional_below_minimum", "quantity"),
        ({"order_type": Type.MARKET, "quantity": "0.001", "price": None, "last": "4999.99"},
         "notional_below_minimum", "quantity"),
        ({"order_type": Type.MARKET, "quantity": None, "cost": "4.99", "price": None},
         "notional_below_minimum", "quantity"),
        ({"quantity": "100", "price": "90000.01"}, "notional_above_maximum", "quantity"),
        ({"order_type": Type.MARKET, "quantity": None, "cost": "9000000.01", "price": None},
         "notional_above_maximum", "quantity"),
    ],
)  # fmt: skip
def test_what_the_exchange_would_refuse(order, code, field):
    """Each limit has its own reason, and the error names the field."""
    with pytest.raises(Invalid) as refused:
        check(**order)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    "order",
    [
        {"quantity": "0.0001", "price": "50000"},
        {"quantity": "100", "price": "90000"},
        {"quantity": "50.00001", "price": "60000"},
        {"quantity": "50", "price": None, "order_type": Type.MARKET},
        {"quantity": "100", "price": "0.05"},
        {"quantity": "0.001", "price": "1000000"},
        {"quantity": None, "cost": "5", "price": None, "order_type": Type.MARKET},
        {"quantity": None, "cost": "9000000", "price": None, "order_type": Type.MARKET},
        # The notional of a market order is taken at the last price, a limit order's at its own price.
        {"quantity": "0.001", "price": None, "order_type": Type.MARKET, "last": "5000"},
        {"quantity": "0.001", "price": "5000", "last": "1"},
    ],
)
def test_the_limits_themselves_are_allowed(order):
    """The smallest and the largest order that an exchange accepts pass."""
    check(**order)


@given(st.decimals("1e-18", "1e18", places=18), st.decimals("1e-18", "1e18", places=18))
def test_without_limits_any_size_and_price_are_allowed(quantity, price):
    """A limit of zero means that the exchange sets none."""
    FREE.check(Type.LIMIT, quantity, None, price, price)
    FREE.check(Type.MARKET, quantity, None, None, price)
    FREE.check(Type.MARKET, None, quantity, None, price)


def test_a_buy_spends_the_quote_and_a_sell_the_base():
    """The currency that has to be free is the quote for a buy and the base for a sell."""
    assert (MARKET.spends(Side.BUY), MARKET.spends(Side.SELL)) == ("USDT", "BTC")

"""Impossible wishes: each one that no exchange could carry out is refused with its reason and its field."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.order import Order
from domain.orders.wish import PRICED, TRIGGERED, Protection, Side, Source, TimeInForce, Type, Wish
from domain.refusals import Invalid

ONE = Decimal(1)
MARKET = {"type": Type.MARKET, "quantity": ONE}
LIMIT = {"type": Type.LIMIT, "quantity": ONE, "price": ONE}
SIZES = ("quantity", "cost", "percent")
# Zero, negative amounts, and the special values that Decimal also calls numbers.
NO_AMOUNTS = ["0", "-0", "-1", "-0.000000000000000001", "NaN", "sNaN", "Infinity", "-Infinity"]
amounts = st.decimals("0.000000000000000001", "1e12", places=18)


def wish(**said) -> Wish:
    return Wish(**{"symbol": "BTC/USDT", "side": Side.BUY, **said})


def complete(order_type: Type, **changed) -> dict:
    """Return all that an order of this type needs, with some of it changed."""
    price = ONE if order_type in PRICED else None
    trigger = ONE if order_type in TRIGGERED else None
    return {"type": order_type, "quantity": ONE, "price": price, "stop_price": trigger, **changed}


def refused(**said) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as error:
        wish(**said).check()
    return error.value.code, error.value.field


@pytest.mark.parametrize("price", [None, ONE])
@pytest.mark.parametrize(
    "sizes",
    [(), ("quantity", "cost"), ("quantity", "percent"), ("cost", "percent"), SIZES],
    ids=lambda sizes: "+".join(sizes) or "none",
)
def test_an_order_has_exactly_one_size(sizes, price):
    """Without a size the order is open-ended; two sizes contradict each other even where they agree."""
    order_type = Type.MARKET if price is None else Type.LIMIT
    assert refused(type=order_type, price=price, **dict.fromkeys(sizes, ONE)) == ("size_ambiguous", "quantity")


@pytest.mark.parametrize("amount", NO_AMOUNTS)
@pytest.mark.parametrize("field", SIZES)
def test_a_size_is_above_zero(field, amount):
    """A quantity, a cost or a percentage that is not above zero is refused."""
    assert refused(type=Type.MARKET, **{field: Decimal(amount)}) == ("not_positive", field)


@pytest.mark.parametrize("amount", NO_AMOUNTS)
@pytest.mark.parametrize("order_type", list(Type))
def test_a_price_is_above_zero(order_type, amount):
    """Even for types that take no price, the invalid amount is reported first."""
    assert refused(type=order_type, quantity=ONE, price=Decimal(amount)) == ("not_positive", "price")


@pytest.mark.parametrize("percent", ["100.000000000000000001", "101", "1e30"])
@pytest.mark.parametrize("price", [None, ONE])
def test_nobody_trades_more_than_everything(percent, price):
    """A percentage is at most a hundred, for market and limit orders."""
    order_type = Type.MARKET if price is None else Type.LIMIT
    assert refused(type=order_type, percent=Decimal(percent), price=price) == ("percent_out_of_range", "percent")


@pytest.mark.parametrize("order_type", sorted(PRICED))
def test_what_rests_needs_a_price(order_type):
    """A priced type without a price is refused, whichever kind of size it has."""
    for size in SIZES:
        sizes = {**dict.fromkeys(SIZES), size: ONE}
        assert refused(**complete(order_type, price=None, **sizes)) == ("price_missing", "price")


@pytest.mark.parametrize("order_type", sorted(set(Type) - {Type.MARKET}))
def test_only_a_market_order_has_a_cost(order_type):
    """The other types are sized in the base currency or by a percentage."""
    assert refused(**complete(order_type, quantity=None, cost=ONE)) == ("size_ambiguous", "cost")


@pytest.mark.parametrize("said", [{"price": ONE}, *({"time_in_force": word} for word in TimeInForce)], ids=str)
@pytest.mark.parametrize("order_type", sorted(set(Type) - PRICED))
def test_what_does_not_rest_takes_no_price_and_no_time(order_type, said):
    """A price or a time in force would be ignored, and no part of a wish is ignored."""
    assert refused(**complete(order_type, **said)) == ("price_not_taken", "price")


@pytest.mark.parametrize("amount", NO_AMOUNTS)
@pytest.mark.parametrize("order_type", list(Type))
def test_a_trigger_is_above_zero(order_type, amount):
    """Even for types that take no trigger, the invalid amount is reported first."""
    assert refused(**complete(order_type, stop_price=Decimal(amount))) == ("not_positive", "stop_price")


@pytest.mark.parametrize("order_type", list(Type))
def test_a_trigger_belongs_to_what_is_triggered(order_type):
    """Triggered types need a trigger price or a trailing distance; no other type takes one."""
    triggers = [{"stop_price": ONE, "trailing": None}, {"stop_price": None, "trailing": 10}]
    if order_type in TRIGGERED:
        assert refused(**complete(order_type, stop_price=None)) == ("trigger_missing", "stop_price")
        for trigger in triggers:
            wish(**complete(order_type, **trigger)).check()
    else:
        for trigger in triggers:
            assert refused(**complete(order_type, **trigger)) == ("trigger_not_taken", "stop_price")


@pytest.mark.parametrize("trailing", [-10, 0, 9, 2001])
@pytest.mark.parametrize("order_type", list(Type))
def test_a_trailing_has_its_range(order_type, trailing):
    """The range is that of the strictest exchange."""
    assert refused(**complete(order_type, trailing=trailing)) == ("trailing_out_of_range", "trailing")


@pytest.mark.parametrize(
    ("protection", "code", "field"),
    [
        ((None, None), "protection_empty", "stop_loss"),
        (("2", "2"), "protection_crossed", "stop_loss"),
        (("2.000000000000000001", "2"), "protection_crossed", "stop_loss"),
        *(((amount, "2"), "not_positive", "stop_loss") for amount in NO_AMOUNTS),
        *((("1", amount), "not_positive", "take_profit") for amount in NO_AMOUNTS),
    ],
)
def test_a_protection_makes_sense(protection, code, field):
    """A protection has at least one price, and its stop lies below its target."""
    prices = [None if price is None else Decimal(price) for price in protection]
    assert refused(**MARKET, protection=Protection(*prices)) == (code, field)


def test_only_what_is_bought_is_protected():
    """A sell leaves no position to protect."""
    for order_type in Type:
        for protection in (Protection(ONE), Protection(None, ONE), Protection(ONE, ONE + ONE)):
            said = complete(order_type, protection=protection)
            wish(**said).check()
            assert refused(**said, side=Side.SELL) == ("protection_not_taken", "stop_loss")


@given(
    amounts,
    amounts,
    st.decimals("0.000000000000000001", "100", places=18),
    st.sampled_from(Side),
    st.none() | st.sampled_from(TimeInForce),
)
def test_whatever_makes_sense_can_be_wanted(amount, price, percent, side, time_in_force):
    """A market order takes any size, a limit order a quantity or a percentage and any time in force."""
    for size in ({"quantity": amount}, {"cost": amount}, {"percent": percent}):
        wish(type=Type.MARKET, side=side, **size).check()
    for size in ({"quantity": amount}, {"percent": percent}):
        wish(type=Type.LIMIT, side=side, price=price, time_in_force=time_in_force, **size).check()


@pytest.mark.parametrize("said", [{**MARKET, "price": ONE}, {**LIMIT, "price": None}, {**LIMIT, "quantity": None}])
def test_no_order_is_placed_for_such_a_wish(said):
    """The order is refused for the same reason as the wish."""
    with pytest.raises(Invalid) as error:
        Order.place(
            order_id=uuid4(),
            user=1,
            broker=1,
            wish=wish(**said),
            source=Source.MANUAL,
            requester="t",
            client_order_id="c-1",
        )
    assert (error.value.code, error.value.field) == refused(**said)

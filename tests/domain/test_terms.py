"""Special terms of an order: what no exchange could read is refused with its field, before any is asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.orders.wish import MOST_EXTRAS, MarginMode, PositionSide, Term, Terms, TimeInForce, Type
from tests.domain.test_wish import LIMIT, MARKET, NO_AMOUNTS, complete, refused, wish


def test_a_term_is_given_when_it_would_change_the_order():
    """That an order may do more than reduce a position needs no exchange's consent."""
    assert Terms().given == Terms(reduce_only=False).given == []
    full = Terms(True, PositionSide.LONG, MarginMode.CROSS, Decimal(1))
    assert full.given == [*Term]


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_the_shown_part_of_an_iceberg_is_above_zero(amount):
    assert refused(**LIMIT, terms=Terms(iceberg_qty=Decimal(amount))) == ("not_positive", "iceberg_qty")


def test_the_shown_part_is_no_more_than_the_whole():
    wish(**LIMIT, terms=Terms(iceberg_qty=Decimal(1))).check()
    assert refused(**LIMIT, terms=Terms(iceberg_qty=Decimal("1.1"))) == ("iceberg_too_large", "iceberg_qty")


@pytest.mark.parametrize("order", [MARKET, *(complete(kind) for kind in Type if kind not in {Type.LIMIT, Type.MARKET})])
def test_only_a_limit_order_hides_a_part(order):
    assert refused(**order, terms=Terms(iceberg_qty=Decimal("0.1"))) == ("iceberg_not_taken", "iceberg_qty")


@pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.PO])
def test_an_order_that_does_not_stay_hides_nothing(force):
    code = refused(**LIMIT, time_in_force=force, terms=Terms(iceberg_qty=Decimal("0.1")))
    assert code == ("iceberg_not_taken", "iceberg_qty")


@pytest.mark.parametrize(
    "name", ["", "1price", "price size", "a&b", "a=b", "é", "a" * 41, "close[", "close[a][b]", "a.b", "a\n"]
)
def test_an_extra_parameter_has_a_plain_name(name):
    assert refused(**MARKET, terms=Terms(extra={name: "1"})) == ("extra_params_unreadable", "extra_params")


@pytest.mark.parametrize("value", ["\n", "\0", "\x7f", "\u202e", "a" * 201])
def test_an_extra_value_is_one_printable_line(value):
    assert refused(**MARKET, terms=Terms(extra={"stpMode": value})) == ("extra_params_unreadable", "extra_params")


def test_extra_parameters_are_few():
    wish(**MARKET, terms=Terms(extra={f"p{n}": "" for n in range(MOST_EXTRAS)})).check()
    many = Terms(extra={f"p{n}": "" for n in range(MOST_EXTRAS + 1)})
    assert refused(**MARKET, terms=many) == ("extra_params_too_many", "extra_params")


@pytest.mark.parametrize("name", ["presetStopLossPrice", "close[price]", "stpMode", "selfTradePreventionMode", "p_1"])
def test_the_exchanges_own_names_are_taken(name):
    wish(**MARKET, terms=Terms(extra={name: "45000.5"})).check()

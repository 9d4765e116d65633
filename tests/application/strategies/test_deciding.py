"""What the answers of a strategy come to: exact amounts that its market takes, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.strategies.deciding import MOST_TARGET, Entry, Exit, Refusal, decide, levels, refusal_of
from domain.amounts import difference, product, total
from domain.orders.wish import Type
from tests.domain.test_market import MARKET

PRICE, FREE, FEE = Decimal("60123.45"), Decimal(10_000), Decimal("0.001")


def answers(size: float = 1000.0, stop: float = 0.02, target: float = 0.04) -> dict[str, Any]:
    return {"long": True, "size": size, "stop": stop, "target": target}


def decided(free: Decimal = FREE, market: Any = MARKET, **given_: Any) -> Any:
    return decide(answers(**given_), market, PRICE, free, FEE)


def test_an_entry_has_exact_amounts_on_the_steps_of_its_market() -> None:
    """1,000 / 60,123.45 = 0.016632... BTC; 2 % below is 58,920.981, 4 % above 62,528.388."""
    assert decided() == Entry(
        Decimal("0.01663"), Decimal("999.8529735"), Decimal("58920.98"), Decimal("62528.39")
    )  # fmt: skip


def test_what_is_more_than_free_is_cut_so_that_the_fee_can_be_paid() -> None:
    entry = decided(size=1e12)
    assert entry.cost * (1 + FEE) <= FREE
    assert (entry.quantity + MARKET.quantity_step) * PRICE * (1 + FEE) > FREE


@pytest.mark.parametrize(
    ("said", "decision"),
    [
        ({"long": False}, None), ({"short": False}, None), ({"short": True}, Exit()), (answers(size=0.0), None),
        (answers(stop=0.0, target=0.0), Entry(Decimal("0.01663"), Decimal("999.8529735"), None, None)),
    ],
)  # fmt: skip
def test_silence_and_zero_are_no_order(said: dict[str, Any], decision: Any) -> None:
    assert decide(said, MARKET, PRICE, FREE, FEE) == decision


@pytest.mark.parametrize(
    ("said", "code", "method"),
    [
        (answers(size=-5.0), "size_negative", "calculate_position_size"),
        (answers(stop=1.5), "stop_out_of_range", "calculate_stop_loss"),
        (answers(stop=1.0), "stop_out_of_range", "calculate_stop_loss"),
        (answers(stop=-0.01), "stop_out_of_range", "calculate_stop_loss"),
        (answers(stop=0.999_999_999), "stop_out_of_range", "calculate_stop_loss"),
        (answers(target=-0.01), "target_out_of_range", "calculate_take_profit"),
        (answers(target=1e300), "target_out_of_range", "calculate_take_profit"),
        (answers(size=1.0), "quantity_below_minimum", None),
        (answers(size=1e-300), "quantity_below_minimum", None),
    ],
)
def test_what_no_order_can_have_is_refused_with_its_reason(said: dict[str, Any], code: str, method: Any) -> None:
    refused = decide(said, MARKET, PRICE, FREE, FEE)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.method) == (code, method)
    assert refused.about


def test_a_stop_that_is_hardly_below_the_entry_is_a_tick_below_it() -> None:
    assert levels(Decimal(60_000), 1e-30, 1e-30, MARKET) == (Decimal("59999.99"), Decimal("60000.01"))


def test_without_money_nothing_is_bought() -> None:
    for free in (Decimal(0), Decimal(-5)):
        assert decided(free).code == "insufficient_funds"


def test_a_closed_market_takes_no_entry() -> None:
    assert decided(market=replace(MARKET, active=False)).code == "market_closed"


numbers = st.floats(allow_nan=False, allow_infinity=False)
prices = st.decimals("0.02", "1000000", places=2)


@given(numbers, numbers, numbers, prices, st.decimals("-1", "1e9", places=8))
def test_whatever_is_answered_an_entry_can_be_sent_and_paid(
    size: float, stop: float, target: float, price: Decimal, free: Decimal
) -> None:
    """Law: an entry is taken by its market, costs no more than is asked for and than is free, and its levels hold."""
    decision = decide(answers(size, stop, target), MARKET, price, free, FEE)
    if isinstance(decision, Refusal):
        assert decision.code
    elif decision is None:
        assert size == 0
    else:
        MARKET.check(Type.MARKET, decision.quantity, None, None, price)
        assert decision.quantity == MARKET.round_quantity(decision.quantity, Type.MARKET)
        assert decision.cost <= Decimal(str(size))
        assert product(decision.cost, 1 + FEE) <= free + Decimal("1e-20")
        assert decision.stop is None or 0 < decision.stop <= price
        assert decision.target is None or decision.target >= price


@given(
    prices,
    st.floats(0, 1, exclude_max=True, allow_subnormal=False),
    st.floats(0, MOST_TARGET, allow_subnormal=False),
)
def test_levels_are_on_the_tick_and_never_closer_than_asked(entry: Decimal, stop: float, target: float) -> None:
    below, above = levels(entry, stop, target, MARKET)
    tick = MARKET.price_tick
    if below is None:
        assert stop == 0
    else:
        exact = product(entry, difference(Decimal(1), Decimal(str(stop))))
        assert below % tick == 0
        assert below <= exact
        assert difference(exact, below) < tick
    if above is None:
        assert target == 0
    else:
        exact = product(entry, total([Decimal(1), Decimal(str(target))]))
        assert above % tick == 0
        assert exact <= above
        assert difference(above, exact) < tick


def test_only_an_entry_has_numbers_to_refuse() -> None:
    assert refusal_of({"long": False}) is None
    assert refusal_of({"short": True}) is None

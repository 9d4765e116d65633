"""The cost and the proceeds of a trade's coins, its completion, and impossible executions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.refusals import Invalid
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

SMALLEST = Decimal("0.1")


def new() -> Position:
    return Position(1, 1, "BTC/USDT", "webhook")


def holding(quantity: str = "10") -> Position:
    """Return a position of this quantity, bought at 100."""
    position = new()
    position.grow(executed(quantity))
    return position


def said_last(position: Position, kind: str):
    """Return the last event of a kind."""
    return [event for event in position.pending_events if type(event).__name__ == kind][-1]


def saved(position: Position) -> Position:
    """Return the same position as it is loaded after a save."""
    again = None
    for event in position.collect_events():
        again = event.mutate(again)
    return again


def test_the_average_entry_is_weighed_by_quantity():
    position = holding("1")
    position.grow(replace(executed("3"), price=Decimal(200)))
    assert position.trade.average_entry == Decimal(175)


def test_a_complete_trade_tells_what_it_has_earned():
    """Two coins bought for 200 are sold for 230: the event has average prices, the profit, and the net after fees."""
    position = holding("2")
    position.reduce(replace(executed("1"), price=Decimal(110), fee=Decimal(1), fee_currency="USDT"), SMALLEST)
    position.reduce(replace(executed("1"), price=Decimal(120), fee=Decimal(2), fee_currency="USDT"), SMALLEST)
    closed = said_last(position, "Closed")
    assert (closed.quantity, closed.average_entry, closed.average_exit) == (Decimal(2), Decimal(100), Decimal(115))
    assert (closed.gross, closed.net, closed.fees) == (Decimal(30), Decimal(27), {"USDT": Decimal(3)})


@pytest.mark.parametrize(
    ("values", "net", "left_out"),
    [
        ((), "10", False),
        (("3",), "7", False),
        (("3", "2"), "5", False),
        ((None,), "10", True),
        (("3", None), "7", True),
        ((None, "3"), "7", True),
    ],
    ids=["no fee", "known", "both known", "unknown", "the second unknown", "the first unknown"],
)
def test_a_fee_in_a_third_currency_counts_by_its_value_and_is_left_out_when_that_is_unknown(values, net, left_out):
    """Once a fee was left out, the trade's net is marked as such, whatever other fees are known."""
    position = holding("1")
    for value in values:
        worth = None if value is None else Decimal(value)
        fee = {"fee": Decimal("0.01"), "fee_currency": "BNB", "fee_value": worth}
        position.reduce(replace(executed("0.2"), price=Decimal(110), **fee), SMALLEST)
    position.reduce(replace(executed(str(position.held)), price=Decimal(110)), SMALLEST)
    closed = said_last(position, "Closed")
    assert (closed.net, closed.fees_left_out) == (Decimal(net), left_out)


def test_the_next_trade_in_the_same_stream_owes_no_fee_of_the_last():
    """Streams from before each trade had its own stream hold several trades."""
    position = holding("1")
    position.reduce(replace(executed("1"), fee=Decimal(1), fee_currency="BNB"), SMALLEST)
    position.grow(executed("1"))
    position.reduce(executed("1"), SMALLEST)
    assert (said_last(position, "Closed").fees, said_last(position, "Closed").fees_left_out) == ({}, False)


@pytest.mark.parametrize(
    ("what", "amount"),
    [("quantity", "0"), ("quantity", "-1"), ("price", "-1"), ("fee", "-1"), ("price", "NaN"), ("fee", "1e50")],
)
def test_what_cannot_be_executed_is_refused_and_changes_nothing(what, amount):
    """Buys and sales are refused alike. A price of zero and a fee of zero are possible."""
    position, wrong = holding("1"), replace(executed("1"), **{what: Decimal(amount)})
    for count in (position.grow, lambda sold: position.reduce(sold, SMALLEST)):
        with pytest.raises(Invalid) as refused:
            count(wrong)
        assert (refused.value.code, position.held) == ("fill_contradicts", Decimal(1))


def test_a_fee_in_coins_is_taken_from_what_is_held():
    """Such a fee is no other cost. A fee of zero is no fee, in whatever currency."""
    position = new()
    position.grow(replace(executed("2"), fee=Decimal("0.5"), fee_currency="BTC"))
    position.grow(replace(executed("1"), fee_currency="BNB"))
    position.reduce(replace(executed("1"), fee=Decimal("0.25"), fee_currency="BTC"), SMALLEST)
    assert (position.held, position.trade.fees) == (Decimal("1.25"), {"BTC": Decimal("0.75")})


@pytest.mark.parametrize(("left", "is_open"), [("0.1", True), ("0.09", False), ("0", False)])
def test_a_trade_is_complete_when_less_is_left_than_can_be_sold(left, is_open):
    position = holding("1")
    position.reduce(executed(str(1 - Decimal(left))), SMALLEST)
    assert (position.is_open, position.has_just_closed) == (is_open, not is_open)


def test_a_trade_has_just_closed_only_until_that_is_saved():
    position = holding("1")
    position.reduce(executed("1"), SMALLEST)
    assert (position.has_just_closed, saved(position).has_just_closed) == (True, False)


def test_a_trade_that_was_never_open_has_not_just_closed():
    assert not new().has_just_closed


def test_a_trade_that_began_again_has_not_just_closed():
    """A stream may hold several trades."""
    position = holding("1")
    position.reduce(executed("1"), SMALLEST)
    position.grow(executed("1"))
    assert not position.has_just_closed


def test_the_moment_at_which_a_trade_began_stays():
    position, first = new(), executed("1")
    position.grow(first)
    position.grow(replace(executed("1"), executed_at=first.executed_at.replace(hour=12)))
    assert position.trade.opened_at == first.executed_at

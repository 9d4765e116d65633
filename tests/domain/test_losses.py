"""A protection that is lost, taken off or refused is recorded once, with its detail and the request it answers."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import CARRIED_OUT, Level
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

SMALLEST, STOP, LATER = Decimal("0.1"), Protection(Decimal(90)), UUID(int=2)


def new() -> Position:
    return Position(1, 1, "BTC/USDT", "webhook")


def holding(quantity: str = "10") -> Position:
    """Return a position of this quantity, bought at 100 without any protection."""
    position = new()
    position.grow(executed(quantity))
    return position


def protected() -> Position:
    """Return ten coins under a stop that rests."""
    position = holding()
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    position.rest([uuid4()], position.covered)
    return position


def said_last(position: Position, kind: str):
    """Return the last event of a kind."""
    return [event for event in position.pending_events if type(event).__name__ == kind][-1]


def test_a_protection_that_is_carried_out_is_told_of_while_coins_are_left():
    position = protected()
    assert position.level is Level.COVERED
    position.reduce(executed("5"), SMALLEST, by_protection=True)
    position.lose_protection(CARRIED_OUT)
    assert position.level is Level.NO_STOP


def test_a_loss_is_no_answer_unless_it_is_final():
    position = holding()
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    position.lose_protection("too_many_orders")
    assert position.is_asked
    position.lose_protection("too_many_orders", final=True)
    assert not position.is_asked


def test_a_loss_is_told_once_with_its_detail():
    position = holding()
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    position.lose_protection("too_many_orders", "five rest")
    before = position.version
    position.lose_protection("too_many_orders", "six rest")
    assert (position.version, said_last(position, "ProtectionLost").detail) == (before, "five rest")
    position.lose_protection("cannot_rest")
    assert position.lost == "cannot_rest"


def test_what_rests_is_lost_again_for_the_reason_it_was_lost_for_before():
    position = protected()
    position.lose_protection("too_many_orders")
    position.rest([LATER], Decimal(10))
    position.lose_protection("too_many_orders")
    assert (position.resting, position.lost) == ([], "too_many_orders")


def test_a_final_loss_answers_also_when_the_loss_is_known():
    position = holding()
    position.lose_protection("too_many_orders")
    position.want(STOP, HUNDRED_PERCENT, LATER, awaited=())
    position.lose_protection("too_many_orders", final=True)
    assert (position.is_asked, said_last(position, "ProtectionLost").request) == (False, LATER)


def test_where_nothing_is_held_nothing_is_lost():
    position = new()
    position.lose_protection("too_many_orders")
    assert position.lost is None


def test_where_nothing_rests_nothing_is_taken_off():
    position = holding()
    position.take_off([LATER], Decimal(1))
    assert (position.resting, position.protected) == ([], 0)


def test_a_refusal_keeps_its_detail():
    position = holding()
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    position.refuse_protection("too_small_to_protect", "0.1 is below the minimum")
    assert said_last(position, "ProtectionRefused").detail == "0.1 is below the minimum"


@pytest.mark.parametrize("watched", [True, False])
def test_a_target_is_watched_only_where_that_is_said(watched):
    position = holding()
    position.rest([LATER], Decimal(10), **({"watched": True} if watched else {}))
    assert position.target_watched is watched

"""The protection that is wanted again when a move is refused, and what a stop or a target has done by then."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import CARRIED_OUT, Level
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

FIFTY, SMALLEST = Decimal(50), Decimal("0.1")
OLD, NEW = Protection(Decimal(90), Decimal(120)), Protection(Decimal(95), Decimal(130))


def holding(protection: Protection | None, share: Decimal = HUNDRED_PERCENT) -> Position:
    """Return ten coins under this protection, which rests."""
    position = Position(1, 1, "BTC/USDT", "webhook")
    position.grow(executed("10"))
    if protection is not None:
        position.want(protection, share, uuid4(), awaited=())
        position.rest([uuid4()], position.covered)
    return position


def is_stopped(position: Position) -> None:
    """Let the stop sell all that it covered."""
    position.reduce(executed(str(position.covered)), SMALLEST, by_protection=True)
    position.lose_protection(CARRIED_OUT, final=True)


def test_a_move_that_is_asked_for_outlives_the_fill_that_comes_before_its_answer():
    """A stop that was carried out removes only itself."""
    position = holding(Protection(Decimal(90)), FIFTY)
    is_stopped(position)
    assert (position.wanted, position.level) == (None, Level.NO_STOP)
    position.want(NEW, HUNDRED_PERCENT, uuid4(), awaited=())
    position.grow(executed("5"))
    assert (position.wanted, position.covered, position.lost) == (NEW, position.held, None)


def test_a_target_asked_for_after_the_stop_was_carried_out_is_a_target_alone():
    """The old stop's price was passed: a revived stop would sell the rest at once."""
    position = holding(Protection(Decimal(90)), FIFTY)
    is_stopped(position)
    position.want(Protection(None, Decimal(120)), HUNDRED_PERCENT, uuid4(), awaited=())
    assert position.wanted == Protection(None, Decimal(120))


def test_an_entry_that_fills_further_after_the_stop_was_carried_out_brings_its_own_prices_again():
    """After a stop for a half has sold, the next fill of the entry brings its first prices again."""
    position, order = Position(1, 1, "BTC/USDT", "webhook"), uuid4()
    position.enter(order, OLD)
    position.grow(executed("6", order))
    position.rest([uuid4()], Decimal(6))
    position.want(Protection(OLD.stop_loss), FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(3))
    is_stopped(position)
    position.grow(executed("4", order))
    assert position.wanted == OLD


def test_buys_after_a_stop_that_is_done_are_none_of_its_business():
    position = holding(Protection(Decimal(90)), FIFTY)
    is_stopped(position)
    position.grow(executed("5"))
    assert (position.wanted, position.level) == (None, Level.NONE)


@pytest.mark.parametrize("lost", [None, "too_many_orders"], ids=["while it rests", "while it is missing"])
def test_a_refused_move_leaves_what_was_wanted(lost):
    """The wanted protection comes back whether or not it rests at the moment."""
    position = holding(OLD)
    if lost is not None:
        position.lose_protection(lost)
    position.want(NEW, HUNDRED_PERCENT, uuid4(), awaited=())
    position.refuse_protection("market_below_stop")
    assert (position.wanted, position.covered) == (OLD, position.held)
    assert position.level is (Level.COVERED if lost is None else Level.UNPROTECTED)


def test_a_refused_move_does_not_give_back_what_the_target_has_sold_meanwhile():
    """The target was for one half, and that half is sold."""
    position = holding(Protection(Decimal(90)))
    position.want(Protection(None, Decimal(120)), FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(10))
    position.want(NEW, HUNDRED_PERCENT, uuid4(), awaited=())
    position.reduce(executed("5"), SMALLEST, by_protection=True, by_target=True)
    position.refuse_protection("market_below_stop")
    assert position.wanted == Protection(Decimal(90))
    assert (position.covered, position.cover.target_quantity) == (Decimal(5), Decimal(0))


def test_a_refused_move_does_not_give_back_what_the_stop_has_sold_meanwhile():
    """The other half was never under the stop."""
    position = holding(Protection(Decimal(90)), FIFTY)
    position.want(Protection(None, Decimal(120)), HUNDRED_PERCENT, uuid4(), awaited=())
    position.reduce(executed("5"), SMALLEST, by_protection=True)
    position.refuse_protection("market_below_stop")
    assert position.covered == 0


def test_a_target_that_has_sold_its_part_takes_nothing_of_later_buys():
    position = holding(Protection(Decimal(90)))
    position.want(Protection(None, Decimal(120)), FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(10))
    position.reduce(executed("5"), SMALLEST, by_protection=True, by_target=True)
    position.grow(executed("5"))
    assert position.wanted == Protection(Decimal(90))
    assert (position.covered, position.cover.target_quantity) == (Decimal(10), Decimal(0))


def test_what_an_entry_brings_outlives_a_move_that_is_refused():
    """The move was under way when the entry filled for the first time."""
    position, order = holding(Protection(Decimal(90))), uuid4()
    position.want(Protection(Decimal(105)), HUNDRED_PERCENT, uuid4(), awaited=())
    position.enter(order, Protection(Decimal(93)))
    position.grow(executed("5", order))
    position.refuse_protection("market_below_stop")
    assert (position.wanted, position.covered) == (Protection(Decimal(93)), Decimal(15))


@pytest.mark.parametrize("by_target", [True, False], ids=["target", "stop"])
def test_what_is_asked_for_keeps_its_share_of_what_the_old_orders_leave(by_target):
    """The old orders sold coins of their own, not those that the wanted protection is to cover."""
    position = holding(OLD)
    position.want(Protection(Decimal(80)), FIFTY, uuid4(), awaited=())
    position.reduce(executed("4"), SMALLEST, by_protection=True, by_target=by_target)
    assert (position.held, position.covered) == (Decimal(6), Decimal(3))

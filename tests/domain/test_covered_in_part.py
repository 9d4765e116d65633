"""A level never claims more than rests: coins bought last, or whose stop was taken off, are under no stop."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import Level
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

SMALLEST = Decimal("0.1")
STOP = Protection(Decimal(90))
LEG, OTHER = UUID(int=7), UUID(int=8)


@pytest.fixture
def position():
    """Return ten coins under a stop, and a little less than a step more that is not."""
    made = Position(1, 1, "BTC/USDT", "webhook")
    made.grow(executed("10.0004"))
    made.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    made.rest([LEG], Decimal(10))
    return made


def shown(position):
    return position.level, position.protected


def test_less_than_a_step_is_no_part_without_a_stop(position):
    assert shown(position) == (Level.COVERED, Decimal(10))


def test_what_has_grown_is_covered_in_part_until_its_stop_has_grown_too(position):
    position.grow(executed("5"))
    assert shown(position) == (Level.PARTLY_COVERED, Decimal(10))
    assert position.tells_by_age
    position.rest([OTHER], Decimal(15))
    assert shown(position) == (Level.COVERED, Decimal(15))


def test_a_buy_that_brings_the_prices_that_rest_is_covered_in_part_as_well(position):
    order = uuid4()
    position.enter(order, STOP)
    position.grow(executed("5", order))
    assert position.level is Level.PARTLY_COVERED


def test_growth_of_less_than_a_step_is_covered_once_that_was_found_out(position):
    """The same stop rests, and it is the best that can rest."""
    position.grow(executed("0.0001"))
    position.rest([LEG], Decimal(10))
    assert shown(position) == (Level.COVERED, Decimal(10))
    before = position.version
    position.rest([LEG], Decimal(10))
    assert position.version == before


def test_what_is_bought_while_the_stop_grows_is_not_under_it(position):
    """The stop was placed for the quantity known then."""
    position.grow(executed("5"))
    known = position.covered
    position.grow(executed("3"))
    position.rest([OTHER], Decimal(15), covering=known)
    assert shown(position) == (Level.PARTLY_COVERED, Decimal(15))


def test_a_stop_that_sells_leaves_what_was_bought_last_without_one(position):
    position.grow(executed("5"))
    position.reduce(executed("4", LEG), SMALLEST, by_protection=True)
    assert (position.bare, position.level) == (Decimal(5), Level.PARTLY_COVERED)


def test_a_sale_by_hand_takes_what_no_stop_covers(position):
    position.grow(executed("5"))
    position.reduce(executed("5"), SMALLEST)
    assert position.level is Level.COVERED


def test_a_share_is_no_growth(position):
    """A cover for a share is partial because it was wanted, so its age raises no alert as that of growth does."""
    position.want(STOP, Decimal(50), uuid4(), awaited=())
    position.rest([OTHER], Decimal(5))
    assert (position.level, position.tells_by_age) == (Level.PARTLY_COVERED, False)


def test_what_was_taken_off_with_nothing_in_its_place_covers_nothing(position):
    position.take_off([], Decimal(0))
    assert shown(position) == (Level.AWAITED, Decimal(0))
    position.rest([OTHER], Decimal(10))
    assert position.level is Level.COVERED


def test_a_refused_move_whose_old_stop_went_lost_covers_nothing(position):
    """The earlier protection is wanted again, but nothing of it rests."""
    position.want(Protection(Decimal(95)), HUNDRED_PERCENT, uuid4(), awaited=())
    position.take_off([], Decimal(0))
    position.refuse_protection("protection_refused")
    assert (position.wanted, position.level) == (STOP, Level.AWAITED)


def test_what_is_left_of_two_stops_covers_its_part(position):
    position.take_off([OTHER], Decimal(6))
    assert shown(position) == (Level.PARTLY_COVERED, Decimal(6))


def test_what_is_known_to_be_lost_is_taken_off_in_silence(position):
    position.lose_protection("cannot_rest")
    before = position.version
    position.take_off([], Decimal(0))
    assert position.version == before

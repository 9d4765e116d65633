"""A move of the protection that another one overtakes: the wanted protection and the answers after a refusal."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import Level
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

FIFTY, SMALLEST = Decimal(50), Decimal("0.1")
OLD, FIRST, SECOND = Protection(Decimal(90)), Protection(Decimal(92), Decimal(120)), Protection(Decimal(95))
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def position():
    """Return ten coins under a stop, and two moves of it that are not answered yet."""
    made = Position(1, 1, "BTC/USDT", "webhook")
    made.grow(executed("10"))
    made.want(OLD, HUNDRED_PERCENT, uuid4(), awaited=())
    made.rest([uuid4()], Decimal(10))
    made.want(FIRST, FIFTY, ONE, awaited=())
    made.want(SECOND, HUNDRED_PERCENT, TWO, awaited=())
    return made


def said_last(position, kind):
    """Return the last event of a kind."""
    return [event for event in position.pending_events if type(event).__name__ == kind][-1]


def test_a_refused_move_leaves_the_one_before_it_asked_for(position):
    position.refuse_protection("market_below_stop")
    assert (position.wanted, position.covered, position.level) == (FIRST, Decimal(5), Level.OLD_LEVEL)
    assert (position.request, position.is_asked) == (ONE, True)
    refused = said_last(position, "ProtectionRefused")
    assert (refused.request, refused.reason, refused.overtaken) == (TWO, "market_below_stop", None)


def test_what_is_asked_for_again_is_answered_for_itself(position):
    position.refuse_protection("market_below_stop")
    position.rest([uuid4()], Decimal(5))
    rested = said_last(position, "ProtectionResting")
    assert (rested.request, rested.overtaken, position.is_asked) == (ONE, None, False)


def test_where_both_are_refused_what_rested_is_wanted(position):
    position.refuse_protection("market_below_stop")
    position.refuse_protection("too_small_to_protect")
    assert (position.wanted, position.covered, position.level) == (OLD, Decimal(10), Level.COVERED)
    assert [
        (event.request, event.reason)
        for event in position.pending_events
        if type(event).__name__ == "ProtectionRefused"
    ] == [(TWO, "market_below_stop"), (ONE, "too_small_to_protect")]


def test_each_refusal_asks_for_the_one_before_it_again(position):
    position.want(Protection(Decimal(97)), HUNDRED_PERCENT, THREE, awaited=())
    asked = []
    while position.is_asked:
        asked.append(position.request)
        position.refuse_protection("market_below_stop")
    assert (asked, position.wanted) == ([THREE, TWO, ONE], OLD)


def test_what_rests_in_the_end_names_all_that_it_has_overtaken(position):
    position.want(Protection(Decimal(97)), HUNDRED_PERCENT, THREE, awaited=())
    position.rest([uuid4()], Decimal(10))
    rested = said_last(position, "ProtectionResting")
    assert (rested.request, rested.overtaken) == (THREE, [ONE, TWO])


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        (lambda p: p.lose_protection("cannot_rest", final=True), "ProtectionLost"),
        (lambda p: p.reduce(executed("10"), SMALLEST), "Closed"),
    ],
)
def test_the_end_of_the_last_one_is_the_end_of_those_before_it(position, ends, kind):
    ends(position)
    assert (said_last(position, kind).request, said_last(position, kind).overtaken) == (TWO, [ONE])
    assert not position.is_asked


def test_a_loss_that_answers_nobody_leaves_both_asked_for(position):
    position.lose_protection("protection_unknown")
    position.refuse_protection("market_below_stop")
    assert (position.wanted, position.request) == (FIRST, ONE)


def test_buys_and_sales_meanwhile_are_shared_by_what_was_overtaken(position):
    """The overtaken move asked for half, which means half of what is held when it is asked for again."""
    position.grow(executed("10"))
    position.reduce(executed("4"), SMALLEST)
    position.refuse_protection("market_below_stop")
    assert (position.held, position.covered) == (Decimal(16), Decimal(8))


def test_a_buy_that_brings_prices_meanwhile_outweighs_what_was_overtaken(position):
    """The prices of that buy stay wanted, and the refusal answers both moves."""
    order = uuid4()
    position.enter(order, Protection(Decimal(93)))
    position.grow(executed("5", order))
    position.refuse_protection("market_below_stop")
    assert (position.wanted, position.covered, position.is_asked) == (Protection(Decimal(93)), Decimal(15), False)
    assert said_last(position, "ProtectionRefused").overtaken == [ONE]


def test_asking_again_for_what_was_overtaken_changes_nothing(position):
    position.want(FIRST, FIFTY, ONE, awaited=())
    assert (position.wanted.stop_loss, position.request) == (SECOND.stop_loss, TWO)

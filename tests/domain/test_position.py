"""A position: what passes to the next trade, the wanted protection, and its level."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import Level
from domain.refusals import Impossible
from domain.trading.position import Position
from tests.domain.coins import executed

pytestmark = pytest.mark.usefixtures("by_the_user")

FIFTY, SMALLEST = Decimal(50), Decimal("0.1")
STOP, OTHER = Protection(Decimal(90)), Protection(Decimal(95))
BUY, LATER = UUID(int=1), UUID(int=2)


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


# --- what passes to the next trade -----------------------------------------------------------------------------------


def test_the_next_trade_begins_with_the_dust_and_what_it_has_cost():
    position = holding("1.05")
    position.reduce(executed("1"), SMALLEST)
    following = position.next(())
    assert (following.held, following.trade.bought_quantity, following.trade.bought_cost) == (
        Decimal("0.05"), Decimal("0.05"), Decimal(5),
    )  # fmt: skip
    assert (following.previous, following.is_open) == (position.id, False)


def test_a_buy_that_is_alive_passes_on_with_what_it_has_executed_and_brings_its_protection_again():
    position = new()
    for order in (BUY, LATER):
        position.enter(order, STOP)
    bought, other = executed("1", BUY), executed("1", LATER)
    position.grow(bought)
    position.grow(other)
    position.reduce(executed("2"), SMALLEST)
    following = position.next([BUY])
    assert (following.entries, following.brought) == ({BUY: None}, {BUY: STOP})
    assert following.executions == {bought.key}
    following.grow(executed("1", BUY))
    assert following.wanted == STOP


def test_a_buy_without_protection_passes_on_without_one():
    position = new()
    position.enter(BUY, None)
    assert (position.next([BUY]).entries, position.next([BUY]).brought) == ({BUY: None}, {})


# --- wishes ----------------------------------------------------------------------------------------------------------


def test_a_sell_is_wanted_once():
    position = holding()
    position.leave(BUY)
    position.leave(BUY)
    assert position.exits == [BUY]


def test_nothing_is_protected_where_nothing_is_held_and_nothing_is_on_its_way():
    with pytest.raises(Impossible) as refused:
        new().want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    assert refused.value.code == "no_position"


def test_what_is_on_its_way_can_be_protected_by_other_prices_than_it_brings():
    """A price that is not named is taken from the newest buy that brings one."""
    position = new()
    position.enter(BUY, Protection(Decimal(80), Decimal(120)))
    position.enter(LATER, None)
    position.want(OTHER, HUNDRED_PERCENT, uuid4(), awaited=[BUY, LATER])
    assert position.wanted == Protection(OTHER.stop_loss, Decimal(120))


def test_a_protection_for_buys_is_left_over_until_one_of_them_is_filled():
    position = new()
    assert not position.is_left_over
    position.enter(BUY, None)
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=[BUY])
    assert position.is_left_over
    position.grow(executed("1", BUY))
    assert not position.is_left_over


def test_what_is_not_left_over_is_not_dropped():
    position = protected()
    position.abandon()
    assert position.wanted == STOP


def test_what_is_left_over_is_dropped_and_its_request_answered():
    position = new()
    position.want(STOP, HUNDRED_PERCENT, LATER, awaited=[BUY])
    position.abandon()
    assert (position.wanted, position.is_asked) == (None, False)


def test_a_buy_that_brought_its_protection_does_not_bring_it_again():
    """The protection wanted since then stays."""
    position = new()
    position.enter(BUY, STOP)
    position.grow(executed("1", BUY))
    position.want(OTHER, HUNDRED_PERCENT, uuid4(), awaited=())
    position.grow(executed("1", BUY))
    assert position.wanted == OTHER


# --- how it is protected ---------------------------------------------------------------------------------------------


def test_a_protection_that_never_rested_is_awaited():
    position = holding()
    position.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=())
    assert position.level is Level.AWAITED


def test_the_same_prices_for_another_share_rest_at_their_old_level():
    """The old level lasts until the wanted share rests or is refused."""
    position = protected()
    position.want(STOP, FIFTY, uuid4(), awaited=())
    assert position.level is Level.OLD_LEVEL


def test_other_prices_that_a_buy_brings_rest_at_their_old_level():
    """The change was not asked for, and no other stop rests yet."""
    position = protected()
    position.enter(BUY, OTHER)
    position.grow(executed("1", BUY))
    assert position.level is Level.OLD_LEVEL


def test_what_was_wanted_before_is_what_rests():
    position = protected()
    position.want(OTHER, HUNDRED_PERCENT, uuid4(), awaited=())
    assert position.wanted_before == STOP


def test_a_sale_that_nobody_explains_was_not_by_protection():
    """The sale keeps the covered share: half of what is held before and after."""
    position = protected()
    position.want(STOP, FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(5))
    position.reduce(executed("4"), SMALLEST)
    assert position.covered == Decimal(3)


def test_a_stop_that_sells_takes_nothing_from_the_target_while_enough_is_left():
    position = protected()
    position.want(Protection(None, Decimal(120)), FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(10))
    position.reduce(executed("4"), SMALLEST, by_protection=True)
    assert (position.covered, position.cover.target_quantity) == (Decimal(6), Decimal(5))


def test_a_moved_target_leaves_what_the_stop_still_covers():
    """The stop for a half has sold two coins; the coins outside that half were never under it."""
    position = holding()
    position.want(STOP, FIFTY, uuid4(), awaited=())
    position.rest([uuid4()], Decimal(5))
    position.reduce(executed("2"), SMALLEST, by_protection=True)
    position.want(Protection(None, Decimal(120)), Decimal(1), uuid4(), awaited=())
    assert position.covered == Decimal(3)


def test_a_wish_from_before_covers_were_told_covers_its_share_of_what_is_held():
    position, again = holding(), None
    position.want(STOP, FIFTY, uuid4(), awaited=())
    for event in position.collect_events():
        older = replace(event, covered=None) if type(event).__name__ == "ProtectionWanted" else event
        again = older.mutate(again)
    assert again.covered == Decimal(5)

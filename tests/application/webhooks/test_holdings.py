"""Alerts that say what is to be held, as the engine judges them: no exit is lost, no entry passes a closed gate."""

from __future__ import annotations

from decimal import Decimal

import pytest

from application.policies import WHEN, World
from application.trading.page import Page
from application.webhooks import streams
from application.webhooks.case import MarketsNotLoaded
from domain.aggregate import carrying
from domain.alert import Cause
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side
from domain.people.broker import Broker, Usage
from domain.trading.position import Position
from domain.webhooks.gates import Gates
from domain.webhooks.stream import WebhookStream
from tests.application.webhooks.house import EXECUTED, FAILED, IGNORED, REFUSED, TAKEN, refuse
from tests.application.webhooks.test_approvals import ASKED, STREAM, approve, asking, come
from tests.application.webhooks.test_gates import executed

__all__ = ["asking"]


def hold(house, share, **fields):
    """Let an alert for this share come, and return its webhook's id."""
    return come(house, "Position", PourCent=None, Position=str(share), **fields)


def bought(house, **fields):
    """Let the position hold something."""
    executed(house, house.order_of(come(house, "BuyMarket", **fields)), Decimal(100))


def turned(house, webhook):
    return house.store.find(Order, Order.id_for(webhook, "turned"))


def position(house):
    return house.store.get(Position, house.store.position_newest(1, 1, "BTC/USDT", "webhook"))


def judged_in_pages(house):
    """Judge as the engine does: everything that is there on one page."""
    while events := house.store.read(house.position):
        page = Page(house.store)
        page.prepare(one.stream for one in events if one.topic in WHEN)
        for recorded in events:
            world = World(page, house, house.now)
            with carrying(user="1", source="engine"):
                page.keep([one for policy in WHEN.get(recorded.topic, ()) for one in policy(recorded.event, world)])
        house.store.save(*page.decided)
        house.position = events[-1].position


def test_something_held_is_sold_first_and_nothing_held_is_bought(house):
    assert house.order_of(hold(house, 50)).wish.side is Side.BUY
    bought(house)
    assert house.order_of(hold(house, 50)).wish.side is Side.SELL
    assert house.order_of(hold(house, 100)).wish.side is Side.BUY


def test_a_buy_of_the_other_side_passes_the_gates_like_any_other(house):
    bought(house)
    wanted = hold(house, 90)
    streams.set_gates(house.store, 1, STREAM, Gates(locked=True))
    house.say(house.order_of(wanted), refuse("position_below"))
    assert (house.ends(wanted), turned(house, wanted)) == ((FAILED, "gate_locked"), None)
    assert position(house).exits == []
    less = hold(house, 10)
    assert (house.ends(less)[0], house.order_of(less).wish.side) == (TAKEN, Side.SELL)


def test_an_order_on_the_wrong_side_is_turned_once(house):
    bought(house)
    wanted = hold(house, 90)
    house.say(house.order_of(wanted), refuse("position_below"))
    house.say(turned(house, wanted), refuse("position_above"))
    assert house.ends(wanted) == (FAILED, "position_above")
    assert house.told() == []


def test_an_exit_passes_its_gate_although_the_markets_are_not_loaded(house):
    bought(house)
    streams.set_gates(house.store, 1, STREAM, Gates(locked=True))
    house.listed = {}
    with pytest.raises(MarketsNotLoaded):
        hold(house, 20)


@pytest.mark.parametrize("share", [0, 20])
def test_a_share_that_is_refused_is_told_as_an_exit_may_be_lost(house, share):
    bought(house)
    assert house.ends(hold(house, share, Symbol='"NOPEUSDT"')) == (REFUSED, "symbol_unknown")
    assert [cause for cause, _ in house.told()] == [Cause.EXIT_REJECTED]


def test_a_turned_exit_that_cannot_be_placed_is_told(house):
    first = come(house, "BuyMarket")
    less = hold(house, 20)
    executed(house, house.order_of(first), Decimal(100))
    with carrying(user="1"):
        broker = house.store.get(Broker, Broker.create_id(1))
        broker.use_for(Usage.OFF)
        house.store.save(broker)
    house.say(house.order_of(less), refuse("position_above"))
    assert turned(house, less).status is Status.REFUSED
    assert (house.ends(less), [cause for cause, _ in house.told()]) == (
        (FAILED, "broker_off"), [Cause.EXIT_REJECTED],
    )  # fmt: skip


def test_a_pause_is_told_once_for_each_share(house):
    """An alert of this kind may come with every bar. Where nothing is held there is no exit to lose."""
    come(house, "PING")
    streams.pause(house.store, 1, STREAM)
    assert (house.ends(hold(house, 0)), house.told()) == ((IGNORED, "stream_paused"), [])
    streams.resume(house.store, 1, STREAM, house.now)
    bought(house)
    streams.pause(house.store, 1, STREAM)
    for share in (30, 30, 0, 0, 30):
        hold(house, share)
    assert [cause for cause, _ in house.told()] == [Cause.EXIT_STALE] * 2


@pytest.mark.parametrize("action", ["SellMarket", "Position"])
def test_prices_that_cross_refuse_a_sale_whole(house, action):
    bought(house, PrixSL="90", PrixTP="120")
    size = {"PourCent": None, "Position": "20"} if action == "Position" else {}
    crossed = come(house, action, PrixSL="130", **size)
    assert house.ends(crossed) == (REFUSED, "protection_crossed")
    assert (position(house).exits, house.order_of(crossed)) == ([], None)


@pytest.mark.parametrize("in_pages", [True, False])
def test_a_turned_exit_with_prices_that_cross_leaves_no_trace_in_its_position(house, in_pages):
    if in_pages:
        house.judge = lambda: judged_in_pages(house)
    first = come(house, "BuyMarket", PrixSL="90", PrixTP="120")
    less = hold(house, 20, PrixSL="130")
    executed(house, house.order_of(first), Decimal(100))
    house.say(house.order_of(less), refuse("position_above"))
    assert house.ends(less) == (FAILED, "protection_crossed")
    assert all(house.store.find(Order, one) is not None for one in position(house).exits)
    assert [cause for cause, _ in house.told()] == [Cause.EXIT_REJECTED]


def test_a_share_that_is_held_already_counts_as_no_entry(house):
    come(house, "PING")
    streams.set_gates(house.store, 1, STREAM, Gates(most_entries=1))
    for _ in range(3):
        reached = hold(house, 100)
        house.say(house.order_of(reached), refuse("position_reached"))
        assert house.ends(reached) == (EXECUTED, None)
    executed(house, house.order_of(hold(house, 100)), Decimal(100))
    assert house.ends(hold(house, 100)) == (REFUSED, "gate_most_entries")


def test_an_approval_counts_once_its_entry_has_traded(asking):
    entry = hold(asking, 100)
    assert asking.ends(entry)[0] is ASKED
    approve(asking, entry)
    asking.say(asking.order_of(entry), refuse("position_reached"))
    assert asking.store.get(WebhookStream, STREAM).passed.approved == 0
    entry = hold(asking, 100)
    approve(asking, entry)
    executed(asking, asking.order_of(entry), Decimal(100))
    assert asking.store.get(WebhookStream, STREAM).passed.approved == 1

"""Alerts that cannot be executed: which raise an alert, which only appear in the list, which can be sent later."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from application.people.brokers import change_broker
from application.trading.decisions import send_again
from application.trading.halts import halt
from application.webhooks.case import MarketsNotLoaded
from domain.aggregate import carrying
from domain.alert import Cause, Severity
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from domain.people.user import User
from domain.trading.position import Position
from tests.application.webhooks.house import (
    FAILED,
    IGNORED,
    REFUSED,
    TAKEN,
    alert,
)


def stop_user(house):
    halt(house.store, 1)


def stop_broker(house):
    halt(house.store, 1, 1)


def disable(house):
    with carrying(user="1"):
        user = house.store.get(User, User.create_id(1))
        user.disable(2)
        house.store.save(user)


def wait(seconds):
    return lambda house: house.pass_by(seconds)


HINDRANCES = {
    "read after 90 s": (wait(90.1), "stale"),
    "the user stopped": (stop_user, "paused"),
    "the broker stopped": (stop_broker, "paused"),
    "the user is disabled": (disable, "paused"),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
@pytest.mark.parametrize("action", ["SellMarket", "SellLimit"])
def test_an_exit_that_may_not_be_sent_now_is_critical_and_can_be_sent_after_all(house, action, hindrance):
    """The exit is placed and refused in one commit: nothing reaches the exchange, and its owner can still send it."""
    happens, reason = HINDRANCES[hindrance]
    webhook_id = house.deliver(alert(action, Prix="100", PrixSL="90"))
    happens(house)
    house.judge()
    order = house.order_of(webhook_id)
    assert (order.status, order.reason, order.wish.side) == (Status.REFUSED, reason, Side.SELL)
    assert house.ends(webhook_id) == (FAILED, reason)
    facts = {"symbol": "BTC/USDT", "side": "sell", "broker": "1", "reason": reason}
    assert house.told() == [(Cause.EXIT_STALE, facts)]
    again = house.store.get(Order, send_again(house.store, 1, order.id, house.now))
    assert (again.status, again.wish) == (Status.PLACED, order.wish)
    assert house.store.find(Position, Position.create_id(1, 1, "BTC/USDT", "webhook")) is not None  # by the new order


def test_a_hindered_exit_changes_no_position(house):
    """The exit has no effect, and no stop is cancelled for it."""
    webhook_id = house.deliver(alert(PrixSL="90"))
    house.pass_by(91)
    house.judge()
    assert house.ends(webhook_id)[0] is FAILED
    assert [topic for topic in house.topics() if topic.startswith("Position.")] == []


@pytest.mark.parametrize(("seconds", "status"), [(60, TAKEN), (60.1, IGNORED), (90, IGNORED)])
def test_an_entry_lives_for_a_minute(house, seconds, status):
    """An entry's age counts from reception. A stale entry is ignored, and its owner is warned with the age."""
    webhook_id = house.deliver(alert("BuyMarket"))
    house.pass_by(seconds)
    house.judge()
    assert house.ends(webhook_id)[0] is status
    facts = {"symbol": "BTC/USDT", "broker": "1", "age": str(int(seconds))}
    assert house.told() == ([] if status is TAKEN else [(Cause.ENTRY_STALE, facts)])
    [*raised] = house.store.read(0, topics=["Alert.Raised"])
    assert all(one.event.severity is Severity.WARNING for one in raised)


@pytest.mark.parametrize("seconds", [60.1, 90])
def test_an_exit_lives_longer_than_an_entry(house, seconds):
    """An exit lives longer than a doubt about its symbol can last."""
    webhook_id = house.deliver(alert())
    house.pass_by(seconds)
    house.judge()
    assert house.ends(webhook_id) == (TAKEN, None)
    assert house.told() == []


@pytest.mark.parametrize("action", ["BuyMarket", "MAJ"])
def test_what_is_no_exit_is_ignored_quietly_during_a_pause(house, action):
    """No alert is raised, as the person who halted trading knows about the halt."""
    stop_user(house)
    webhook_id = house.come(alert(action, PrixSL="90"))
    assert house.ends(webhook_id) == (IGNORED, "paused")
    assert house.told() == []


def test_an_exit_holds_nobody_up_while_no_market_is_known(house):
    """The exit waits until it is stale and raises an alert, without a button as its symbol cannot be judged."""
    house.listed = {}
    webhook_id = house.deliver(alert())
    with pytest.raises(MarketsNotLoaded):
        house.judge()
    house.pass_by(91)
    house.judge()
    assert house.ends(webhook_id) == (IGNORED, "stale")
    facts = {"symbol": "BTC/USDT", "broker": "1", "reason": "stale"}
    assert house.told() == [(Cause.EXIT_REJECTED, facts)]


# --- refusals of our own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason", "facts"),
    [
        ({"Symbol": '"NOPE"'}, "symbol_unknown", {"symbol": "NOPE"}),
        ({"UserExchangeID": "9"}, "broker_foreign", {"broker": "9"}),
        ({"UserID": "2"}, "user_foreign", {}),
        ({"PourCent": None}, "percent_missing", {}),
        ({"PourCent": None, "PourCen": "50"}, "key_misspelt", {}),
        ({"Symbol": '"a name <and> more"'}, "symbol_unknown", {"symbol": "?"}),
        ({"UserExchangeID": '"a name"'}, "not_a_number", {"broker": "?"}),
        ({"Action": None, "action": '"SellMarket"'}, "key_misspelt", {}),
    ],
)
def test_an_exit_that_cannot_be_carried_out_as_it_stands_is_told(house, changed, reason, facts):
    """The alert carries the reason. Texts written by people are not copied into it."""
    webhook_id = house.come(alert(**changed))
    assert house.ends(webhook_id) == (REFUSED, reason)
    told = {"symbol": "BTC/USDT", "broker": "1", "reason": reason, **facts}
    assert house.told() == [(Cause.EXIT_REJECTED, told)]


@pytest.mark.parametrize("body", [alert("BuyMarket", PourCent=None), b"nothing", alert(Action='"Sell"')])
def test_other_refusals_stand_in_the_list_only(house, body):
    """A rejected entry costs nothing, and the purpose of noise is unknown, so no alert is raised."""
    assert house.ends(house.come(body))[0] is REFUSED
    assert house.told() == []


@pytest.mark.parametrize("requester", ["Webhooks", PROTECTION])
@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        *((reason, Cause.EXIT_STALE) for reason in ("stale", "exit_in_doubt", "paused")),
        ("quantity_below_minimum", Cause.EXIT_REJECTED),
        ("insufficient_funds", Cause.EXIT_REJECTED),
        ("symbol_unknown", Cause.EXIT_REJECTED),
        ("broker_off", Cause.EXIT_REJECTED),
        ("cancelled_before_sending", None),
    ],
)
def test_every_refusal_of_a_sale_is_told(house, requester, reason, cause):
    """The alert has the detail. The guard reports refusals of protection, and an owner's own cancel needs no alert."""
    wish = Wish("BTC/USDT", Side.SELL, Type.MARKET, percent=Decimal(50))
    with carrying(user="1"):
        order = Order.place(
            order_id=uuid4(), user=1, broker=1, wish=wish, source=Source.WEBHOOK,
            requester=requester, client_order_id="ARISTO_1",
        )  # fmt: skip
        order.refuse(reason, "in words")
        house.store.save(order)
    house.judge()
    facts = {"symbol": "BTC/USDT", "side": "sell", "broker": "1", "reason": reason, "detail": "in words"}
    assert house.told() == ([] if cause is None or requester == PROTECTION else [(cause, facts)])


# --- the bar's age -----------------------------------------------------------------------------------------------


def limit_bars(house, bars):
    change_broker(house.store, 1, 1, oldest_bar=bars)


@pytest.mark.parametrize(
    ("action", "bar_time", "executed"),
    [
        ("BuyMarket", '"2026-03-02T09:15:00Z"', True),
        ("BuyMarket", '"2026-03-02T09:14:59Z"', False),
        ("MAJ", '"2026-03-02T09:00:00Z"', False),
        ("SellMarket", '"2026-03-02T09:00:00Z"', True),
        ("BuyMarket", None, True),
        ("BuyMarket", '"2026-03-03T09:00:00Z"', True),
    ],
)
def test_an_old_bar_enters_no_trade_where_its_broker_says_so(house, action, bar_time, executed):
    """Two more bars of five minutes may pass after the alert's own. The age of an exit's bar does not matter."""
    limit_bars(house, 2)
    webhook_id = house.come(alert(action, BarTime=bar_time, PrixSL="90"))
    assert (house.ends(webhook_id) != (REFUSED, "bar_too_old")) is executed
    limit_bars(house, 0)
    later = house.come(alert(action, BarTime=bar_time, PrixSL="90", Id="2"))
    assert house.ends(later) != (REFUSED, "bar_too_old")


def test_without_an_interval_the_age_of_a_bar_is_not_known(house):
    """Nothing is refused for an unknown age."""
    limit_bars(house, 1)
    assert house.ends(house.come(alert("BuyMarket", Interval=None, BarTime='"2020-01-01T00:00:00Z"')))[0] is TAKEN

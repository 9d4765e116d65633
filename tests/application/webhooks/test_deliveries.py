"""Deliveries: new, repeated, or an exit that is judged anew.

The engine's policies work on a real log. The test plays the gateway and the exchange.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.people.brokers import change_broker
from application.trading.decisions import send_again
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.people.broker import Usage
from domain.refusals import Impossible
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import WebhookMessage, again_id, unparsable_id
from tests.application.webhooks.house import (
    FAILED,
    RAW,
    REFUSED,
    TAKEN,
    accept,
    alert,
    fill,
    refuse,
    reject,
    submit,
)
from tests.conftest import NOW

FAILURES = {"refused by us": (refuse(),), "too late": (refuse("stale"),), "rejected": (submit, reject)}
SUCCESSES = {
    "still to be sent": (),
    "sent": (submit,),
    "in doubt": (submit, lambda o: o.doubt("silence")),
    "accepted": (submit, accept),
    "filled in part": (submit, accept, fill),
    "rejected, and executed all the same": (submit, accept, fill, reject),
    "cancelled": (submit, accept, lambda o: o.cancel("user", RAW)),
    "taken back by its owner": (refuse("cancelled_before_sending"),),
}


# --- identity ----------------------------------------------------------------------------------------------------


def test_four_alerts_of_one_bar_are_four_webhooks_and_each_repeat_is_shown(house):
    """The "Id" distinguishes them. A repeat with the same one is counted and never executed."""
    bodies = [alert(action, Id=str(n)) for n, action in enumerate(("BuyMarket", "SellMarket") * 2)]
    ids = [house.come(body) for body in bodies]
    assert len({*ids}) == 4
    for body, webhook_id in zip(bodies, ids, strict=True):
        house.pass_by(3600)
        assert house.come(body) == webhook_id
        assert house.store.get(Webhook, webhook_id).repeats == 1
    assert house.topics().count("Order.Placed") == 4


@pytest.mark.parametrize("failure", FAILURES)
def test_an_exit_that_came_to_nothing_is_judged_anew(house, failure):
    """Each new attempt has a stream of its own. A delivery while the second is under way is a repeat of it."""
    first = house.come(alert())
    house.say(house.order_of(first), *FAILURES[failure])
    assert house.ends(first)[0] is FAILED
    house.pass_by(300)
    second = house.come(alert())
    assert (second, house.ends(second)) == (again_id(first), (TAKEN, None))
    assert house.order_of(second).not_after == house.now + timedelta(seconds=90)
    house.pass_by(1)
    assert house.come(alert()) == second
    assert [house.store.get(Webhook, one).repeats for one in (first, second)] == [0, 1]
    house.say(house.order_of(second), *FAILURES[failure])
    house.pass_by(1)
    third = house.come(alert())
    house.say(house.order_of(third), submit, accept, fill)
    house.pass_by(1)
    assert house.come(alert()) == third == again_id(second)
    assert house.topics().count("Order.Placed") == 3


@pytest.mark.parametrize("success", SUCCESSES)
def test_an_exit_that_is_under_way_or_was_executed_is_not(house, success):
    """A repeat of the exit is only counted, also when the exit was filled in part or cancelled by its owner."""
    first = house.come(alert())
    if SUCCESSES[success]:
        house.say(house.order_of(first), *SUCCESSES[success])
    house.pass_by(1)
    assert house.come(alert()) == first
    assert house.store.get(Webhook, first).repeats == 1


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("action", ["BuyMarket", "BuyLimit"])
def test_an_entry_is_never_judged_anew(house, action, failure):
    """However the entry ended, its price is out of date."""
    body = alert(action, Prix="100")
    first = house.come(body)
    house.say(house.order_of(first), *FAILURES[failure])
    house.pass_by(1)
    assert house.come(body) == first
    assert house.topics().count("Order.Placed") == 1


def test_a_ping_and_what_cannot_be_read_are_repeats(house):
    """A second ping of the same bar is a repeat, and so are the same bytes within a minute."""
    ping, broken = alert("PING"), b"nothing"
    assert house.come(ping) == house.come(ping)
    assert house.come(broken) == house.come(broken) == unparsable_id(1, broken, NOW)


def test_an_exit_that_was_refused_as_it_stood_is_judged_anew(house):
    """The broker was off at the first delivery and is on at the second."""
    change_broker(house.store, 1, 1, usage=Usage.OFF)
    first = house.come(alert())
    assert house.ends(first) == (REFUSED, "broker_off")
    change_broker(house.store, 1, 1, usage=Usage.WEBHOOKS)
    house.pass_by(1)
    assert house.ends(house.come(alert())) == (TAKEN, None)


def test_a_delivery_that_is_drained_twice_is_one(house):
    """The door died between appending the delivery and removing its file. The same moment is the same delivery."""
    first = house.come(alert())
    house.say(house.order_of(first), refuse())
    house.pass_by(30)
    assert house.come(alert(), at=NOW) == first
    assert house.topics().count("Order.Placed") == 1


def test_what_its_owner_sent_after_all_is_not_sold_twice(house):
    """A repeated alert sells nothing once its owner has sent it again. The button is barred after it is judged anew."""
    first = house.come(alert())
    late = house.order_of(first)
    house.say(late, refuse("stale"))
    again = house.store.get(Order, send_again(house.store, 1, late.id, house.now))
    house.pass_by(1)
    assert house.come(alert()) == first
    house.say(again, refuse("stale"))
    house.pass_by(1)
    second = house.come(alert())
    assert second == again_id(first)
    with pytest.raises(Impossible):
        send_again(house.store, 1, again.id, house.now)
    assert send_again(house.store, 1, late.id, house.now) == again.id


# --- the identity before the upgrade -----------------------------------------------------------------------------


def received_before(house, body, at=NOW):
    """Record a webhook as an older door appended it, and let the engine judge it; return its id."""
    former = WebhookMessage.understood(body).former_id(1, at)
    with carrying(user="1"):
        house.store.save(Webhook.receive(former, 1, body, "192.0.2.1", at))
    house.judge()
    return former


@pytest.mark.parametrize("bar_time", ['"2026-03-02T09:25:00Z"', None])
def test_an_alert_from_before_the_upgrade_is_still_known(house, bar_time):
    """The alert's former identity is looked up for a while, and counts only when the content is the same."""
    body = alert("BuyMarket", Id="1", BarTime=bar_time)
    former = received_before(house, body)
    until = NOW + timedelta(hours=1)
    assert house.come(body, former_until=until, at=NOW + timedelta(seconds=9)) == former
    assert house.come(alert("BuyMarket", Id="2", BarTime=bar_time), former_until=until) != former
    assert house.store.get(Webhook, former).repeats == 1
    assert house.topics().count("Order.Placed") == 2


def test_the_former_identity_is_looked_up_no_longer_than_needed(house, monkeypatch):
    """A delivery received in time costs one query, a later one none. Spooled ones count by their reception."""
    asked, find = [], house.store.find

    def counted(kind, aggregate_id):
        asked.append(kind)
        return find(kind, aggregate_id)

    monkeypatch.setattr(house.store, "find", counted)
    until = NOW + timedelta(hours=1)
    house.deliver(alert(), former_until=until, at=until)
    assert asked == [Webhook]
    house.deliver(alert(Id="2"), former_until=until, at=until + timedelta(seconds=1))
    assert asked == [Webhook]
    house.pass_by(7 * 86400)
    house.deliver(alert(Id="3"), former_until=until, at=NOW)  # from the spool, after a week
    assert asked == [Webhook] * 2


def test_an_exit_that_failed_before_the_upgrade_is_judged_anew(house):
    """The new attempt's identity follows from the former one."""
    former = received_before(house, alert())
    house.say(house.order_of(former), refuse())
    again = house.come(alert(), former_until=NOW + timedelta(hours=1), at=NOW + timedelta(seconds=5))
    assert (again, house.ends(again)[0]) == (again_id(former), TAKEN)


# --- ages and pauses ---------------------------------------------------------------------------------------------

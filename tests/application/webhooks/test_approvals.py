"""The first entries of a stream wait for their trader. Nothing but an answer in time executes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.webhooks import approvals, streams
from domain.alert import Cause
from domain.orders.wish import Side
from domain.refusals import Impossible, NotFound
from domain.webhooks.gates import Gates
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.application.webhooks.house import IGNORED, REFUSED, TAKEN, alert

STREAM = StreamKey(1, 1, "BTCUSDT", "5", "EMA").id
ASKED = WebhookStatus.ASKED


@pytest.fixture
def asking(house):
    """Return a house whose stream asks for the first two entries."""
    come(house, "PING")
    streams.set_gates(house.store, 1, STREAM, Gates(approved=2))
    return house


def come(house, action, /, **fields):
    """Let an alert of the stream come, one second after the last one, and return its webhook's id."""
    house.pass_by(1)
    named = {"IndicateurName": '"EMA"', "BarTime": f'"{house.now.isoformat()}"'}
    return house.come(alert(action, **named, **fields))


def approve(house, webhook):
    approvals.approve(house.store, 1, webhook, house.now)
    house.judge()


def test_an_entry_is_asked_about_and_carried_out_once_approved(asking):
    entry = come(asking, "BuyMarket", PrixSL="90")
    assert (asking.ends(entry), asking.order_of(entry)) == ((ASKED, None), None)
    [(cause, facts)] = asking.told()
    assert (cause, facts["symbol"], facts["broker"]) == (Cause.APPROVAL_ASKED, "BTC/USDT", "1")
    asking.pass_by(200)
    approve(asking, entry)
    order = asking.order_of(entry)
    assert (asking.ends(entry)[0], order.wish.side, order.not_after) == (
        TAKEN, Side.BUY, asking.now + timedelta(seconds=30),
    )  # fmt: skip


def test_the_first_entries_are_asked_about_and_later_ones_are_not(asking):
    for _ in range(2):
        approve(asking, come(asking, "BuyMarket"))
    assert asking.ends(come(asking, "BuyMarket"))[0] is TAKEN


def test_what_is_declined_does_not_count(asking):
    for _ in range(3):
        entry = come(asking, "BuyMarket")
        approvals.decline(asking.store, 1, entry)
        assert asking.ends(entry) == (REFUSED, "approval_declined")
    assert asking.ends(come(asking, "BuyMarket"))[0] is ASKED


def test_another_number_begins_to_count_anew(asking):
    for gates, asked in ((Gates(approved=2), True), (Gates(), False), (Gates(approved=1), True)):
        streams.set_gates(asking.store, 1, STREAM, gates)
        entry = come(asking, "BuyMarket")
        assert (asking.ends(entry)[0] is ASKED) is asked
        if asked:
            approve(asking, entry)


def test_an_entry_that_nobody_answers_in_time_is_refused(asking):
    entry = come(asking, "BuyMarket")
    asking.pass_by(300)
    assert approvals.expire(asking.store, asking.now) == []
    asking.pass_by(1)
    with pytest.raises(Impossible) as late:
        approvals.approve(asking.store, 1, entry, asking.now)
    assert late.value.code == "approval_expired"
    assert [webhook.id for webhook in approvals.expire(asking.store, asking.now)] == [entry]
    assert (asking.ends(entry), asking.order_of(entry)) == ((REFUSED, "approval_expired"), None)
    assert asking.store.webhooks_asked() == approvals.expire(asking.store, asking.now) == []


@pytest.mark.parametrize(("action", "fields"), [("SellMarket", {}), ("SellLimit", {"Prix": "110"}), ("BuyMarket", {})])
def test_what_comes_after_it_overtakes_an_entry(asking, action, fields):
    """To buy after the exit, or twice, is what nobody wants."""
    entry = come(asking, "BuyMarket")
    later = come(asking, action, **fields)
    assert asking.ends(entry) == (REFUSED, "approval_overtaken")
    assert asking.ends(later)[0] is (ASKED if action == "BuyMarket" else TAKEN)
    with pytest.raises(Impossible):
        approvals.approve(asking.store, 1, entry, asking.now)


def test_an_entry_and_its_exit_that_are_judged_together(asking):
    """The exit overtakes the entry even before its question is saved."""
    asking.pass_by(1)
    named = {"IndicateurName": '"EMA"', "BarTime": f'"{asking.now.isoformat()}"'}
    entry, leaves = (asking.deliver(alert(action, **named)) for action in ("BuyMarket", "SellMarket"))
    asking.judge()
    assert asking.ends(entry) == (REFUSED, "approval_overtaken")
    assert asking.ends(leaves)[0] is TAKEN


@pytest.mark.parametrize("action", ["SellMarket", "SellLimit", "Position"])
def test_exits_never_wait(asking, action):
    size = {"PourCent": None, "Position": "0"} if action == "Position" else {"Prix": "110"}
    assert asking.ends(come(asking, action, **size))[0] is TAKEN


def test_an_entry_to_a_share_is_asked_about_too(asking):
    entry = come(asking, "Position", PourCent=None, Position="50")
    assert asking.ends(entry)[0] is ASKED
    approve(asking, entry)
    assert asking.order_of(entry).wish.holding == 50


def test_what_stands_in_its_way_when_it_is_approved_holds_it_back(asking):
    paused = come(asking, "BuyMarket")
    streams.pause(asking.store, 1, STREAM)
    approve(asking, paused)
    assert asking.ends(paused) == (IGNORED, "stream_paused")
    streams.resume(asking.store, 1, STREAM, asking.now)
    locked = come(asking, "BuyMarket")
    streams.set_gates(asking.store, 1, STREAM, Gates(approved=2, locked=True))
    approve(asking, locked)
    assert asking.ends(locked) == (REFUSED, "gate_locked")


def test_an_approval_that_is_judged_too_late_executes_nothing(asking):
    entry = come(asking, "BuyMarket")
    approvals.approve(asking.store, 1, entry, asking.now)
    asking.pass_by(31)
    asking.judge()
    assert asking.ends(entry) == (IGNORED, "stale")


def test_an_alert_that_cannot_be_carried_out_is_refused_and_not_asked_about(asking):
    assert asking.ends(come(asking, "BuyMarket", PrixSL="100", PrixTP="90"))[0] is REFUSED


def test_a_repeated_alert_asks_once_and_its_answer_counts_once(asking):
    entry = come(asking, "BuyMarket")
    asking.come(asking.store.get(Webhook, entry).raw)
    approve(asking, entry)
    with pytest.raises(Impossible):
        approvals.approve(asking.store, 1, entry, asking.now)
    assert [cause for cause, _ in asking.told()] == [Cause.APPROVAL_ASKED]
    assert asking.topics().count("Order.Placed") == 1


def test_another_users_entry_is_not_found(asking):
    entry = come(asking, "BuyMarket")
    with pytest.raises(NotFound):
        approvals.approve(asking.store, 2, entry, asking.now)
    with pytest.raises(NotFound):
        approvals.decline(asking.store, 2, entry)
    assert asking.ends(entry)[0] is ASKED


@pytest.mark.parametrize("action", ["SellMarket", "BuyMarket"])
def test_an_approval_that_comes_after_a_later_alert_executes_nothing(asking, action):
    """The later alert is in the log before the answer, and is judged after it was given."""
    entry = come(asking, "BuyMarket")
    asking.pass_by(1)
    later = asking.deliver(alert(action, IndicateurName='"EMA"', BarTime=f'"{asking.now.isoformat()}"'))
    approvals.approve(asking.store, 1, entry, asking.now)
    asking.judge()
    assert (asking.ends(entry), asking.order_of(entry)) == ((REFUSED, "approval_overtaken"), None)
    assert asking.ends(later)[0] is (TAKEN if action == "SellMarket" else ASKED)

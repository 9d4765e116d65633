"""Alerts whose reason is gone: the end is recorded and reported to every channel that had the alert."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from application.alerts import acknowledge, tell, tell_everybody
from application.people.users import remove_channel
from aristobot.terminals.alerts import terminal as alerts
from aristobot.wiring import utc_now
from domain.aggregate import Personal, carrying
from domain.alert import Alert, Cause
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, Protection, Side
from domain.trading.position import Position
from tests.terminals.trouble import RAISED, Terminal

ENDED = "Alert.Ended"
POSITION = Position.create_id(1, 1, "BTC/USDT", "webhook")
STOP = Protection(Decimal(90))


def says(trouble, kind, subject, *verbs):
    """Call these verbs on an aggregate, save it and let the engine judge."""
    with carrying(user="1"):
        found = trouble.store.get(kind, subject)
        for verb in verbs:
            verb(found)
        trouble.store.save(found)
    trouble.judge()


def loses_its_stop(trouble):
    """Leave a position without the stop that is wanted for it."""
    trouble.lose("not_protectable")
    says(
        trouble, Position, POSITION,
        lambda p: p.want(STOP, HUNDRED_PERCENT, uuid4(), awaited=()), lambda p: p.lose_protection("protection_unknown"),
    )  # fmt: skip


def is_under_its_stop(trouble):
    says(trouble, Position, POSITION, lambda p: p.rest([uuid4()], Decimal(1)))


def ended(trouble):
    """Return the causes of the alerts that have ended."""
    return [trouble.store.get(Alert, event.originator_id).cause for event in trouble.events(ENDED)]


def heard(trouble):
    return [title.replace(chr(0xA0), " ") for title, _ in trouble.one.heard]


LOST = "[!!!] Aristobot: Position sans protection"
OVER = "Aristobot: Résolu : Position sans protection"


def test_a_position_under_a_stop_again_is_told_once_to_whoever_heard_that_it_was_not(trouble, terminal):
    """Every channel gets one all-clear, here for a protection that was in doubt."""
    loses_its_stop(trouble)
    terminal.turn()
    assert (heard(trouble), ended(trouble)) == ([LOST], [])
    is_under_its_stop(trouble)
    terminal.turn()
    terminal.turn()
    assert heard(trouble) == [LOST, OVER]
    assert len(trouble.other.heard) == 2
    assert ended(trouble) == [Cause.POSITION_UNPROTECTED]


def test_what_its_user_has_acknowledged_says_no_more(trouble, terminal):
    """The user knows about it already, so its end is neither recorded nor reported."""
    loses_its_stop(trouble)
    terminal.turn()
    [raised] = trouble.events(RAISED)
    acknowledge(trouble.store, 1, trouble.store.get(Alert, raised.originator_id))
    is_under_its_stop(trouble)
    terminal.turn()
    assert (heard(trouble), ended(trouble)) == ([LOST], [])
    assert trouble.store.alerts_open() == []


def test_a_doubt_that_is_answered_is_over(trouble, terminal):
    """The alert ends once the order was found at the exchange."""
    trouble.doubt()
    terminal.turn()
    assert ended(trouble) == []
    [doubted] = trouble.events("Order.Doubted")
    says(trouble, Order, doubted.originator_id, lambda order: order.accept("77", Personal("{}")))
    terminal.turn()
    assert ended(trouble) == [Cause.ORDER_UNKNOWN]


def test_what_ended_while_nobody_looked_is_found_at_the_next_start(trouble):
    """A terminal that starts reads the open alerts from the log."""
    trouble.doubt()
    [doubted] = trouble.events("Order.Doubted")
    trouble.send()
    says(trouble, Order, doubted.originator_id, lambda order: order.accept("77", Personal("{}")))
    after = Terminal(trouble)
    after.turn()
    after.herald.close()
    assert ended(trouble) == [Cause.ORDER_UNKNOWN]


def test_an_old_alert_that_ends_wakes_nobody(trouble, terminal, monkeypatch):
    """The end is recorded, but no channel is told."""
    trouble.doubt()
    terminal.turn()
    before = heard(trouble)
    [doubted] = trouble.events("Order.Doubted")
    says(trouble, Order, doubted.originator_id, lambda order: order.accept("77", Personal("{}")))
    now = alerts.utc_now()
    monkeypatch.setattr(alerts, "utc_now", lambda: now + alerts.ALL_CLEAR_WITHIN * 2)
    terminal.turn()
    assert ended(trouble) == [Cause.ORDER_UNKNOWN]
    assert heard(trouble) == before


def test_a_part_without_a_stop_is_told_until_all_is_under_it(trouble, terminal):
    """A stop for another share of the position does not end the alert."""
    loses_its_stop(trouble)
    for share, over in ((40, []), (60, []), (100, [Cause.PARTLY_COVERED])):
        says(
            trouble, Position, POSITION,
            lambda p, share=share: p.want(STOP, Decimal(share), uuid4(), awaited=()),
            lambda p: p.rest([uuid4()], Decimal(1)),
        )  # fmt: skip
        terminal.turn()
        assert [cause for cause in ended(trouble) if cause is Cause.PARTLY_COVERED][:1] == over
    raised = [cause for _, cause in trouble.raised()]
    assert raised.count(Cause.PARTLY_COVERED) == ended(trouble).count(Cause.PARTLY_COVERED) == 2


def sells(trouble, quantity):
    """Sell this much of the position, by an order of whatever kind."""
    sold = Execution(UUID(int=2), f"s{quantity}", Decimal(quantity), Decimal(100), Decimal(0), None, utc_now())
    says(trouble, Position, POSITION, lambda p: p.reduce(sold, Decimal("0.001")))


def refuses_an_exit(trouble):
    """Let the exchange reject a sale of what is held."""
    order = trouble.database.submitted(trouble.store, side=Side.SELL)
    says(trouble, Order, order.id, lambda order: order.reject("insufficient_funds", Personal("{}")))


def test_an_exit_that_failed_is_over_once_its_position_is_sold(trouble, terminal):
    """A part is not enough; which order has sold it does not matter."""
    trouble.lose("not_protectable")
    refuses_an_exit(trouble)
    terminal.turn()
    sells(trouble, "0.5")
    terminal.turn()
    assert ended(trouble) == []
    sells(trouble, "0.50")
    terminal.turn()
    assert ended(trouble) == [Cause.EXIT_REJECTED]


def test_an_exit_that_found_nothing_to_sell_waits_for_its_user(trouble, terminal):
    """Nothing has been sold since, so nothing tells that the trouble is over."""
    refuses_an_exit(trouble)
    terminal.turn()
    terminal.turn()
    assert Cause.EXIT_REJECTED in [cause for _, cause in trouble.raised()]
    assert ended(trouble) == []


def test_an_unknown_status_is_over_with_its_order(trouble, terminal):
    """The word of the exchange no longer matters once the order has ended."""
    order = trouble.database.submitted(trouble.store)
    says(trouble, Order, order.id, lambda order: order.accept("77", Personal("{}")))
    says(trouble, Order, order.id, lambda order: order.meet_unknown_status("ODD", Personal("{}")))
    terminal.turn()
    assert ended(trouble) == []
    says(trouble, Order, order.id, lambda order: order.cancel("cancelled", Personal("{}")))
    terminal.turn()
    assert ended(trouble) == [Cause.STATUS_UNKNOWN]


def test_a_halted_market_is_over_with_the_position(trouble, terminal):
    trouble.lose("not_protectable")
    tell(trouble.store, 1, Cause.MARKET_CLOSED, "one", {"symbol": "BTC/USDT", "broker": "1"}, POSITION)
    terminal.turn()
    assert ended(trouble) == []
    sells(trouble, "1")
    terminal.turn()
    assert Cause.MARKET_CLOSED in ended(trouble)


@pytest.mark.parametrize("removed", [False, True])
def test_a_channel_that_delivers_again_or_is_gone_no_longer_worries(trouble, terminal, removed):
    """Its alert ends with the next delivery there, or with the channel."""
    trouble.one.answer = 500
    tell(trouble.store, 1, Cause.DAILY_HEAD, "one", {"position": "1", "head": "ab"})
    terminal.turn()
    terminal.turn()
    assert (1, Cause.CHANNEL_DEAD) in trouble.raised()
    assert ended(trouble) == []
    if removed:
        [channel] = [one.id for one in trouble.house.channels.of(1) if one.name == "one"]
        remove_channel(trouble.web.store, trouble.web.channels, 1, channel)
    else:
        trouble.one.answer = 200
        tell(trouble.store, 1, Cause.DAILY_HEAD, "two", {"position": "2", "head": "cd"})
    terminal.turn()
    assert ended(trouble) == [Cause.CHANNEL_DEAD]


def test_a_backup_that_failed_is_over_with_the_next_one(trouble, terminal):
    tell_everybody(trouble.store, Cause.BACKUP_FAILED, "2026-03-02", {"reason": "no space"})
    terminal.turn()
    assert ended(trouble) == []
    tell_everybody(trouble.store, Cause.DAILY_HEAD, "2026-03-03", {"position": "1", "head": "ab"})
    terminal.turn()
    assert set(ended(trouble)) == {Cause.BACKUP_FAILED}

"""Alerts whose reason is gone: the end is recorded and reported to every channel that had the alert."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from application.alerts import acknowledge
from aristobot.terminals.alerts import terminal as alerts
from domain.aggregate import Personal, carrying
from domain.alert import Alert, Cause
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, Protection
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

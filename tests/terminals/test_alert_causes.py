"""Alerts that events lead to: each is raised once, with the right severity, and names its subject."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.aggregate import Personal, carrying
from domain.alert import Cause, Severity
from domain.orders.external import HISTORY_LOST
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type, Wish
from domain.reconciliation import Discrepancy, Fact, Kind, Occasion, Reconciliation, Resolution, Statement
from domain.webhooks.webhook import Webhook
from tests.terminals.trouble import RAISED

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RAW = Personal('{"orderId":77}')
NOTHING = Statement(Kind.NOTHING)
THEIRS = Statement(Kind.ORDER, {"status": "NEW", "filled": "0", "size": "1"})
LOUD, HEARD = Severity.CRITICAL, Severity.WARNING


def said_to_an_order(*verbs, side=Side.BUY, sent=True):
    """Return a setup that calls these verbs on a new order of user 1 and returns the order's id."""

    def happens(trouble):
        make = trouble.database.submitted if sent else trouble.database.placed
        order = make(trouble.store, side=side)
        with carrying(user="1"):
            for verb in verbs:
                verb(order)
            trouble.store.save(order)
        return order.id

    return happens


def found(resolution, *facts, failure=None):
    """Return a setup in which a reconciliation of user 1's broker records a finding.

    The reconciliation fails if `failure` gives a reason. The setup returns the reconciliation's id.
    """

    def happens(trouble):
        with carrying(user="1"):
            run = Reconciliation(uuid4(), 1, 1, Occasion.FULL, NOW)
            run.find(Discrepancy(None, "BTC/USDT", "77", NOTHING, THEIRS, resolution, facts), RAW)
            if failure is not None:
                run.fail(failure, Decimal(0))
            trouble.store.save(run)
        return run.id

    return happens


def found_there(requester):
    """Return a setup that adopts an order of user 1 found on the exchange and returns the order's id."""

    def happens(trouble):
        wish = Wish("BTC/USDT", Side.BUY, Type.LIMIT, quantity=Decimal(1), price=Decimal(40000))
        with carrying(user="1"):
            order = Order.adopt(user=1, broker=1, exchange_order_id="77", wish=wish, raw=RAW, **requester)
            trouble.store.save(order)
        return order.id

    return happens


def delivered(action, verb):
    """Return a setup that receives an alert of user 1, calls this verb on its webhook and returns the webhook's id."""

    def happens(trouble):
        body = f'{{"Symbol":"BTCUSDT","Action":"{action}","PourCent":50,"UserID":1,"UserExchangeID":1}}'
        with carrying(user="1"):
            webhook = Webhook.receive(uuid4(), 1, body.encode(), "192.0.2.1", NOW)
            verb(webhook)
            trouble.store.save(webhook)
        return webhook.id

    return happens


def accept(order):
    order.accept("X1", RAW)


def cancel(order):
    order.cancel("user", RAW)


CAUSES = {
    "silence": (said_to_an_order(lambda o: o.doubt("silence")), Cause.ORDER_UNKNOWN, HEARD, {"reason": "silence"}),
    "a word that nobody mapped": (
        said_to_an_order(accept, lambda o: o.meet_unknown_status("ODD", RAW)),
        Cause.STATUS_UNKNOWN, HEARD, {"word": "ODD"},
    ),
    "what cannot be": (
        said_to_an_order(accept, lambda o: o.contradict("foreign_symbol", {"theirs": "ETHUSDT"}, RAW)),
        Cause.REPORT_CONTRADICTS, LOUD, {"reason": "foreign_symbol"},
    ),
    "an end that was none": (
        said_to_an_order(accept, cancel, lambda o: o.correct(Status.CANCELLED, Status.OPEN, RAW)),
        Cause.ORDER_REOPENED, LOUD, {"ours": "cancelled"},
    ),
    "a stale exit": (
        said_to_an_order(lambda o: o.refuse("stale", "stale"), side=Side.SELL, sent=False),
        Cause.EXIT_STALE, LOUD, {"reason": "stale"},
    ),
    "an exit during a pause": (
        said_to_an_order(lambda o: o.refuse("paused"), side=Side.SELL, sent=False),
        Cause.EXIT_STALE, LOUD, {"reason": "paused"},
    ),
    "an exit that we refused": (
        said_to_an_order(lambda o: o.refuse("quantity_below_minimum", "0.1 is the least"), side=Side.SELL, sent=False),
        Cause.EXIT_REJECTED, LOUD, {"reason": "quantity_below_minimum", "detail": "0.1 is the least"},
    ),
    "an entry that the engine read too late": (
        delivered("BuyMarket", lambda w: w.ignore("stale")), Cause.ENTRY_STALE, HEARD, {"symbol": "BTC/USDT"},
    ),
    "an exit that was refused as it stood": (
        delivered("SellMarket", lambda w: w.refuse("symbol_unknown", "")),
        Cause.EXIT_REJECTED, LOUD, {"reason": "symbol_unknown"},
    ),
    "an exit in doubt": (
        said_to_an_order(lambda o: o.refuse("exit_in_doubt"), side=Side.SELL, sent=False), Cause.EXIT_STALE, LOUD, {},
    ),
    "an exit that the exchange refused": (
        said_to_an_order(lambda o: o.reject("insufficient_funds", RAW), side=Side.SELL),
        Cause.EXIT_REJECTED, LOUD, {"reason": "insufficient_funds"},
    ),
    "an entry above a limit": (
        said_to_an_order(lambda o: o.refuse("limit_per_order", "100 is the most"), sent=False),
        Cause.LIMIT_REFUSED, HEARD, {"detail": "100 is the most"},
    ),
    "what a person has to settle": (
        found(Resolution.DECIDE), Cause.TO_DECIDE, LOUD, {"symbol": "BTC/USDT"},
    ),
    "an order of ours that the log does not know": (
        found_there({"requester": HISTORY_LOST}), Cause.HISTORY_LOST, LOUD, {"symbol": "BTC/USDT", "number": "77"},
    ),
    "no comparison": (
        found(Resolution.AWAITED, failure="no_answer"), Cause.NOT_RECONCILED, HEARD, {"reason": "no_answer"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CAUSES)
def test_its_owner_is_told_once(trouble, case):
    """The alert is in the commit of the engine's decision and names the stream it is about. Another look adds none."""
    happens, cause, loudness, facts = CAUSES[case]
    subject: UUID = happens(trouble)
    for _ in range(2):
        trouble.judge()
    [alert] = trouble.events(RAISED)
    assert (alert.user, alert.cause, alert.severity, alert.subject) == (1, cause, loudness, subject)
    assert {name: alert.facts[name] for name in facts} == facts
    assert alert.facts["broker"] == "1"


def test_an_execution_that_cannot_be_counted_is_told(trouble, monkeypatch):
    """No position knows these coins, so they have no protection and no other alert reports that."""

    def fail(*_):
        raise ArithmeticError("no number")

    monkeypatch.setattr("application.trading.positions.executed", fail)
    executed = (Decimal("0.01"), Decimal(40000), Decimal(0), None, NOW, None, RAW)
    order_id = said_to_an_order(accept, lambda o: o.fill("t1", *executed))(trouble)
    for _ in range(2):
        trouble.judge()
    [alert] = trouble.events(RAISED)
    assert (alert.user, alert.cause, alert.severity) == (1, Cause.EVENT_PASSED_OVER, LOUD)
    assert alert.subject == order_id


QUIET = {
    "an entry that the exchange refused": said_to_an_order(lambda o: o.reject("insufficient_funds", RAW)),
    "an entry that is stale": said_to_an_order(lambda o: o.refuse("stale"), sent=False),
    "an exit that its owner took back": said_to_an_order(
        lambda o: o.refuse("cancelled_before_sending"), side=Side.SELL, sent=False
    ),
    "an entry that we refused": said_to_an_order(lambda o: o.refuse("quantity_below_minimum"), sent=False),
    "an entry that was refused as it stood": delivered("BuyMarket", lambda w: w.refuse("symbol_unknown", "")),
    "an entry during a pause": delivered("BuyMarket", lambda w: w.ignore("paused")),
    "a ping": delivered("PING", lambda w: w.ignore("ping")),
    "an end that is another end": said_to_an_order(
        accept, cancel, lambda o: o.correct(Status.CANCELLED, Status.CLOSED, RAW)
    ),
    "what is asked about once more": found(Resolution.AWAITED, Fact("Corrected")),
    "an order of somebody else": found_there({}),
    "that the log does not know an order": found(Resolution.HISTORY_LOST),
    "what was left to a person before": found(Resolution.UNDECIDED),
    "what was recorded": found(Resolution.RECORDED, Fact("Filled")),
    "a contradiction, which tells of itself": found(Resolution.DECIDE, Fact("Contradicted")),
}


@pytest.mark.parametrize("case", QUIET)
def test_nobody_is_woken_for_it(trouble, case):
    """No alert is raised; the books show what happened."""
    QUIET[case](trouble)
    trouble.judge()
    assert trouble.raised() == []

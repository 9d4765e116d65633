"""Alerts about refused keys and failed reconciliations last until a full look at the account has worked again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from application.people.brokers import connect_broker
from application.ports.statements import Credentials
from application.ports.stores import AccountSnapshot
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.people.broker import Broker, Exchange, Venue
from domain.reconciliation import Occasion, Reconciliation
from tests.conftest import NOW
from tests.terminals.trouble import Terminal

MOMENT = timedelta(seconds=1)
CODES = {Cause.KEYS_REFUSED: "key_refused", Cause.NOT_RECONCILED: "no_answer"}


@pytest.fixture
def broker(trouble):
    keys = Credentials("key", "secret")
    return connect_broker(trouble.store, trouble.web.vault, 1, Exchange.BINANCE, Venue.PAPER, "Paper", keys)


def fails(trouble, cause, at=NOW, code=None):
    """Record a reconciliation that began at this moment and failed for this cause."""
    with carrying(user="1"):
        run = Reconciliation(uuid4(), 1, 1, Occasion.FULL, at)
        run.fail(code or CODES[cause], Decimal(1), "-2015: Invalid API-key")
        trouble.store.save(run)
    trouble.judge()


def looks(trouble, at):
    """Record a full look at the account that began at this moment and worked."""
    trouble.house.snapshots.record(1, AccountSnapshot(at, {}))


def ended(trouble):
    return [trouble.store.get(Alert, event.originator_id).cause for event in trouble.events("Alert.Ended")]


@pytest.mark.parametrize("cause", CODES)
def test_it_is_over_when_the_account_was_looked_at_as_a_whole_again(trouble, broker, terminal, cause):
    """Each channel that had the alert gets one all-clear. A look from before the failure proves nothing."""
    looks(trouble, NOW - MOMENT)
    fails(trouble, cause)
    terminal.turn()
    assert [raised for _, raised in trouble.raised()] == [cause]
    assert (len(trouble.one.heard), ended(trouble)) == (1, [])
    looks(trouble, NOW + MOMENT)
    terminal.turn()
    terminal.turn()
    assert ended(trouble) == [cause]
    assert [title.startswith("Aristobot: Résolu") for title, _ in trouble.one.heard] == [False, True]
    assert len(trouble.other.heard) == 2


@pytest.mark.parametrize("cause", CODES)
def test_what_fails_again_is_another_alert(trouble, broker, terminal, cause):
    fails(trouble, cause)
    looks(trouble, NOW + MOMENT)
    terminal.turn()
    fails(trouble, cause, at=NOW + 2 * MOMENT)
    terminal.turn()
    assert [raised for _, raised in trouble.raised()] == [cause, cause]
    assert ended(trouble) == [cause]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("signature_refused", "secret API refusé"), ("account_unified", "compte unifié"),
        ("account_classic", "compte classique"), ("environment_refused", "autre environnement"),
    ],
)  # fmt: skip
def test_keys_with_which_nothing_can_be_sent_are_critical_and_told_with_their_reason(trouble, broker, code, words):
    fails(trouble, Cause.KEYS_REFUSED, code=code)
    trouble.send()
    assert [raised for _, raised in trouble.raised()] == [Cause.KEYS_REFUSED]
    [(_, told)] = trouble.one.heard
    assert words in told


def test_a_broker_that_is_removed_has_nothing_left_to_be_compared(trouble, broker, terminal):
    fails(trouble, Cause.KEYS_REFUSED)
    terminal.turn()
    assert ended(trouble) == []
    with carrying(user="1"):
        found = trouble.store.get(Broker, broker.id)
        found.remove(orders_open=False)
        trouble.store.save(found)
    terminal.turn()
    assert ended(trouble) == [Cause.KEYS_REFUSED]


def test_it_is_found_at_the_next_start_as_well(trouble, broker):
    fails(trouble, Cause.NOT_RECONCILED)
    trouble.send()
    looks(trouble, NOW + MOMENT)
    after = Terminal(trouble)
    after.turn()
    after.herald.close()
    assert ended(trouble) == [Cause.NOT_RECONCILED]

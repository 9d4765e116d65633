"""The numbers that `docs/guarantees.md` and `docs/operation.md` promise, and the relations between them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.exchanges.binance.client import RECEIVE_WINDOW
from application.orders import lookups
from application.reconciliation import listings, schedule
from application.reconciliation import memory as suspicions
from application.trading import decisions
from application.webhooks import case
from aristobot.terminals import monitor

pytestmark = pytest.mark.exchanges("binance", "bitget")

SECOND = timedelta(seconds=1)


def test_what_is_promised_in_seconds_is_what_is_counted():
    """Other tests turn the clock by these names. Here they are compared with the numbers in the documents."""
    assert lookups.PROOF_AFTER == 60 * SECOND
    assert lookups.PROOF_AFTER + RECEIVE_WINDOW == 65 * SECOND
    assert (case.AGE_OF_ENTRY, case.AGE_OF_EXIT) == (60 * SECOND, 90 * SECOND)
    assert decisions.AGE_OF_INSISTED == 30 * SECOND
    assert suspicions.SECOND_LOOK == 10 * SECOND
    assert timedelta(days=7) == listings.LONGEST_AWAY
    assert (monitor.POLL_SECONDS, monitor.FULL_EVERY) == (10.0, 300.0)
    assert schedule.BUSY == 0.5


def test_an_exit_may_outlive_every_doubt_that_can_still_be_proven():
    """A doubt that holds an exit back ends, or becomes a person's decision, before the exit is stale."""
    assert lookups.PROOF_AFTER + RECEIVE_WINDOW < case.AGE_OF_EXIT


def test_polling_market_by_market_is_never_dearer_than_the_whole_account():
    """Binance's request weights: 6 for the open orders of one market, 80 for those of the whole account."""
    assert listings.MOST_MARKETS * 6 <= 80 < (listings.MOST_MARKETS + 1) * 6

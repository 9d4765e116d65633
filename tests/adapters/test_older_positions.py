"""Positions written before overtaken moves were recorded can be read, and state only what was known then."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import Level
from domain.trading.position import Position
from tests.adapters.older import added_up, written_before
from tests.conftest import NOW

ADDED = {
    "Position.ProtectionResting": ("covering", "overtaken"),
    "Position.ProtectionLost": ("overtaken",),
    "Position.ProtectionRefused": ("again", "overtaken"),
    "Position.Reduced": ("by_protection",),
    "Position.Closed": ("overtaken",),
}
"""The fields added to each event after the first events of its topic had been written."""
STOP, MOVED = Protection(Decimal(90)), Protection(Decimal(92))


def bought(quantity: str) -> Execution:
    return Execution(uuid4(), "t1", Decimal(quantity), Decimal(100), Decimal(0), None, NOW)


def older(database, position):
    """Return the same position, rebuilt from a history without the fields added since."""
    mapper = database.store().mapper
    return added_up(mapper, written_before(mapper, position, ADDED))


@pytest.fixture
def position():
    """Yield a position of ten coins that is protected by a stop-loss."""
    with carrying(user="1"):
        made = Position(1, 1, "BTC/USDT", "webhook")
        made.grow(bought("10"))
        made.want(STOP, HUNDRED_PERCENT, UUID(int=1), awaited=())
        made.rest([uuid4()], Decimal(10))
        yield made


def test_what_rested_then_covers_what_was_to_be_covered_then(database, position):
    assert older(database, position).level is Level.COVERED
    position.grow(bought("5"))
    assert older(database, position).level is Level.PARTLY_COVERED


def test_a_move_that_was_refused_then_leaves_what_rested(database, position):
    """Without recorded answers, the earlier stop is wanted again and no request is pending.

    By then the exchange had answered both moves.
    """
    position.want(MOVED, HUNDRED_PERCENT, UUID(int=2), awaited=())
    position.refuse_protection("market_below_stop")
    found = older(database, position)
    assert (found.wanted, found.is_asked, found.requests.overtaken) == (STOP, False, ())


def test_a_trade_that_ended_then_has_ended(database, position):
    position.lose_protection("cannot_rest")
    position.reduce(bought("10"), Decimal(0), by_protection=True)
    found = older(database, position)
    assert (found.is_open, found.held, found.level) == (False, Decimal(0), Level.NONE)

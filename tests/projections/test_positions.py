"""Positions as shown: their protection in one word."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.trading.position import Position
from tests.conftest import NOW

STOP, MOVED = Protection(Decimal(90)), Protection(Decimal(110))


@pytest.mark.parametrize(
    ("kept", "rests", "shown"),
    [(None, False, "none"), (STOP, False, "awaited"), (STOP, True, "resting")],
)
def test_a_refused_move_leaves_what_was_there(database, project, kept, rests, shown):
    """Without an earlier protection, nothing is awaited after the refusal."""
    store = database.store()
    with carrying(user="1"):
        position, entry = Position(1, 1, "BTC/USDT", "webhook"), uuid4()
        position.enter(entry, kept)
        position.grow(Execution(entry, "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW))
        if rests:
            position.rest([uuid4()], Decimal(1))
        position.want(MOVED, HUNDRED_PERCENT, uuid4(), awaited=())
        position.refuse_protection("market_below_stop")
        store.save(position)
    project(1)
    [row] = database.connect().execute("SELECT protection, stop_loss FROM books.positions").fetchall()
    assert row == (shown, kept and kept.stop_loss)

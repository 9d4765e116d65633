"""The aggregate a store keeps equals a replay of its history, whichever process has changed it meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import Protection
from domain.refusals import Conflict
from domain.trading.position import Position

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
POSITION = Position.create_id(1, 1, "BTC/USDT", "webhook")


def bought(number: int, quantity: str = "1") -> Execution:
    return Execution(UUID(int=number), f"t{number}", Decimal(quantity), Decimal(100), Decimal(0), None, NOW)


def state(position: Position) -> dict:
    return {name: value for name, value in vars(position).items() if name != "_pending_events"}


@pytest.fixture
def stores(database):
    """Return the stores of two processes that have both loaded the same position."""
    one, other = database.store(), database.store()
    with carrying(user="1"):
        position = Position(1, 1, "BTC/USDT", "webhook")
        position.enter(UUID(int=1), Protection(Decimal(90)))
        position.grow(bought(1))
        one.save(position)
    assert one.get(Position, POSITION).version == other.get(Position, POSITION).version
    return one, other


def test_what_another_process_has_appended_is_read(stores, database):
    """The kept aggregate then equals a fresh replay."""
    one, other = stores
    with carrying(user="1"):
        position = other.get(Position, POSITION)
        position.grow(bought(2))
        position.leave(uuid4())
        other.save(position)
    assert state(one.get(Position, POSITION)) == state(database.store().get(Position, POSITION))


def test_what_was_changed_and_not_saved_is_forgotten(stores, database):
    """Each caller gets its own copy, so unsaved changes are not kept."""
    one, _ = stores
    with carrying(user="1"):
        position = one.get(Position, POSITION)
        position.grow(bought(2))
        position.enter(uuid4(), None)
    assert state(one.get(Position, POSITION)) == state(database.store().get(Position, POSITION))
    assert not one.get(Position, POSITION).pending_events


def test_a_stale_copy_is_still_a_conflict(stores):
    """Keeping aggregates does not change which of two writers wins."""
    one, other = stores
    with carrying(user="1"):
        mine, theirs = one.get(Position, POSITION), other.get(Position, POSITION)
        mine.grow(bought(2))
        theirs.grow(bought(3))
        one.save(mine)
        with pytest.raises(Conflict):
            other.save(theirs)
        again = other.get(Position, POSITION)
        again.grow(bought(3))
        other.save(again)
    assert one.get(Position, POSITION).held == 3


def test_a_trade_that_is_over_is_not_kept(stores):
    """A market that is traded all day would fill the memory with its past. What is asked for again is read again."""
    one, _ = stores
    assert len(one._kept._aggregates) == 1
    with carrying(user="1"):
        position = one.get(Position, POSITION)
        position.reduce(bought(3), Decimal(0))
        one.save(position)
    assert one.get(Position, POSITION).is_over
    assert len(one._kept._aggregates) == 0

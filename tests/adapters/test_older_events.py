"""Events written before a field existed are read with None in that field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from domain.aggregate import Personal, carrying
from domain.orders.execution import Execution
from domain.orders.wish import Protection
from domain.trading.position import Position
from tests.adapters.older import added_up, written_before

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ADDED = {
    "Position.Opened": ("previous", "dust", "dust_cost", "entries", "executions"),
    "Position.ProtectionResting": ("watched",),
    "Position.ProtectionLost": ("detail", "request"),
}
"""The fields added to each event after the first events of its topic had been written."""


@pytest.fixture
def position():
    """Return a position that was opened, protected, and has lost its protection."""
    with carrying(user="1"):
        made = Position(1, 1, "BTC/USDT", "webhook")
        made.enter(UUID(int=1), Protection(Decimal(90)))
        made.grow(Execution(UUID(int=1), "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW))
        made.rest([UUID(int=2)], Decimal(1))
        made.lose_protection("protection_refused", "the exchange said no")
    return made


def test_a_history_without_the_newer_fields_adds_up_to_the_same_state(database, position):
    """A missing field counts as not given."""
    mapper = database.store().mapper
    older = written_before(mapper, position, ADDED)
    found = added_up(mapper, older)
    assert {event.topic for event in older} >= ADDED.keys()
    assert (found.held, found.lost, found.previous) == (Decimal(1), "protection_refused", None)
    assert (found.resting, found.wanted) == ([], Protection(Decimal(90)))


def test_executions_from_before_fees_were_valued_are_read(database):
    """The value of a fee in a third currency is unknown for the order, the position and its end."""
    mapper, order = database.store().mapper, database.filled(database.store())
    with carrying(user="1"):
        position, value = Position(1, 1, "BTC/USDT", "webhook"), Decimal(3)
        position.grow(Execution(order.id, "t1", Decimal(1), Decimal(100), Decimal(1), "BNB", NOW, value))
        position.reduce(Execution(order.id, "t2", Decimal(1), Decimal(110), Decimal(1), "BNB", NOW, value), Decimal(0))
    with carrying(user="1"):
        again = database.submitted(database.store())
        again.fill("t1", Decimal(1), Decimal(100), Decimal(1), "BNB", NOW, None, Personal("{}"), value)
    found = {}
    for event in (*again.pending_events, *position.pending_events):
        stored = mapper.to_stored_event(event)
        state = msgspec.json.decode(stored.state)
        assert mapper.to_domain_event(stored) == event
        for part in (state, state.get("execution", {})):
            for name in ("fee_value", "fees_left_out"):
                part.pop(name, None)
        identity = stored.originator_id, stored.originator_version, stored.topic
        found[stored.topic] = mapper.to_domain_event(StoredEvent(*identity, msgspec.json.encode(state)))
    assert found["Order.Filled"].fee_value is None
    assert found["Position.Grew"].execution.fee_value is None
    assert found["Position.Reduced"].execution.fee_value is None
    assert found["Position.Closed"].fees_left_out is None


def test_a_history_that_lacks_anything_else_is_not_read(database, position):
    """A missing field that was always required raises `ValidationError`."""
    mapper = database.store().mapper
    stored = mapper.to_stored_event(position.pending_events[0])
    state = msgspec.json.decode(stored.state)
    del state["symbol"]
    identity = stored.originator_id, stored.originator_version, stored.topic
    with pytest.raises(msgspec.ValidationError):
        mapper.to_domain_event(StoredEvent(*identity, msgspec.json.encode(state)))

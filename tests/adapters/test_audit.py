"""The audit finds a log that was changed behind the platform's back, and names the first wrong event."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from adapters.log import audit


@pytest.fixture
def log(database):
    """Write ten events of two orders and return the log's head hash after each."""
    store = database.store()
    database.filled(store)
    database.filled(store)
    with database.connect() as connection:
        hashes = [row[0] for row in connection.execute("SELECT hash FROM log.event_log ORDER BY position")]
    assert len(hashes) == 10
    return hashes


def _verify(database, head=None):
    return audit.verify(database.connect("aristobot_projector"), head and audit.PublishedHead.read(head))


def test_an_empty_log_is_whole(database):
    """An empty log has no fault, unless a head was published for it."""
    assert _verify(database) == audit.Verdict(0, "")
    assert _verify(database, "ab" * 32).fault is not None


def test_the_chain_is_whole_under_eight_writers(database):
    """Every hash follows from the one before, however many processes append at once."""
    stores = [database.store(size=1) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(database.filled, store) for store in stores * 10]:
            done.result()
    verdict = _verify(database)
    assert (verdict.events, verdict.fault) == (8 * 10 * 5, None)


TAMPERINGS = {
    "stream": "SET stream = gen_random_uuid()",
    "version": "SET version = 99",
    "topic": "SET topic = 'Order.Cancelled'",
    "state": "SET state = convert_to(replace(convert_from(state, 'UTF8'), 'user', 'USER'), 'UTF8')",
    "one bit of the state": "SET state = set_bit(state, 8, 1 - get_bit(state, 8))",
    "recorded_at": "SET recorded_at = recorded_at + interval '1 microsecond'",
    "hash": "SET hash = sha256('x')",
    "a byte moved to its neighbour": "SET topic = left(topic, -1), state = right(topic, 1)::bytea || state",
    "state and its hash": "SET state = state || ' ', hash = sha256(state || ' ')",
}


@pytest.mark.parametrize("change", TAMPERINGS)
def test_a_changed_column_is_found(database, log, change):
    """The verdict names the changed event and confirms every event before it."""
    connection = database.tampering()
    for position in (1, 4, 10):
        with connection.transaction(force_rollback=True):
            connection.execute(f"UPDATE log.events {TAMPERINGS[change]} WHERE position = {position}")
            verdict = audit.verify(connection)
        assert verdict.fault is not None
        assert verdict.fault.startswith(f"event {position} (")
        assert verdict.events == position - 1
        assert verdict.head == (log[position - 2] if position > 1 else "")
    assert _verify(database).fault is None


def test_a_changed_position_is_found(database, log):
    """The event after the gap is named."""
    database.tampering().execute("UPDATE log.events SET position = 1000 WHERE position = 4")
    assert _verify(database).fault.startswith("event 5 (")
    assert "position 4 is missing" in _verify(database).fault


@pytest.mark.parametrize("position", [1, 5])
def test_a_deleted_row_is_found(database, log, position):
    """The deletion is found even when all later rows are moved up to close the gap."""
    connection = database.tampering()
    connection.execute("DELETE FROM log.events WHERE position = %s", (position,))
    assert _verify(database).fault.startswith(f"event {position + 1} (")
    for later in range(position + 1, 11):
        connection.execute("UPDATE log.events SET position = position - 1 WHERE position = %s", (later,))
    assert _verify(database).fault.startswith(f"event {position} (")


def test_two_swapped_rows_are_found(database, log):
    """The order of events is part of what the hashes seal."""
    connection = database.tampering()
    for before, after in ((4, 0), (6, 4), (0, 6)):
        connection.execute("UPDATE log.events SET position = %s WHERE position = %s", (after, before))
    assert _verify(database).fault.startswith("event 4 (")


def test_an_inserted_row_is_found(database, log):
    """A forged event does not follow from the event before it."""
    connection = database.tampering()
    connection.execute("UPDATE log.events SET position = 11 WHERE position = 10")
    connection.execute(
        "INSERT INTO log.events SELECT 10, gen_random_uuid(), 1, topic, state, recorded_at, hash"
        " FROM log.events WHERE position = 5"
    )
    assert _verify(database).fault.startswith("event 10 (")


def test_a_time_out_of_this_world_is_a_verdict(database, log):
    """The audit returns a verdict whatever a column holds."""
    database.tampering().execute("UPDATE log.events SET recorded_at = 'infinity' WHERE position = 4")
    assert _verify(database).fault.startswith("event 4 (")


def test_a_cut_tail_is_found_by_the_published_head(database, log):
    """A shortened log is consistent in itself; only a head hash that was written down elsewhere reveals the cut."""
    assert _verify(database, log[-1]).fault is None
    database.tampering().execute("DELETE FROM log.events WHERE position > 7")
    assert _verify(database).fault is None
    assert "cut off or rewritten" in _verify(database, log[-1]).fault
    assert _verify(database, f"10:{log[-1]}").fault.startswith("the log was cut off: it ends after 7, event 10 ")
    assert _verify(database, log[6]).fault is None
    assert _verify(database, f"7:{log[6].upper()}").fault is None
    assert _verify(database, f"6:{log[6]}").fault.startswith("the log was rewritten: event 6 ")


def test_a_rewritten_tail_is_found_by_the_published_head(database, log):
    """After the tail is cut and other events are appended regularly, the chain is whole but has another head."""
    database.tampering().execute("DELETE FROM log.events WHERE position > 5")
    database.filled(database.store())
    assert _verify(database).fault is None
    assert "cut off or rewritten" in _verify(database, log[-1]).fault
    assert _verify(database, f"10:{log[-1]}").fault.startswith("the log was rewritten: event 10 ")


@pytest.mark.parametrize("said", ["", "ab", "12:", "-1:" + "ab" * 32, "x" * 64, "1:2:" + "ab" * 32, "ab" * 33])
def test_what_is_no_head_is_refused(said):
    with pytest.raises(ValueError, match="a head is a hash"):
        audit.PublishedHead.read(said)


def test_a_follower_beyond_the_end_is_found(database, log):
    """It would pass over the next events, and no hash tells."""
    assert audit.follower_differences(database.connect()) == []
    database.connect().execute("UPDATE log.followers SET position = 11 WHERE name = 'engine'")
    [told] = audit.follower_differences(database.connect())
    assert told == "followers: engine stands at 11, beyond the end of the log (10)"


def test_events_since_the_published_head_are_fine(database, log):
    """Yesterday's head stays valid while the log grows."""
    database.filled(database.store())
    assert _verify(database, log[-1]) == audit.Verdict(15, _verify(database).head)


MOMENTS = [
    datetime(2026, 3, 2, 9, 30, 15, 123457, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


def test_the_database_and_the_auditor_cover_the_same_bytes(database):
    """The database's and the auditor's implementations of the sealed form agree on every value."""
    texts = [("Order.Filled", b"{}"), ("", b""), ("Ünï.码", bytes(range(256)))]
    with database.connect() as connection:
        for moment, (topic, state) in product(MOMENTS, texts):
            parts = (2**40, UUID(int=7), 3, topic, state, moment)
            said = connection.execute("SELECT log.sealed_form(%s, %s, %s, %s, %s, %s)", parts).fetchone()[0]
            assert bytes(said) == audit.sealed_form(*parts)

"""Which streams are open is kept by the append, and is at any moment what the log tells."""

from __future__ import annotations

import psycopg
import pytest

from adapters import audit
from adapters.migrate import rebuild_books
from domain.aggregate import Personal, carrying
from domain.order import Order
from tests.projections.conftest import History

LONG = 20_000
"""Orders that have ended: enough for the planner to choose by their number."""


def differences(database):
    return audit.open_differences(database.connect())


@pytest.mark.parametrize("seed", range(6))
def test_the_table_is_what_the_log_tells_after_each_commit(database, seed):
    past = History(database.store(), seed)
    for _ in range(40):
        past.go_on(5)
        assert differences(database) == []
    kinds = database.connect().execute("SELECT DISTINCT kind FROM log.open_streams").fetchall()
    assert ("order",) in kinds


def test_an_order_is_unexplained_until_its_fills_tell_what_was_reported(database):
    store = database.store()
    order = database.submitted(store)
    with carrying(user="1"):
        order.progress(order.quantity / 2, order.quantity * 32125, Personal("{}"))
        store.save(order)
        assert (store.orders_unexplained(), store.orders_not_ended()) == ([order.id], [order.id])
        database.fill(order, order.quantity / 2)
        store.save(order)
    assert store.orders_unexplained() == []
    assert differences(database) == []


def test_an_order_that_is_placed_and_ends_in_one_commit_is_not_open(database):
    store = database.store()
    order = database.order()
    with carrying(user="1"):
        order.refuse("paused", "")
        store.save(order)
    assert store.orders_not_ended() == []


def test_a_table_that_was_tampered_with_is_told_and_mended(database):
    """By whoever reads the log again; `audit verify` names each stream."""
    store = database.store()
    open_order, ended = database.placed(store), database.filled(store)
    tampering = database.tampering()
    tampering.execute("DELETE FROM log.open_streams")
    tampering.execute("INSERT INTO log.open_streams VALUES (%s, 'order')", (ended.id,))
    told = differences(database)
    assert [line for line in told if str(open_order.id) in line and "missing" in line]
    assert [line for line in told if str(ended.id) in line and "not open" in line]
    rebuild_books(database.connect(), database.url, database.master)
    assert differences(database) == []
    assert store.orders_not_ended() == [open_order.id]


def test_no_terminal_may_write_the_table(database):
    for role in ("aristobot_writer", "aristobot_projector", "aristobot_web"):
        with pytest.raises(Exception, match="permission denied"):
            database.connect(role).execute("DELETE FROM log.open_streams")


def test_no_question_of_a_start_reads_the_whole_log(database):
    """Nor any of the engine, the lane and the followers."""
    store = database.store()
    with carrying(user="1"):
        template = database.order()
        template.refuse("paused", "")
        stored = [store.mapper.to_stored_event(event) for event in template.collect_events()]
    owner = database.tampering()
    for event in stored:
        owner.execute(
            "INSERT INTO log.events (position, stream, version, topic, state, recorded_at, hash)"
            " SELECT n * 2 + %s, md5(n::text)::uuid, %s, %s, %s, now(), '' FROM generate_series(1, %s) AS n",
            (event.originator_version, event.originator_version, event.topic, event.state, LONG),
        )
    owner.execute("ANALYZE log.events")
    order = database.placed(store)
    before = sequential_scans(database)
    asking = database.store()
    for question in (
        asking.orders_not_ended, asking.orders_unexplained, asking.positions_open, asking.head,
        lambda: asking.order_named(1, order.client_order_id), lambda: asking.order_numbered(1, "BTC/USDT", "X1"),
        lambda: asking.position_newest(1, 1, "BTC/USDT", "webhook"), lambda: asking.get(Order, order.id),
        lambda: asking.get_all(Order, [order.id]), lambda: asking.read(2 * LONG - 5, 100, stop=2 * LONG),
        lambda: asking.history([order.id]), lambda: asking.position_of("engine"), lambda: asking.save(template),
    ):  # fmt: skip
        question()
    asking.pool.close()  # a connection tells what it has read when it ends
    assert sequential_scans(database) == before
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT count(*) FROM log.events WHERE topic = 'any'")
    assert sequential_scans(database) > before


def sequential_scans(database):
    """How often the whole table of events was read."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    query = "SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'log' AND relname = 'events'"
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]

"""The bell wakes readers early; they never rely on it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from adapters.log.bell import Bell

FOREVER = 60


def wakes(bell):
    """Wait for a ring; a wait that ends by its timeout does not count."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(bell.wait, FOREVER).result(FOREVER / 2)


@pytest.fixture
def bell(database):
    bell = Bell(database.url_for("aristobot_projector"))
    yield bell
    bell.close()


def test_it_listens_before_its_owner_looks(bell):
    """The first wait returns at once.

    No ring is missed from then on, and earlier events are found by reading the log.
    """
    wakes(bell)


def test_it_rings_when_the_log_grows(database, bell):
    """A save wakes a waiting reader, even if it happened before the wait began."""
    store = database.store()
    wakes(bell)
    database.placed(store)
    wakes(bell)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(bell.wait, FOREVER)
        database.placed(store)
        waiting.result(FOREVER / 2)


def test_a_refused_save_is_silent(database, bell):
    """Nothing was written, so the bell stays silent, and a wait without a ring ends by its timeout."""
    store = database.store()
    order = database.placed(store)
    wakes(bell)
    with pytest.raises(Exception, match="another process was faster"):
        store.save(database.order(order_id=order.id))
    assert list(bell._connection.notifies(timeout=0.1)) == []
    bell.wait(0.01)


def test_it_survives_a_cut_connection(database, bell):
    """The bell closes the connection, and the next wait listens again."""
    wakes(bell)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (bell._connection.info.backend_pid,))
    wakes(bell)
    wakes(bell)
    database.placed(database.store())
    wakes(bell)


def test_it_rings_for_what_its_owner_waits_for(database, bell):
    """A follower that waits for other topics sleeps on and finds these events at its next look."""
    store, choosy = database.store(), Bell(database.url_for("aristobot_projector"), {"Order.Submitted"})
    wakes(bell)
    wakes(choosy)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(choosy.wait, FOREVER)
        for _ in range(10):
            database.placed(store)
            wakes(bell)
        assert not waiting.done()
        database.submitted(store)
        waiting.result(FOREVER / 2)
    choosy.close()

"""Every query of the log made at start-up or by a terminal uses an index, however long the log is.

The terminals' queries are those of engine, lane, guard and followers.
"""

from __future__ import annotations

import re
from typing import ClassVar
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.log.eventstore import Store
from domain.aggregate import Personal, carrying
from domain.alert import Alert
from domain.orders.order import Order
from domain.people.broker import Broker
from domain.people.registry import REGISTRY_ID, Registry
from domain.people.user import User
from domain.trading.position import Position
from domain.trading.spending import Spending
from tests.adapters.long_log import SYMBOL, lengthen, write_day

DAYS = 1000
OFTEN = 7
"""The repetitions of each query. From the sixth on, PostgreSQL may use a generic plan for a prepared statement."""
MOST_ROWS = 60
"""The most events that one query of these tests may read; each returns a page of ten events or one stream."""


class Noting(psycopg.Cursor):
    """A cursor that records the queries it executes."""

    asked: ClassVar[list[tuple[str, object]]] = []

    def execute(self, query, params=None, **named):
        self.asked.append((query, params))
        return super().execute(query, params, **named)


@pytest.fixture
def long_log(database):
    """Build a log of some thirty thousand events in which no order is open, then add one open order."""
    store = database.store(size=1)
    position = write_day(store)
    lengthen(database, DAYS)
    write_day(store, position, 1)
    order = database.submitted(store)
    with carrying(user="1"):
        order.accept("77", Personal("{}"))
        store.save(order)
    return database, order, store


@pytest.fixture
def asking(long_log):
    """Yield a store whose queries are recorded."""
    database, _, _ = long_log
    Noting.asked = []
    kwargs = {"autocommit": True, "cursor_factory": Noting}
    with ConnectionPool(database.url_for("aristobot_writer"), min_size=1, max_size=1, kwargs=kwargs, open=True) as pool:
        yield Store(pool, database.master)


def questions(asking, order):
    """Return the queries by name, each made the way the terminals make it."""
    head, far = asking.head(), uuid4()
    newest = asking.position_newest(1, 1, SYMBOL, "webhook")
    return {
        "orders not ended": asking.orders_not_ended,
        "orders unexplained": asking.orders_unexplained,
        "positions open": asking.positions_open,
        "head": asking.head,
        "position of a follower": lambda: asking.position_of("engine"),
        "order named": lambda: asking.order_named(1, order.client_order_id),
        "no order named": lambda: asking.order_named(1, "web_1"),
        "order numbered": lambda: asking.order_numbered(1, SYMBOL, order.exchange_order_id),
        "no order numbered": lambda: asking.order_numbered(1, SYMBOL, "1"),
        "newest position": lambda: asking.position_newest(1, 1, SYMBOL, "webhook"),
        "no position": lambda: asking.position_newest(1, 1, "ETH/USDT", "webhook"),
        "order": lambda: asking.get(Order, order.id),
        "position": lambda: asking.get(Position, newest),
        "none": lambda: [asking.find(kind, far) for kind in (Broker, User, Alert, Spending)],
        "registry": lambda: asking.find(Registry, REGISTRY_ID),
        "orders": lambda: asking.get_all(Order, [order.id, far]),
        "many orders": lambda: asking.get_all(Order, [order.id, *(uuid4() for _ in range(499))]),
        "page": lambda: asking.read(head - 10, 500),
        "page in the middle": lambda: asking.read(head // 2, 10),
        "page of a topic": lambda: asking.read(head - 10, 100, stop=head, topics=("Alert.Raised",)),
        "page of another topic": lambda: asking.read(head - 10, stop=head, topics=["Order.Submitted"]),
        "story": lambda: asking.history([order.id]),
        "save": lambda: asking.save(follower=("engine", asking.head() + asking.position_of("engine") + 1)),
    }


def plan(connection, query):
    """Return the plan for the given parameters, followed by the generic plan for any parameters."""
    text, parameters = query
    numbers = iter(range(1, 99))
    general = re.sub(r"%[sb]", lambda _: f"${next(numbers)}", text)
    told = connection.execute(f"EXPLAIN {text}", parameters).fetchall()
    told += connection.execute(f"EXPLAIN (GENERIC_PLAN) {general}").fetchall()
    return "\n".join(line for (line,) in told)


def test_every_plan_is_that_of_an_index(long_log, asking):
    """The generic plan counts too: the database may choose it for a query that is repeated often."""
    database, order, _ = long_log
    for question in questions(asking, order).values():
        question()
    asked = [(text, parameters) for text, parameters in Noting.asked if "log." in text and "append" not in text]
    assert len({text for text, _ in asked}) > 10
    url = database.url_for("aristobot_writer")
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for query in asked:
            told = plan(connection, query)
            assert "Seq Scan on events" not in told, f"{query}\n{told}"
        control = plan(connection, ("SELECT count(*) FROM log.events WHERE topic = %s", ("any",)))
    assert control.count("Seq Scan on events") == 2


def test_no_question_reads_more_than_its_answer(long_log, asking):
    """The database's own statistics are used, because they include reads inside the append functions."""
    database, order, store = long_log
    for name, question in questions(asking, order).items():
        before = read_rows(database, asking)
        for _ in range(OFTEN):
            question()
        scans, rows = (after - then for after, then in zip(read_rows(database, asking), before, strict=True))
        assert scans == 0, name
        assert rows <= MOST_ROWS * OFTEN, name
    before = read_rows(database, store)
    for _ in range(OFTEN):
        database.filled(store)
    scans, rows = (after - then for after, then in zip(read_rows(database, store), before, strict=True))
    assert scans == 0
    assert rows <= MOST_ROWS * OFTEN
    with store.pool.connection() as connection:
        connection.execute("SELECT count(*) FROM log.events WHERE topic = 'any'")
    assert read_rows(database, store)[0] == before[0] + 1


def read_rows(database, store):
    """Return the number of full scans of the events table and the number of events read in total."""
    with store.pool.connection() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT 1")  # a connection reports its statistics with its next statement
    query = (
        "SELECT seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        " WHERE schemaname = 'log' AND relname = 'events'"
    )
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        return connection.execute(query).fetchone()

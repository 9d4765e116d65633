"""A log written by an earlier version keeps its meaning when code is renamed or moved.

The version before the wings made the backup. First its whole fault suite ran (kill -9 of each terminal at each step,
faults of the exchange and of the servers), then random histories produced everything else the domain can record. The
backup contains every topic, and that version's projector wrote its rows.
"""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from adapters.database.backup import restore
from adapters.database.migrate import OWNER, migrate, rebuild_books
from adapters.log import audit
from adapters.log.eventstore import Store, open_pool
from aristobot.commands.backups import programs
from domain.orders.order import Order
from domain.sentences import alert_facts_of, discrepancy_of, failure_of, silence_of
from domain.trading.position import Position
from tests.architecture.test_names import NAMES

[DUMP] = Path(__file__).with_name("old_log").glob("*.dump")
NAME = Identifier("old_log")
ADDED_SINCE = frozenset(
    {f"Platform.{name}" for name in ("Started", "Stopped", "TerminalUp", "TerminalDown")}
    | {topic for topic in NAMES["topics"] if topic.startswith("WebhookStream.")}
    | {f"Webhook.{name}" for name in ("Asked", "Approved", "Declined")}
    | {topic for topic in NAMES["topics"] if topic.startswith("Replacement.")}
    | {topic for topic in NAMES["topics"] if topic.startswith("Strategy.")}
    | {"Registry.StrategyNumbered", "Registry.StrategyReleased"}
    | {"Broker.GatesSet", "Position.Withdrawn", "User.PanicBegun", "User.PanicJoined", "User.PanicLifted"}
)
"""The topics added to the code after that version."""


@pytest.fixture(scope="module")
def old(postgres, master):
    """Yield the URL of a database that holds the verified old log, and the rows that came with it."""
    with psycopg.connect(postgres._superuser_url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(NAME, Identifier(OWNER)))
        url = make_conninfo(**{**conninfo_to_dict(postgres.url), "dbname": "old_log"})
        verdict = restore(url, programs(url), DUMP, master)
        assert verdict.fault is None
        rows = _rows(url)
        migrate(url, master)
        yield url, rows
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(NAME))


def _rows(url):
    """Return the rows of all books by table, as dictionaries."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        tables = [row["name"] for row in connection.execute("SELECT name FROM books.models ORDER BY name")]
        query = SQL("SELECT to_jsonb(row) AS row FROM books.{} AS row")
        return {table: [one["row"] for one in connection.execute(query.format(Identifier(table)))] for table in tables}


def _sorted(rows, columns):
    """Return the rows as sorted texts, reduced to these columns."""
    return sorted(json.dumps({column: row[column] for column in columns}, sort_keys=True) for row in rows)


def _said(url, topic, name):
    """Return the values of this name in all events of a topic, each with its stream."""
    with psycopg.connect(url) as connection:
        query = "SELECT stream::text, convert_from(state, 'UTF8')::json->>%s FROM log.events WHERE topic = %s"
        return {(stream, value) for stream, value in connection.execute(query, [name, topic]).fetchall()}


def _read(table, row, codes, doubts):
    """Return the row as data where that version wrote sentences."""
    told = dict(row)
    if table == "trades" and (row["id"], row["reason"]) in doubts:
        told["reason"] = silence_of(row["reason"])[0]
    if table == "reconciliations":
        if row["failure"] is not None:
            told["failure"] = failure_of(row["failure"], codes[row["id"]])[0]
        told["discrepancies"] = [{**found} for found in row["discrepancies"]]
        for found in told["discrepancies"]:
            discrepancy_of({"discrepancy": found})
    if table == "alerts":
        told["facts"], _ = alert_facts_of(row["cause"], row["facts"])
    return told


def test_every_topic_is_in_it(old):
    """The old log contains every topic, so any event that is now read differently is noticed."""
    url, _ = old
    with psycopg.connect(url) as connection:
        topics = {topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM log.events")}
        [(events,)] = connection.execute("SELECT count(*) FROM log.events")
    assert topics == {*NAMES["topics"]} - ADDED_SINCE
    assert events >= 5000


def test_it_is_whole(old):
    """Every event still has its original hash, and the table of open streams agrees with the log."""
    url, _ = old
    with psycopg.connect(url) as connection:
        assert audit.verify(connection).fault is None
        assert connection.execute("SELECT * FROM log.open_differences()").fetchall() == []


def test_its_books_are_rebuilt_to_the_same_rows(old, master):
    """The rebuilt rows equal the old ones in every column those had, with old sentences read as data."""
    url, before = old
    with psycopg.connect(url, autocommit=True) as connection:
        rebuild_books(connection, url, master)
    after, codes = _rows(url), dict(_said(url, "Reconciliation.Failed", "code"))
    doubts = _said(url, "Order.Doubted", "reason")
    assert before.keys() <= after.keys()
    assert sum(map(len, before.values())) > 1500
    for table, rows in before.items():
        columns = rows[0].keys() if rows else ()
        read = [_read(table, row, codes, doubts) for row in rows]
        assert _sorted(after[table], columns) == _sorted(read, columns), table


def test_its_aggregates_are_loaded(old, master):
    """Every order and position loads, whatever its state."""
    url, _ = old
    with open_pool(url) as pool:
        store = Store(pool, master)
        with pool.connection() as connection:
            ids = connection.execute(
                "SELECT stream, topic FROM log.events"
                " WHERE topic IN ('Order.Placed', 'Order.Adopted', 'Position.Opened')"
            ).fetchall()
        for kind in (Order, Position):
            wanted = [stream for stream, topic in ids if topic.startswith(kind.__name__)]
            assert len(store.get_all(kind, wanted)) == len(wanted) > 50

"""The books follow from the log: they are the same however they were made, and any change to them is found."""

from __future__ import annotations

from decimal import Decimal

import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from adapters.database.migrate import grant, migrate, rebuild_books, verify_books
from domain.aggregate import Personal, carrying
from domain.strategies.strategy import digest_of
from projections.books.projector import BOOKS, create
from projections.models import MODELS


def _empty(database):
    with database.connect() as owner, owner.transaction():
        owner.execute("DROP SCHEMA books CASCADE")
        create(owner, BOOKS)
        grant(owner)


def _contents(database):
    """Return all rows of all tables, as text to the last digit."""
    query = "SELECT row::text FROM {} AS row ORDER BY 1"
    with database.connect() as owner:
        return {m.name: owner.execute(SQL(query).format(Identifier(BOOKS, m.name))).fetchall() for m in MODELS}


def _differences(database):
    with database.connect() as owner:
        return verify_books(owner, database.url, database.master).differences


# --- the same books, however they were made ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_any_way_leads_to_the_same_books(database, history, project, seed):
    """The rows are the same to the last digit, projected event by event, in pages of any size, or rebuilt."""
    history(seed).go_on(600)
    books = project(1)
    assert database.connect().execute("SELECT * FROM books.parked").fetchall() == []
    by_one = _contents(database)
    assert all(by_one.values())
    for page in (2, 7, 64, 5000):
        _empty(database)
        assert project(page).position() == database.store().head()
        assert _contents(database) == by_one, page
    assert _differences(database) == []
    with database.connect() as owner:
        assert rebuild_books(owner, database.url, database.master) == books.position()
    assert _contents(database) == by_one


@pytest.mark.parametrize("seed", range(2))
def test_a_forgotten_user_is_in_no_books_whichever_way_they_were_made(database, history, project, seed):
    """The user's rows go with the event that forgets the user, and no later event brings one back."""
    past = history(seed)
    past.go_on(120)
    with carrying(user="2"):
        past.users[1].forget(1)
        past.store.save(past.users[1])
    past.go_on(80)
    project(1)
    by_one = _contents(database)
    owner = database.connect()
    for name in by_one:
        assert owner.execute(f"SELECT count(*) FROM books.{name} WHERE user_id = 2").fetchone() == (0,), name
    assert owner.execute("SELECT * FROM books.parked").fetchall() == []
    for page in (7, 5000):
        _empty(database)
        project(page)
        assert _contents(database) == by_one, page
    assert _differences(database) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_books_say_what_the_orders_say(database, history, project, seed):
    """The row of a trade always agrees with its order."""
    past = history(seed)
    past.go_on(150)
    project()
    columns = ("filled", "quantity", "cost", "price", "exchange_order_id", "cancel_requested")
    with database.connect() as owner, owner.cursor(row_factory=dict_row) as cursor:
        rows = {row["id"]: row for row in cursor.execute("SELECT * FROM books.trades")}
    assert rows.keys() == {order.id for order in past.orders}
    for order in past.orders:
        wanted = {name: getattr(order, name) for name in columns} | {"state": order.status}
        assert {name: rows[order.id][name] for name in wanted} == wanted


@pytest.mark.parametrize("seed", range(4))
def test_the_books_say_what_the_positions_say(database, history, project, seed):
    """A position's row agrees on quantity, cost and protection. Every complete trade is a gain."""
    past = history(seed)
    past.go_on(200)
    project()
    columns = ("held", "is_open", "protected", "level", "target_watched")
    with database.connect() as owner, owner.cursor(row_factory=dict_row) as cursor:
        rows = {row["id"]: row for row in cursor.execute("SELECT * FROM books.positions")}
        gains = cursor.execute("SELECT position_id, net FROM books.gains").fetchall()
        closed = cursor.execute(
            "SELECT stream, state ->> 'net' AS net FROM log.event_log WHERE topic = 'Position.Closed'"
        )
        ended = sorted((row["stream"], Decimal(row["net"])) for row in closed)
    assert rows.keys() == {position.id for position in past.positions}
    for position in past.positions:
        wanted = {name: getattr(position, name) for name in columns}
        wanted |= {"bought_quantity": position.trade.bought_quantity, "bought_cost": position.trade.bought_cost}
        wanted |= {"share": position.cover.share, "target_share": position.cover.target_share}
        wanted["stop_loss"] = position.wanted and position.wanted.stop_loss
        assert {name: rows[position.id][name] for name in wanted} == wanted
    assert sorted((row["position_id"], row["net"]) for row in gains) == ended


@pytest.mark.parametrize("seed", range(4))
def test_the_books_say_what_the_strategies_say(database, history, project, seed):
    """A strategy's row agrees with it, and each version has a row with its code and what was found of it."""
    past = history(seed)
    past.go_on(400)
    project()
    with database.connect() as owner, owner.cursor(row_factory=dict_row) as cursor:
        rows = {row["id"]: row for row in cursor.execute("SELECT * FROM books.strategies")}
        versions = cursor.execute("SELECT * FROM books.strategy_versions ORDER BY number").fetchall()
    assert rows.keys() == {strategy.id for strategy in past.strategies} != set()
    for strategy in past.strategies:
        columns = ("number", "user", "name", "description", "timeframe", "deleted")
        told = {name: rows[strategy.id]["user_id" if name == "user" else name] for name in columns}
        assert told == {name: getattr(strategy, name) for name in columns}
        newest, mine = strategy.newest, [row for row in versions if row["strategy_id"] == strategy.id]
        assert (rows[strategy.id]["version"], rows[strategy.id]["valid"]) == (newest.number, newest.valid)
        assert [(row["number"], row["digest"], row["valid"]) for row in mine] == [
            (one.number, one.digest, one.valid) for one in strategy.versions
        ]
        assert all(digest_of(row["code"]) == row["digest"] for row in mine)
        assert all((row["fault"] is not None) == (row["valid"] is False) for row in mine)


@pytest.mark.parametrize("seed", range(4))
def test_the_books_say_what_the_streams_say(database, history, project, seed):
    """A stream's row agrees with it, and each MISS and each slot that nobody could judge has a row among webhooks."""
    past = history(seed)
    past.go_on(700)
    project()
    with database.connect() as owner, owner.cursor(row_factory=dict_row) as cursor:
        rows = {row["id"]: row for row in cursor.execute("SELECT * FROM books.streams")}
        absent = cursor.execute(
            "SELECT stream_id, count(*) FILTER (WHERE status = 'missed') AS missed, coalesce(sum(slots), 0) AS unjudged"
            " FROM books.webhooks WHERE status IN ('missed', 'unjudged') GROUP BY 1"
        ).fetchall()
    assert rows.keys() == {stream.id for stream in past.streams}
    wanted = ("status", "watched", "received", "missed", "unjudged", "delayed")
    for stream in past.streams:
        assert {name: rows[stream.id][name] for name in wanted} == {name: getattr(stream, name) for name in wanted}
        assert {name: rows[stream.id][name] for name in ("locked", "rest", "most_entries")} == {
            name: getattr(stream.gates, name) for name in ("locked", "rest", "most_entries")
        }
        if stream.is_judged:
            assert rows[stream.id]["streak"] == stream.slots.streak
    told = {row["stream_id"]: (row["missed"], row["unjudged"]) for row in absent}
    assert told == {one.id: (one.missed, one.unjudged) for one in past.streams if one.missed or one.unjudged}
    assert told


def test_a_report_and_its_trade_are_counted_once(database, project):
    """The exchange reports progress first and its trade later: the row counts one fill."""
    store = database.store()
    order = database.submitted(store)
    with carrying(user="1"):
        order.progress(Decimal("0.4"), Decimal("25700.04"), Personal("{}"))
        database.fill(order, Decimal("0.4"))
        store.save(order)
    project()
    query = "SELECT filled, executed_cost FROM books.trades"
    assert database.connect().execute(query).fetchone() == (order.filled, Decimal("25700.04"))


def test_other_peoples_rows_have_their_user(database, project):
    """Every row has the number of its user, on which row-level security relies."""
    store = database.store()
    database.filled(store, user=1)
    database.filled(store, user=2)
    project()
    web = database.connect("aristobot_web")
    web.execute("SELECT set_config('aristobot.user', '2', false)")
    assert web.execute("SELECT user_id, quantity FROM books.fills").fetchall() == [(2, 1)]
    assert web.execute("SELECT count(*) FROM books.trades").fetchone() == (1,)


# --- every change to the books is found ----------------------------------------------------------------------------


@pytest.fixture
def orders(database, project):
    """Return three filled orders that are in the books."""
    store = database.store()
    orders = [database.filled(store) for _ in range(3)]
    project()
    assert _differences(database) == []
    return orders


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("state = 'open'", ("state", "'open'", "'closed'")),
        ("filled = filled + 1e-18", ("filled", "1.000000000000000001")),
    ],
)
def test_a_changed_cell_is_named(database, orders, change, told):
    """The difference names table, row, column, the value found and the value expected."""
    database.connect().execute(f"UPDATE books.trades SET {change} WHERE id = %s", (orders[1].id,))
    (difference,) = _differences(database)
    assert all(word in difference for word in ("trades", str(orders[1].id), *told))


def test_a_dropped_row_is_named(database, orders):
    """The row is reported as missing from its table."""
    database.connect().execute("DELETE FROM books.fills WHERE order_id = %s", (orders[0].id,))
    (difference,) = _differences(database)
    assert difference == f"fills {orders[0].id}/t1: the row is missing"


def test_an_added_row_is_named(database, orders):
    """The row is reported as following from no event."""
    connection = database.connect()
    connection.execute("CREATE TEMP TABLE copy AS SELECT * FROM books.fills WHERE order_id = %s", (orders[0].id,))
    connection.execute("UPDATE copy SET id = 'invented'")
    connection.execute("INSERT INTO books.fills SELECT * FROM copy")
    assert _differences(database) == ["fills invented: the row follows from no event"]


NOTED = {
    "UPDATE books.position SET position = position + 1": "position: should not be",
    "UPDATE books.models SET version = version + 1 WHERE name = 'trades'": "models: should be",
    "DELETE FROM books.models WHERE name = 'trades'": "models: should be",
    "INSERT INTO books.models VALUES ('mine', 1)": "models: should not be",
    "INSERT INTO books.forgotten VALUES (2)": "forgotten: should not be",
    "INSERT INTO books.parked VALUES ('trades', gen_random_uuid(), 3, 'nothing')": "parked: should not be",
}


@pytest.mark.parametrize("damage", NOTED)
def test_damage_to_the_projectors_own_notes_is_named(database, orders, damage):
    """A wrong note makes the projector pass over an event, or take one twice."""
    with database.connect() as owner:
        assert verify_books(owner, database.url, database.master).differences == []
        owner.execute(damage)
        differences = verify_books(owner, database.url, database.master).differences
    assert [told for told in differences if told.startswith(NOTED[damage])]


def test_verifying_leaves_nothing_behind(database, orders):
    """Verification leaves neither a schema nor a lock, and works while the books are behind the log."""
    database.filled(database.store())
    with database.connect() as owner:
        comparison = verify_books(owner, database.url, database.master)
        assert (comparison.position, comparison.rows, comparison.differences) == (15, 6, [])
        schemas = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'books%'").fetchall()
        assert schemas == [("books",)]
        assert owner.execute("SELECT pg_try_advisory_lock(hashtext('books'))").fetchone() == (True,)


def test_rebuilding_repairs(database, orders):
    """The books equal the log again after any change, and each role keeps its rights."""
    before = _contents(database)
    owner = database.connect()
    owner.execute("UPDATE books.trades SET filled = 3")
    owner.execute("DELETE FROM books.fills")
    assert rebuild_books(owner, database.url, database.master) == 15
    assert _contents(database) == before
    web = database.connect("aristobot_web")
    assert web.execute("SELECT * FROM books.trades").fetchall() == []
    web.execute("SELECT set_config('aristobot.user', '1', false)")
    assert web.execute("SELECT count(*) FROM books.trades").fetchone() == (3,)


# --- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "older",
    [
        "UPDATE books.models SET version = 0 WHERE name = 'trades'",
        "DELETE FROM books.models WHERE name = 'fills'; DROP TABLE books.fills",
        "INSERT INTO books.models VALUES ('abandoned', 1); CREATE TABLE books.abandoned ()",
    ],
)
def test_other_versions_are_rebuilt_by_migrate(database, orders, older):
    """A changed, a new or an abandoned read model rebuilds the books once. They then have this version."""
    before = _contents(database)
    database.connect().execute(older)
    assert migrate(database.url, database.master) == ["rebuilt the books up to event 15"]
    assert _contents(database) == before
    assert migrate(database.url, database.master) == []
    query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'books' AND table_name = 'abandoned'"
    assert database.connect().execute(query).fetchone() == (0,)

"""A page is one transaction.

When the database refuses one row, everything else is written as if the row did not exist.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.database.migrate import grant, rebuild_books, verify_books
from domain.aggregate import Personal, carrying
from domain.people.user import Role, User
from projections.books.projector import Books, ProjectionFailed
from projections.books.rebuild import rebuild
from projections.models import MODELS
from projections.trades import TRADES
from tests.conftest import NOW


def _catch_up(books, read, page=500):
    while books.step(read, page)[0]:
        pass


def _rows(database, query, *parameters):
    return database.connect().execute(query, parameters).fetchall()


def _fill(store, order, trade, currency="USDT"):
    with carrying(user=str(order.user)):
        order.fill(trade, Decimal("0.25"), Decimal(1), Decimal(1), currency, NOW, None, Personal("{}"))
        store.save(order)


def _forgotten(store, number):
    with carrying(user=str(number)):
        user = User.register(number, f"user-{number}", Role.TRADER)
        user.forget(1)
        store.save(user)


def _failing(stream):
    """Return the read models with a bug in the trades: they cannot take the acceptance of one order."""

    def accepted(row, event):
        if event.originator_id == stream:
            raise LookupError("a mistake")
        return TRADES.when["Order.Accepted"](row, event)

    mistaken = replace(TRADES, when={**TRADES.when, "Order.Accepted": accepted})
    return tuple(mistaken if model is TRADES else model for model in MODELS)


def test_a_page_is_one_transaction(database, store, books, read):
    """All rows of a page and its log position have the same transaction: no part of a page can exist alone."""
    database.filled(store)
    assert books.step(read, 500)[0] == store.head()
    tables = ("trades", "fills", "position")
    query = " UNION ".join(f"SELECT xmin::text FROM books.{table}" for table in tables)
    assert len(_rows(database, query)) == 1


@pytest.mark.parametrize("page", [1, 3, 500])
def test_a_refused_row_changes_nothing_else_on_its_page(database, store, books, read, page):
    """People are forgotten, failing events parked and all other rows written. The refused stream keeps its old row."""
    database.filled(store, user=2)
    bad = database.submitted(store)
    _catch_up(books, read, page)
    # When one row is refused by the database and another event cannot be taken
    mistaken = database.filled(store)
    books.models = _failing(mistaken.id)
    _fill(store, bad, "t1", "US\x00DT")
    refused = store.head()
    _forgotten(store, 2)
    _fill(store, bad, "t2")
    _fill(store, database.submitted(store, user=2), "t1")
    good = database.filled(store)
    _catch_up(books, read, page)
    # Then only these two streams are parked
    assert books.position() == store.head()
    parked = _rows(database, "SELECT model, stream, position FROM books.parked")
    assert sorted(parked, key=lambda row: row[::2]) == [
        ("fills", bad.id, refused),
        ("trades", mistaken.id, refused - 3),
        ("trades", bad.id, refused),
    ]
    assert books.parked == 3
    assert _rows(database, "SELECT order_id FROM books.fills ORDER BY position") == [(mistaken.id,), (good.id,)]
    states = dict(_rows(database, "SELECT id, state FROM books.trades"))
    assert states == {bad.id: "submitted", mistaken.id: "submitted", good.id: "closed"}
    assert _rows(database, "SELECT person FROM books.forgotten") == [(2,)]


def test_a_rebuild_stops_at_a_refused_row_and_the_old_books_stay(database, store, books, read):
    """The error names the table that cannot take the row. No part of the new books is in use."""
    database.filled(store)
    _catch_up(books, read)
    before = _rows(database, "SELECT * FROM books.trades")
    _fill(store, database.submitted(store), "t1", "US\x00DT")
    with database.connect() as owner, pytest.raises(ProjectionFailed, match="trades cannot write"):
        rebuild(owner, database.store().read, grant)
    assert _rows(database, "SELECT * FROM books.trades") == before


def test_what_one_projector_parks_or_forgets_the_others_mind(database, store, books, read):
    """Projectors take turns.

    Each reads these facts again at its turn instead of trusting its memory of an earlier one.
    """
    other = Books(database.connect("aristobot_projector"))
    bad = database.submitted(store)
    _catch_up(other, read)
    _catch_up(books, read)
    _fill(store, bad, "t1", "US\x00DT")
    _forgotten(store, 2)
    _catch_up(other, read)
    _fill(store, bad, "t2")
    database.filled(store, user=2)
    _catch_up(books, read)
    assert _rows(database, "SELECT * FROM books.fills") == []
    assert _rows(database, "SELECT id, state FROM books.trades") == [(bad.id, "submitted")]


def test_a_projector_goes_on_with_what_a_rebuild_has_healed(database, store, books, read):
    """A stream that was parked under the running projector is no longer parked, nor counted as parked."""
    healed = database.submitted(store)
    books.models = _failing(healed.id)
    with carrying(user="1"):
        healed.accept("X1", Personal("{}"))
        store.save(healed)
    _catch_up(books, read)
    assert books.parked == 1
    with database.connect() as owner:
        rebuild_books(owner, database.url, database.master)
    with carrying(user="1"):
        database.fill(healed, Decimal(1))
        store.save(healed)
    _catch_up(books, read)
    assert books.parked == 0
    assert _rows(database, "SELECT state FROM books.trades") == [("closed",)]
    with database.connect() as owner:
        assert verify_books(owner, database.url, database.master).differences == []

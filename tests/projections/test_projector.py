"""The projector goes on despite events that a table cannot take, other projectors, and a rebuild under way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from uuid import uuid4

import psycopg
import pytest

from adapters.database.migrate import grant, migrate, rebuild_books, verify_books
from domain.aggregate import Personal, carrying
from domain.webhooks.webhook import Webhook
from projections.books.projector import Books, ProjectionFailed
from projections.books.rebuild import rebuild
from projections.fills import FILLS
from projections.models import MODELS
from projections.trades import TRADES

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _catch_up(books, read, page=500):
    taken = 0
    while count := books.step(read, page)[0]:
        taken += count
    return taken


def _rows(database, query, *parameters):
    return database.connect().execute(query, parameters).fetchall()


def _differences(database):
    with database.connect() as owner:
        return verify_books(owner, database.url, database.master).differences


# --- events that a table cannot take -------------------------------------------------------------------------------


def _failing(stream):
    """Return the read models with a bug in the trades: they cannot take the acceptance of one order."""

    def accepted(row, event):
        if event.originator_id == stream:
            raise LookupError("a mistake")
        return TRADES.when["Order.Accepted"](row, event)

    return tuple(
        replace(TRADES, when={**TRADES.when, "Order.Accepted": accepted}) if model is TRADES else model
        for model in MODELS
    )


@pytest.mark.parametrize("page", [1, 4, 500])
def test_a_mistake_parks_one_stream_of_one_table(database, store, books, read, page):
    """All other orders and tables go on. The parked stream is recorded with its event and the place of the error."""
    orders = [database.filled(store) for _ in range(3)]
    bad = orders[1]
    books.models = _failing(bad.id)
    _catch_up(books, read, page)
    database.filled(store)
    _catch_up(books, read, page)
    states = dict(_rows(database, "SELECT id, state FROM books.trades"))
    assert states[bad.id] == "submitted"
    assert [states[order.id] for order in (orders[0], orders[2])] == ["closed", "closed"]
    assert len(states) == 4
    assert _rows(database, "SELECT count(*) FROM books.fills") == [(4,)]
    [(model, stream, position, error)] = _rows(database, "SELECT model, stream, position, error FROM books.parked")
    assert (model, stream, position) == ("trades", bad.id, 8)
    assert error.startswith("LookupError in test_projector.py:")
    assert "a mistake" not in error  # the message may quote personal data
    assert books.position() == store.head()


def test_a_rebuild_after_the_repair_heals(database, store, books, read):
    """The parked stream is complete again once the code can take the event."""
    bad = database.filled(store)
    books.models = _failing(bad.id)
    _catch_up(books, read)
    with database.connect() as owner:
        rebuild_books(owner, database.url, database.master)
    assert _rows(database, "SELECT state FROM books.trades") == [("closed",)]
    assert _rows(database, "SELECT * FROM books.parked") == []


def test_a_rebuild_stops_at_a_mistake_and_the_old_books_stay(database, store, books, read):
    """The rebuild names the failing event. Readers and the projector go on with the old books."""
    orders = [database.filled(store) for _ in range(2)]
    _catch_up(books, read)
    before = _rows(database, "SELECT * FROM books.trades ORDER BY id")
    with database.connect() as owner, pytest.raises(ProjectionFailed, match=r"trades cannot take event 8: LookupError"):
        rebuild(owner, database.store().read, grant, _failing(orders[1].id))
    assert _rows(database, "SELECT * FROM books.trades ORDER BY id") == before
    database.filled(store)
    assert _catch_up(books, read) == 5
    assert migrate(database.url, database.master) == []
    assert _differences(database) == []


@pytest.mark.parametrize("page", [1, 500])
@pytest.mark.parametrize(("trade", "currency"), [("t1", "US\x00DT"), (Random(1).randbytes(8000).hex(), "USDT")])
def test_a_row_that_the_database_refuses_is_parked(database, store, books, read, page, trade, currency):
    """The stream is parked, also in a table with its own keys. The other rows of the page are written."""
    database.filled(store)
    bad = database.submitted(store)
    with carrying(user="1"):
        bad.fill(trade, Decimal("0.5"), Decimal(1), Decimal(1), currency, NOW, None, Personal("{}"))
        store.save(bad)
    database.filled(store)
    _catch_up(books, read, page)
    assert books.position() == store.head()
    assert _rows(database, "SELECT count(*) FROM books.fills WHERE order_id <> %s", bad.id) == [(2,)]
    assert _rows(database, "SELECT count(*) FROM books.trades WHERE state = 'closed'") == [(2,)]
    assert ("fills", bad.id) in _rows(database, "SELECT model, stream FROM books.parked")


ALERT = b'{"Symbol": "%s", "Action": "BuyMarket", "PourCent": 10, "UserID": 1, "UserExchangeID": 1}'
BODIES = {
    "a zero byte": ALERT.replace(b"%s", rb"BTC\u0000USDT"),
    "half a surrogate pair": ALERT.replace(b"%s", rb"BTC\ud800USDT"),
    "a huge broker": ALERT.replace(b"%s", b"BTCUSDT").replace(b'"UserExchangeID": 1', b'"UserExchangeID": 99999999999'),
    "a long symbol": ALERT.replace(b"%s", Random(1).randbytes(8000).hex().encode()),
    "a tiny number": ALERT.replace(b'"PourCent": 10', b'"PourCent": 10, "Prix": 1e-39'),
    "the first year": ALERT.replace(b'"UserID": 1', b'"UserID": 1, "BarTime": "0001-01-01T00:00:00Z"'),
    "the last year": ALERT.replace(b'"UserID": 1', b'"UserID": 1, "BarTime": "9999-12-31T23:59:59-12:00"'),
    "no text": bytes(range(256)),
    "a real zero byte": b"\x00",
}


@pytest.mark.parametrize("body", BODIES)
def test_whatever_is_delivered_is_shown(database, store, books, read, body):
    """Any body is shown as it came. It blocks nothing, and its row can be rebuilt."""
    with carrying(user="1"):
        webhook = Webhook.receive(uuid4(), 1, BODIES[body], "192.0.2.1", NOW)
    store.save(webhook)
    database.filled(store)
    _catch_up(books, read)
    assert _rows(database, "SELECT model, error FROM books.parked") == []
    assert _rows(database, "SELECT id FROM books.webhooks") == [(webhook.id,)]
    assert _differences(database) == []


RAWS = {
    "no number": '{"price": NaN}',
    "infinite": '{"price": -Infinity}',
    "half a surrogate pair": r'{"note": "\ud800"}',
    "a zero byte": r'{"note": "\u0000", "\u0000": "\\u0000"}',
    "a real zero byte": '{"note": "\x00"}',
    "very deep": "[" * 20_000 + "]" * 20_000,
    "a long status": f'{{"status": "{Random(1).randbytes(8000).hex()}"}}',
    "a very long number": "1" * 6000,
    "a very large number": '{"n": 1e400000}',
    "a page of HTML": "<html>502 Bad Gateway</html>",
    "nothing": "",
    "a key twice": '{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("raw", RAWS)
def test_whatever_an_exchange_answers_is_taken(database, store, books, read, raw):
    """Whatever the exchange answers, the order, the projector and a rebuild go on."""
    order = database.submitted(store)
    with carrying(user="1"):
        order.accept("X1", Personal(RAWS[raw]))
        order.cancel("asked", Personal(RAWS[raw]))
        store.save(order)
    database.filled(store)
    _catch_up(books, read)
    assert _rows(database, "SELECT model, error FROM books.parked") == []
    assert _rows(database, "SELECT state FROM books.trades WHERE id = %s", order.id) == [("cancelled",)]
    assert _differences(database) == []


# --- other projectors, and a rebuild under way ---------------------------------------------------------------------


@contextmanager
def _running(books, read, page):
    """Run a projector that follows the log in a thread. Yield the list of the numbers of events that it takes."""
    stopping, taken = threading.Event(), []

    def follow():
        while not stopping.is_set():
            taken.append(books.step(read, page)[0])

    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(follow)
        try:
            yield taken
        finally:
            stopping.set()
        following.result()


def test_projectors_take_turns(database, store):
    """Two projectors that run at once by mistake take every event exactly once between them."""
    crew = [(Books(database.connect("aristobot_projector")), database.store("aristobot_projector").read) for _ in "12"]
    with _running(*crew[0], 3) as one, _running(*crew[1], 2) as two:
        for _ in range(30):
            database.filled(store)
    taken = sum(one) + sum(two) + _catch_up(*crew[0])
    assert taken == store.head() == crew[1][0].position() == 150
    assert _rows(database, "SELECT count(*), sum(filled), sum(executed_cost) FROM books.trades") == [
        (30, 30, 30 * Decimal("64250.1"))
    ]
    assert _differences(database) == []


def test_books_are_swapped_under_a_running_projector(database, store, books, read):
    """Orders are written and projected while the books are rebuilt again and again: nothing is lost or doubled."""
    reader = database.connect("aristobot_web")
    reader.execute("SELECT set_config('aristobot.user', '1', false)")
    seen = [0]
    with _running(books, read, 7) as taken, ThreadPoolExecutor(1) as thread, database.connect() as owner:
        writing = thread.submit(lambda: [database.filled(store) for _ in range(60)])
        while not writing.done() or len(seen) < 5:
            head = store.head()
            assert rebuild_books(owner, database.url, database.master) >= head
            seen.append(reader.execute("SELECT count(*) FROM books.trades").fetchone()[0])
        writing.result()
    assert any(taken)
    assert seen == sorted(seen)
    assert seen[-1] == 60
    _catch_up(books, read)
    assert _rows(database, "SELECT count(*), sum(filled) FROM books.trades") == [(60, 60)]
    assert _rows(database, "SELECT position FROM books.position") == [(store.head(),)]
    assert _differences(database) == []


def test_what_is_written_during_a_rebuild_is_in_it(database, store, read):
    """Events appended while the new books are built are included before these replace the old ones."""
    database.filled(store)
    late = []

    def read_while_somebody_writes(after, limit, stop=None):
        page = read(after, limit, stop)
        if not page and not late:
            late.append(database.filled(store))
        return page

    with database.connect() as owner:
        assert rebuild(owner, read_while_somebody_writes, grant) == store.head() == 10
    assert _rows(database, "SELECT count(*) FROM books.trades") == [(2,)]


def test_a_page_is_taken_whole_or_not_at_all(database, store, read):
    """A projector that dies in the middle of a page leaves nothing of it.

    The next one starts at the page's beginning.
    """
    for _ in range(3):
        database.filled(store)
    dying = Books(database.connect("aristobot_projector"))

    def last_change(row, event):
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (dying.connection.info.backend_pid,))
        return FILLS.when["Order.Filled"](row, event)

    dying.models = (*MODELS[:-1], replace(FILLS, when={"Order.Filled": last_change}))
    with pytest.raises(psycopg.OperationalError):
        dying.step(read, 500)
    assert _rows(database, "SELECT count(*) FROM books.trades") == [(0,)]
    assert _catch_up(Books(database.connect("aristobot_projector")), read) == 15
    assert _differences(database) == []

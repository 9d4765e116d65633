"""The guarantees for readers of the growing log: no event missed, none handled twice, open orders found again."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

import domain
from adapters.log.recorder import PositionTaken
from domain.aggregate import Personal, carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Side, Type, Wish
from domain.refusals import Conflict, NotFound

ROOT = Path(domain.__file__).parents[1]
RAW = Personal("{}")
WRITER = """
import sys
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from domain.aggregate import carrying
from domain.people.broker import Broker, Exchange, Venue
url, secret, first = sys.argv[1:]
with open_pool(url, 1) as pool, carrying(user="1"):
    store = Store(pool, MasterKey(secret))
    for number in range(int(first), int(first) + 40):
        broker = Broker.connect(number, 1, Exchange.BINANCE, Venue.PAPER, "written")
        store.save(broker)
        broker.make_default()
        broker.stop_trading()
        store.save(broker)
"""


@pytest.fixture
def store(database):
    return database.store()


def _place_again(database, order, store, **options):
    store.save(database.order(order_id=order.id), **options)


def test_positions_have_no_gaps(database, store):
    """A refused save leaves no gap, so a missing log position is a missing event."""
    order = database.placed(store)
    for _ in range(3):
        with pytest.raises(Conflict):
            _place_again(database, order, store)
    assert store.save(database.order()) == [2]


def test_a_tailing_reader_misses_nothing(database, store):
    """While eight processes write, a reader by log position sees every event once.

    Each stream is in order, and time never runs backwards.
    """
    # Given eight writing processes
    url = database.url_for("aristobot_writer")
    commands = [[sys.executable, "-c", WRITER, url, database.secret, str(n * 100)] for n in range(1, 9)]
    writers = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    # When the log is read while they write
    seen, running = [], True
    while running or len(seen) < store.head():
        running = any(writer.poll() is None for writer in writers)
        seen += store.read(seen[-1].position if seen else 0, limit=50)
    # Then every event was seen once and in order
    assert [writer.returncode for writer in writers] == [0] * 8
    assert [recorded.position for recorded in seen] == list(range(1, 8 * 40 * 3 + 1))
    times = [recorded.recorded_at for recorded in seen]
    assert times == sorted(times)
    versions = {}
    for event in (recorded.event for recorded in seen):
        assert event.originator_version == versions.get(event.originator_id, 0) + 1
        versions[event.originator_id] = event.originator_version


def test_reading_up_to_a_position_and_by_topic(database, store):
    """A rebuild stops at a given log position; a follower may read only its own topics."""
    database.filled(store)
    assert [r.topic for r in store.read(1, stop=3)] == ["Order.Submitted", "Order.Accepted"]
    assert [r.position for r in store.read(0, topics=["Order.Filled", "Order.Placed"])] == [1, 4]
    assert [r.position for r in store.read(0, limit=2)] == [1, 2]


# --- followers ---------------------------------------------------------------------------------------------------


def test_a_follower_writes_its_events_and_its_position_in_one_commit(database, store):
    """A repeated save is refused as a whole, also when a second copy of the follower makes it.

    Nothing is done twice.
    """
    store.save(database.order(), follower=("engine", 5))
    assert store.position_of("engine") == 5
    with pytest.raises(PositionTaken):
        database.store().save(database.order(), follower=("engine", 5))
    with pytest.raises(PositionTaken):
        store.save(follower=("engine", 4))
    assert (store.head(), store.position_of("engine"), store.position_of("gateway")) == (1, 5, 0)


def test_a_follower_that_stands_elsewhere_than_it_says_saves_nothing(database, store):
    """A save is refused when the stored position differs from `came_from`.

    The follower has then judged these events already, or its state is unknown.
    """
    store.save(follower=("engine", 5))
    for elsewhere in (0, 4, 6):
        with pytest.raises(PositionTaken):
            store.save(database.order(), follower=("engine", 9), came_from=elsewhere)
    with pytest.raises(PositionTaken):
        store.save(database.order(), follower=("engine", 5), came_from=5)
    assert (store.head(), store.position_of("engine")) == (0, 5)
    assert store.save(database.order(), follower=("engine", 9), came_from=5) == [1]
    assert store.position_of("engine") == 9


def test_a_conflict_leaves_the_position(database, store):
    """The follower's position stays where it was, so it will read the event again."""
    order = database.placed(store)
    with pytest.raises(Conflict):
        _place_again(database, order, store, follower=("engine", 1))
    assert store.position_of("engine") == 0


def test_a_position_may_move_without_events(store):
    """An event that calls for no action only moves the follower's position."""
    assert store.save(follower=("engine", 3)) == []
    assert store.position_of("engine") == 3


def test_an_unknown_follower_is_refused(store):
    """Only `migrate` creates followers, because it knows where a new one has to start."""
    with pytest.raises(NotFound):
        store.position_of("nobody")
    with pytest.raises(PositionTaken):
        store.save(follower=("nobody", 1))


# --- orders that have not ended ----------------------------------------------------------------------------------


def _cancelled_then(theirs):
    return lambda order: (order.cancel("gone", RAW), order.correct(Status.CANCELLED, theirs, RAW))


def _doubted_then(outcome):
    return lambda order: (order.doubt("silence"), order.resolve(1, outcome, "I looked it up"))


LIVES = {
    "submitted": lambda _: None,
    "open": lambda order: order.accept("X1", RAW),
    "partly filled": lambda order: order.progress(Decimal("0.5"), Decimal(9), RAW),
    "unknown": lambda order: order.doubt("silence"),
    "rejected": lambda order: order.reject("funds", RAW),
    "closed": lambda order: order.close(RAW),
    "cancelled": lambda order: order.cancel("asked", RAW),
    "expired": lambda order: order.expire("IOC", RAW),
    "cancel wanted": lambda order: order.request_cancel("somebody"),
    "a late report": lambda order: (order.cancel("asked", RAW), order.progress(Decimal("0.5"), Decimal(9), RAW)),
    "reopened, then closed": lambda order: (_cancelled_then(Status.OPEN)(order), order.close(RAW)),
    **{f"resolved as {s}": _doubted_then(s) for s in (Status.OPEN, *sorted(ENDED - {Status.REFUSED}))},
    **{f"corrected to {s}": _cancelled_then(s) for s in (Status.OPEN, Status.CLOSED, Status.EXPIRED, Status.REJECTED)},
}


@pytest.mark.parametrize("life", LIVES)
def test_orders_not_ended(database, store, life):
    """The store lists an order exactly while it has not ended, however it reached its state."""
    with carrying(user="1"):
        order = database.submitted(store)
        LIVES[life](order)
        store.save(order)
    assert (store.orders_not_ended() == [order.id]) is (order.status not in ENDED)


def test_orders_not_ended_before_sending_and_from_outside(database, store):
    """Waiting wishes and orders adopted from the exchange are listed; refused wishes are not."""
    waiting, refused = database.placed(store), database.placed(store)
    refused.refuse("stale")
    with carrying(user="1"):
        wish = Wish("BTC/USDT", Side.BUY, Type.MARKET, quantity=Decimal(1))
        adopted = Order.adopt(user=1, broker=1, exchange_order_id=uuid4().hex, wish=wish, raw=RAW)
    store.save(refused, adopted)
    assert set(store.orders_not_ended()) == {waiting.id, adopted.id}

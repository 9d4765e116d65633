"""The guarantees that the event store gives every process, tested on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.log.eventstore import Store
from adapters.log.recorder import DuplicateCommand
from application.commands import on_fresh_state
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type, Wish
from domain.refusals import Conflict, NotFound
from domain.webhooks.webhook import Webhook

SMALLEST = Decimal("1.123456789012345678")


@pytest.fixture
def store(database):
    return database.store()


# --- what is stored ----------------------------------------------------------------------------------------------


def test_types_come_back(database, store):
    """Decimals with all their places, enums, dataclasses, ids and times are read back with their types."""
    order = database.order(type=Type.LIMIT, price=Decimal("64250.10"), quantity=SMALLEST, time_in_force=TimeInForce.PO)
    with carrying(user="1"):
        database.submit(order)
        order.accept("X1", "{}")
        order.request_amend("second", SMALLEST * 2, None, datetime(2026, 3, 2, tzinfo=UTC))
        store.save(order)
    found = store.get(Order, order.id)
    assert found == order
    assert found.wish == Wish(
        "BTC/USDT", Side.BUY, Type.LIMIT, SMALLEST, None, None, Decimal("64250.10"), TimeInForce.PO
    )
    assert found.wish.side is Side.BUY
    assert found.status is Status.OPEN
    assert found.submitted_at == order.submitted_at
    assert found.submitted_at.tzinfo is not None
    assert found.amendment == order.amendment


def test_the_log_is_readable_json_under_short_topics(database, store):
    """An auditor can read the log without this program."""
    database.placed(store, quantity=SMALLEST)
    with database.connect() as connection:
        topic, state = connection.execute("SELECT topic, state FROM log.event_log").fetchone()
    assert topic == "Order.Placed"
    assert state["wish"]["quantity"] == "1.123456789012345678"
    assert state["wish"]["side"] == "buy"
    assert state["metadata"] == {"user": "1"}


def test_metadata_follows_the_flow(database, store):
    """Every event has its own id and the metadata in force when it was triggered."""
    with carrying(correlation_id="c", user="1"):
        order = database.order()
        with carrying(source="gateway"):
            order.refuse("stale")
    store.save(order)
    placed, refused = (recorded.event for recorded in store.read(0))
    assert placed.metadata == {"correlation_id": "c", "user": "1"}
    assert refused.metadata == {"correlation_id": "c", "user": "1", "source": "gateway"}
    assert placed.event_id != refused.event_id


def test_an_aggregate_as_it_was(database, store):
    """Any earlier version can be loaded. An unknown id, or one of another kind of aggregate, is not found."""
    order = database.filled(store)
    assert store.get(Order, order.id, version=1).status is Status.PLACED
    assert store.get(Order, order.id).status is Status.CLOSED
    assert store.find(Webhook, order.id) is None
    with pytest.raises(NotFound):
        store.get(Order, uuid4())


# --- one commit --------------------------------------------------------------------------------------------------


def test_a_command_happens_once(database, store):
    """A repeated command writes nothing, whichever process repeats it."""
    command = uuid4()
    store.save(database.order(), command_id=command)
    with pytest.raises(DuplicateCommand):
        database.store().save(database.order(), command_id=command)
    assert store.head() == 1


def test_a_command_that_lost_a_race_may_be_repeated(database, store):
    """A command's id is recorded together with its events or not at all."""
    order, command = database.placed(store), uuid4()
    stale = store.get(Order, order.id)
    order.refuse("stale")
    store.save(order)
    stale.refuse("paused")
    with pytest.raises(Conflict):
        store.save(stale, command_id=command)
    assert store.save(database.order(), command_id=command) == [3]


def test_another_process_was_faster(database, store):
    """The slower process gets a `Conflict`, and the log holds only the faster one's events."""
    order, other = database.placed(store), database.store()
    mine, theirs = store.get(Order, order.id), other.get(Order, order.id)
    theirs.refuse("paused")
    other.save(theirs)
    mine.refuse("stale")
    with pytest.raises(Conflict) as caught:
        store.save(mine)
    assert caught.value.code == "conflict"
    assert store.get(Order, order.id).reason == "paused"


def test_the_same_order_is_placed_once(database, store):
    """Ids are made before the order, so a repeated command meets the existing stream."""
    order_id = uuid4()
    store.save(database.order(order_id=order_id))
    with pytest.raises(Conflict):
        store.save(database.order(order_id=order_id))


def test_several_aggregates_are_one_commit(database, store):
    """All aggregates are saved, at consecutive log positions, or none is."""
    first, second = database.order(), database.order()
    second.refuse("funds")
    assert store.save(first, second) == [1, 2, 3]
    with database.connect() as connection:
        assert connection.execute("SELECT count(DISTINCT xmin::text) FROM log.events").fetchone() == (1,)
    stale = store.get(Order, first.id)
    first.refuse("stale")
    store.save(first)
    stale.refuse("paused")
    third = database.order()
    with pytest.raises(Conflict):
        store.save(third, stale)
    assert store.find(Order, third.id) is None
    assert store.head() == 4


def test_a_race_is_decided_on_fresh_state(database):
    """Four processes that change one stream on fresh state lose no change."""
    stores = [database.store(size=1) for _ in range(4)]
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with carrying(user="1"):
        webhook = Webhook.receive(uuid4(), 1, b"{}", "192.0.2.1", now)
    stores[0].save(webhook)

    @on_fresh_state
    def repeat(store: Store) -> None:
        found = store.get(Webhook, webhook.id)
        found.repeat(now)
        store.save(found)

    with ThreadPoolExecutor(len(stores)) as threads:
        wanted = [threads.submit(repeat, store) for store in stores * 5]
        for done in wanted:
            done.result()
    assert stores[0].get(Webhook, webhook.id).repeats == 20


def test_what_was_done_before_is_not_tried_again(database, store):
    """`DuplicateCommand` is raised at once, without another attempt."""
    said = []

    @on_fresh_state
    def command() -> None:
        said.append(1)
        raise DuplicateCommand("again")

    with pytest.raises(DuplicateCommand):
        command()
    assert said == [1]


# --- a connection that breaks ------------------------------------------------------------------------------------


class Breaking(psycopg.Connection):
    """A connection that can be told to break once, before or after an append reaches the server."""

    breaks: str | None = None

    def execute(self, query, *arguments, **options):
        moment, is_append = Breaking.breaks, "log.append" in str(query)
        if is_append and moment == "before":
            self._break()
        cursor = super().execute(query, *arguments, **options)
        if is_append and moment == "after":
            self._break()
        return cursor

    def _break(self) -> None:
        Breaking.breaks = None
        self.close()
        raise psycopg.OperationalError("the connection is lost")


@pytest.fixture
def breaking(database) -> Iterator[Store]:
    """Yield a store whose connections break as `Breaking.breaks` says."""
    kwargs = {"autocommit": True}
    url = database.url_for("aristobot_writer")
    with ConnectionPool(url, connection_class=Breaking, kwargs=kwargs, min_size=1, max_size=2, open=True) as pool:
        yield Store(pool, database.master)
    Breaking.breaks = None


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_connection_is_no_conflict(database, breaking, moment):
    """The event is in the log once and the save succeeds, no matter if the append or only its answer was lost."""
    order = database.order()
    Breaking.breaks = moment
    assert breaking.save(order, command_id=uuid4(), follower=("engine", 7), came_from=0) == [1]
    assert breaking.head() == 1
    assert breaking.position_of("engine") == 7
    order.refuse("stale")
    assert breaking.save(order) == [2]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_position_without_events_is_no_conflict_either(breaking, moment):
    """A follower that only moves its position also succeeds."""
    Breaking.breaks = moment
    assert breaking.save(follower=("engine", 3)) == []
    assert breaking.position_of("engine") == 3


def test_a_lost_answer_to_somebody_elses_success_is_a_conflict(database, breaking, store):
    """Only the very same event in the log counts as the caller's own success."""
    order = database.placed(store)
    mine, theirs = breaking.get(Order, order.id), store.get(Order, order.id)
    theirs.refuse("stale")
    store.save(theirs)
    mine.refuse("stale")
    Breaking.breaks = "before"
    with pytest.raises(Conflict):
        breaking.save(mine)


@pytest.mark.parametrize(("moment", "arrived"), [("before", False), ("after", True)])
def test_without_retry_the_caller_looks_up(database, breaking, moment, arrived):
    """A caller that may send only once gets the error at once and finds the truth in the log."""
    order = database.order()
    Breaking.breaks = moment
    with pytest.raises(psycopg.OperationalError):
        breaking.save(order, retry=False)
    assert (breaking.find(Order, order.id) is not None) is arrived


def test_a_killed_backend_is_replaced(database, store):
    """The pool reconnects, so a save succeeds after the server has cut all connections."""
    database.placed(store)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'aristobot_writer'")
    database.placed(store)
    assert store.head() == 2

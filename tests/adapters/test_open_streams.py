"""The append maintains the table of open streams, which at any moment agrees with the log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from importlib import resources
from itertools import pairwise

import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.database.migrate import ROLES, migrate, rebuild_books
from adapters.log import audit
from aristobot.__main__ import main
from domain.aggregate import Personal, carrying
from domain.orders.execution import Execution
from domain.orders.order_status import OUTCOMES, Status
from domain.trading.position import Position
from tests.projections.history import NOW, History

# These queries find the open streams in the whole log, sharing nothing with the functions under test.
NOT_ENDED = """
    SELECT stream FROM (
        SELECT DISTINCT ON (stream) stream, topic, position FROM log.events
        WHERE topic IN ('Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed',
                        'Order.Cancelled', 'Order.Expired', 'Order.Resolved', 'Order.Corrected')
        ORDER BY stream, version DESC
    ) AS newest
    WHERE topic IN ('Order.Placed', 'Order.Adopted')
        OR topic IN ('Order.Resolved', 'Order.Corrected') AND (
            SELECT coalesce(event.state ->> 'outcome', event.state ->> 'theirs') = 'open'
            FROM log.event_log AS event WHERE event.position = newest.position
        )
"""
UNEXPLAINED = """
    SELECT progress.stream FROM (
        SELECT stream, max((state ->> 'cumulative_quantity')::numeric) AS quantity
        FROM log.event_log WHERE topic = 'Order.Progressed' GROUP BY stream
    ) AS progress
    WHERE quantity > (
        SELECT coalesce(sum((fill.state ->> 'quantity')::numeric), 0) FROM log.event_log AS fill
        WHERE fill.stream = progress.stream AND fill.topic = 'Order.Filled'
    )
    UNION SELECT stream FROM log.event_log WHERE topic = 'Order.Resolved' AND state ->> 'outcome' = 'closed'
"""
HOLDING = """
    SELECT stream FROM (
        SELECT DISTINCT ON (stream) stream, topic FROM log.events
        WHERE topic IN ('Position.Grew', 'Position.Closed') ORDER BY stream, version DESC
    ) AS newest
    WHERE topic = 'Position.Grew'
"""


class Lives(History):
    """Orders and positions in every state they can reach, and trades that follow one another."""

    def __init__(self, store, seed):
        super().__init__(store, seed)
        self.followed = set()

    def _something(self, user):
        changes = [self._changed(of) for of in ((self.orders, self._order_verbs()), (self.positions, self._trading()))]
        kinds = [self._new_order, self._new_position, *changes]
        return self.random.choices(kinds, weights=[3, 1, 12, 8])[0](user)

    def _order_verbs(self):
        draw, raw = self.random.choice, self._raw

        def explain(order):
            """Record the fills that were missing."""
            missing = order.filled - sum(order.fills.values())
            if missing:
                order.fill(self._id().hex, missing, Decimal(100), Decimal(0), None, NOW, None, raw())

        return super()._order_verbs() | {
            "explain": explain, "explain again": explain, "explain at last": explain,
            "defer": lambda order: order.defer("locked", raw()),
            "prove absent": lambda order: order.prove_absent("proven", raw()),
            "resolve": lambda order: order.resolve(1, draw(sorted(OUTCOMES)), "I looked"),
            "settle": lambda order: order.resolve(1, Status.CLOSED, "I looked"),
            "correct": lambda order: order.correct(order.status, draw(sorted(OUTCOMES)), raw()),
            "reopen": lambda order: order.correct(order.status, Status.OPEN, raw()),
            "reopen at last": lambda order: order.correct(order.status, Status.OPEN, raw()),
        }  # fmt: skip

    def _trading(self):
        """Return the verbs of positions, which often sell everything and then begin the next trade."""

        def sell(position):
            if not position.is_open:
                return
            order = self.random.choice(self.orders).id
            sold = Execution(order, self._id().hex, position.held, self._amount(), Decimal(0), None, NOW)
            position.reduce(sold, Decimal(0))
            if position.has_just_closed and position.id not in self.followed:
                self.followed.add(position.id)
                self.positions.append(position.next(()))

        return self._position_verbs() | {"sell": sell, "sell again": sell, "sell at last": sell}


def differences(database):
    return audit.open_differences(database.connect())


def streams(connection, query):
    return sorted(stream for (stream,) in connection.execute(query))


@pytest.mark.parametrize("seed", range(4))
def test_the_answers_are_those_of_the_whole_log_after_each_commit(database, seed):
    """In random lives of orders and positions, each of the three lists grows and shrinks."""
    store, connection, lengths = database.store(), database.connect(), [list[int](), list[int](), list[int]()]
    past = Lives(store, seed)
    for _ in range(400):
        past.go_on(1)
        answers = store.orders_not_ended(), store.orders_unexplained(), store.positions_open()
        for known, answer, query in zip(lengths, answers, (NOT_ENDED, UNEXPLAINED, HOLDING), strict=True):
            assert sorted(answer) == streams(connection, query)
            known.append(len(answer))
    for known in lengths:
        assert max(known) > 1
        assert any(later < before for before, later in pairwise(known))
    assert differences(database) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_table_is_what_the_log_tells_in_a_history_of_everything(database, seed):
    past = History(database.store(), seed)
    for _ in range(40):
        past.go_on(5)
        assert differences(database) == []


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


# --- verifying the table -------------------------------------------------------------------------------------------


@pytest.fixture
def command(database, monkeypatch, tmp_path, capsys):
    """Return a function that runs a command and returns its exit code and output.

    An example is `command("audit", "verify")`.
    """
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    monkeypatch.setenv("ARISTOBOT_SECRET_KEY", database.secret)
    monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url)

    def command(*words):
        code = main([*words])
        return code, capsys.readouterr().out

    return command


def test_a_table_that_was_tampered_with_is_told_and_mended(database, command):
    """`audit verify` names each wrong stream and exits with 1.

    `projections rebuild` rebuilds the table from the log.
    """
    store = database.store()
    open_order, ended = database.placed(store), database.filled(store)
    with carrying(user="1"):
        ended.close(Personal("{}"))
        store.save(ended)
    assert command("audit", "verify")[0] == 0
    tampering = database.tampering()
    tampering.execute("DELETE FROM log.open_streams")
    tampering.execute("INSERT INTO log.open_streams VALUES (%s, 'order'), (%s, 'position')", (ended.id, ended.id))
    code, said = command("audit", "verify")
    assert code == 1
    assert f"open streams: order {open_order.id} is missing" in said
    assert f"open streams: order {ended.id} is not open" in said
    assert f"open streams: position {ended.id} is not open" in said
    assert command("projections", "rebuild")[0] == 0
    assert command("audit", "verify")[0] == 0
    assert store.orders_not_ended() == [open_order.id]


def test_a_log_that_cannot_be_read_is_a_verdict(database, command):
    """The changed event is still named."""
    store = database.store()
    order = database.submitted(store)
    with carrying(user="1"):
        order.doubt("silence")
        order.resolve(1, Status.OPEN, "I looked")
        store.save(order)
    database.tampering().execute("UPDATE log.events SET state = 'no JSON' WHERE topic = 'Order.Resolved'")
    code, said = command("audit", "verify")
    assert code == 1
    assert "event 4 (Order.Resolved" in said
    assert "open streams: the log does not tell" in said


def test_no_terminal_may_write_the_table(database):
    for role in ROLES:
        for statement in (
            "DELETE FROM log.open_streams", "INSERT INTO log.open_streams VALUES (gen_random_uuid(), 'order')",
            "UPDATE log.open_streams SET kind = 'order'", "TRUNCATE log.open_streams", "SELECT log.rebuild_open()",
            "SELECT log.keep_open('{}', '{}', '{}')", "SELECT log.keep_unexplained(gen_random_uuid())",
        ):  # fmt: skip
            with pytest.raises(InsufficientPrivilege):
                database.connect(role).execute(statement)


# --- reading the table from the log --------------------------------------------------------------------------------


def test_an_older_database_is_upgraded_once(database):
    """The migration fills the table from the log, and the new append maintains it from then on."""
    # Given a database with the append of the earlier version
    store, connection = database.store(), database.connect()
    past = Lives(store, 1)
    past.go_on(150)
    connection.execute("DROP TABLE log.open_streams CASCADE")
    for name in ("is_open_after", "unexplained", "told_open", "keep_open", "keep_unexplained", "rebuild_open",
                 "open_differences"):  # fmt: skip
        connection.execute(f"DROP FUNCTION IF EXISTS log.{name} CASCADE")
    before = resources.files("adapters.database.schema").joinpath("log.sql").read_text()
    index = before[before.index("CREATE INDEX events_order_ends") : before.index("CREATE TABLE log.commands")]
    append = before[before.index("CREATE FUNCTION log.append") : before.index("-- For auditors")]
    connection.execute(index + append.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    connection.execute("DELETE FROM public.migrations WHERE name = 'open'")
    past.go_on(60)

    # When it is migrated, then its table agrees with the whole log
    assert migrate(database.url, database.master) == ["made open"]
    answers = store.orders_not_ended(), store.orders_unexplained(), store.positions_open()
    for answer, query in zip(answers, (NOT_ENDED, UNEXPLAINED, HOLDING), strict=True):
        assert sorted(answer) == streams(connection, query)
        assert answer
    assert migrate(database.url, database.master) == []
    past.go_on(60)
    assert differences(database) == []


def test_a_rebuild_holds_up_no_append_while_it_reads(database, eventually):
    """The rebuild takes the append's lock only after it has read the log.

    It still includes events appended meanwhile.
    """
    store, watching = database.store(), database.connect()
    orders = [database.submitted(store) for _ in range(6)]
    reading, appending = database.connect(), database.connect()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s"
    holding = "SELECT count(*) FROM pg_locks WHERE granted AND locktype = 'advisory'"
    with ThreadPoolExecutor(1) as thread:
        with appending.transaction():
            appending.execute("SELECT pg_advisory_xact_lock(hashtext('log.events'))")  # a slow append
            with reading.transaction():
                reading.execute("LOCK TABLE log.events IN ACCESS EXCLUSIVE MODE")  # a slow read of the log
                done = thread.submit(rebuild_books, database.connect(), database.url, database.master)
                eventually(lambda: watching.execute(waiting, ("relation",)).fetchone()[0])
                assert watching.execute(holding).fetchone()[0] == 1
            eventually(lambda: watching.execute(waiting, ("advisory",)).fetchone()[0])
            # The rebuild waits for this append: one order ends, one is placed, one is executed without its fills.
            with carrying(user="1"):
                orders[0].reject("funds", Personal("{}"))
                orders[1].progress(Decimal("0.5"), Decimal(32125), Personal("{}"))
                position = Position(1, 1, "BTC/USDT", "webhook")
                position.grow(Execution(orders[1].id, "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW))
                stored = [
                    store.mapper.to_stored_event(event)
                    for changed in (*orders[:2], database.order(), position)
                    for event in changed.collect_events()
                ]
            appending.execute(
                "SELECT log.append(%s, %s, %s, %s, NULL, NULL, NULL)",
                (
                    [one.originator_id for one in stored],
                    [one.originator_version for one in stored],
                    [one.topic for one in stored],
                    [one.state for one in stored],
                ),
            )
        done.result()
    assert differences(database) == []
    assert orders[0].id not in store.orders_not_ended()
    assert (store.orders_unexplained(), store.positions_open()) == ([orders[1].id], [position.id])

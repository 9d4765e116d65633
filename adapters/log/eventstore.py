"""The event store: the only way for any process to append to the log and to load aggregates from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import (
    EventStore,
    IntegrityError,
    StoredEvent,
)
from psycopg_pool import ConnectionPool

from adapters.log.eventmapper import EventMapper
from adapters.log.kept import KINDS, Kept
from adapters.log.recorder import Recorder
from adapters.vault.keys import KeyRing, MasterKey
from domain.aggregate import Aggregate
from domain.orders.order import Order
from domain.refusals import Conflict, NotFound
from domain.webhooks.stream import WebhookStream

A = TypeVar("A", bound=Aggregate)

CHANNEL = "log"
_SESSION = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=5s -c statement_timeout=30s"
_TOGETHER = 500
_WHOLE = "SELECT stream, version, topic, state FROM log.events WHERE stream = ANY(%s) ORDER BY stream, version"
_WHERE_CARRIED = f"""
    SELECT e.stream, e.version, e.topic, e.state FROM unnest(%s::uuid[]) AS asked (id)
    JOIN log.events AS e ON e.stream = asked.id AND e.version >= coalesce((
        SELECT carried.version FROM log.events AS carried
        WHERE carried.stream = asked.id AND carried.topic = '{WebhookStream.CarriedForward.TOPIC}'
        ORDER BY carried.version DESC LIMIT 1
    ), 0) ORDER BY e.stream, e.version
"""
"""The events from the last one that carries the whole state forward."""
TRUSTED_FOR = 1.0
"""Seconds after its last use during which a connection is assumed to be alive."""


class Recorded:
    """One event as read from the log. It is decoded on first access: most readers skip it by its topic."""

    def __init__(self, position: int, recorded_at: datetime, stored: StoredEvent, mapper: EventMapper) -> None:
        self.position = position
        self.recorded_at = recorded_at
        self._stored = stored
        self._mapper = mapper

    @property
    def topic(self) -> str:
        """The kind of event."""
        return self._stored.topic

    @property
    def stream(self) -> UUID:
        """The id of the aggregate that the event belongs to."""
        return cast(UUID, self._stored.originator_id)

    @cached_property
    def event(self) -> Any:
        """The event itself. Raises `msgspec.ValidationError` when its state does not fit its class."""
        return self._mapper.to_domain_event(self._stored)


def open_pool(url: str, size: int = 2) -> ConnectionPool:
    """Open a pool of autocommit connections with bounded waits: an append without a lock fails instead of hanging."""
    lent_at: WeakKeyDictionary[psycopg.Connection, float] = WeakKeyDictionary()

    def check(connection: psycopg.Connection) -> None:
        # Each check that the server is still there costs a round trip.
        now = time.monotonic()
        if now - lent_at.get(connection, 0.0) > TRUSTED_FOR:
            ConnectionPool.check_connection(connection)
        lent_at[connection] = now

    return ConnectionPool(
        url,
        min_size=1,
        max_size=size,
        kwargs={"autocommit": True, "options": _SESSION},
        check=check,
        open=True,
        timeout=5,
    )


def _project(aggregate: Any, events: Iterable[Any]) -> Any:
    """Apply events to an aggregate.

    Replaces the library's loop, which spends half of its time on checking a runtime protocol for every event.
    """
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


class Store:
    """The aggregates in the log. All saves of the platform wait for one lock: save at once what belongs together."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self.pool = pool
        self.keys = KeyRing(pool, master)
        self.mapper = EventMapper(self.keys)
        self.recorder = Recorder(pool)
        self._events: EventStore[UUID] = EventStore(self.mapper, self.recorder)
        self._repository: Repository[UUID] = Repository(self._events)
        self._kept = Kept()

    def get(self, kind: type[A], aggregate_id: UUID, version: int | None = None) -> A:
        """Return the aggregate as it is now, or as it was at `version`. Raises `NotFound` when it does not exist."""
        try:
            if version is None and kind in KINDS:
                found = self._newest(kind, aggregate_id)
            else:
                found = self._repository.get(aggregate_id, version=version, projector_func=_project)
        except AggregateNotFoundError:
            raise NotFound(f"there is no such {kind.__name__.lower()}") from None
        if not isinstance(found, kind):
            raise NotFound(f"there is no such {kind.__name__.lower()}")
        return found

    def _newest(self, kind: type[Aggregate], aggregate_id: UUID) -> Any:
        """Return the aggregate as last loaded, plus the events appended since. Raises `AggregateNotFoundError`."""
        kept = self._kept.get(aggregate_id)
        if kept is not None:
            found = _project(kept, self._events.get(aggregate_id, gt=kept.version))
        elif kind is WebhookStream:
            found = next(iter(self.get_all(WebhookStream, [aggregate_id])), None)
            if found is None:
                raise AggregateNotFoundError(aggregate_id)
        else:
            found = self._repository.get(aggregate_id, projector_func=_project)
        self._kept.put(found)
        return found

    def get_all(self, kind: type[A], ids: Sequence[UUID]) -> list[A]:
        """Return many aggregates as they are now, with one query per 500; those that do not exist are left out."""
        found: list[A] = []
        query = _WHERE_CARRIED if kind is WebhookStream else _WHOLE
        for start in range(0, len(ids), _TOGETHER):
            with self.pool.connection() as connection, connection.cursor(binary=True) as cursor:
                rows = cursor.execute(query, ([*ids[start : start + _TOGETHER]],), prepare=True).fetchall()
            for _, events in groupby(rows, key=itemgetter(0)):
                stored = (StoredEvent(stream, version, topic, bytes(state)) for stream, version, topic, state in events)
                aggregate = _project(None, map(self.mapper.to_domain_event, stored))
                if isinstance(aggregate, kind):
                    found.append(aggregate)
        return found

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate as it is now, or None when it does not exist."""
        try:
            return self.get(kind, aggregate_id)
        except NotFound:
            return None

    def versions(self, ids: Sequence[UUID]) -> list[int]:
        """Return the newest version of each stream, 0 for one that does not exist, so that changes can be noticed."""
        query = """
            SELECT coalesce((SELECT e.version FROM log.events AS e WHERE e.stream = asked.id
                             ORDER BY e.version DESC LIMIT 1), 0)
            FROM unnest(%b::uuid[]) WITH ORDINALITY AS asked (id, n) ORDER BY n
        """
        with self.pool.connection() as connection:
            return [int(row[0]) for row in connection.execute(query, ([*ids],), prepare=True)]

    def save(
        self,
        *aggregates: Aggregate,
        command_id: UUID | None = None,
        follower: tuple[str, int] | None = None,
        came_from: int | None = None,
        retry: bool = True,
    ) -> list[int]:
        """Append all pending events in one commit and return their log positions.

        `follower` is the follower that saves and its new log position, `came_from` the position it must have before.
        Raises `Conflict` when another process was faster on any of the streams: then nothing was written, and the
        aggregates in hand are stale. With `retry=False` a lost connection raises at once, and the caller must check
        the log for what was written.
        """
        events: list[CanMutateAggregate[UUID]] = [e for aggregate in aggregates for e in aggregate.collect_events()]
        stored = [self.mapper.to_stored_event(e) for e in events]
        if not stored and follower is None:
            return []
        belonging = {"command_id": command_id, "follower": follower, "came_from": came_from}
        try:
            return list(self.recorder.insert_events(stored, retry=retry, **belonging))
        except IntegrityError as error:
            raise Conflict("another process was faster") from error

    # --- reading the log as it grows ---------------------------------------------------------------------------

    def read(self, after: int, limit: int = 500, stop: int | None = None, topics: Sequence[str] = ()) -> list[Recorded]:
        """Return events after log position `after`, up to and including `stop`, in order."""
        query = "SELECT position, recorded_at, stream, version, topic, state FROM log.events WHERE position > %s"
        parameters: list[Any] = [after]
        if stop is not None:
            query += " AND position <= %s"
            parameters.append(stop)
        if topics:
            query += " AND topic = ANY(%s)"
            parameters.append(list(topics))
        parameters.append(limit)
        with self.pool.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query + " ORDER BY position LIMIT %s", parameters, prepare=True).fetchall()
        return [self._recorded(row) for row in rows]

    def history(self, streams: Sequence[UUID]) -> list[Recorded]:
        """Return all events of the given streams, in the order of the log."""
        query = (
            "SELECT position, recorded_at, stream, version, topic, state FROM log.events"
            " WHERE stream = ANY(%s) ORDER BY position"
        )
        with self.pool.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, (list(streams),), prepare=True).fetchall()
        return [self._recorded(row) for row in rows]

    def _recorded(self, row: Sequence[Any]) -> Recorded:
        position, recorded_at, stream, version, topic, state = row
        return Recorded(position, recorded_at, StoredEvent(stream, version, topic, bytes(state)), self.mapper)

    def head(self) -> int:
        """Return the log position of the newest event, 0 for an empty log."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
        return int(row[0]) if row else 0

    def waits(self, position: int) -> float | None:
        """Return the seconds for which the first event after a log position has been there, None without one."""
        query = """
            SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 FROM log.events
            WHERE position > %s ORDER BY position LIMIT 1
        """
        with self.pool.connection() as connection:
            row = connection.execute(query, (position,), prepare=True).fetchone()
        return None if row is None else max(float(row[0]), 0.0)

    def position_of(self, follower: str) -> int:
        """Return the log position a follower has reached. Raises `NotFound` for one that `migrate` has not created."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT position FROM log.followers WHERE name = %s", (follower,)).fetchone()
        if row is None:
            raise NotFound(f"follower {follower} is unknown: run `aristobot migrate`")
        return int(row[0])

    def orders_not_ended(self) -> list[UUID]:
        """Return the ids of all orders that have not ended according to the log."""
        return self._open("order")

    def orders_unexplained(self) -> list[UUID]:
        """Return the ids of all orders that may have executed more than their fills account for.

        This happens when progress is reported without fills, and when a person has declared an order closed.
        """
        return self._open("unexplained", "settled")

    def order_named(self, broker: int, client_order_id: str) -> UUID | None:
        """Return a broker's order that has or once had this client id. Reads the log itself, so it is never behind."""
        query = """
            SELECT stream FROM log.events
            WHERE topic IN ('Order.Placed', 'Order.AmendRequested') AND log.client_order_id(state) = %s
        """
        with self.pool.connection() as connection:
            found = [row[0] for row in connection.execute(query, (client_order_id,))]
        return next((stream for stream in found if self.get(Order, stream).broker == broker), None)

    def order_numbered(self, broker: int, symbol: str, exchange_order_id: str) -> UUID | None:
        """Return a broker's order by the exchange's id in a market. Reads the log itself, so it is never behind."""
        query = """
            SELECT DISTINCT stream FROM log.events
            WHERE topic IN ('Order.Accepted', 'Order.Adopted', 'Order.Amended') AND log.exchange_order_id(state) = %s
        """
        with self.pool.connection() as connection:
            found = [row[0] for row in connection.execute(query, (exchange_order_id,))]
        orders = self.get_all(Order, found)
        return next((o.id for o in orders if (o.broker, o.wish.symbol) == (broker, symbol)), None)

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """Return the stream of an owner's newest trade in a market. Reads the log itself, so it is never behind."""
        query = """
            SELECT stream FROM log.events
            WHERE topic = 'Position.Opened' AND log.position_key(state) = log.position_key(%s, %s, %s, %s)
            ORDER BY position DESC LIMIT 1
        """
        with self.pool.connection() as connection:
            row = connection.execute(query, (user, broker, symbol, owner), prepare=True).fetchone()
        return None if row is None else UUID(str(row[0]))

    def positions_open(self) -> list[UUID]:
        """Return the ids of all positions that hold something: their last execution did not complete the trade."""
        return self._open("position")

    def webhook_streams_open(self) -> list[UUID]:
        """Return the ids of all webhook streams that are monitored or paused."""
        return self._open("webhookstream")

    def webhooks_asked(self) -> list[UUID]:
        """Return the ids of all webhooks that wait for their trader's approval."""
        return self._open("webhook")

    def alerts_open(self) -> list[UUID]:
        """Return the ids of all alerts that have neither ended nor been acknowledged."""
        return self._open("alert")

    def _open(self, *kinds: str) -> list[UUID]:
        """Return the streams that the append itself keeps marked as open: few, however long the log."""
        with self.pool.connection() as connection:
            rows = connection.execute("SELECT DISTINCT stream FROM log.open_streams WHERE kind = ANY(%s)", ([*kinds],))
            return [row[0] for row in rows]

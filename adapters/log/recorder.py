"""The recorder: writes stored events to the log, in one commit with all that belongs to them, and reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent
from psycopg.errors import UniqueViolation
from psycopg_pool import ConnectionPool

from domain.refusals import Conflict, Taken

_APPEND = "SELECT log.append(%b, %b, %b, %b, %b, %b, %b)"
_APPEND_FROM = "SELECT log.append_from(%b, %b, %b, %b, %b, %b, %b, %b)"
_SELECT = "SELECT stream, version, topic, state FROM log.events WHERE stream = %s"
_ATTEMPTS, _PAUSE = 5, 0.2


class DuplicateCommand(Taken):
    """A command that has been carried out before."""

    code = "command_repeated"


class PositionTaken(Conflict):
    """A refused follower position: another of its name has passed it, or the follower is not where it claims to be."""

    code = "position_taken"


class Recorder(AggregateRecorder):
    """The library's recorder: appends through `log.append` alone, and reads streams for the repository."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append the events, the command id and the follower's position in one commit, or none of them.

        A lost connection is tried again. The log then shows if the append whose answer was lost had succeeded, because
        an event carries its own id: the same bytes at the same place are ours. Raises `IntegrityError`,
        `DuplicateCommand`, `PositionTaken`, or `psycopg.OperationalError` when the database stays away.
        """
        follower, position = kwargs.get("follower") or (None, None)
        parameters: list[Any] = [
            [e.originator_id for e in stored_events],
            [e.originator_version for e in stored_events],
            [e.topic for e in stored_events],
            [e.state for e in stored_events],
            kwargs.get("command_id"),
            follower,
            position,
        ]
        append = _APPEND
        if (came_from := kwargs.get("came_from")) is not None:
            append = _APPEND_FROM
            parameters.append(came_from)
        attempts = _ATTEMPTS if kwargs.get("retry", True) else 1
        for attempt in range(1, attempts + 1):
            try:
                with self._pool.connection() as connection:
                    return [row[0] for row in connection.execute(append, parameters, prepare=True)]
            except UniqueViolation as error:
                if attempt > 1 and (ours := self._already(stored_events, follower, position)) is not None:
                    return ours
                raise _said(error, kwargs) from error
            except psycopg.OperationalError:
                if attempt == attempts:
                    raise
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")

    def _already(self, events: Sequence[StoredEvent], follower: str | None, position: int | None) -> list[int] | None:
        """Return the log positions of a save whose answer was lost, or None when the log does not contain it."""
        with self._pool.connection() as connection:
            if not events:
                query = "SELECT position FROM log.followers WHERE name = %s AND position = %s"
                return [] if connection.execute(query, (follower, position)).fetchone() else None
            last = events[-1]
            query = "SELECT position, state FROM log.events WHERE stream = %s AND version = %s"
            row = connection.execute(query, (last.originator_id, last.originator_version)).fetchone()
        if row is None or bytes(row[1]) != last.state:
            return None
        return list(range(row[0] - len(events) + 1, row[0] + 1))  # the events of one save are contiguous in the log

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one stream, oldest first unless `desc`."""
        query = _SELECT
        parameters: list[Any] = [originator_id]
        for condition, value in ((" AND version > %s", gt), (" AND version <= %s", lte)):
            if value is not None:
                query += condition
                parameters.append(value)
        query += f" ORDER BY version {'DESC' if desc else 'ASC'}"
        if limit is not None:
            query += " LIMIT %s"
            parameters.append(limit)
        with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, parameters, prepare=True).fetchall()
        return [StoredEvent(stream, version, topic, bytes(state)) for stream, version, topic, state in rows]


def _said(error: UniqueViolation, kwargs: dict[str, Any]) -> Exception:
    constraint = error.diag.constraint_name or ""
    if constraint == "commands_pkey":
        return DuplicateCommand(f"command {kwargs.get('command_id')} was carried out before")
    if constraint == "followers_position":
        return PositionTaken(f"{kwargs.get('follower')} is behind")
    return IntegrityError(str(error))

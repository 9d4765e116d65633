"""The door's notes in the service tables: how far it has come, and when it could not be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg_pool import ConnectionPool

Silence = tuple[datetime, datetime]
"""From when until when (UTC) the door could not be reached."""


@dataclass(frozen=True)
class Taken:
    """The state of the log at position `head`: every delivery that the door took before `until` (UTC) is in it."""

    until: datetime
    head: int


@dataclass(frozen=True)
class Note:
    """A note of the door at a moment (UTC): every delivery before `until` is in the log, None when that is not known.

    `told_until` is the newest such time that the table has taken in so far. `started_at` is given by a door that does
    not know when it was last reached: it was silent until then.
    """

    at: datetime
    until: datetime | None
    silences: Sequence[Silence] = ()
    told_until: datetime | None = None
    started_at: datetime | None = None


class DoorTable:
    """The table of the one webhook door."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def note(self, note: Note) -> None:
        """Take in a note of the door."""
        with self._pool.connection() as connection:
            connection.execute(
                "SELECT service.note_door(%s, %s, %s, %s::timestamptz[], %s::timestamptz[], %s)",
                (
                    note.at, note.until, note.told_until, [began for began, _ in note.silences],
                    [ended for _, ended in note.silences], note.started_at,
                ),
            )  # fmt: skip

    def taken(self) -> Taken | None:
        """Return how far the door and the log have come, None before the door's first note."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT taken_until, (SELECT coalesce(max(position), 0) FROM log.events) FROM service.door"
            ).fetchone()
        return None if row is None else Taken(*row)

    def silences(self, since: datetime) -> list[Silence]:
        """Return the silences that ended after a moment, oldest first."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT began_at, ended_at FROM service.door_silences WHERE ended_at >= %s ORDER BY began_at", (since,)
            ).fetchall()
        return [(began, ended) for began, ended in rows]

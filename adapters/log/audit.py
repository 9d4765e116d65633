"""The audit of the log: every hash follows from its event and the hash before, computed outside the database."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import psycopg

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Verdict:
    """The result of reading the whole log. `fault` is None when the log is intact."""

    events: int
    head: str
    fault: str | None = None


@dataclass(frozen=True)
class PublishedHead:
    """A head that was written down elsewhere: the hash of an event, and its position if that was noted too."""

    hash: str
    position: int | None = None

    @classmethod
    def read(cls, said: str) -> PublishedHead:
        """Read `HASH` or `POSITION:HASH`, in any case. Raises `ValueError` for anything else."""
        position, _, digest = said.strip().lower().rpartition(":")
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not re.fullmatch(r"[0-9]{0,18}", position):
            raise ValueError(f"a head is a hash of 64 hexadecimal digits, or POSITION:HASH, not {said[:100]!r}")
        return cls(digest, int(position) if position else None)

    def missing(self, events: int) -> str:
        """Return the fault of a log of so many events in which no event at its place has this hash."""
        if self.position is None:
            return f"no event has the published head {self.hash}: the tail was cut off or rewritten"
        if self.position > events:
            return (
                f"the log was cut off: it ends after {events}, event {self.position} had the published head {self.hash}"
            )
        return f"the log was rewritten: event {self.position} no longer has the published head {self.hash}"


def sealed_form(position: int, stream: UUID, version: int, topic: str, state: bytes, recorded_at: datetime) -> bytes:
    """Return the bytes a hash covers, each part preceded by its length (as `log.sealed_form` writes them)."""
    microseconds = (recorded_at - _EPOCH) // timedelta(microseconds=1)
    parts = [
        struct.pack(">q", position),
        stream.bytes,
        struct.pack(">q", version),
        topic.encode(),
        state,
        struct.pack(">q", microseconds),
    ]
    return b"".join(struct.pack(">i", len(part)) + part for part in parts)


def verify(connection: psycopg.Connection, published: PublishedHead | None = None) -> Verdict:
    """Read the log from its first event and name the first event that does not follow from those before.

    The `published` head must be the hash of the event at its position, or of any if that was not noted; otherwise the
    tail was cut off or rewritten. Events appended since then are fine.
    """
    before, count, seen = b"", 0, published is None
    with connection.transaction(), connection.cursor("audit", binary=True) as cursor:
        cursor.itersize = 2000
        cursor.execute(
            "SELECT position, stream, version, topic, state,"
            " CASE WHEN recorded_at BETWEEN '0001-01-01 UTC' AND '9999-12-31 UTC' THEN recorded_at END, hash"
            " FROM log.events ORDER BY position"
        )
        for position, stream, version, topic, state, recorded_at, stored in cursor:
            name = f"event {position} ({topic}, version {version} of {stream})"
            if position != count + 1:
                return Verdict(count, before.hex(), f"{name} does not follow: position {count + 1} is missing")
            if recorded_at is None:
                return Verdict(count, before.hex(), f"{name} does not follow: it was recorded at no time of this world")
            expected = sha256(
                before + sealed_form(position, stream, version, topic, bytes(state), recorded_at)
            ).digest()
            if bytes(stored) != expected:
                return Verdict(count, before.hex(), f"{name} does not follow from what stands before it")
            before, count = expected, count + 1
            if published is not None and published.position in {None, count}:
                seen = seen or expected.hex() == published.hash
    if published is not None and not seen:
        return Verdict(count, before.hex(), published.missing(count))
    return Verdict(count, before.hex())


def open_differences(connection: psycopg.Connection) -> list[str]:
    """Return where the table of open streams differs from the log; rebuilding the books repairs it."""
    query = "SELECT stream, kind, wrong FROM log.open_differences() ORDER BY kind, stream"
    try:
        found = connection.execute(query).fetchall()
    except psycopg.DataError as error:  # an event was changed and can no longer be read
        return [f"open streams: the log does not tell which they are: {error.diag.message_primary}"]
    return [f"open streams: {kind} {stream} is {wrong}" for stream, kind, wrong in found]


def follower_differences(connection: psycopg.Connection) -> list[str]:
    """Return the followers that stand beyond the end of the log: they would pass over what comes next."""
    rows = connection.execute(
        "SELECT name, position, head FROM log.followers, (SELECT coalesce(max(position), 0) AS head FROM log.events)"
        " AS newest WHERE position > head ORDER BY name"
    ).fetchall()
    return [
        f"followers: {name} stands at {position}, beyond the end of the log ({head})" for name, position, head in rows
    ]

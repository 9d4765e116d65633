"""The audit of the log: every hash follows from its event and the hash before, computed outside the database."""

from __future__ import annotations

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


def verify(connection: psycopg.Connection, published_head: str | None = None) -> Verdict:
    """Read the log from its first event and name the first event that does not follow from those before.

    `published_head` is a head hash that was written down elsewhere. It must be one of the log's hashes, otherwise
    the tail was cut off or rewritten. Events appended since then are fine.
    """
    before, count, seen = b"", 0, published_head is None
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
            seen = seen or expected.hex() == published_head
    if not seen:
        return Verdict(
            count, before.hex(), f"no event has the published head {published_head}: the log was cut off after {count}"
        )
    return Verdict(count, before.hex())


def open_differences(connection: psycopg.Connection) -> list[str]:
    """Return where the table of open streams differs from the log; rebuilding the books repairs it."""
    query = "SELECT stream, kind, wrong FROM log.open_differences() ORDER BY kind, stream"
    try:
        found = connection.execute(query).fetchall()
    except psycopg.DataError as error:  # an event was changed and can no longer be read
        return [f"open streams: the log does not tell which they are: {error.diag.message_primary}"]
    return [f"open streams: {kind} {stream} is {wrong}" for stream, kind, wrong in found]

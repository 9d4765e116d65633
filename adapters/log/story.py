"""A story: everything the log knows about one webhook, order or position, and about the streams it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adapters.log.eventstore import Recorded, Store

_ENVELOPE = frozenset(
    {"originator_id", "originator_version", "originator_topic", "event_id", "metadata", "timestamp", "raw"}
)
_LEADS_TO = ("orders", "order_id", "cause", "request", "webhook_id")
"""The event fields that name another stream of the same story."""
_NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Chapter:
    """One event as a person reads it. `facts` is its content, `raw` the exchange's own answer."""

    position: int
    at: datetime
    topic: str
    stream: UUID
    source: str
    facts: dict[str, Any]
    raw: str | None


def story_of(store: Store, stream: UUID, user: int | None = None) -> list[Chapter]:
    """Return the events of a stream and of the streams it names, oldest first.

    Where `user` is given, only their events: another person's stream is as empty as one that does not exist.
    """
    own = [recorded for recorded in store.history([stream]) if _may(recorded, user)]
    others = set(_named(own)) - {stream}
    told = [*own, *(recorded for recorded in store.history(sorted(others)) if _may(recorded, user))]
    return [_chapter(recorded) for recorded in sorted(told, key=lambda recorded: recorded.position)]


def history_of(store: Store, user: int) -> Iterator[Chapter]:
    """Yield every event of a user, oldest first, reading the log page by page."""
    position = 0
    while page := store.read(position):
        position = page[-1].position
        yield from (_chapter(recorded) for recorded in page if _may(recorded, user))


def _may(recorded: Recorded, user: int | None) -> bool:
    return user is None or recorded.event.metadata.get("user") == str(user)


def _named(events: Iterable[Recorded]) -> Iterable[UUID]:
    for recorded in events:
        said = vars(recorded.event)
        said = {**said, **(vars(said["execution"]) if "execution" in said else {})}
        for name in _LEADS_TO:
            value = said.get(name)
            yield from value if isinstance(value, list) else [value] if isinstance(value, UUID) else []


def _chapter(recorded: Recorded) -> Chapter:
    said = vars(recorded.event)
    facts = {name: _told(msgspec.to_builtins(value)) for name, value in said.items() if name not in _ENVELOPE}
    return Chapter(
        recorded.position,
        recorded.recorded_at,
        recorded.topic,
        recorded.event.originator_id,
        recorded.event.metadata.get("source", ""),
        {name: value for name, value in facts.items() if value not in _NOTHING},
        said.get("raw"),
    )


def _told(value: Any) -> Any:
    """Return a value without its empty parts."""
    if not isinstance(value, dict):
        return value
    return {name: part for name, part in ((n, _told(p)) for n, p in value.items()) if part not in _NOTHING}

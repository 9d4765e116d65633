"""The platform's aggregate: everything that its event streams have in common.

Public verbs decide. Private `@event` methods only assign, because their bodies run again at every replay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Any, ClassVar, NewType, Self
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import CanMutateAggregate, event
from eventsourcing.utils import register_topic

__all__ = ["Aggregate", "Personal", "carrying", "current_metadata", "deterministic_id", "event"]

Personal = NewType("Personal", str)
"""A text that belongs to a person: stored sealed by that person's key, and unreadable once the key is destroyed."""

_metadata: ContextVar[Mapping[str, str]] = ContextVar("metadata", default={})  # noqa: B039 - never mutated, only replaced


@contextmanager
def carrying(**values: str) -> Iterator[None]:
    """Add these values to the metadata of the events triggered inside, on top of those already in force.

    The names in use are `correlation_id` (the whole flow), `causation_id` (the event that led here), `user` (the
    person whose data it is) and `source` (the originator: web, receiver, engine, gateway, reconciliation).
    """
    token = _metadata.set({**_metadata.get(), **values})
    try:
        yield
    finally:
        _metadata.reset(token)


def current_metadata() -> dict[str, str]:
    """Return the metadata that an event triggered now would carry."""
    return dict(_metadata.get())


def deterministic_id(*parts: object) -> UUID:
    """Return the id of a thing, the same wherever and however often it is computed: `deterministic_id("broker", 3)`."""
    return uuid5(NAMESPACE_URL, "/".join(str(part) for part in parts))


class Aggregate(LibraryAggregate):
    """A stream of events and the state that they add up to."""

    class Event(LibraryAggregate.Event):
        """An event with an id of its own and the metadata of the moment at which it was triggered."""

        TOPIC: ClassVar[str]
        """The name under which the log keeps it: `Order.Filled`."""
        event_id: UUID = field(default_factory=uuid4, kw_only=True)
        metadata: dict[str, str] = field(default_factory=current_metadata, kw_only=True)

    class Created(Event, LibraryAggregate.Created):
        """The first event of a stream."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give each event a short topic such as `Order.Filled`, so that modules may move without touching the log."""
        super().__init_subclass__(**kwargs)
        for name, value in [*vars(cls).items()]:
            if isinstance(value, type) and issubclass(value, CanMutateAggregate):
                value.TOPIC = f"{cls.__name__}.{name}"  # type: ignore[attr-defined]
                register_topic(value.TOPIC, value)  # type: ignore[attr-defined]
        cls.TOPIC = cls.__name__  # type: ignore[attr-defined]
        register_topic(cls.__name__, cls)

    def copy(self) -> Self:
        """Return a copy of the aggregate to work on, with no pending events.

        Its containers are copied, the values in them are not: those are never changed in place.
        """
        state = {
            name: value.copy() if isinstance(value, (set, dict, list)) else value for name, value in vars(self).items()
        }
        made = object.__new__(type(self))
        made.__dict__.update(state, _pending_events=[])
        return made

    def __hash__(self) -> int:
        """Return the hash of the id, by which aggregates are told apart."""
        return hash(self.id)

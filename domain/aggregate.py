"""The house aggregate: what every stream of events of the platform has in common.

Public verbs decide; private `@event` methods only assign, because their bodies run again at every replay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Any, NewType, Self
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import CanMutateAggregate, event
from eventsourcing.utils import register_topic

__all__ = ["Aggregate", "Personal", "carrying", "current_metadata", "deterministic_id", "event"]

Personal = NewType("Personal", str)
"""A text that belongs to a person: stored sealed by that person's key, unreadable once the key is destroyed."""

_metadata: ContextVar[Mapping[str, str]] = ContextVar("metadata", default={})  # noqa: B039 - never mutated, only replaced


@contextmanager
def carrying(**values: str) -> Iterator[None]:
    """Events triggered inside carry these values besides those already in force.

    The names in use are `correlation_id` (the whole flow), `causation_id` (the event that led here),
    `user` (the person whose data it is) and `source` (who says so: web, receiver, engine, gateway, reconciliation).
    """
    token = _metadata.set({**_metadata.get(), **values})
    try:
        yield
    finally:
        _metadata.reset(token)


def current_metadata() -> dict[str, str]:
    """What an event triggered at this moment would carry."""
    return dict(_metadata.get())


def deterministic_id(*parts: object) -> UUID:
    """One id for one thing, whoever computes it and however often: `deterministic_id("broker", 3)`."""
    return uuid5(NAMESPACE_URL, "/".join(str(part) for part in parts))


class Aggregate(LibraryAggregate):
    """A stream of events and the state that they add up to."""

    class Event(LibraryAggregate.Event):
        """Every event has an id of its own and the metadata of the moment it was triggered."""

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
        """The same aggregate to work on, with nothing pending.

        Its containers are copied; what they hold is never changed in place.
        """
        state = {
            name: value.copy() if isinstance(value, (set, dict, list)) else value for name, value in vars(self).items()
        }
        made = object.__new__(type(self))
        made.__dict__.update(state, _pending_events=[])
        return made

    def __hash__(self) -> int:
        """Aggregates are told apart by their id."""
        return hash(self.id)

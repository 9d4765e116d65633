"""Events as plain JSON: Decimal, UUID, enums and dataclasses are restored by the events' own annotations."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from adapters.vault.keys import KeyRing
from domain.aggregate import Personal

ENVELOPE = frozenset({"originator_id", "originator_version"})


class Form:
    """The stored form of one event class: its fields, its personal texts and its version."""

    def __init__(self, event_class: type) -> None:
        hints = typing.get_type_hints(event_class)
        names = [f.name for f in dataclasses.fields(event_class) if f.name not in ENVELOPE]
        self.personal = [name for name in names if Personal in (hints[name], *typing.get_args(hints[name]))]
        self.version = getattr(event_class, "class_version", 1)
        # A field that may be None may be missing: the event may have been written before the field existed.
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
            (name, hints[name], None) if type(None) in typing.get_args(hints[name]) else (name, hints[name])
            for name in names
        ]
        self.struct = msgspec.defstruct(event_class.__name__, [*fields, ("class_version", int, 1)], kw_only=True)
        self.decoder = msgspec.json.Decoder(self.struct)


_FORMS: dict[type, Form] = {}


def form_of(event_class: type) -> Form:
    """Return the stored form of an event class, built once."""
    if event_class not in _FORMS:
        _FORMS[event_class] = Form(event_class)
    return _FORMS[event_class]


class EventMapper(Mapper[UUID]):
    """The mapper between events and JSON such as `{"price":"64250.10"}`.

    It seals personal texts on writing, and unseals them and upcasts older versions of an event on reading.
    """

    def __init__(self, keys: KeyRing) -> None:
        super().__init__(JSONTranscoder())  # never used: msgspec does both directions
        self._keys = keys

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Return the stored form of an event. Raises `KeyError` when it has personal texts and its metadata no user."""
        event_class = type(domain_event)
        form = form_of(event_class)
        state = {name: value for name, value in vars(domain_event).items() if name not in ENVELOPE}
        for name in form.personal:
            if state[name] is not None:
                state[name] = self._keys.seal(int(domain_event.metadata["user"]), state[name])
        if form.version > 1:
            state["class_version"] = form.version
        return StoredEvent(
            domain_event.originator_id,
            domain_event.originator_version,
            get_topic(event_class),
            msgspec.json.encode(state),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Return the event. Raises `msgspec.ValidationError` when the state does not fit its class."""
        event_class = resolve_topic(stored_event.topic)
        form = form_of(event_class)
        if form.version == 1:
            state = msgspec.structs.asdict(form.decoder.decode(stored_event.state))
        else:
            raw = msgspec.json.decode(stored_event.state)
            for version in range(raw.pop("class_version", 1), form.version):
                getattr(event_class, f"upcast_v{version}_v{version + 1}")(raw)
            state = msgspec.structs.asdict(msgspec.convert(raw, form.struct, strict=False))
        del state["class_version"]
        for name in form.personal:
            if state[name] is not None:
                state[name] = self._keys.unseal(state[name])
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        domain_event = object.__new__(event_class)
        object.__setattr__(domain_event, "__dict__", state)
        return domain_event

"""The event types, generated from the aggregates: `python -m tests.architecture.event_types > domain/events.pyi`."""

from __future__ import annotations

import dataclasses
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import get_type_hints

import domain
from domain.aggregate import Aggregate

HEAD = "# The types of all events, each named by its aggregate and itself. Written by `make events`.\n\n"
GIVEN = {field.name for field in dataclasses.fields(Aggregate.Created)}


def stub() -> str:
    """Return the text of `domain/events.pyi`."""
    bodies, imports = list[str](), defaultdict[str, set[str]](set)
    imports["domain.aggregate"].add("Aggregate")
    for aggregate in domain.AGGREGATES:
        for name, event in events_of(aggregate):
            base = "Created" if issubclass(event, Aggregate.Created) else "Event"
            fields = [*_fields(event, imports)] or ["    pass"]
            bodies.append("\n".join((f"class {aggregate.__name__}{name}(Aggregate.{base}):", *fields)))
    lines = (f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()))
    return HEAD + "\n".join(lines) + "\n\n" + "\n\n".join(bodies) + "\n"


def events_of(aggregate: type[Aggregate]) -> Iterator[tuple[str, type[Aggregate.Event]]]:
    """Yield the events of an aggregate with their names."""
    for name, event in vars(aggregate).items():
        if isinstance(event, type) and issubclass(event, Aggregate.Event) and name not in {"Event", "Created"}:
            yield name, event


def _fields(event: type, imports: defaultdict[str, set[str]]) -> Iterator[str]:
    hints, texts = get_type_hints(event), _texts(event)
    for field in dataclasses.fields(event):
        if field.name not in GIVEN:
            _import(hints[field.name], imports)
            yield f"    {field.name}: {texts[field.name]}"


def _texts(event: type) -> dict[str, str]:
    """Return the annotations of an event as they are written in the source."""
    written = (vars(kind).get("__annotations__", {}) for kind in reversed(event.__mro__))
    return {name: text for annotations in written for name, text in annotations.items()}


def _import(hint: object, imports: defaultdict[str, set[str]]) -> None:
    for part in getattr(hint, "__args__", ()):
        _import(part, imports)
    named = getattr(hint, "__module__", "builtins"), getattr(hint, "__name__", "")
    if named[0] not in {"builtins", "types", "typing"}:
        imports[named[0]].add(named[1])


if __name__ == "__main__":
    sys.stdout.write(stub())

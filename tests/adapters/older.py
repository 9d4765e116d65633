"""Histories as they were written before some fields existed."""

from __future__ import annotations

import msgspec
from eventsourcing.persistence import StoredEvent


def written_before(mapper, aggregate, added):
    """Return an aggregate's pending events as they were stored before these fields were added to their topics."""
    older = []
    for event in aggregate.pending_events:
        stored = mapper.to_stored_event(event)
        state = msgspec.json.decode(stored.state)
        for name in added.get(stored.topic, ()):
            del state[name]
        identity = stored.originator_id, stored.originator_version, stored.topic
        older.append(StoredEvent(*identity, msgspec.json.encode(state)))
    return older


def added_up(mapper, stored):
    """Return the aggregate that results from these stored events."""
    found = None
    for one in stored:
        found = mapper.to_domain_event(one).mutate(found)
    return found

"""A cache of aggregates with their versions: loading one again costs its new events, not its whole history."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any
from uuid import UUID

from domain.trading.position import Position
from domain.trading.spending import Spending
from domain.webhooks.stream import WebhookStream

KINDS = (Position, Spending, WebhookStream)
"""The kinds kept: long-lived ones. What a person has forgotten is not kept: streams that are closed are dropped."""
MOST = 500
"""The number of aggregates kept; the least recently used is dropped first."""


class Kept:
    """The aggregates of one process as they were last loaded. Each caller gets its own copy to work on."""

    def __init__(self) -> None:
        self._aggregates: OrderedDict[UUID, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, aggregate_id: UUID) -> Any | None:
        """Return a copy of the aggregate as last loaded, or None when it is not kept."""
        with self._lock:
            found = self._aggregates.get(aggregate_id)
            if found is None:
                return None
            self._aggregates.move_to_end(aggregate_id)
            return found.copy()

    def put(self, aggregate: Any) -> None:
        """Keep a copy, unless its kind is not kept or the copy already kept is at least as new.

        A trade that is over is kept no longer: hundreds of them are met in an hour, and hardly one is asked for again.
        Nor is a stream that nobody has to look after: its owner may be forgotten, and the name of its indicator with
        them.
        """
        if type(aggregate) not in KINDS:
            return
        with self._lock:
            if (isinstance(aggregate, Position) and aggregate.is_over) or (
                isinstance(aggregate, WebhookStream) and not aggregate.is_open
            ):
                self._aggregates.pop(aggregate.id, None)
                return
            known = self._aggregates.get(aggregate.id)
            if known is None or known.version < aggregate.version:
                self._aggregates[aggregate.id] = aggregate.copy()
            self._aggregates.move_to_end(aggregate.id)
            if len(self._aggregates) > MOST:
                self._aggregates.popitem(last=False)

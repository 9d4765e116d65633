"""Aggregates kept by version, so that loading one again costs what is new and not its whole history."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any
from uuid import UUID

from domain.position import Position
from domain.spending import Spending

KINDS = (Position, Spending)
"""Only those that live long and hold no personal text: what a person may forget is never kept."""
MOST = 500
"""How many are kept; the one that was not asked for the longest goes first."""


class Kept:
    """The aggregates of one process as they were last loaded. Whoever asks gets a copy to work on."""

    def __init__(self) -> None:
        self._aggregates: OrderedDict[UUID, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, aggregate_id: UUID) -> Any | None:
        """Return a copy as of the last load, None for one that is not kept."""
        with self._lock:
            found = self._aggregates.get(aggregate_id)
            if found is None:
                return None
            self._aggregates.move_to_end(aggregate_id)
            return found.copy()

    def put(self, aggregate: Any) -> None:
        """Keep a copy, unless a newer one is kept already, or it is of a kind that is not kept."""
        if type(aggregate) not in KINDS:
            return
        with self._lock:
            known = self._aggregates.get(aggregate.id)
            if known is None or known.version < aggregate.version:
                self._aggregates[aggregate.id] = aggregate.copy()
            self._aggregates.move_to_end(aggregate.id)
            if len(self._aggregates) > MOST:
                self._aggregates.popitem(last=False)

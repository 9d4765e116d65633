"""Levels that grow old: a protection that has been on its way for too long is told of, whoever should have placed it.

The guard tells of what it meets. A gateway that hangs, or an event that never reached it, meets nothing: this looks
from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.alerts import tell
from application.ports.stores import Store
from domain.alert import Cause
from domain.level import Level
from domain.position import Position

TOO_OLD = 10.0
"""Seconds after which a stop that is only on its way counts as missing."""
Key = tuple[UUID, Level, UUID | None, Decimal]
"""A position, its level, what was asked for last, and how much is covered: what grows on and on is covered in between.
"""


class AgeingLevels:
    """Looks at the open positions again and again; `clock` is in seconds."""

    def __init__(self, store: Store, log: Any, clock: Callable[[], float]) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._since: dict[Key, float] = {}
        self._told: set[Key] = set()

    def look(self) -> None:
        """Once. Each level of each request is told of once."""
        now, seen = self._clock(), dict[Key, float]()
        for position in self._store.get_all(Position, self._store.positions_open()):
            if not position.tells_by_age:
                continue
            key = position.id, position.level, position.request, position.protected
            seen[key] = self._since.get(key, now)
            if now - seen[key] >= TOO_OLD and key not in self._told:
                self._tell(position)
                self._told.add(key)
        self._since, self._told = seen, self._told & seen.keys()

    def _tell(self, position: Position) -> None:
        reason = f"level_{position.level}"
        facts = {"symbol": position.symbol, "broker": str(position.broker), "reason": reason}
        self._log.warning("level_too_old", position=str(position.id), level=position.level)
        key = f"{reason}/{position.id}/{position.version}"
        tell(self._store, position.user, Cause.POSITION_UNPROTECTED, key, facts, position.id)

"""Ageing levels: raises an alert for a protection that has been on its way too long, whoever should have placed it.

The guard reports only what it comes across. When the gateway hangs, or an event never reaches it, the guard comes
across nothing, so this module looks from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.alerts import tell
from application.ports.stores import Store
from domain.alert import Cause
from domain.protection.level import Level
from domain.trading.position import Position

TOO_OLD = 10.0
"""Seconds after which a stop that is still on its way counts as missing."""
Key = tuple[UUID, Level, UUID | None, Decimal]
"""A position's id, its level, its last request, and how much of it is protected (base).

The amount is part of the key because a position that keeps growing is protected in between: each step restarts the
clock.
"""


class AgeingLevels:
    """The ages of the levels of all open positions; `clock` is in seconds."""

    def __init__(self, store: Store, log: Any, clock: Callable[[], float]) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._since: dict[Key, float] = {}
        self._told: set[Key] = set()

    def look(self) -> None:
        """Check the open positions once. Each level of each request is reported only once."""
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

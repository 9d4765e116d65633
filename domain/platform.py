"""The platform itself: what happened to the log as a whole."""

from __future__ import annotations

from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event

PLATFORM_ID = deterministic_id("platform")


class Platform(Aggregate):
    """One stream."""

    @event("Opened")
    def __init__(self) -> None:
        self.restored_from: list[str] = []

    @staticmethod
    def create_id() -> UUID:
        """There is one platform."""
        return PLATFORM_ID

    def record_restore(self, backup: str, events: int, head: str) -> None:
        """The log was restored from a backup: it knows nothing of what came after `head`, its last hash then."""
        self._restored(backup, events, head)

    @event("Restored")
    def _restored(self, backup: str, events: int, head: str) -> None:
        self.restored_from.append(backup)

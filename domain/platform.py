"""The platform itself: events that concern the log as a whole."""

from __future__ import annotations

from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event

PLATFORM_ID = deterministic_id("platform")


class Platform(Aggregate):
    """The only stream of its kind."""

    @event("Opened")
    def __init__(self) -> None:
        self.restored_from: list[str] = []

    @staticmethod
    def create_id() -> UUID:
        """Return the one id: there is one platform."""
        return PLATFORM_ID

    def record_restore(self, backup: str, events: int, head: str) -> None:
        """Record that the log was restored from a backup of so many events.

        It holds nothing of what came after `head`, its last hash at that time.
        """
        self._restored(backup, events, head)

    @event("Restored")
    def _restored(self, backup: str, events: int, head: str) -> None:
        self.restored_from.append(backup)

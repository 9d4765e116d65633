"""The platform itself: events that concern the log as a whole, and the processes that write it."""

from __future__ import annotations

from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event

PLATFORM_ID = deterministic_id("platform")


class Platform(Aggregate):
    """The only stream of its kind."""

    @event("Opened")
    def __init__(self) -> None:
        self.restored_from: list[str] = []
        self.is_running = False
        """True between a start and an orderly stop."""
        self.up: set[str] = set()
        """The terminals that were started and have not died since."""

    @staticmethod
    def create_id() -> UUID:
        """Return the one id: there is one platform."""
        return PLATFORM_ID

    def start(self) -> bool:
        """Record that the platform starts. Return True when it never stopped in order: the last run has crashed."""
        crashed = self.is_running
        self._started(crashed)
        return crashed

    @event("Started")
    def _started(self, crashed: bool) -> None:
        self.is_running, self.up = True, set()

    def stop(self) -> None:
        """Record an orderly stop of everything. One that is stopped stays as it is."""
        if self.is_running:
            self._stopped()

    @event("Stopped")
    def _stopped(self) -> None:
        self.is_running, self.up = False, set()

    def terminal_starts(self, terminal: str, pid: int) -> None:
        """Record that a terminal was started, as this process."""
        self._terminal_up(terminal, pid)

    @event("TerminalUp")
    def _terminal_up(self, terminal: str, pid: int) -> None:
        self.up = self.up | {terminal}

    def terminal_dies(self, terminal: str, code: int, *, frozen: bool) -> None:
        """Record that a terminal ended although nobody asked it to: its exit code, and whether it was `frozen`.

        A frozen one showed no sign of life and was killed. One that is down already stays as it is.
        """
        if terminal in self.up:
            self._terminal_down(terminal, code, frozen)

    @event("TerminalDown")
    def _terminal_down(self, terminal: str, code: int, frozen: bool) -> None:
        self.up = self.up - {terminal}

    def record_restore(self, backup: str, events: int, head: str) -> None:
        """Record that the log was restored from a backup of so many events.

        It holds nothing of what came after `head`, its last hash at that time.
        """
        self._restored(backup, events, head)

    @event("Restored")
    def _restored(self, backup: str, events: int, head: str) -> None:
        self.restored_from.append(backup)
        self.is_running, self.up = False, set()

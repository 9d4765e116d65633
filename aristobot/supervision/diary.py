"""The diary: the platform's starts and stops, and those of its terminals, as events of the log.

It is kept by a thread of its own: watching over the terminals never waits for the database.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from adapters.log.eventstore import Store
from application.alerts import tell_everybody
from aristobot.following import AWAY, PAUSE_SECONDS
from domain.aggregate import carrying
from domain.alert import Cause
from domain.people.user import COMMAND_LINE
from domain.platform import PLATFORM_ID, Platform
from domain.refusals import Conflict

LAST_SECONDS = 5.0
"""Seconds that the last entries may take when everything ends."""
Entry = Callable[[Platform], object]


class Diary:
    """Entries in the order in which they were made. They wait while the database is away."""

    def __init__(self, store: Store, log: Any) -> None:
        self._store = store
        self._log = log
        self._entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="diary", daemon=True)
        self._thread.start()

    def started(self) -> None:
        """Note that the platform starts. If the last run never ended in order, every user is told of a crash."""
        self._entries.put(self._start)

    def _start(self, platform: Platform) -> None:
        if platform.start():
            self._log.error("crashed_before")
            tell_everybody(self._store, Cause.PLATFORM_CRASHED, str(platform.version), {})

    def up(self, terminal: str, pid: int, *, again: bool = False) -> None:
        """Note that a terminal was started. If it was started again after a death, every user is told.

        The alerts terminal tells it too, wherever it sees another process; the second telling leads to nothing.
        """

        def note(platform: Platform) -> None:
            platform.terminal_starts(terminal, pid)
            if again:
                facts = {"terminal": terminal, "pid": str(pid)}
                tell_everybody(self._store, Cause.TERMINAL_RESTARTED, f"{terminal}/{pid}", facts)

        self._entries.put(note)

    def down(self, terminal: str, code: int, *, frozen: bool) -> None:
        """Note that a terminal died."""
        self._entries.put(lambda platform: platform.terminal_dies(terminal, code, frozen=frozen))

    def stopped(self) -> None:
        """Note an orderly stop, and end the diary. An entry that the database does not take in time is lost."""
        self._entries.put(lambda platform: platform.stop())
        self._entries.put(None)
        self._thread.join(LAST_SECONDS)
        self._ending.set()

    def _keep(self) -> None:
        while (entry := self._entries.get()) is not None:
            while not self._ending.is_set():
                try:
                    self._write(entry)
                    break
                except (AWAY, Conflict) as error:
                    self._log.warning("diary_waits", error=str(error))
                    self._ending.wait(PAUSE_SECONDS)
                except Exception:  # one entry that cannot be written takes no other with it
                    self._log.exception("entry_not_written")
                    break

    def _write(self, entry: Entry) -> None:
        with carrying(user=str(COMMAND_LINE), source="supervisor", correlation_id=str(PLATFORM_ID)):
            platform = self._store.find(Platform, PLATFORM_ID) or Platform()
            entry(platform)
            self._store.save(platform)

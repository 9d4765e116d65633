"""Life: the door's own notes of when it could be reached, so that no alert is missed that could not have come in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.tables.door import DoorTable, Silence
from aristobot.following import AWAY

EVERY_SECONDS = 1.0
SILENT_AFTER = timedelta(seconds=5)
"""The time without a note after which the door was silent."""
TURNED_AWAY = timedelta(seconds=2)
"""The time before a note within which a delivery that could not be kept has come."""


class Life:
    """The notes of one door: on its disk every second, and in its table when PostgreSQL answers.

    A start always ends a silence: nobody was there to answer. `taken_until` returns, given the time, before which time
    every delivery is in the log, None while some wait on disk. `turned_away` counts deliveries that were not kept.
    """

    def __init__(
        self,
        path: Path,
        table: DoorTable,
        *,
        is_reached: Callable[[], bool],
        taken_until: Callable[[datetime], datetime | None],
        turned_away: Callable[[], int],
        clock: Callable[[], datetime],
        log: Any,
    ) -> None:
        self._path = path
        self._table = table
        self._is_reached, self._taken_until, self._turned_away = is_reached, taken_until, turned_away
        self._clock = clock
        self._log = log
        self._silences: list[Silence] = []
        self._noted_at = self._read()
        self._started_at: datetime | None = None
        self._unknown_before = self._noted_at is None
        self._lost = turned_away()

    def keep(self, stopping: threading.Event) -> None:
        """Note until `stopping`."""
        while not stopping.wait(EVERY_SECONDS):
            self.note()

    def note(self) -> None:
        """Note that the door is reached now, unless it is not."""
        if not self._is_reached():
            return
        now = self._clock()
        is_first, self._started_at = self._started_at is None, self._started_at or now
        if self._noted_at is not None and (is_first or now - self._noted_at > SILENT_AFTER):
            self._silences.append((self._noted_at, now))
            self._log.warning("was_not_reached", since=str(self._noted_at), until=str(now))
        if (lost := self._turned_away()) != self._lost:
            self._lost = lost
            self._silences.append((now - TURNED_AWAY, now))
        self._noted_at = now
        self._write()
        try:
            self._table.note(self._taken_until(now), self._silences, self._started_at if self._unknown_before else None)
        except AWAY:
            return  # the notes on disk say it later
        self._unknown_before = False
        if self._silences:
            self._silences.clear()
            self._write()

    def _read(self) -> datetime | None:
        """Take in the notes of the process before. Return when it was last reached, None when no note says so."""
        try:
            noted = json.loads(self._path.read_text())
            self._silences = [
                (datetime.fromisoformat(began), datetime.fromisoformat(ended)) for began, ended in noted["silences"]
            ]
            return datetime.fromisoformat(noted["noted_at"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._log.exception("notes_not_read")  # torn by a crash of the machine: the table knows how far we came
            return None

    def _write(self) -> None:
        noted = {
            "noted_at": str(self._noted_at),
            "silences": [[str(began), str(ended)] for began, ended in self._silences],
        }
        temporary = self._path.with_suffix(".part")
        try:
            temporary.write_text(json.dumps(noted))
            temporary.replace(self._path)
        except OSError as error:
            self._log.warning("notes_not_written", error=str(error))

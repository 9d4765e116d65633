"""Life: the door's own notes of when it could be reached, so that no alert is missed that could not have come in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from adapters.tables.door import DoorTable, Note, Silence
from aristobot.supervision.liveness import Pulse

EVERY_SECONDS = 1.0
SILENT_AFTER = timedelta(seconds=5)
"""The time without a note after which the door was silent."""
AROUND = timedelta(seconds=2)
"""The time before a delivery that was lost within which another one may have been."""


class Life:
    """The notes of one door: on its disk every second, and in its table when PostgreSQL answers.

    Two threads write them, because a database that hangs must not keep the door from noting that it is there. A start
    always ends a silence: nobody was there to answer. `taken_until` returns, given the time, before which time every
    delivery is in the log, None while some wait on disk. `lost` returns when deliveries came that were kept nowhere,
    each once.
    """

    def __init__(
        self,
        path: Path,
        table: DoorTable,
        *,
        is_reached: Callable[[], bool],
        taken_until: Callable[[datetime], datetime | None],
        lost: Callable[[], Sequence[datetime]],
        clock: Callable[[], datetime],
        log: Any,
    ) -> None:
        self._path = path
        self._table = table
        self._is_reached, self._taken_until, self._lost = is_reached, taken_until, lost
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._silences: list[Silence] = []
        self._noted_at: datetime | None = None
        self._told_until: datetime | None = None
        self._read()
        self._started_at: datetime | None = None
        self._unknown_before = self._noted_at is None

    def keep(self, stopping: threading.Event, *pulses: Pulse) -> None:
        """Write notes until `stopping`. One pulse turns with each note on disk, the other with each in the table."""
        for write, pulse in zip((self.note, self.tell), pulses, strict=True):
            threading.Thread(target=self._going_on, args=(write, stopping, pulse), name="life", daemon=True).start()

    def _going_on(self, write: Callable[[], None], stopping: threading.Event, pulse: Pulse) -> None:
        away = False
        while not stopping.wait(EVERY_SECONDS):
            try:
                write()
                away = False
            except psycopg.Error as error:  # whatever it is, a later note says the same
                if not away:
                    self._log.warning("note_not_told", error=str(error))
                away = True
            except Exception:
                self._log.exception("note_not_written")
            pulse.turn()

    def note(self) -> None:
        """Note on disk that the door is reached now, unless it is not."""
        if not self._is_reached():
            return
        now = self._clock()
        with self._lock:
            is_first, self._started_at = self._started_at is None, self._started_at or now
            before = self._noted_at
            # A clock that was set back says nothing about the time in between.
            if before is not None and (is_first or now < before or now - before > SILENT_AFTER):
                self._silences.append((min(before, now), max(before, now)))
                self._log.warning("was_not_reached", since=str(before), until=str(now))
            self._silences += [(at - AROUND, at + AROUND) for at in self._lost()]
            self._noted_at = now
            self._write()

    def tell(self) -> None:
        """Tell the table what was noted. Raises an error of the database."""
        with self._lock:
            noted_at, silences, told_until = self._noted_at, [*self._silences], self._told_until
            started_at = self._started_at
        if noted_at is None or started_at is None:
            return
        durable = self._taken_until(self._clock())
        until = None if durable is None else min(durable, noted_at)
        self._table.note(Note(noted_at, until, silences, told_until, started_at if self._unknown_before else None))
        with self._lock:
            self._unknown_before = False
            self._silences = [one for one in self._silences if one not in silences]
            self._told_until = until or told_until
            self._write()

    def _read(self) -> None:
        """Take in the notes of the process before."""
        try:
            noted, at = json.loads(self._path.read_text()), datetime.fromisoformat
            silences = [(at(began), at(ended)) for began, ended in noted["silences"]]
            told = noted.get("told_until")
            noted_at = at(noted["noted_at"])
            self._told_until = None if told is None else at(told)
            self._silences, self._noted_at = silences, noted_at
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._log.exception("notes_not_read")  # torn by a crash of the machine: the table knows how far we came

    def _write(self) -> None:
        noted = {
            "noted_at": str(self._noted_at),
            "told_until": None if self._told_until is None else str(self._told_until),
            "silences": [[str(began), str(ended)] for began, ended in self._silences],
        }
        temporary = self._path.with_suffix(".part")
        try:
            temporary.write_text(json.dumps(noted))
            temporary.replace(self._path)
        except OSError as error:
            self._log.warning("notes_not_written", error=str(error))

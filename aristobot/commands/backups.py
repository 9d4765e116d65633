"""Daily backups and restores: the work of these commands around the dumps themselves."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from adapters.bus import Bus
from adapters.candles.archive import Archive
from adapters.database.backup import LONGEST_SECONDS, BackupFailed, Note, back_up, newest, programs_for, restore
from adapters.database.migrate import migrate
from adapters.database.shredding import shred
from adapters.log import audit
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from adapters.vault.tombstones import Tombstones, bury
from adapters.vault.vault import Vault
from application.alerts import tell_everybody
from application.people import users
from aristobot.servers.postgres import binaries
from aristobot.servers.process import ServerError
from aristobot.settings import Settings
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals import BACKUP
from aristobot.wiring import utc_now
from domain.aggregate import carrying
from domain.alert import Cause
from domain.people.user import COMMAND_LINE
from domain.platform import PLATFORM_ID, Platform
from domain.refusals import Refused

EVERY = timedelta(days=1)
TURN_SECONDS, LOOK_SECONDS, PATIENCE_SECONDS, LONGEST_LOOK = 5.0, 60.0, 300.0, 2 * LONGEST_SECONDS
"""Seconds between two turns of the pulse and two looks, after a backup that failed, and that one look may take."""


def programs(url: str) -> Path:
    """Return the folder of dump programs that fit the server: the wheel's, or else the system's.

    Raises `BackupFailed` when neither fits.
    """
    candidates = [Path(found).parent] if (found := shutil.which("pg_dump")) else []
    with suppress(ServerError):  # without a wheel for this platform, use the system's own
        candidates.insert(0, binaries())
    return programs_for(url, candidates)


def back_up_now(settings: Settings, url: str, folder: Path | None = None) -> Note:
    """Make one backup, in HOME unless a folder is given, and return its note.

    A given folder also gets the tombstones. Raises `BackupFailed` when the backup cannot be made.
    """
    note = back_up(url, programs(url), folder or settings.backups, utc_now(), None if folder else settings.backup_copy)
    if folder is not None:
        for number in Tombstones(settings.backups).all():
            bury(number, [folder])
    return note


class Daily:
    """The daily backup, which also shreds what forgotten persons left in the database's files."""

    def __init__(self, settings: Settings, url: str, master: MasterKey, log: Any) -> None:
        self._settings, self._url, self._master = settings, url, master
        self._log = log
        self._not_before = 0.0

    def figures(self) -> dict[str, float | None]:
        """Return the age of the newest backup in seconds, None without one."""
        now = utc_now()
        last = newest(self._settings.backups, now)
        return {"age": None if last is None else max((now - last).total_seconds(), 0.0)}

    def look(self) -> None:
        """Shred what is to be shredded, and make a backup if the last one is a day old.

        Each backup alerts every user, to the log's head or to its failure.
        """
        _shred(self._url, self._log)
        age = self.figures()["age"]
        if (age is not None and age < EVERY.total_seconds()) or time.monotonic() < self._not_before:
            return
        try:
            note = back_up_now(self._settings, self._url)
        except (BackupFailed, psycopg.OperationalError, OSError) as error:
            self._not_before = time.monotonic() + PATIENCE_SECONDS
            self._log.exception("backup_failed")
            cause, facts = Cause.BACKUP_FAILED, {"reason": str(error)[:300]}
        else:
            self._log.info("backed_up", file=note.file, events=note.events, head=note.head)
            cause, facts = Cause.DAILY_HEAD, {"position": str(note.events), "head": note.head}
        _tell(self._url, self._master, self._log, cause, facts)


def back_up_daily(daily: Daily, bus: Bus, stopping: threading.Event) -> None:
    """Make a backup a day until `stopping`, with signs of life as a terminal shows them.

    A look may take an hour, so it has a thread of its own. If it takes longer, this process stands still.
    """
    pulse, looking, began = Pulse(), Future[None](), -LOOK_SECONDS
    looking.set_result(None)
    beat(bus, BACKUP, daily.figures, stopping, pulse)
    with ThreadPoolExecutor(1, thread_name_prefix="look") as hands:
        while not stopping.wait(TURN_SECONDS):
            now = time.monotonic()
            if looking.done() and now - began >= LOOK_SECONDS:
                looking.result()  # an unexpected error ends this process
                looking, began = hands.submit(daily.look), now
            if looking.done() or now - began < LONGEST_LOOK:
                pulse.turn()


def _shred(url: str, log: Any) -> None:
    try:
        if persons := shred(url):
            log.info("shredded", users=persons)
    except psycopg.Error as error:  # a table is in use, or the database is away: the next round tries again
        log.warning("not_shredded", error=str(error))


def _tell(url: str, master: MasterKey, log: Any, cause: Cause, facts: dict[str, str]) -> None:
    try:
        with open_pool(url) as pool:
            tell_everybody(Store(pool, master), cause, f"{utc_now():%Y-%m-%d}", facts)
    except psycopg.OperationalError as error:
        log.warning("database_away", error=str(error))


def restore_into(
    url: str, master: MasterKey, file: Path, head: audit.PublishedHead | None, say: Callable[[str], None], *places: Path
) -> None:
    """Restore a backup, forget again whoever was forgotten since, and record the restore.

    Tombstones are read beside the file and in the other `places` of backups. Raises `BackupFailed` when the backup
    cannot be restored: the database is not empty, the file does not match its note, or the log fails verification.
    """
    verdict = restore(url, programs(url), file, master, head)
    say(f"{verdict.events} events follow from one another; head {verdict.head}")
    for line in migrate(url, master):
        say(line)
    with psycopg.connect(url, autocommit=True) as connection:
        if lost := Archive(file.parent).restore(connection):
            say(f"{lost} blocks of candles are not beside the backup: `candles verify` names them, load them again")
    with open_pool(url) as pool:
        store = Store(pool, master)
        with pool.connection() as connection:
            # Whoever was logged in at the time of the backup has to log in again.
            connection.execute("DELETE FROM service.sessions")
        known = (Tombstones(place).all() for place in (file.parent, *places))
        for number in sorted({number for numbers in known for number in numbers}):
            _stay_forgotten(store, Vault(pool, master), number, say)
        with carrying(source="command line", correlation_id=str(PLATFORM_ID)):
            platform = store.find(Platform, PLATFORM_ID) or Platform()
            platform.record_restore(file.name, verdict.events, verdict.head)
            store.save(platform)
    say(f"restored {file.name}")


def _stay_forgotten(store: Store, vault: Vault, number: int, say: Callable[[str], None]) -> None:
    try:
        users.forget(store, vault, number, COMMAND_LINE)
    except Refused as refused:
        # Orders were open at the time of the backup: make the texts unreadable all the same, and
        # leave the rest to a person.
        vault.forget(number)
        say(f"user {number} is forgotten, but {refused}")
    else:
        say(f"user {number} stays forgotten")

"""Backups: full dumps made by PostgreSQL's own programs, each with a note of the log's head at that moment.

A dump is sealed like the database: without `ARISTOBOT_SECRET_KEY`, which is in no backup, it reveals no secret and no
personal text. Names, addresses and bodies are sealed in the log; the books, where they are in clear, are not dumped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.candles.archive import LEFT_OUT, Archive
from adapters.database.migrate import make_roles
from adapters.database.settling import settle
from adapters.log import audit
from adapters.vault.keys import MasterKey
from adapters.vault.tombstones import TOMBSTONES
from projections.books.projector import BOOKS

KEPT_DAYS = 30
AHEAD = timedelta(minutes=1)
"""By how much a clock may have been ahead when a note was written."""
LONGEST_SECONDS = 3600.0
"""Seconds that a dump or a restore may take. One that takes longer hangs."""
IN_CLEAR = ("service.sessions", "service.refused_attempts")
"""The service tables that hold addresses in clear: no dump has their rows."""
_NAME = "aristobot-%Y%m%dT%H%M%SZ"


class BackupFailed(Exception):
    """A backup or restore that failed; the message says why. Everything that existed before is untouched."""


@dataclass(frozen=True)
class Note:
    """The note beside a dump: the number of events it holds, the hash of the last one, and the hash of the file."""

    file: str
    made_at: str
    events: int
    head: str
    sha256: str
    bytes: int


def back_up(url: str, programs: Path, folder: Path, now: datetime, copy_to: Path | None = None) -> Note:
    """Dump the database as of one moment, with a copy to a second place. Raises `BackupFailed`.

    The books follow from the log and are left out, because they hold personal texts in clear. So are sessions and the
    addresses of strangers. Blocks of candles are copied once, as files beside the dumps.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"{now.astimezone(UTC).strftime(_NAME)}.dump"
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        [snapshot] = _one(connection, "SELECT pg_export_snapshot()")
        events, head = _one(
            connection,
            "SELECT coalesce(max(position), 0), coalesce((SELECT encode(hash, 'hex') FROM log.events"
            " ORDER BY position DESC LIMIT 1), '') FROM log.events",
        )
        part = target.with_suffix(".part")
        left_out = [f"--exclude-table-data={table}" for table in (*IN_CLEAR, *LEFT_OUT)]
        options = ["--format=custom", "--lock-wait-timeout=60s", f"--exclude-schema={BOOKS}", *left_out]
        _run(programs / "pg_dump", url, [*options, f"--snapshot={snapshot}", f"--file={part}"])
        for place in filter(None, (folder, copy_to)):
            Archive(place).fill(connection)
    settle(part, target)
    note = Note(target.name, now.astimezone(UTC).isoformat(), events, head, _hash_of(target), target.stat().st_size)
    written = target.with_suffix(".part")
    written.write_text(json.dumps(asdict(note), indent=2))
    settle(written, target.with_suffix(".json"))
    if copy_to is not None:
        _copy(folder, copy_to, [target.name, target.with_suffix(".json").name, TOMBSTONES])
    for place in filter(None, (folder, copy_to)):
        _forget_old(place, now)
    return note


def restore(
    url: str, programs: Path, file: Path, master: MasterKey, published: audit.PublishedHead | None = None
) -> audit.Verdict:
    """Restore a dump into an empty database and verify the whole log: its last hash must be the one in the note.

    Triggers are restored last, so that no event is hashed anew. Blocks of candles come from their archive afterwards
    (`Archive.restore`). Raises `BackupFailed` when the database is not empty, when the file is not the one the note
    describes, or when an event does not follow from those before.
    """
    note = _note_of(file)
    if _hash_of(file) != note.sha256:
        raise BackupFailed(f"{file.name} is not the file that its note describes")
    with psycopg.connect(url, autocommit=True) as connection:
        if _one(connection, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('log', 'vault', 'books')") != (0,):
            raise BackupFailed("this database is not empty: a backup is restored into an empty one")
        make_roles(connection, master)
        _run(
            programs / "pg_restore", url, ["--no-owner", "--single-transaction", "--exit-on-error", str(file)],
            database="--dbname",
        )  # fmt: skip
        verdict = audit.verify(connection, published)
        fault = verdict.fault
        if fault is None and verdict.head != note.head:
            fault = f"the log ends with {verdict.head}, the note says {note.head}"
        if fault is not None:
            # Remove what was just restored, so that it is never traded on by mistake.
            connection.execute("DROP SCHEMA IF EXISTS log, vault, service, books CASCADE")
            connection.execute("DROP TABLE IF EXISTS public.migrations")
            raise BackupFailed(fault)
    return verdict


def _note_of(file: Path) -> Note:
    try:
        return Note(**json.loads(file.with_suffix(".json").read_text()))
    except (OSError, TypeError, ValueError) as error:
        raise BackupFailed(f"{file} has no note beside it that can be read: {error}") from error


def newest(folder: Path, now: datetime) -> datetime | None:
    """Return when the newest complete backup was made, or None without one.

    A note of the future does not count: a clock that was wrong once must not stop all backups until that day.
    """
    return max((moment for moment in _notes(folder).values() if moment <= now + AHEAD), default=None)


def programs_for(url: str, candidates: list[Path]) -> Path:
    """Return the first folder whose programs have the server's major version or a newer one. Raises `BackupFailed`."""
    with psycopg.connect(url) as connection:
        server = connection.info.server_version // 10000
    for folder in candidates:
        program = folder / "pg_dump"
        if program.exists():
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            if int(said.split()[2].split(".")[0]) >= server:
                return folder
    raise BackupFailed(f"no pg_dump of version {server} or newer is installed here")


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def _run(program: Path, url: str, arguments: list[str], database: str = "--dbname") -> None:
    """Run a program on the database; the password travels in the environment, never among the arguments."""
    said = conninfo_to_dict(url)
    environment = {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": str(said.pop("password", ""))}
    where = " ".join(f"{name}='{value}'" for name, value in said.items())
    try:
        done = subprocess.run(
            [program, f"{database}={where}", *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BackupFailed(f"{program.name} did not end within {LONGEST_SECONDS:.0f} s") from None
    if done.returncode:
        raise BackupFailed(f"{program.name} failed: {done.stderr.strip()[-600:]}")


def _copy(folder: Path, place: Path, names: list[str]) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in names:
        if (folder / name).exists():
            part = place / f"{name}.part"
            shutil.copyfile(folder / name, part)
            settle(part, place / name)


def _forget_old(folder: Path, now: datetime) -> None:
    """Delete backups older than thirty days, but never the newest."""
    last = newest(folder, now)
    for note, moment in _notes(folder).items():
        if now - moment > timedelta(days=KEPT_DAYS) and moment != last:
            note.with_suffix(".dump").unlink(missing_ok=True)
            note.unlink()


def _notes(folder: Path) -> dict[Path, datetime]:
    """Return the notes in a folder and when each was written. Files of other names are somebody else's."""
    found = dict[Path, datetime]()
    for note in folder.glob("aristobot-*.json") if folder.exists() else ():
        with suppress(ValueError):
            found[note] = datetime.strptime(note.stem, _NAME).replace(tzinfo=UTC)
    return found


def _hash_of(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()

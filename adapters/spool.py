"""The door's spool: deliveries that arrive while PostgreSQL is away, on disk before they are answered."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.fernet import InvalidToken

PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN})
"""Errors that say nothing about a file: it can be read in a moment."""


class Delivery(msgspec.Struct):
    """One delivery as it arrived at the door. The owner of its token is looked up when the spool is drained."""

    token: str
    body: bytes
    address: str
    received_at: datetime


class Spool:
    """One file per delivery, numbered in order. A file is removed only after its delivery is in the log.

    A delivery that the log refuses for a reason of its own is set aside, where it blocks nothing and is not lost.
    """

    def __init__(self, folder: Path, seal: Callable[[bytes], bytes], unseal: Callable[[bytes], bytes]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._seal, self._unseal = seal, unseal
        self._lock = threading.Lock()
        self._next = max((int(f.stem) for f in folder.glob("*.*") if f.stem.isdecimal()), default=0) + 1

    def put(self, delivery: Delivery, kind: str = "delivery") -> None:
        """Write a delivery. It is durable on return: the file and its folder are synced."""
        with self._lock:
            self._write(delivery, kind)
            self._sync()

    def put_all(self, deliveries: Sequence[Delivery]) -> list[OSError | None]:
        """Write many deliveries in order and return for each the error that kept it from the disk, or None.

        The folder is synced once.
        """
        with self._lock:
            errors = [self._tried(delivery) for delivery in deliveries]
            try:
                self._sync()
            except OSError as error:
                return [failed or error for failed in errors]
            return errors

    def _tried(self, delivery: Delivery) -> OSError | None:
        try:
            self._write(delivery, "delivery")
        except OSError as error:
            return error
        return None

    def _write(self, delivery: Delivery, kind: str) -> None:
        path = self._folder / f"{self._next:012d}.{kind}"
        self._next += 1
        temporary = path.with_suffix(".part")
        try:
            with temporary.open("wb") as file:
                file.write(self._seal(msgspec.json.encode(delivery)))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)  # a full disk: the sender is told, and no partial file stays behind
            raise
        temporary.rename(path)

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def set_aside(self, delivery: Delivery) -> None:
        """Keep a delivery that could not be delivered, for a person to look at."""
        self.put(delivery, "aside")

    @property
    def aside(self) -> int:
        """The number of deliveries set aside."""
        return sum(1 for _ in self._folder.glob("*.aside"))

    def __len__(self) -> int:
        """Return the number of deliveries waiting."""
        return sum(1 for _ in self._folder.glob("*.delivery"))

    def oldest(self) -> datetime | None:
        """Return when (UTC) the delivery that has waited longest was written, None when none waits."""
        first = min(self._folder.glob("*.delivery"), default=None)
        try:
            return None if first is None else datetime.fromtimestamp(first.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None  # drained this very moment

    def set_aside_ones(self) -> list[tuple[Path, Delivery]]:
        """Return the deliveries set aside that can be read, with their files."""
        read = [(path, self._read(path)) for path in sorted(self._folder.glob("*.aside"))]
        return [(path, delivery) for path, delivery in read if delivery is not None]

    def drain(self, deliver: Callable[[Sequence[Delivery]], None], together: int) -> int:
        """Deliver everything in order, up to `together` at once, and return how many were delivered.

        Stops at the first call that raises: its deliveries stay. A file that cannot be read (foreign bytes, a lost
        key) is set aside as it is.
        """
        count, waiting = 0, sorted(self._folder.glob("*.delivery"))
        for start in range(0, len(waiting), together):
            paths, deliveries = list[Path](), list[Delivery]()
            for path in waiting[start : start + together]:
                if (delivery := self._read(path)) is None:
                    path.rename(path.with_suffix(".aside"))
                else:
                    paths.append(path)
                    deliveries.append(delivery)
            deliver(deliveries)
            for path in paths:
                path.unlink()
            count += len(paths)
        return count

    def _read(self, path: Path) -> Delivery | None:
        """Return a delivery, None when its file holds none. Raises `OSError` for what will pass."""
        try:
            return msgspec.json.decode(self._unseal(path.read_bytes()), type=Delivery)
        except (InvalidToken, msgspec.MsgspecError):
            return None
        except OSError as error:
            if error.errno in PASSING:
                raise
            return None

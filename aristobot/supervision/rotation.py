"""Rotation of the logs that we do not write ourselves: those of the embedded servers, and what processes print."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 10 * 1024 * 1024
KEPT = 5
PATTERNS = ("*.out", "postgres.log", "valkey.log")
LOOK_SECONDS = 10.0


class Rotation:
    """The rotation of these logs like those of the terminals: 10 MB, then `.1` to `.5`."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = home / "logs"
        self._clock = clock
        self._next = clock()

    def look(self) -> None:
        """Rotate the logs that have become too long; do nothing between two looks."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LOOK_SECONDS
        for pattern in PATTERNS:
            for file in self._folder.glob(pattern):
                if file.stat().st_size > MOST_BYTES:
                    rotate(file)


def rotate(file: Path) -> None:
    """Copy a log aside and empty it.

    Its writer keeps it open and appends, so it goes on at the beginning. A line that is written between the two steps
    is lost, which is why our own logs are rotated by their writers.
    """
    for number in range(KEPT - 1, 0, -1):
        older = file.with_name(f"{file.name}.{number}")
        if older.exists():
            older.rename(file.with_name(f"{file.name}.{number + 1}"))
    shutil.copyfile(file, file.with_name(f"{file.name}.1"))
    with file.open("r+b") as opened:
        opened.truncate(0)

"""Tombstones: the people to stay forgotten, kept outside the database, because a restored one knows only the past."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TOMBSTONES = "tombstones"


def bury(user: int, places: Iterable[Path]) -> None:
    """Record a forgotten user in every place with backups; durable on return."""
    for place in places:
        Tombstones(place).add(user)


class Tombstones:
    """A file of user numbers, one per line, beside the backups and copied with them. It only ever grows."""

    def __init__(self, place: Path) -> None:
        self._file = place / TOMBSTONES

    def add(self, user: int) -> None:
        """Add a user; durable on return."""
        if user in self.all():
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.open("a") as opened:
            opened.write(f"{user}\n")
            opened.flush()
            os.fsync(opened.fileno())

    def all(self) -> list[int]:
        """Return the numbers of all users who are to stay forgotten."""
        return [int(line) for line in self._file.read_text().split()] if self._file.exists() else []

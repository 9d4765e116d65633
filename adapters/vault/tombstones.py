"""Tombstones: who is to stay forgotten, kept outside the database, because a restored one knows the past only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TOMBSTONES = "tombstones"


def bury(user: int, places: Iterable[Path]) -> None:
    """Durable in every place where backups lie when it returns."""
    for place in places:
        Tombstones(place).add(user)


class Tombstones:
    """A file of user numbers, one per line, beside the backups and copied with them. It only grows."""

    def __init__(self, place: Path) -> None:
        self._file = place / TOMBSTONES

    def add(self, user: int) -> None:
        """Durable when it returns."""
        if user in self.all():
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.open("a") as opened:
            opened.write(f"{user}\n")
            opened.flush()
            os.fsync(opened.fileno())

    def all(self) -> list[int]:
        """Everybody who is to stay forgotten."""
        return [int(line) for line in self._file.read_text().split()] if self._file.exists() else []

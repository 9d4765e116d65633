"""Readers: the latest rows of one topic, kept once for all sockets of a user."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

KEPT = 500
"""The most rows that a reader keeps. A socket further behind gets a snapshot."""
Item = dict[str, Any]


class Reader:
    """The latest rows of a topic, each with the version at which it changed.

    A socket remembers one version instead of a queue: however slow it is, a row that changed ten times is sent once.
    """

    def __init__(self, key: str | None) -> None:
        """Tell rows apart by their field `key`; None for a topic of a single item."""
        self.position: int | None = None
        """The position of the books up to which rows were read, None before the first snapshot."""
        self._key = key
        self._rows: dict[object, tuple[int, Item]] = {}
        self._version = 0
        self._forgotten = 0
        self._lock = threading.Lock()

    @property
    def version(self) -> int:
        """The version of the latest row."""
        return self._version

    def take(self, items: Iterable[Item]) -> None:
        """Keep these rows in place of those with the same keys. A row that has not changed keeps its version."""
        with self._lock:
            for item in items:
                key = None if self._key is None else item[self._key]
                if (known := self._rows.pop(key, None)) and known[1] == item:
                    self._rows[key] = known
                    continue
                self._version += 1
                self._rows[key] = (self._version, item)
            while len(self._rows) > KEPT:
                oldest = min(self._rows, key=lambda key: self._rows[key][0])
                self._forgotten = max(self._forgotten, self._rows.pop(oldest)[0])

    def since(self, version: int) -> tuple[int, list[Item]] | None:
        """Return the current version and the rows changed after `version`, oldest change first.

        None when some of them are no longer kept.
        """
        with self._lock:
            if version < self._forgotten:
                return None
            changed = sorted((row for row in self._rows.values() if row[0] > version), key=lambda row: row[0])
            return self._version, [item for _, item in changed]

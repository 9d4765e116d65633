"""Seats: how many live sockets each user has open in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 8
"""The most live sockets of one user: one a window, and each costs queries."""


class Crowded(Exception):
    """The user has as many live sockets open as may be."""


class Seats:
    """The seats of all users, taken and left on the server's loop."""

    def __init__(self) -> None:
        self._taken: Counter[int] = Counter()

    @contextmanager
    def taken(self, user: int) -> Iterator[None]:
        """Take a seat until the `with` block ends. Raises `Crowded` when the user has none left."""
        if self._taken[user] >= MOST:
            raise Crowded
        self._taken[user] += 1
        try:
            yield
        finally:
            self._taken[user] -= 1

"""At once: how many requests of one kind may be under way for one user, so that all users have some."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from domain.refusals import Impossible


class AtOnce:
    """The requests of one kind that are under way, by user."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[int] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one_of(self, user: int) -> Iterator[None]:
        """Carry out one request of a user. Raises `Impossible` when too many are under way already."""
        with self._lock:
            if self._under_way[user] >= self._most:
                raise Impossible(f"{self._most} such requests are under way", code="too_many_at_once")
            self._under_way[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[user] -= 1

"""Login throttling: each try counts before it is looked at, and each wrong one makes the next wait longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from domain.refusals import Refused

K = TypeVar("K")
V = TypeVar("V")

FREE_TRIES = 5
LONGEST_WAIT = 900.0
FREE_TRIES_OF_A_NAME = 30
LONGEST_WAIT_OF_A_NAME = 60.0
"""Seconds. Not longer, because whoever guesses from everywhere must not keep a person out for long."""
MOST_AT_ONCE = 8
"""Tries under way. Each needs a hash of 64 MB and half a second, and they are made one after another."""
MOST_KEPT = 10_000


class TooManyAttempts(Refused):
    """Too many wrong passwords or codes came from this address, or for this name, or too many come at once."""

    code = "too_many_attempts"


@dataclass
class Try:
    """One try. It counts as wrong unless it is said to be right, or not to have been a guess at all."""

    is_right: bool = False
    is_no_guess: bool = False


@dataclass
class _Failures:
    """Failures in a row, and when (monotonic, seconds) the next try is looked at."""

    count: int = 0
    until: float = 0.0


class Throttle:
    """Failed tries, counted by address and name, and by name alone over all addresses.

    After five failures each further one doubles the wait of that name at that address. A name that is tried from many
    addresses waits too, for a minute at most, except where its user has logged in before. A right password resets its
    own counts only; guesses at another user's password still wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._doors: dict[tuple[str, str], _Failures] = {}
        self._names: dict[str, _Failures] = {}
        self._trusted: dict[tuple[str, str], None] = {}
        self._under_way = 0

    @contextmanager
    def trying(self, address: str, name: str) -> Iterator[Try]:
        """Count a try, then let the body of the `with` block look at it.

        Raises `TooManyAttempts` instead while it has to wait. A body that fails for a reason of its own (no `Refused`)
        leaves no count.
        """
        door = (address, name.casefold())
        self._begin(door)
        tried = Try()
        try:
            yield tried
        except Refused:
            self._end(door, right=tried.is_right, given_back=tried.is_no_guess)
            raise
        except BaseException:
            self._end(door, right=False, given_back=True)
            raise
        else:
            self._end(door, right=tried.is_right, given_back=tried.is_no_guess)

    def _begin(self, door: tuple[str, str]) -> None:
        with self._lock:
            now = self._clock()
            at_door, of_name = self._doors.get(door, _Failures()), self._names.get(door[1], _Failures())
            wait = at_door.until - now
            if door not in self._trusted:
                wait = max(wait, of_name.until - now)
            if wait > 0:
                raise TooManyAttempts(f"try again in {wait:.0f} s", field="password")
            if self._under_way >= MOST_AT_ONCE:
                raise TooManyAttempts("too many people log in at this moment: try again", field="password")
            self._under_way += 1
            _count(self._doors, door, now, FREE_TRIES, LONGEST_WAIT)
            _count(self._names, door[1], now, FREE_TRIES_OF_A_NAME, LONGEST_WAIT_OF_A_NAME)

    def _end(self, door: tuple[str, str], *, right: bool, given_back: bool) -> None:
        with self._lock:
            self._under_way -= 1
            if right:
                self._doors.pop(door, None)
                self._names.pop(door[1], None)
                _keep(self._trusted, door, None)
            elif given_back:
                for kept in (self._doors.get(door), self._names.get(door[1])):
                    if kept is not None:
                        kept.count, kept.until = max(kept.count - 1, 0), 0.0


def _count(failures: dict[K, _Failures], key: K, now: float, free: int, longest: float) -> None:
    kept = failures.get(key, _Failures())
    kept.count += 1
    kept.until = now if kept.count < free else now + min(2.0 ** (kept.count - free), longest)
    _keep(failures, key, kept)


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    kept[key] = value
    if len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]  # the oldest: an attacker must not exhaust memory

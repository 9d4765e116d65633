"""Login throttling: each try counts before it is looked at, and each wrong one makes the next wait longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from domain.refusals import Refused
from web.addresses import source_of

MOST_AT_ONCE, MOST_AT_ONCE_OF_A_SOURCE = 16, 5
"""Tries under way. Each needs a hash of 64 MB and half a second, and they are made one after another."""
MOST_KEPT = 10_000


class TooManyAttempts(Refused):
    """Too many wrong passwords or codes came from this address, or for this name, or too many come at once."""

    code = "too_many_attempts"


@dataclass(frozen=True)
class Patience:
    """The number of free tries in a row; each further one doubles the wait, up to `longest` seconds."""

    free: int
    longest: float

    def wait(self, count: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        over = min(count - self.free, 20)  # a count without end must not overflow
        return 0.0 if over < 0 else min(2.0**over, self.longest)


OF_A_DOOR = Patience(5, 900.0)
"""For one name from one source."""
OF_A_SOURCE = Patience(30, 60.0)
"""For all names from one source, against somebody who goes through names."""
OF_A_NAME = Patience(30, 5.0)
"""For one name from everywhere. Not long: whoever guesses from everywhere must not keep a person out."""


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
    """Failed tries, counted by source and name, by source alone and by name alone.

    A source is an address, or the /64 network of an IPv6 address. The counts of a source and of a name stop nobody
    where they have logged in before. A right password resets its own counts only; guesses at another user's password
    still wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], _Failures] = {}
        """By source and name, either of which is empty where it stands for all."""
        self._trusted: dict[tuple[str, str], None] = {}
        self._under_way: list[str] = []

    @contextmanager
    def trying(self, address: str, name: str, *, trusted: bool = False) -> Iterator[Try]:
        """Count a try, then let the body of the `with` block look at it.

        `trusted` is true where the user is known to have logged in from this address before. Raises `TooManyAttempts`
        instead while the try has to wait. A body that fails for a reason of its own (no `Refused`) leaves no count.
        """
        source, name = source_of(address), name.casefold()
        self._begin(source, name, trusted=trusted)
        tried = Try()
        try:
            yield tried
        except Refused:
            self._end(source, name, right=tried.is_right, given_back=tried.is_no_guess)
            raise
        except BaseException:
            self._end(source, name, right=False, given_back=True)
            raise
        else:
            self._end(source, name, right=tried.is_right, given_back=tried.is_no_guess)

    def _begin(self, source: str, name: str, *, trusted: bool) -> None:
        with self._lock:
            now, trusted = self._clock(), trusted or (source, name) in self._trusted
            asked = {(source, name): OF_A_DOOR} if trusted else _counted(source, name)
            wait = max(self._failures.get(key, _Failures()).until - now for key in asked)
            if wait > 0:
                raise TooManyAttempts(f"try again in {max(wait, 1):.0f} s", field="password")
            crowded = len(self._under_way) >= MOST_AT_ONCE or self._under_way.count(source) >= MOST_AT_ONCE_OF_A_SOURCE
            if crowded and not trusted:
                raise TooManyAttempts("too many people log in at this moment: try again", field="password")
            for key, patience in _counted(source, name).items():
                kept = self._failures.pop(key, _Failures())
                kept.count += 1
                kept.until = now + patience.wait(kept.count)
                self._failures[key] = kept  # at the end: what was asked for last is forgotten last
            while len(self._failures) > MOST_KEPT:
                del self._failures[next(iter(self._failures))]  # an attacker must not exhaust memory
            self._under_way.append(source)

    def _end(self, source: str, name: str, *, right: bool, given_back: bool) -> None:
        with self._lock:
            self._under_way.remove(source)
            if right:
                for key in ((source, name), ("", name)):
                    self._failures.pop(key, None)
                self._trusted[source, name] = None
                while len(self._trusted) > MOST_KEPT:
                    del self._trusted[next(iter(self._trusted))]
            if right or given_back:
                for key in _counted(source, name):
                    if (kept := self._failures.get(key)) is not None:
                        kept.count, kept.until = max(kept.count - 1, 0), 0.0


def _counted(source: str, name: str) -> dict[tuple[str, str], Patience]:
    return {(source, name): OF_A_DOOR, (source, ""): OF_A_SOURCE, ("", name): OF_A_NAME}

"""Login throttling: each wrong password makes the next attempt wait longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from domain.refusals import Refused

FREE_TRIES = 5
LONGEST_WAIT = 900.0
MOST_DOORS = 10_000


class TooManyAttempts(Refused):
    """Too many wrong passwords or codes came from this address."""

    code = "too_many_attempts"


def door_of(address: str, name: str) -> str:
    """Return the key of a door: an address and the name that is tried from it."""
    return f"{address} {name.casefold()}"


class Throttle:
    """Failed attempts, counted by door: an address and the name tried from it.

    Failures at one address cannot lock a trader out at another. A successful login resets its own door only; guesses
    at another user's password still wait. After five failures each further one doubles the wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def check(self, door: str) -> None:
        """Raise `TooManyAttempts` while the door must wait. The caller then does not check the password."""
        with self._lock:
            wait = self._failures.get(door, (0, 0.0))[1] - self._clock()
        if wait > 0:
            raise TooManyAttempts(f"try again in {wait:.0f} s", field="password")

    def failed(self, door: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        with self._lock:
            count = self._failures.get(door, (0, now))[0] + 1
            wait = 0.0 if count < FREE_TRIES else min(2.0 ** (count - FREE_TRIES), LONGEST_WAIT)
            self._failures[door] = (count, now + wait)
            if len(self._failures) > MOST_DOORS:
                del self._failures[next(iter(self._failures))]  # the oldest: an attacker must not exhaust memory

    def succeeded(self, door: str) -> None:
        """Reset the door after a right password."""
        with self._lock:
            self._failures.pop(door, None)

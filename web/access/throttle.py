"""Login throttling: whoever guesses passwords waits longer with every wrong one."""

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
    """Who is tried from where."""
    return f"{address} {name.casefold()}"


class Throttle:
    """Failures by door: an address and the name that it tries, so that nobody shuts a trader out from elsewhere.

    A trader's own login opens their own door only; guessing another's password goes on waiting.
    After five failures each one doubles the wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def check(self, door: str) -> None:
        """Raises `TooManyAttempts` while it has to wait; the password is then not even looked at."""
        with self._lock:
            wait = self._failures.get(door, (0, 0.0))[1] - self._clock()
        if wait > 0:
            raise TooManyAttempts(f"try again in {wait:.0f} s", field="password")

    def failed(self, door: str) -> None:
        """One more wrong password."""
        now = self._clock()
        with self._lock:
            count = self._failures.get(door, (0, now))[0] + 1
            wait = 0.0 if count < FREE_TRIES else min(2.0 ** (count - FREE_TRIES), LONGEST_WAIT)
            self._failures[door] = (count, now + wait)
            if len(self._failures) > MOST_DOORS:
                del self._failures[next(iter(self._failures))]  # the oldest: memory is no prey either

    def succeeded(self, door: str) -> None:
        """The right password: it starts anew."""
        with self._lock:
            self._failures.pop(door, None)

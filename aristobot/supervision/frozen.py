"""Frozen terminals: the process exists, but its sign of life grows old."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.bus import Bus
from aristobot.terminals import WATCHED

BETWEEN_LOOKS = 10.0


class Frozen:
    """The terminals that have been silent for a minute on two checks in a row.

    One check is not enough: when the machine wakes from sleep, every terminal looks silent once.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._looked_at = clock()
        self._silent: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Return the names of the silent terminals; an empty set between two checks.

        One without any sign, not even an old one, is silent only if others show theirs: otherwise the bus is away.
        """
        if self._clock() - self._looked_at < BETWEEN_LOOKS:
            return frozenset()
        told = self._bus.terminals(WATCHED)
        known = any(one["state"] == "up" for one in told)
        silent = frozenset(one["name"] for one in told if one["state"] == "down" and (known or one["age"] is not None))
        frozen, self._silent, self._looked_at = silent & self._silent, silent, self._clock()
        return frozen

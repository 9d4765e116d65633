"""Terminals that live and do nothing: their process is there, and its sign of life grows old."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.bus import Bus
from aristobot.terminals import TERMINALS

BETWEEN_LOOKS = 10.0


class Frozen:
    """Who was silent for a minute at two looks in a row: a machine that slept wakes up with everybody silent once."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._looked_at = clock()
        self._silent: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Nobody between two looks, and nobody of whom there is no sign at all: without a bus nothing is known."""
        if self._clock() - self._looked_at < BETWEEN_LOOKS:
            return frozenset()
        told = self._bus.terminals(TERMINALS)
        silent = frozenset(one["name"] for one in told if one["state"] == "down" and one["age"] is not None)
        frozen, self._silent, self._looked_at = silent & self._silent, silent, self._clock()
        return frozen

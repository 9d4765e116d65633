"""Movements: times at which our own orders last freed or received coins, which exchanges may count a moment later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

LAG = timedelta(seconds=2)
"""Time after our own cancel or fill during which "insufficient" is not yet believed."""
PAUSES = (0.1, 0.3, 0.7)
"""Seconds before each further attempt."""


class Movements:
    """The last movement of each currency in one account."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._at: dict[str, datetime] = {}

    def note(self, symbol: str) -> None:
        """Note that coins of this market, base or quote, were freed or have changed hands."""
        for currency in symbol.split("/"):
            self._at[currency] = self._clock()

    def pause(self, currency: str, tries: int) -> float | None:
        """Return the seconds to wait before trying again for coins said to be missing.

        Return None to believe it. `tries` counts the attempts that have been repeated so far.
        """
        moved = self._at.get(currency)
        if moved is None or self._clock() - moved > LAG or tries >= len(PAUSES):
            return None
        return PAUSES[tries]

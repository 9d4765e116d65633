"""Movements: when coins were last freed or received by our own doing, which exchanges may count a moment later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

LAG = timedelta(seconds=2)
"""For how long after our own cancel or fill "insufficient" is no verdict."""
PAUSES = (0.1, 0.3, 0.7)
"""Seconds before each further try."""


class Movements:
    """The movements of one account, by currency."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._at: dict[str, datetime] = {}

    def note(self, symbol: str) -> None:
        """Coins of this market were freed or have changed hands."""
        for currency in symbol.split("/"):
            self._at[currency] = self._clock()

    def pause(self, currency: str, tries: int) -> float | None:
        """Return how long to wait before asking again for coins that are said to be missing, None to believe it."""
        moved = self._at.get(currency)
        if moved is None or self._clock() - moved > LAG or tries >= len(PAUSES):
            return None
        return PAUSES[tries]

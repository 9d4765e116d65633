"""The exchange's clock, kept between two questions by the machine's time since boot, which nobody sets."""

from __future__ import annotations

import statistics
import time

from application.ports.market_data import MarketData

ASKED = 5
"""Questions whose median is believed: one slow answer must not move the clock."""

JUMP, CLAIMS = 2000.0, 3
"""Milliseconds by which a time jumps, and the number of times that a jump has to be said before it is believed."""


def since_boot() -> float:
    """Return milliseconds since boot, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000


class ExchangeClock:
    """Our estimate of the exchange's time, in milliseconds since 1970."""

    def __init__(self, market_data: MarketData) -> None:
        self._market_data = market_data
        self._offset: float | None = None
        """The exchange's time minus the time since boot."""
        self._claims = 0
        """The number of times in a row that the exchange has told another time."""

    @property
    def known(self) -> bool:
        """True once the exchange was asked."""
        return self._offset is not None

    @property
    def now(self) -> int:
        """The time at the exchange. Before it is known, the machine's own."""
        return int(time.time() * 1000 if self._offset is None else since_boot() + self._offset)

    @property
    def ahead(self) -> float:
        """Milliseconds by which the exchange's clock is ahead of the machine's."""
        return self.now - time.time() * 1000

    async def synchronise(self) -> bool:
        """Ask the exchange for its time, and return whether its answer is believed.

        A jump is believed only once it was said three times in a row. Raises as `MarketData.server_time`.
        """
        offsets = []
        for _ in range(ASKED):
            before = since_boot()
            there = await self._market_data.server_time()
            offsets.append(there.timestamp() * 1000 - (before + since_boot()) / 2)
        offset = statistics.median(offsets)
        known = offset if self._offset is None else self._offset
        self._claims = self._claims + 1 if abs(offset - known) > JUMP else 0
        if self._claims in {0, CLAIMS}:
            self._offset, self._claims = offset, 0
        return not self._claims

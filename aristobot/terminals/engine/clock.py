"""The clock of the engine: how far the market's clock has come, as the heartbeat tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapters.bus import Bus
from adapters.candles.beats import BeatTable
from application.market.failover import Source
from domain.candles.timeframes import moment

SILENT_SECONDS = 15.0
"""Seconds without a tick after which the stored signals are looked at: the bus may be away, not the clock."""
BEGINNING = datetime.min.replace(tzinfo=UTC)


class MarketTime:
    """The latest time (UTC) that the market's clock has told: its ticks of ten seconds, or else its stored minutes."""

    def __init__(self, bus: Bus, beats: BeatTable, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._beats = beats
        self._clock = clock
        self._now = BEGINNING
        self._heard_at = float("-inf")

    def listen(self) -> None:
        """Hear the ticks of all sources, from now on and in the background."""
        threading.Thread(target=self._listen, name="clock", daemon=True).start()

    def _listen(self) -> None:
        for told in self._bus.beats(*Source):
            self.hear(told)

    def hear(self, told: dict[str, Any]) -> None:
        """Take in what a source of the heartbeat tells."""
        ends = [signal["candle_close_time"] for signal in told["signals"]]
        if told["tick"] is not None:
            ends.append(told["tick"])
            self._heard_at = self._clock()
        if ends:
            self._now = max(self._now, moment(max(ends)))

    def now(self) -> datetime:
        """Return the time. Raises `AWAY` when nothing is heard and the stored minutes cannot be read."""
        if self._clock() - self._heard_at > SILENT_SECONDS:
            stored = max((self._beats.last_signal(source) or 0 for source in Source), default=0)
            self._now = max(self._now, moment(stored))
            self._heard_at = self._clock() - SILENT_SECONDS + 1
        return self._now

"""The teller: stores what the heartbeat has to tell, and then publishes it. Nothing is published that is not stored."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.bus import Bus
from adapters.candles.beats import BeatTable
from application.market.beat import TICK, Beat, Telling
from application.market.failover import Source
from aristobot.following import AWAY
from domain.candles.timeframes import NAMES

PAUSE_SECONDS = 0.5
PAST = 600_000
"""Milliseconds after which a bar is of the past, and is stored without being published."""
MOST_TOGETHER = 2000
"""Bars that are stored in one transaction."""


class Teller:
    """The thread that tells beats in their order. While the database is away they wait, and are told afterwards."""

    def __init__(self, table: BeatTable, bus: Bus, source: Source, now: Callable[[], int], log: Any) -> None:
        self._table = table
        self._bus = bus
        self._source = source
        self._now = now
        self._log = log
        self._beats: queue.SimpleQueue[Beat | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def tell(self, beat: Beat) -> None:
        """Let a beat be stored and published. Does not wait."""
        if beat.signals or beat.bars or beat.ticked_at:
            self._beats.put(beat)
        for doubt in beat.doubts:
            self._log.info("bar_doubted", series=str(doubt.series), opened_at=doubt.opened_at, reason=doubt.reason)

    def wait(self) -> None:
        """Wait for the end of the thread: nothing is told any more."""
        self._thread.join()

    @property
    def waiting(self) -> int:
        """The number of beats that are not stored yet."""
        return self._beats.qsize()

    def close(self) -> None:
        """Tell what waits, unless the database is away, and end the thread."""
        self._ending.set()
        self._beats.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._tell_all()
        except Exception:  # the terminal waits for the end of this thread, and ends with it
            self._log.exception("teller_failed")

    def _tell_all(self) -> None:
        going = True
        while going:
            beat, going = self._gathered()
            stored = self._stored(beat)
            if stored:
                self._bus.tell_beat(self._source, self._message(stored))

    def _gathered(self) -> tuple[Beat, bool]:
        """Wait for a beat, and return it with all that wait behind it, up to a limit; False at the end of all."""
        gathered, beat = Beat(), self._beats.get()
        while beat is not None:
            gathered.signals += beat.signals
            gathered.bars += beat.bars
            gathered.ticked_at = beat.ticked_at or gathered.ticked_at
            if len(gathered.bars) >= MOST_TOGETHER or self._beats.empty():
                return gathered, True
            beat = self._beats.get()
        return gathered, False

    def _stored(self, beat: Beat) -> Beat | None:
        if not beat.signals and not beat.bars:
            return beat
        while True:
            try:
                # A signal that waited for the database is as old as it is now.
                signals = [replace(signal, emitted_at=max(self._now(), signal.closed_at)) for signal in beat.signals]
                stored = self._table.tell(Beat(signals, beat.bars), self._source)
                return replace(stored, ticked_at=beat.ticked_at)
            except AWAY as error:
                self._log.warning("database_away", error=str(error))
                if self._ending.wait(PAUSE_SECONDS):
                    return None

    def _message(self, beat: Beat) -> dict[str, Any]:
        """Return what goes over the bus: the signals, corrections, and the bars that are not of the past.

        A tick that waited until the next one is left out.
        """
        for told in beat.bars:
            if told.before is not None:
                self._log.warning(
                    "bar_corrected", series=str(told.series), timeframe=NAMES[told.bar.minutes],
                    closed_at=told.bar.ended_at, before=repr(told.before), after=repr(told.bar),
                )  # fmt: skip
        now = self._now()
        return {
            "source": self._source,
            "server_location": socket.gethostname(),
            "tick": beat.ticked_at if beat.ticked_at and now - beat.ticked_at < TICK else None,
            "signals": [
                {
                    "signal_id": signal.id, "timeframe": signal.timeframe, "candle_close_time": signal.closed_at,
                    "timestamp": signal.emitted_at, "late": signal.late,
                }
                for signal in beat.signals
            ],
            "bars": [
                {
                    "series": str(told.series), "timeframe": NAMES[told.bar.minutes], "closed_at": told.bar.ended_at,
                    "telling": told.telling, "proof": told.bar.proof,
                }
                for told in beat.bars
                if told.telling is Telling.CORRECTED or told.bar.ended_at > now - PAST
            ],
        }  # fmt: skip

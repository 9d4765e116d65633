"""Liveness: each terminal's sign of life, and the signals that ask it to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from adapters.bus import Bus

FIGURES_SECONDS = 2.0
ENDS_WITHIN = 15.0
"""Seconds for which a process may go on after it was asked to stop. The supervisor waits for twice as long."""


def stop_on_signal(ends_within: float | None = None) -> threading.Event:
    """Return an event that SIGTERM or SIGINT sets.

    With `ends_within`, the process ends at the latest so many seconds after the first signal, as a crash would end it:
    whoever waits for a database that has ended too could otherwise outlive the supervisor that was killed.
    """
    stopping = threading.Event()

    def stop(*_: object) -> None:
        if ends_within is not None and not stopping.is_set():
            last = threading.Timer(ends_within, os._exit, [1])
            last.daemon = True
            last.start()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


class Pulse:
    """The pulse of work that goes round: when it last went on. A machine that sleeps does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at = clock()

    def turn(self) -> None:
        """Note that the work goes on."""
        self._turned_at = self._clock()

    @property
    def still(self) -> float:
        """The seconds for which the work has not gone on."""
        return self._clock() - self._turned_at


def beat(
    bus: Bus, name: str, figures: Callable[[], dict[str, Any]], stopping: threading.Event, *pulses: Pulse
) -> threading.Thread:
    """Send signs of life in the background until `stopping`. They end with the process, whatever ends it.

    The figure `still` tells for how long the work of the slowest of the `pulses` has not gone on.
    """

    def run() -> None:
        while not stopping.is_set():
            try:
                told = figures()
            except Exception as error:
                told = {"error": type(error).__name__}
            still = round(max((pulse.still for pulse in pulses), default=0.0), 1)
            bus.beat(name, {"pid": os.getpid(), "still": still, **told})
            stopping.wait(FIGURES_SECONDS)
        bus.leave(name)  # a clean end removes the sign of life; a killed process leaves it behind

    thread = threading.Thread(target=run, name="beat", daemon=True)
    thread.start()
    return thread

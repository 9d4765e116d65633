"""Liveness: each terminal's sign of life, and the signals that ask it to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from adapters.bus import Bus

FIGURES_SECONDS = 2.0


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM or SIGINT sets."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def beat(bus: Bus, name: str, figures: Callable[[], dict[str, Any]], stopping: threading.Event) -> threading.Thread:
    """Send signs of life in the background until `stopping`. They end with the process, whatever ends it."""

    def run() -> None:
        while not stopping.is_set():
            try:
                told = figures()
            except Exception as error:
                told = {"error": type(error).__name__}
            bus.beat(name, {"pid": os.getpid(), **told})
            stopping.wait(FIGURES_SECONDS)
        bus.leave(name)  # a clean end removes the sign of life; a killed process leaves it behind

    thread = threading.Thread(target=run, name="beat", daemon=True)
    thread.start()
    return thread

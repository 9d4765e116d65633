"""Every terminal's sign of life, and the signal that asks it to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from adapters.bus import Bus

BEAT_SECONDS = 10.0
FIGURES_SECONDS = 2.0


def stop_on_signal() -> threading.Event:
    """An event that is set by SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def beat(bus: Bus, name: str, figures: Callable[[], dict[str, Any]], stopping: threading.Event) -> threading.Thread:
    """Beat in the background until `stopping`; the beat stops with the process, whatever the reason."""

    def run() -> None:
        while not stopping.is_set():
            try:
                told = figures()
            except Exception as error:
                told = {"error": type(error).__name__}
            bus.beat(name, {"pid": os.getpid(), **told})
            stopping.wait(FIGURES_SECONDS)
        bus.leave(name)  # who ends well leaves no sign of life behind; who was killed does

    thread = threading.Thread(target=run, name="beat", daemon=True)
    thread.start()
    return thread

"""Wake-ups: telling every open socket of this process that the books have moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Wakes:
    """Rung from any thread, waited for on the server's loop. A missed ring costs a second, never a row."""

    def __init__(self) -> None:
        self._sleepers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @contextmanager
    def sleeper(self) -> Iterator[asyncio.Event]:
        """An event that is set at each ring, as long as somebody waits for it."""
        event = asyncio.Event()
        self._sleepers[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            del self._sleepers[event]

    def ring(self) -> None:
        """Wake all who sleep."""
        for event, loop in [*self._sleepers.items()]:
            loop.call_soon_threadsafe(event.set)

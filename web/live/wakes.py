"""Wake-ups: signals to every open socket of this process that the books have changed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

RAW_LINES = 60


class Wakes:
    """The bell of the live sockets: rung from any thread, awaited on the server's loop.

    A missed ring costs a second, never a row.
    """

    def __init__(self) -> None:
        self.beats = 0
        """The number of messages of the heartbeat so far."""
        self.raw: deque[str] = deque(maxlen=RAW_LINES)
        """The newest messages of the market's stream, while a page shows them."""
        self._sleepers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @contextmanager
    def sleeper(self) -> Iterator[asyncio.Event]:
        """Yield an event that each ring sets until the `with` block ends."""
        event = asyncio.Event()
        self._sleepers[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            del self._sleepers[event]

    def beat(self) -> None:
        """Wake every sleeper: the heartbeat has told something."""
        self.beats += 1
        self.ring()

    def ring(self) -> None:
        """Wake every sleeper."""
        for event, loop in [*self._sleepers.items()]:
            loop.call_soon_threadsafe(event.set)

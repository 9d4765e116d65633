"""Feeds: one for each user with an open socket, read while there is one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from web.context import Context
from web.live.feed import MADE, Feed

MOST = 8
"""The most live sockets of one user in this process, one a window."""
LOOK_SECONDS = 1.0
"""Seconds between looks at the books without a wake-up. Prices are told as often."""
TOGETHER_SECONDS = 0.02
"""Seconds that a wake-up waits for others: the steps of an order come within milliseconds."""
MADE_SECONDS = 2.0


class Crowded(Exception):
    """The user has as many live sockets open as may be."""


@dataclass(eq=False)
class Shared:
    """A user's feed, the task that reads it, and the events that wake the sockets."""

    feed: Feed
    stirred: set[asyncio.Event] = field(default_factory=set)
    reading: asyncio.Task[None] = field(init=False)

    def stir(self) -> None:
        """Wake the sockets: there may be something to tell."""
        for event in self.stirred:
            event.set()


class Feeds:
    """The feeds of all users, on the server's loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shared: dict[int, Shared] = {}

    @contextlib.asynccontextmanager
    async def joined(self, user: int, stirred: asyncio.Event) -> AsyncIterator[Shared]:
        """Let a socket share the user's feed until the `async with` block ends. `stirred` is set after each look.

        Raises `Crowded` when the user has eight sockets open.
        """
        shared = self._shared.get(user)
        if shared is None or shared.reading.done():
            shared = self._shared[user] = Shared(Feed(self._context, user))
            shared.reading = asyncio.create_task(self._read(shared))
        if len(shared.stirred) >= MOST:
            raise Crowded
        shared.stirred.add(stirred)
        try:
            yield shared
        finally:
            shared.stirred.remove(stirred)
            if not shared.stirred:
                shared.reading.cancel()
                if self._shared.get(user) is shared:
                    del self._shared[user]

    async def _read(self, shared: Shared) -> None:
        feed, made_at = shared.feed, time.monotonic() + MADE_SECONDS
        priced_at = time.monotonic() + LOOK_SECONDS
        with self._context.records.wakes.sleeper() as moved:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(moved.wait(), LOOK_SECONDS)
                    await asyncio.sleep(TOGETHER_SECONDS)
                moved.clear()
                await asyncio.to_thread(feed.look)
                shared.stir()
                if time.monotonic() >= priced_at:
                    priced_at = time.monotonic() + LOOK_SECONDS
                    await asyncio.to_thread(feed.price)
                if time.monotonic() >= made_at:
                    made_at = time.monotonic() + MADE_SECONDS
                    await asyncio.to_thread(feed.make, *MADE)
                shared.stir()

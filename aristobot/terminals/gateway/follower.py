"""The gateway's follower: reads the log in a thread, and hands what concerns the lanes to their loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from adapters.log.eventstore import Recorded, Store
from aristobot.following import Place

PAGE = 200
Hear = Callable[[str, Any], Awaitable[None]]
"""A coroutine that acts on one event of the log, by its topic."""


class Follower:
    """Reads the log as it grows, in a thread, and hands each page to the loop of the lanes."""

    def __init__(
        self, store: Store, name: str, topics: Collection[str], hear: Hear, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._store = store
        self._topics = topics
        self._hear = hear
        self._loop = loop
        self._place = Place(store, name)

    @property
    def position(self) -> int:
        """The log position up to which everything was heard."""
        return self._place.reached

    def step(self) -> bool:
        """Let the lanes hear the next page. Returns True when more waits to be read."""
        self._place.keep()
        page = self._store.read(self._place.reached, PAGE)
        heard = [recorded for recorded in page if recorded.topic in self._topics]
        if heard:
            asyncio.run_coroutine_threadsafe(self._hear_all(heard), self._loop).result()
        if page:
            self._place.move(page[-1].position)
        return len(page) == PAGE

    async def _hear_all(self, page: Sequence[Recorded]) -> None:
        for recorded in page:
            await self._hear(recorded.topic, recorded.event)

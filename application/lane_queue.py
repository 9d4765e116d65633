"""What waits in a lane: protection takes turns with everything else, so that neither waits for all of the other."""

from __future__ import annotations

import asyncio
from collections import deque
from uuid import UUID

Errand = tuple[str, UUID]
"""What is to be done (`send`, `cancel`, `amend` or `guard`), and the order or position that it concerns."""


class LaneQueue:
    """Errands in the order in which they came, of two kinds that take turns while both wait.

    A fill that is to be protected comes after one wish at most, however many wait.
    """

    def __init__(self) -> None:
        self._waiting: tuple[deque[Errand], deque[Errand]] = deque(), deque()
        self._guards_next = True
        self._not_empty = asyncio.Event()

    def put_nowait(self, errand: Errand) -> None:
        """Let it wait behind the others of its kind."""
        wishes, guards = self._waiting
        (guards if errand[0] == "guard" else wishes).append(errand)
        self._not_empty.set()

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return not any(self._waiting)

    async def get(self) -> Errand:
        """Wait for the next errand, and take it."""
        while self.empty():
            self._not_empty.clear()
            await self._not_empty.wait()
        wishes, guards = self._waiting
        taken = guards if guards and (self._guards_next or not wishes) else wishes
        self._guards_next = taken is wishes
        return taken.popleft()

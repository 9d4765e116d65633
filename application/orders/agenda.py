"""The agenda of a lane: what is to be done, in which order, and when.

Protection takes turns with everything else, so that neither waits for all of the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Task(StrEnum):
    """What a lane does with an order, or, to guard it, with a position."""

    SEND = "send"
    CANCEL = "cancel"
    AMEND = "amend"
    GUARD = "guard"


class Errand(NamedTuple):
    """One task, and the order or the position that it concerns."""

    task: Task
    subject: UUID


class Agenda:
    """Errands in the order in which they came, of two kinds that take turns while both wait.

    A fill that is to be protected comes after one wish at most, however many wait. A position that is to be guarded
    twice is guarded once.
    """

    def __init__(self) -> None:
        self._wishes: deque[Errand] = deque()
        self._guards: deque[Errand] = deque()
        self._guards_next = True
        self._not_empty = asyncio.Event()
        self._alarms: dict[Errand, tuple[float, asyncio.Handle]] = {}
        """When each errand is to be put in again (by the loop's clock), and what will see to it."""

    def put(self, task: Task, subject: UUID, *, after: float = 0.0) -> None:
        """Let it wait behind the others of its kind, at once or after some seconds.

        Of several such moments the earliest counts, and it is put in once.
        """
        errand = Errand(task, subject)
        if after > 0:
            self._put_after(errand, after)
        else:
            self._put(errand)

    def _put(self, errand: Errand) -> None:
        if errand.task is not Task.GUARD:
            self._wishes.append(errand)
        elif errand not in self._guards:
            self._guards.append(errand)
        self._not_empty.set()

    def _put_after(self, errand: Errand, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        earlier, alarm = self._alarms.get(errand, (0.0, None))
        if alarm is not None and loop.time() < earlier <= due:
            return
        if alarm is not None:
            alarm.cancel()
        self._alarms[errand] = due, loop.call_later(seconds, self._ring, errand)

    def _ring(self, errand: Errand) -> None:
        del self._alarms[errand]
        self._put(errand)

    def is_empty(self) -> bool:
        """Return whether nothing waits now."""
        return not (self._wishes or self._guards)

    def will_come(self, task: Task, subject: UUID) -> bool:
        """Return whether an errand is put in again at a later moment."""
        return Errand(task, subject) in self._alarms

    async def get(self) -> Errand:
        """Wait for the next errand, and take it."""
        while self.is_empty():
            self._not_empty.clear()
            await self._not_empty.wait()
        taken = self._guards if self._guards and (self._guards_next or not self._wishes) else self._wishes
        self._guards_next = taken is self._wishes
        return taken.popleft()

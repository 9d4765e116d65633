"""The agenda of a lane: its errands, their order and their times.

Protection takes turns with everything else, so that neither waits for all of the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Task(StrEnum):
    """A task of a lane: `GUARD` is done with a position, every other task with an order."""

    SEND = "send"
    CANCEL = "cancel"
    AMEND = "amend"
    GUARD = "guard"


class Errand(NamedTuple):
    """One task, and the id of the order or position it concerns."""

    task: Task
    subject: UUID


class Agenda:
    """Errands in order of arrival, in two queues that take turns while both wait: guarding and everything else.

    A fill that needs protection comes after at most one wish, however many wait. A position that is queued to be
    guarded is not queued twice.
    """

    def __init__(self) -> None:
        self._wishes: deque[Errand] = deque()
        self._guards: deque[Errand] = deque()
        self._guards_next = True
        self._not_empty = asyncio.Event()
        self._alarms: dict[Errand, tuple[float, asyncio.Handle]] = {}
        """The time at which each delayed errand is queued (by the loop's clock), and the timer that queues it."""

    def put(self, task: Task, subject: UUID, *, after: float = 0.0) -> None:
        """Queue an errand behind the others of its kind, at once or `after` some seconds.

        When the same errand is delayed several times, it is queued once, at the earliest of these times.
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
        """Return True when no errand waits now."""
        return not (self._wishes or self._guards)

    def will_come(self, task: Task, subject: UUID) -> bool:
        """Return True when an errand is to be queued at a later time."""
        return Errand(task, subject) in self._alarms

    async def get(self) -> Errand:
        """Wait for the next errand, remove it from its queue and return it."""
        while self.is_empty():
            self._not_empty.clear()
            await self._not_empty.wait()
        taken = self._guards if self._guards and (self._guards_next or not self._wishes) else self._wishes
        self._guards_next = taken is self._wishes
        return taken.popleft()

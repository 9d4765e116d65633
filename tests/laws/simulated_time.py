"""Simulated time: an event loop that never waits. When nothing is left to do, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NAMED_BY_CHANCE = ("application.protection.legs", "application.reconciliation.run", "domain.aggregate")
"""Modules that make random ids: the laws count ids up instead, so that a story runs the same way twice."""


ROUND = 1e-9
"""Seconds that one round of the loop takes."""
BUSY = 100_000
"""More rounds of the loop than this without a jump of the clock mean that a story runs in circles."""


class Stuck(Exception):
    """The story would never end: nothing is left to do and no timer is set, or time stands still in endless work."""


class _Jump(selectors.DefaultSelector):
    """A selector that moves the clock of its loop forward instead of waiting."""

    loop: SimulatedLoop
    rounds = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        self.rounds += 1
        if (timeout is None and not ready) or self.rounds > BUSY:
            raise Stuck
        if timeout and timeout > 0 and not ready:
            self.loop.now += timeout
            self.rounds = 0
        # A round takes a moment: without it, waits below the resolution of a float would never end.
        self.loop.now += ROUND
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is `now`, in seconds since the loop was made."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        """Return the current moment as a date: there is one clock for all."""
        return NOW + timedelta(seconds=self.now)


async def _inline(function: Any, /, *arguments: Any, **named: Any) -> Any:
    """Call a function where a thread would run it: other tasks may go first, as they may there."""
    await asyncio.sleep(0)
    return function(*arguments, **named)


@contextmanager
def counted_ids():
    """Count up the ids that are otherwise random."""
    last = [0]

    def counted() -> UUID:
        last[0] += 1
        # The laws read short pieces of an id, so both ends are unique.
        return UUID(int=(last[0] << 96) | last[0])

    patches = [mock.patch(f"{module}.uuid4", counted) for module in NAMED_BY_CHANCE]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def run(story: Coroutine[Any, Any, Any], loop: SimulatedLoop) -> Any:
    """Run a story to its end without waiting in real time."""
    stamped = mock.patch("eventsourcing.domain.datetime_now_with_tzinfo", loop.clock)
    with mock.patch.object(asyncio, "to_thread", _inline), stamped, counted_ids():
        try:
            return loop.run_until_complete(story)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0.001))
            loop.close()

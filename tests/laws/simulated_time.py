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
"""Modules that make random ids: the laws count them up, so that a story is told twice alike."""


ROUND = 1e-9
"""Seconds of one round of the loop."""
BUSY = 100_000
"""So many rounds of the loop at one moment are taken for a story that turns in a circle."""


class Stuck(Exception):
    """The story would never end: nothing is left to do and no timer is set, or so much that time never goes on."""


class _Jump(selectors.DefaultSelector):
    """Instead of waiting, move the clock of its loop on."""

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
        # A round takes a moment: without one, waits below the resolution of a float would never end.
        self.loop.now += ROUND
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The time of this loop is `now`, in seconds since it was made."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        """The same moment as a date: one clock for everybody."""
        return NOW + timedelta(seconds=self.now)


async def _inline(function: Any, /, *arguments: Any, **named: Any) -> Any:
    """Call a function where a thread would: others may go first, as there."""
    await asyncio.sleep(0)
    return function(*arguments, **named)


@contextmanager
def counted_ids():
    """Let random ids be counted up."""
    last = [0]

    def counted() -> UUID:
        last[0] += 1
        # The laws read short pieces of an id: both ends tell one from another.
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
    """Run a story to its end in no time."""
    stamped = mock.patch("eventsourcing.domain.datetime_now_with_tzinfo", loop.clock)
    with mock.patch.object(asyncio, "to_thread", _inline), stamped, counted_ids():
        try:
            return loop.run_until_complete(story)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0.001))
            loop.close()

"""Standstill: terminals that show signs of life, but whose work does not go on.

A sign of life is sent by a thread of its own, so it says nothing about the work. Two other things do: the last time at
which the work went on, and for a follower of the log how long the next event has waited for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.bus import Bus
from adapters.log.eventstore import Store
from adapters.log.lock import AppendLock, Holder
from aristobot.following import AWAY
from aristobot.terminals import WATCHED

STILL_SECONDS = 45.0
"""Seconds after which work stands still. Every loop goes on at least once in ten seconds, if only to look around."""
LOOK_SECONDS = 2.0
SLOW_SECONDS, RECOVERY_SECONDS = 2.0, 20.0
"""Seconds that a look may take before it says nothing, and for which nothing is said after such a one."""
LOCKED_SECONDS = 10.0
"""Seconds after which somebody holds the append lock too long."""


class Standstill:
    """The terminals that stand still.

    While the database is away or slow, or somebody holds the append lock, nobody is to blame and nobody is named; nor
    for `RECOVERY_SECONDS` afterwards, in which everybody goes on.
    """

    def __init__(self, bus: Bus, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._positions: dict[str, tuple[int, float]] = {}
        """The log position of each follower, and when it was first seen there."""
        self._lock = AppendLock(store.pool, clock)
        self._well_since = -RECOVERY_SECONDS
        """Since when every look was quick and nobody held the lock for long."""

    def look(self) -> tuple[dict[str, float], Holder | None]:
        """Return by name the seconds for which terminals have stood still, and who holds the append lock now.

        Raises `AWAY` while the database is away.
        """
        began = self._clock()
        try:
            holder, told = self._lock.holder(), self._bus.terminals(WATCHED)
            found = self._found(told)
        except AWAY:
            self._recover()
            raise
        if self._clock() - began >= SLOW_SECONDS or (holder is not None and holder.seconds >= SLOW_SECONDS):
            self._recover()
        return found if self._clock() - self._well_since >= RECOVERY_SECONDS else {}, holder

    def _recover(self) -> None:
        self._well_since = self._clock()
        self._positions.clear()

    def _found(self, told: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        found = dict[str, float]()
        for name, figures in ((one["name"], one["figures"]) for one in told if one["state"] == "up"):
            still = max(float(figures.get("still", 0.0)), self._waits_for(name, figures.get("position")))
            if still >= STILL_SECONDS:
                found[name] = still
        return found

    def _waits_for(self, name: str, position: int | None) -> float:
        """Return the seconds for which an event has waited for a follower that does not move, 0 without any."""
        if position is None:
            return 0.0
        now = self._clock()
        if self._positions.get(name, (None, 0.0))[0] != position:
            self._positions[name] = position, now
        unmoved = now - self._positions[name][1]
        waits = self._store.waits(position) if unmoved >= STILL_SECONDS else None
        return 0.0 if waits is None else min(waits, unmoved)


class Lookout:
    """Looks for standstills in a thread of its own: who waits for the database, or for the log, watches over nobody.

    `cry` is called once for each session that holds the append lock for too long, with its name.
    """

    def __init__(self, standstill: Standstill, log: Any, cry: Callable[[str], None] = lambda _: None) -> None:
        self._standstill = standstill
        self._log = log
        self._cry = cry
        self.still: Mapping[str, float] = {}
        """By name the seconds for which terminals had stood still at the last look."""
        self.holder: str | None = None
        """The session that has held the append lock for too long."""
        self._untold = deque[str]()

    def watch(self, stopping: threading.Event) -> None:
        """Look now and then in the background, until `stopping`."""
        threading.Thread(target=self._watch, args=(stopping,), name="lookout", daemon=True).start()

    def _watch(self, stopping: threading.Event) -> None:
        while not stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except AWAY as error:
                self._log.warning("database_away", error=str(error))
                self.still, self.holder = {}, None
            except Exception:
                self._log.exception("look_failed")

    def look(self) -> None:
        """Look once. Raises `AWAY` while the database is away."""
        still, held_by = self._standstill.look()
        for name in still.keys() - self.still.keys():
            self._log.error("terminal_stands_still", terminal=name, seconds=round(still[name], 1))
        holder = held_by.name if held_by is not None and held_by.seconds >= LOCKED_SECONDS else None
        if holder is not None and holder != self.holder:
            self._log.error("log_locked", holder=holder)
            self._untold.append(holder)
            self._cry(holder)
        self.still, self.holder = still, holder

    def holders(self) -> Iterator[str]:
        """Yield each session that has held the lock for too long, once, also when it does so no longer."""
        while self._untold:
            yield self._untold.popleft()

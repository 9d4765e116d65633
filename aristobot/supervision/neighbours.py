"""Neighbours: the terminals that another one depends on, and the defence of that one while they are dead."""

from __future__ import annotations

import threading
from typing import Any

from adapters.bus import Bus

LOOKED_EVERY, LOOKED_AGAIN = 30.0, 1.0
"""Seconds between two looks, and after one at which nothing was known."""


class Neighbours:
    """The terminals on which `name` depends. One is dead that has shown no sign of life for a minute.

    Nobody is dead while the bus is away, for then nothing is known: not even our own sign of life is there.
    """

    def __init__(self, bus: Bus, name: str, depends_on: tuple[str, ...], log: Any) -> None:
        self._bus = bus
        self._name = name
        self._depends_on = depends_on
        self._log = log
        self.dead: frozenset[str] = frozenset()

    def look(self) -> bool:
        """Look who is dead, and return whether that is known. A death is an error in the log each time."""
        told = {one["name"]: one for one in self._bus.terminals((self._name, *self._depends_on))}
        if told[self._name]["age"] is None:
            return False
        dead = frozenset(name for name in self._depends_on if told[name]["state"] == "down")
        for name in sorted(dead):
            self._log.error("neighbour_dead", terminal=name, age=told[name]["age"])
        for name in sorted(self.dead - dead):
            self._log.info("neighbour_back", terminal=name)
        self.dead = dead
        return True

    def watch(self, stopping: threading.Event) -> None:
        """Look every half minute in the background, until `stopping`."""

        def run() -> None:
            while not stopping.is_set():
                stopping.wait(LOOKED_EVERY if self.look() else LOOKED_AGAIN)

        threading.Thread(target=run, name="neighbours", daemon=True).start()

    def figures(self) -> dict[str, list[str]]:
        """Return who is dead, for the health page."""
        return {"dead_neighbours": sorted(self.dead)}

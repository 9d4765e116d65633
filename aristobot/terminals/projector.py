"""The projector terminal: follows the log and keeps the books."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from aristobot.following import AWAY, follow
from aristobot.supervision.liveness import Pulse, beat
from aristobot.wiring import House
from projections.books.projector import PAGE, Books

NAME = "projector"


class Projector:
    """Keeps the books over a connection of its own, which is made anew when it is lost."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._books: Books | None = None
        self._position = self._parked = 0

    def step(self) -> bool:
        """Take the next page in and announce what changed. Returns True when more waits to be read."""
        try:
            books = self._books = self._books or Books(self._connect())
            count, self._position, changed = books.step(self._house.store.read, PAGE)
        except AWAY:
            self.close()
            raise
        self._parked = books.parked
        if changed:
            self._house.bus.announce(self._position)
        return count == PAGE

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._house.settings.need_database(), autocommit=True, connect_timeout=5)

    def figures(self) -> dict[str, int]:
        """Return the position that the books have reached, and the number of streams set aside.

        Nothing is asked for them: who waits for the database shows signs of life all the same.
        """
        return {"position": self._position, "parked": self._parked}

    def close(self) -> None:
        """Close the connection."""
        if self._books is not None:
            self._books.connection.close()
            self._books = None


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the projector until `stopping`."""
    projector, pulse = Projector(house), Pulse()
    beat(house.bus, NAME, projector.figures, stopping, pulse)
    follow(projector.step, log, stopping, pulse, house.bell())
    projector.close()

"""The projector terminal: follows the log and keeps the books."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from aristobot.supervision.liveness import beat
from aristobot.wiring import House
from projections.books.projector import PAGE, Books

POLL_SECONDS = 1.0


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Until `stopping`; a lost connection is made anew."""
    figures = {"position": 0, "lag": 0, "parked": 0}
    beat(house.bus, "projector", lambda: {**figures, "lag": max(house.store.head() - figures["position"], 0)}, stopping)
    bell = house.bell()
    while not stopping.is_set():
        try:
            with psycopg.connect(house.settings.need_database(), autocommit=True, connect_timeout=5) as connection:
                books = Books(connection)
                while not stopping.is_set():
                    count, figures["position"], changed = books.step(house.store.read, PAGE)
                    figures["parked"] = books.parked
                    if changed:
                        house.bus.announce(figures["position"])
                    if count < PAGE:
                        bell.wait(POLL_SECONDS)  # what was appended since the page was read has rung already
        except psycopg.OperationalError as error:
            log.warning("database_away", error=str(error))
            stopping.wait(0.5)
    bell.close()

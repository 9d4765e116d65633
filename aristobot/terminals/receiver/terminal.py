"""The receiver terminal: serves the webhook door and drains its spool when PostgreSQL is back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from adapters.tables.door import DoorTable
from aristobot.following import AWAY
from aristobot.serving import serve_until, server_for
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals.receiver.life import SILENT_AFTER, Life
from aristobot.terminals.receiver.reception import Reception
from aristobot.wiring import House, utc_now
from web.connection import watched
from web.door import MOST_BYTES, Door

NAME = "receiver"
FORGET_SECONDS = 60.0


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the receiver until `stopping`."""
    reception, pulse, noting, telling = Reception(house, log), Pulse(), Pulse(), Pulse()
    door = Door(reception)
    beat(house.bus, NAME, reception.figures, stopping, pulse, noting, telling)
    for work in (reception.tokens.keep, reception.refusals.keep, reception.drain, _forgetting(reception, log)):
        threading.Thread(target=work, args=(stopping,), name=work.__name__, daemon=True).start()
    # Without a WebSocket protocol, an upgrade is an ordinary request, which the door refuses.
    server = server_for(
        door, house.settings, house.settings.webhook_port, pulse,
        watched(MOST_BYTES, for_strangers=True), ws="none", timeout_graceful_shutdown=10,
    )  # fmt: skip
    life = Life(
        house.settings.home / "door.json",
        DoorTable(house.pool),
        is_reached=lambda: server.started and pulse.still < SILENT_AFTER.total_seconds() / 2,
        taken_until=lambda now: taken_until(door, reception, now),
        lost=reception.lost,
        clock=utc_now,
        log=log,
    )
    life.keep(stopping, noting, telling)
    serve_until(server, stopping)


def taken_until(door: Door, reception: Reception, now: datetime) -> datetime | None:
    """Return the time before which every delivery is in the log, None while some wait on disk.

    A delivery on its way to the disk is in flight until it waits there, so what is in flight is looked at first.
    """
    durable = door.taken_until(now)
    return None if reception.holds else durable


def _forgetting(reception: Reception, log: Any) -> Callable[[threading.Event], None]:
    def forget(stopping: threading.Event) -> None:
        while not stopping.wait(FORGET_SECONDS):
            try:
                reception.forget()
            except AWAY as error:
                log.warning("database_away", error=str(error))

    return forget

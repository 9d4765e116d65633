"""The receiver terminal: serves the webhook door and drains its spool when PostgreSQL is back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from aristobot.following import AWAY
from aristobot.serving import serve_until, server_for
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals.receiver.reception import Reception
from aristobot.wiring import House
from web.connection import watched
from web.door import MOST_BYTES, Door

NAME = "receiver"
FORGET_SECONDS = 60.0


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the receiver until `stopping`."""
    reception, pulse = Reception(house, log), Pulse()
    beat(house.bus, NAME, reception.figures, stopping, pulse)
    for work in (reception.tokens.keep, reception.refusals.keep, reception.drain, _forgetting(reception, log)):
        threading.Thread(target=work, args=(stopping,), name=work.__name__, daemon=True).start()
    # Without a WebSocket protocol, an upgrade is an ordinary request, which the door refuses.
    server = server_for(
        Door(reception), house.settings, house.settings.webhook_port, pulse,
        watched(MOST_BYTES, for_strangers=True), ws="none", timeout_graceful_shutdown=10,
    )  # fmt: skip
    serve_until(server, stopping)


def _forgetting(reception: Reception, log: Any) -> Callable[[threading.Event], None]:
    def forget(stopping: threading.Event) -> None:
        while not stopping.wait(FORGET_SECONDS):
            try:
                reception.forget()
            except AWAY as error:
                log.warning("database_away", error=str(error))

    return forget

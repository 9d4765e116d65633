"""The pursuit of panics: what a user in a panic still holds is sold, until it is lifted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from application.ports.stores import Store
from application.trading.panics import Pursuit
from aristobot.following import AWAY, PAUSE_SECONDS
from aristobot.supervision.liveness import Pulse

LOOK_SECONDS = 0.5


def keep(store: Store, now: Callable[[], datetime], log: Any, stopping: threading.Event, pulse: Pulse) -> None:
    """Cancel and sell what is due, until `stopping`. The pulse turns with each look."""
    pursuit = Pursuit(store)
    while not stopping.wait(LOOK_SECONDS):
        try:
            for order in pursuit.look(now()):
                log.info("panic_pursued", order=str(order.id), user=order.user, cancelled=order.cancel_requested)
        except AWAY as error:
            log.warning("database_away", error=str(error))
            stopping.wait(PAUSE_SECONDS)
        pulse.turn()

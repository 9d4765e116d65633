"""The pursuit of panics: what a user in a panic still holds is sold, until it is lifted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from application.ports.stores import Store
from application.trading.panics import Pursuit, in_force
from aristobot.following import AWAY, PAUSE_SECONDS
from aristobot.supervision.liveness import Pulse
from domain.people.user import User

LOOK_SECONDS = 0.5


def keep(store: Store, now: Callable[[], datetime], log: Any, stopping: threading.Event, pulse: Pulse) -> None:
    """Cancel and sell what is due, until `stopping`. The pulse turns with each look."""
    pursuit = Pursuit(store)
    while not stopping.wait(LOOK_SECONDS):
        try:
            for user in in_force(store):
                _pursue(pursuit, user, now(), log)
        except AWAY as error:
            log.warning("database_away", error=str(error))
            stopping.wait(PAUSE_SECONDS)
        pulse.turn()


def _pursue(pursuit: Pursuit, user: User, now: datetime, log: Any) -> None:
    """Pursue the panic of one user. An error that nobody foresaw must not keep the others' coins from being sold."""
    try:
        for order in pursuit.of(user, now):
            log.info("panic_pursued", order=str(order.id), user=order.user, cancelled=order.cancel_requested)
    except AWAY:
        raise
    except Exception:
        log.exception("pursuit_failed", user=user.number)

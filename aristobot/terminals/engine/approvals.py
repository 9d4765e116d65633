"""The end of questions: an entry that its trader does not answer in time is declined."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from application.ports.stores import Store
from application.webhooks.approvals import expire
from aristobot.following import AWAY, PAUSE_SECONDS
from aristobot.supervision.liveness import Pulse

LOOK_SECONDS = 1.0


def keep(store: Store, now: Callable[[], datetime], log: Any, stopping: threading.Event, pulse: Pulse) -> None:
    """Decline what is not answered in time, until `stopping`. The pulse turns with each look."""
    while not stopping.wait(LOOK_SECONDS):
        try:
            for webhook in expire(store, now()):
                log.info("approval_expired", webhook=str(webhook.id), user=webhook.user)
        except AWAY as error:
            log.warning("database_away", error=str(error))
            stopping.wait(PAUSE_SECONDS)
        pulse.turn()

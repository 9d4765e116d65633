"""Open alerts: those whose end can be recognised, until it is recorded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from adapters.log.eventstore import Store
from adapters.tables.snapshots import SnapshotTable
from application.endings import ENDS_WHEN, end
from domain.alert import Alert, Cause

ENDS_WITH_A_FIGURE = frozenset(
    {
        Cause.TERMINAL_DOWN,
        Cause.TERMINAL_STILL,
        Cause.EVENT_PARKED,
        Cause.SPOOL_USED,
        Cause.DELIVERY_ASIDE,
        Cause.DELIVERY_NOT_KEPT,
        Cause.LOG_LOCKED,
        Cause.DISK_LOW,
        Cause.BACKUP_OLD,
        Cause.STREAM_DEAF,
        Cause.PRICES_OLD,
        Cause.CLOCK_SILENT,
    }
)
"""The causes whose beginning and end a terminal's figures show."""
ENDS_WITH_A_DELIVERY = frozenset({Cause.CHANNEL_DEAD, Cause.BACKUP_FAILED})
"""The causes that a later delivery ends: one to the channel, or the alert that a backup was made."""
RECOGNISED = frozenset(ENDS_WHEN) | ENDS_WITH_A_FIGURE | ENDS_WITH_A_DELIVERY
"""The causes whose end is recognised. Alerts of other causes stay until their user acknowledges them."""


class OpenAlerts:
    """The alerts that were raised and have not ended. Recorded facts or a figure show when one is over."""

    def __init__(self, store: Store, log: Any) -> None:
        self._store = store
        self._snapshots = SnapshotTable(store.pool)
        self._log = log
        self._alerts: dict[UUID, Alert] = {}
        for alert in store.get_all(Alert, store.alerts_open()):
            self.meet(alert)

    def meet(self, alert: Alert) -> None:
        """Take in an alert that was raised, if its end can be recognised."""
        if alert.cause in RECOGNISED:
            self._alerts[alert.id] = alert

    def end_what_is_over(self) -> None:
        """End the alerts that are over according to what is recorded."""
        for alert in [*self._alerts.values()]:
            is_over = ENDS_WHEN.get(alert.cause)
            if is_over is not None and is_over(alert, self._store, self._snapshots):
                self._end(alert)

    def names(self, cause: Cause) -> set[str]:
        """Return the names in the keys of a cause's open alerts, for a cause whose end a figure shows."""
        return {_name(alert) for alert in [*self._alerts.values()] if alert.cause is cause}

    def end(self, cause: Cause, name: str) -> None:
        """End the open alerts of a cause about `name`: a figure or a delivery shows that it is well again."""
        for alert in [*self._alerts.values()]:
            if alert.cause is cause and _name(alert) == name:
                self._end(alert)

    def _end(self, alert: Alert) -> None:
        end(self._store, alert)
        self._log.info("alert_ended", cause=alert.cause, alert=str(alert.id))
        self._alerts.pop(alert.id, None)


def _name(alert: Alert) -> str:
    """Return the middle part of an alert's key, `cause/name/moment`."""
    return alert.key.partition("/")[2].rpartition("/")[0]

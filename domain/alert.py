"""An alert: something that a trader has to know, the channels it was sent to, and its acknowledgement."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.reconciliation import Statement
from domain.sentences import alert_facts_of


class Severity(StrEnum):
    """The severity of an alert. A critical one stays on the screen until it is acknowledged."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Cause(StrEnum):
    """The cause of an alert."""

    POSITION_UNPROTECTED = "position_unprotected"
    PARTLY_COVERED = "partly_covered"
    ORDER_UNKNOWN = "order_unknown"
    STATUS_UNKNOWN = "status_unknown"
    LIMIT_REFUSED = "limit_refused"
    ENTRY_STALE = "entry_stale"
    EXIT_STALE = "exit_stale"
    EXIT_REJECTED = "exit_rejected"
    DOUBT_LASTS = "doubt_lasts"
    STREAM_DEAF = "stream_deaf"
    PRICES_OLD = "prices_old"
    CLOCK_SILENT = "clock_silent"
    REPORT_CONTRADICTS = "report_contradicts"
    ORDER_REOPENED = "order_reopened"
    HISTORY_LOST = "history_lost"
    TO_DECIDE = "to_decide"
    NOT_RECONCILED = "not_compared"
    WEBHOOKS_CRITICAL = "webhooks_critical"
    APPROVAL_ASKED = "approval_asked"
    KEYS_REFUSED = "keys_refused"
    MARKET_CLOSED = "market_closed"
    RECORD_MALFORMED = "record_malformed"
    TERMINAL_DOWN = "terminal_down"
    TERMINAL_STILL = "terminal_still"
    TERMINAL_RESTARTED = "terminal_restarted"
    PLATFORM_CRASHED = "platform_crashed"
    EVENT_PARKED = "event_parked"
    EVENT_PASSED_OVER = "event_passed_over"
    SPOOL_USED = "spool_used"
    DELIVERY_ASIDE = "delivery_aside"
    DELIVERY_NOT_KEPT = "delivery_not_kept"
    LOG_LOCKED = "log_locked"
    DISK_LOW = "disk_low"
    CHANNEL_DEAD = "channel_dead"
    BACKUP_OLD = "backup_old"
    BACKUP_FAILED = "backup_failed"
    DAILY_HEAD = "daily_head"


class Alert(Aggregate):
    """One alert to one user. `key` tells one occurrence of a cause from the next, so that none is raised twice."""

    class Raised(Aggregate.Created):
        """The first event. Version 1 held sentences among its facts."""

        class_version = 2
        user: int
        key: str
        cause: Cause
        severity: Severity
        subject: UUID | None
        facts: dict[str, str]
        sides: dict[str, Statement] | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Read the sentences as data."""
            state["facts"], state["sides"] = alert_facts_of(state["cause"], state["facts"])

    @event(Raised)
    def __init__(
        self,
        user: int,
        key: str,
        cause: Cause,
        severity: Severity,
        subject: UUID | None,
        facts: dict[str, str],
        sides: dict[str, Statement] | None = None,
    ) -> None:
        self.user = user
        self.key = key
        self.cause = cause
        self.severity = severity
        self.subject = subject
        """The order or position that it is about."""
        self.facts = facts
        self.sides = sides or {}
        """The statements of both sides, `ours` and `theirs`, where they differ about an order or a holding."""
        self.sent: set[str] = set()
        self.failed: dict[str, int] = {}
        self.acknowledged = False
        self.ended = False

    @staticmethod
    def create_id(user: int, key: str) -> UUID:
        """Return the id of the stream: one per user and occurrence."""
        return deterministic_id("alert", user, key)

    def record_sent(self, channel: str) -> None:
        """Record that it reached a channel (by the name that its user gave it), as far as that channel says."""
        if channel not in self.sent:
            self._sent(Personal(channel))

    def record_failure(self, channel: str, reason: str) -> None:
        """Record one failed attempt to send it to a channel."""
        if channel not in self.sent:
            self._failed(Personal(channel), self.failed.get(channel, 0) + 1, reason)

    def acknowledge(self) -> None:
        """Record that its user has seen it."""
        if not self.acknowledged:
            self._acknowledged()

    def end(self) -> None:
        """Record that its cause is over. Do nothing when its user has acknowledged it."""
        if not self.ended and not self.acknowledged:
            self._ended()

    @event("Sent")
    def _sent(self, channel: Personal) -> None:
        self.sent.add(channel)

    @event("Failed")
    def _failed(self, channel: Personal, attempt: int, reason: str) -> None:
        self.failed[channel] = attempt

    @event("Acknowledged")
    def _acknowledged(self) -> None:
        self.acknowledged = True

    @event("Ended")
    def _ended(self) -> None:
        self.ended = True

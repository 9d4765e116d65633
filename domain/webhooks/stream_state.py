"""The state and the key of a stream of webhooks, and how reliable streams are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.aggregate import deterministic_id


class StreamStatus(StrEnum):
    """The state of a stream. A `critical` one has paused itself, a `paused` one was paused by its trader."""

    UNMONITORED = "unmonitored"
    MONITORED = "monitored"
    CLOSED = "closed"
    PAUSED = "paused"
    CRITICAL = "critical"


PAUSED = frozenset({StreamStatus.PAUSED, StreamStatus.CRITICAL})
"""The states in which nothing that a stream sends is executed."""


class Gravity(StrEnum):
    """The reliability of streams now: no MISS, one or two in a row, three or more."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


def gravity_of(status: str, streak: int) -> Gravity:
    """Return the gravity of a stream by its status and its consecutive MISS."""
    if status == StreamStatus.CRITICAL:
        return Gravity.CRITICAL
    return Gravity.WARNING if streak and status == StreamStatus.MONITORED else Gravity.OK


@dataclass(frozen=True)
class StreamKey:
    """The key that tells one stream from another.

    `symbol` is the ticker as exchanges write it (`BTCUSDT`), `interval` has TradingView's notation in one spelling, or
    as it was said where it names no period. Names of indicators are told apart by case: two names are two alerts.
    """

    user: int
    broker: int
    symbol: str
    interval: str
    indicator: str

    @property
    def id(self) -> UUID:
        """The id of the stream."""
        return deterministic_id("webhook stream", self.user, self.broker, self.symbol, self.interval, self.indicator)

"""The timeframes of the heartbeat, and the times at which their bars close. Times are milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE = 60_000
TIMEFRAMES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "1h": 60, "2h": 120, "4h": 240}
"""The length of each timeframe in minutes, the shortest first."""

NAMES = {minutes: name for name, minutes in TIMEFRAMES.items()}
"""The name of each timeframe by its length in minutes."""


def moment(at: int) -> datetime:
    """Return a time in milliseconds as UTC, exactly."""
    return datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)


def minute_of(at: int) -> int:
    """Return the opening time of the minute that holds a moment. A minute includes its opening, not its end."""
    return at // MINUTE * MINUTE


def closing(end: int) -> list[str]:
    """Return the timeframes of which a bar ends at this whole minute, the shortest first. They count from 1970."""
    return [name for name, minutes in TIMEFRAMES.items() if end % (minutes * MINUTE) == 0]

"""A log for tests."""

from __future__ import annotations

from typing import Any


class Log:
    """A log that keeps its events in their order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, event: str, **values: Any) -> None:
        """Keep an event, whatever its level."""
        self.said.append(event)

    warning = error = exception = info

"""A clock for tests."""

from __future__ import annotations


class Clock:
    """A clock that stands still until a test moves it (in seconds)."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now

"""Counts of new orders per account, in the fixed windows for which an exchange limits them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from application.ports.statements import OrderRoom

CLOCKS_DIFFER = 0.2
"""Seconds after a full window ends during which the exchange may still count by it, because the clocks differ."""


@dataclass
class _Window:
    """One window: the number of the running one since 1970, and the new orders counted in it."""

    number: int = 0
    used: int = 0


class OrderCounts:
    """The counts of new orders of one account.

    Our own count is a lower bound: other programs may use the same account. A count told by the exchange replaces it.
    `limits` maps a window's length in seconds to the most orders in it, `now` is the exchange's clock in seconds.
    """

    def __init__(self, limits: Mapping[int, int], now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._windows: dict[int, _Window] = {}
        self.tellings = 0
        """The number of times the exchange has told its own count."""
        self._closed_until = 0.0

    def spend(self, orders: int) -> None:
        """Count orders about to be sent; a negative number gives some back."""
        for seconds in self._limits:
            window = self._running(seconds)
            window.used = max(window.used + orders, 0)

    @property
    def now(self) -> float:
        """The exchange's clock (seconds since 1970)."""
        return self._now()

    def told(self, seconds: int, used: int, asked_at: float) -> None:
        """Take over the exchange's own count from the answer to a request.

        The request was sent at `asked_at` (the exchange's clock, in seconds). A count for a past window is ignored.
        """
        self.tellings += 1
        window = self._running(seconds)
        if int(asked_at // seconds) == window.number:
            window.used = used

    def close_until(self, moment: float) -> None:
        """Send nothing before `moment` (seconds since 1970, the exchange's clock)."""
        self._closed_until = max(self._closed_until, moment)

    @property
    def end_of_window(self) -> float:
        """The end of the shortest window (seconds since 1970, the exchange's clock)."""
        return self._end_of(min(self._limits, default=10))

    @property
    def room(self) -> OrderRoom:
        """The number of orders that may be sent now, by the window that leaves the least."""
        now = self._now()
        if now < self._closed_until:
            most = min(self._limits.values(), default=1)
            return OrderRoom(0, most, self._closed_until - now)
        rooms = [
            OrderRoom(max(most - window.used, 0), most, (window.number + 1) * seconds + CLOCKS_DIFFER - now)
            for seconds, most in self._limits.items()
            if (window := self._running(seconds))
        ]
        return min(rooms, key=lambda room: (room.left, -room.seconds), default=OrderRoom())

    def _running(self, seconds: int) -> _Window:
        window = self._windows.setdefault(seconds, _Window())
        is_full = window.used >= self._limits.get(seconds, window.used + 1)
        number = int((self._now() - (CLOCKS_DIFFER if is_full else 0.0)) // seconds)
        if number > window.number:
            window.number, window.used = number, 0
        return window

    def _end_of(self, seconds: int) -> float:
        return (self._now() // seconds + 1) * seconds

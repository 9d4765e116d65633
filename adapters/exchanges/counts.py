"""New orders, counted per account in the fixed windows in which an exchange bounds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from application.ports.exchange import OrderRoom

CLOCKS_DIFFER = 0.2
"""Seconds after the end of a full window in which the exchange may still count by it: the clocks are not the same."""


@dataclass
class _Window:
    """One window: which one is running, and how many new orders it has seen."""

    number: int = 0
    used: int = 0


class OrderCounts:
    """The counts of one account.

    Our own count is a lower bound: other programs may use the same account. A number told by the exchange replaces it.
    `limits` maps a window's length in seconds to the most orders in it, `now` is the exchange's clock in seconds.
    """

    def __init__(self, limits: Mapping[int, int], now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._windows: dict[int, _Window] = {}
        self.tellings = 0
        """How often the exchange has told a count of its own."""
        self._closed_until = 0.0

    def spend(self, orders: int) -> None:
        """Count orders that are about to be sent; a negative number gives some back."""
        for seconds in self._limits:
            window = self._running(seconds)
            window.used = max(window.used + orders, 0)

    @property
    def now(self) -> float:
        """The exchange's clock (seconds since 1970)."""
        return self._now()

    def told(self, seconds: int, used: int, asked_at: float) -> None:
        """Take the exchange's own count, in the answer to a request of `asked_at`; of a window gone it says nothing."""
        self.tellings += 1
        window = self._running(seconds)
        if int(asked_at // seconds) == window.number:
            window.used = used

    def close_until(self, moment: float) -> None:
        """Send nothing before `moment` (seconds since 1970, the exchange's clock)."""
        self._closed_until = max(self._closed_until, moment)

    @property
    def end_of_window(self) -> float:
        """When the shortest window ends (seconds since 1970, the exchange's clock)."""
        return self._end_of(min(self._limits, default=10))

    @property
    def room(self) -> OrderRoom:
        """How many orders may be sent now, in the window that leaves the least."""
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

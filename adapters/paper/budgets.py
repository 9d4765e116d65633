"""The budgets of the paper exchange: the amount spent in each clock-aligned window, and temporary bans."""

from __future__ import annotations

from collections.abc import Callable


class Budgets:
    """The counters of every exchange, enforced unless switched off. `clock` returns milliseconds since 1970."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._unlimited: set[str] = set()
        self._spent: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._pinned: dict[tuple[str, str, int], int] = {}
        self._banned_until: dict[str, int] = {}

    def limit(self, exchange: str, *, enabled: bool) -> None:
        """Enforce this exchange's budgets, or stop enforcing them. Either way a ban ends."""
        (self._unlimited.discard if enabled else self._unlimited.add)(exchange)
        self._banned_until.pop(exchange, None)

    def enforced(self, exchange: str) -> bool:
        """Return True when this exchange's budgets are enforced."""
        return exchange not in self._unlimited

    def spend(self, exchange: str, subject: str, seconds: int, amount: int) -> int:
        """Count `amount` in the current window of this many seconds and return its sum, 0 while nothing is enforced.

        A negative amount is given back; the sum never falls below zero.
        """
        window, key = self._clock() // (seconds * 1000), (exchange, subject, seconds)
        if key in self._pinned:
            return self._pinned[key]
        if exchange in self._unlimited:
            return 0
        began, spent = self._spent.get(key, (window, 0))
        self._spent[key] = (window, max(spent + amount if began == window else amount, 0))
        return self._spent[key][1]

    def set(self, exchange: str, subject: str, seconds: int, amount: int) -> None:
        """Set the amount spent in the current window."""
        self._spent[exchange, subject, seconds] = (self._clock() // (seconds * 1000), amount)

    def pin(self, exchange: str, subject: str, seconds: int, amount: int | None) -> None:
        """Report this amount as spent in every window, whatever is counted. None returns to counting."""
        if amount is None:
            self._pinned.pop((exchange, subject, seconds), None)
        else:
            self._pinned[exchange, subject, seconds] = amount

    def left(self, seconds: int) -> int:
        """Return the seconds left in the current window, rounded up."""
        return seconds - self._clock() // 1000 % seconds

    def ban(self, exchange: str, seconds: int) -> None:
        """Ban every caller of this exchange for this many seconds."""
        self._banned_until[exchange] = self._clock() + seconds * 1000

    def banned_for(self, exchange: str) -> int:
        """Return the seconds that a ban still lasts, rounded up, 0 without a ban."""
        return max(-(-(self._banned_until.get(exchange, 0) - self._clock()) // 1000), 0)

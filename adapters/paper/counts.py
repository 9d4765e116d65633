"""How many new orders an account may place in a window. An order that trades is given back."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.paper.books import Books
from adapters.paper.budgets import Budgets
from adapters.paper.orders import Account, PaperOrder, PaperTrade

WINDOWS = {"10S": (10, "10 SECOND"), "1D": (86_400, "1 DAY")}
"""The length of each window in seconds, and how Binance writes it."""
_LIMITS = {"10S": 100, "1D": 200_000}
_BACK_FOR_TAKER, _BACK_FOR_MAKER = 1, 5
"""By how much the first trade of an order lowers the count: the examples that Binance documents."""


@dataclass(frozen=True)
class Exceeded:
    """The window that is full, what it holds, and the seconds until it ends."""

    limit: int
    window: str
    seconds: int


class Counts:
    """The counts of every account, in each of the windows."""

    def __init__(self, budgets: Budgets, books: Books) -> None:
        self._budgets = budgets
        self._limits: dict[str, dict[str, int]] = {}
        books.listeners.append(self._happened)

    def limits(self, exchange: str) -> dict[str, int]:
        """Return the limit of each window. What is written into it holds at once."""
        return self._limits.setdefault(exchange, dict(_LIMITS))

    def used(self, account: Account) -> dict[str, int]:
        """Return what stands in each window."""
        return {name: self._spend(account, name, 0) for name in WINDOWS}

    def use(self, account: Account, used: dict[str, int]) -> None:
        """Set what stands in the running windows."""
        for name, count in used.items():
            self._budgets.set(account.exchange, _subject(account), WINDOWS[name][0], count)

    def add(self, account: Account, orders: int) -> None:
        """Count new orders; a negative number takes them back."""
        for name in WINDOWS:
            self._spend(account, name, orders)

    def exceeded(self, account: Account, orders: int) -> Exceeded | None:
        """Return the window that has no room for so many new orders."""
        for name, limit in self.limits(account.exchange).items():
            seconds, window = WINDOWS[name]
            if self._budgets.enforced(account.exchange) and self._spend(account, name, 0) + orders > limit:
                return Exceeded(limit, window, self._budgets.left(seconds))
        return None

    def _spend(self, account: Account, name: str, orders: int) -> int:
        return self._budgets.spend(account.exchange, _subject(account), WINDOWS[name][0], orders)

    def _happened(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        if trade is not None and len(order.trades) == 1:
            self.add(order.account, -(_BACK_FOR_MAKER if trade.maker else _BACK_FOR_TAKER))


def _subject(account: Account) -> str:
    return f"orders {account.number}"

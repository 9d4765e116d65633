"""The limits of new orders per account and window. The first trade of an order gives part of the count back."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.paper.books import Books
from adapters.paper.budgets import Budgets
from adapters.paper.orders import Account, PaperOrder, PaperTrade

WINDOWS = {"10S": (10, "10 SECOND"), "1D": (86_400, "1 DAY")}
"""The length of each window in seconds, and Binance's spelling of it."""
_LIMITS = {"10S": 100, "1D": 200_000}
_BACK_FOR_TAKER, _BACK_FOR_MAKER = 1, 5
"""The amounts by which the first trade of an order lowers the count, from the examples that Binance documents."""


@dataclass(frozen=True)
class Exceeded:
    """A full window: its limit, its name, and the seconds until it ends."""

    limit: int
    window: str
    seconds: int


class Counts:
    """The order counts of every account in each window."""

    def __init__(self, budgets: Budgets, books: Books) -> None:
        self._budgets = budgets
        self._limits: dict[str, dict[str, int]] = {}
        books.listeners.append(self._happened)

    def limits(self, exchange: str) -> dict[str, int]:
        """Return the limit of each window. A change to the returned dictionary takes effect at once."""
        return self._limits.setdefault(exchange, dict(_LIMITS))

    def used(self, account: Account) -> dict[str, int]:
        """Return the count in each window."""
        return {name: self._spend(account, name, 0) for name in WINDOWS}

    def use(self, account: Account, used: dict[str, int]) -> None:
        """Set the counts of the current windows."""
        for name, count in used.items():
            self._budgets.set(account.exchange, _subject(account), WINDOWS[name][0], count)

    def add(self, account: Account, orders: int) -> None:
        """Count new orders. A negative number gives them back."""
        for name in WINDOWS:
            self._spend(account, name, orders)

    def exceeded(self, account: Account, orders: int) -> Exceeded | None:
        """Return the window without room for this many new orders, None when every window has room."""
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

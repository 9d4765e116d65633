"""The limits of new orders at the paper Binance: their figures in responses, and the refusal once they are used up."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance import forms
from adapters.paper.binance.parameters import Error
from adapters.paper.counts import Exceeded
from adapters.paper.exchange import Paper
from adapters.paper.faults import TOO_MANY
from adapters.paper.orders import Account

NAME = "binance"


class TooManyOrders(Error):
    """The error for a full window. `retry_after` is in seconds."""

    def __init__(self, exceeded: Exceeded) -> None:
        super().__init__(
            -1015, f"Too many new orders; current limit is {exceeded.limit} orders per {exceeded.window}.", 429
        )
        self.retry_after = exceeded.seconds


class Count(int):
    """A count of new orders that carries its limit."""

    limit: int = 0

    @classmethod
    def of(cls, count: int, limit: int) -> Count:
        """Return a count with this limit."""
        made = cls(count)
        made.limit = limit
        return made


class OrderLimits:
    """The order counts and limits of every account in Binance's format."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._counts = paper.counts

    def exceeded(self, account: Account, orders: int) -> TooManyOrders | None:
        """Return the refusal of this many new orders, None when there is room for them."""
        full = self._counts.exceeded(account, orders)
        return None if full is None else TooManyOrders(full)

    def fault_for(self, symbol: str, types: frozenset[str]) -> TooManyOrders | None:
        """Return the refusal that the fault script demands now for this market and these order types, if any."""
        fault = self._paper.faults.standing(TOO_MANY, NAME, symbol, types)
        if fault is None:
            return None
        left = -(-(fault.until - self._paper.now()) // 1000)
        return TooManyOrders(Exceeded(self._counts.limits(NAME)["10S"], "10 SECOND", max(left, 1)))

    def shown(self, account: Account) -> tuple[int, int]:
        """Return the counts of the ten seconds and of the day, as responses show them."""
        limits, used = self._counts.limits(NAME), self._counts.used(account)
        ten, day = (Count.of(used[name], limits[name]) for name in ("10S", "1D"))
        return ten, day

    def told(self) -> list[dict[str, Any]]:
        """Return the rate limits of exchangeInfo."""
        limits = self._counts.limits(NAME)
        orders = iter((limits["10S"], limits["1D"]))
        return [
            {**limit, "limit": next(orders)} if limit["rateLimitType"] == "ORDERS" else limit
            for limit in forms.RATE_LIMITS
        ]

"""The records of the paper exchange: accounts, orders, order lists and trades."""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from adapters.paper.faults import Deaf
from adapters.paper.orders import Account, PaperList, PaperOrder, PaperTrade
from adapters.paper.pairs import Pair

Heard = Callable[[str, PaperOrder, PaperTrade | None], None]
"""A listener, called with the event, its order and, for a trade, the trade.

The event is new, triggered, trade, amended, cancelled, expired or expired_in_match.
"""


class Books:
    """Every account, order, list and trade, indexed by its identifiers."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.accounts: dict[tuple[str, str], Account] = {}
        self.orders: dict[int, PaperOrder] = {}
        self._resting: dict[int, PaperOrder] = {}
        self._by_account: dict[Account, list[PaperOrder]] = defaultdict(list)
        self._by_name: dict[tuple[Account, str], list[PaperOrder]] = defaultdict(list)
        self.trades: list[PaperTrade] = []
        self.listeners: list[Heard] = []
        self.lists: dict[int, PaperList] = {}
        self.order_ids = itertools.count(1001)
        self.list_ids = itertools.count(701)
        self.trade_ids = itertools.count(50001)
        self.opened: Callable[[Account], None] = lambda _: None

    def open_account(
        self,
        exchange: str,
        balances: dict[str, Decimal],
        key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        *,
        may_withdraw: bool = False,
        unified: bool = False,
        fees_in: str = "",
    ) -> Account:
        """Open an account with these balances and return it. An existing key returns its account unchanged."""
        key = key or secrets.token_urlsafe(48)
        if (known := self.accounts.get((exchange, key))) is not None:
            return known
        account = Account(
            exchange, key, secret or secrets.token_urlsafe(48), passphrase, len(self.accounts) + 1, dict(balances),
            may_withdraw=may_withdraw, unified=unified, fees_in=fees_in,
        )  # fmt: skip
        self.accounts[exchange, key] = account
        self.opened(account)
        return account

    def enter(self, order: PaperOrder) -> None:
        """Add an order to the books, indexed by its account and by both of its ids."""
        self.orders[order.id] = order
        self._by_account[order.account].append(order)
        self._by_name[order.account, order.client_order_id].append(order)
        if order.rests:
            self._resting[order.id] = order

    def of(self, account: Account, pair: Pair | None = None) -> list[PaperOrder]:
        """Return all orders of an account, or those in one market, oldest first."""
        return [o for o in self._by_account[account] if pair in {None, o.pair}]

    def resting(self, account: Account, pair: Pair | None = None) -> list[PaperOrder]:
        """Return the orders of an account that rest on the order book, oldest first."""
        return [o for o in self._resting.values() if o.account is account and pair in {None, o.pair}]

    def find(
        self, account: Account, pair: Pair, order_id: int | None = None, client_order_id: str | None = None
    ) -> PaperOrder | None:
        """Return the order with either id, or None. Return the latest when several share a client id."""
        if order_id is None:
            candidates = self._by_name[account, client_order_id or ""]
        else:
            candidates = [self.orders[order_id]] if order_id in self.orders else []
        found = [
            o
            for o in candidates
            if (o.account, o.pair) == (account, pair)
            and client_order_id in {None, o.client_order_id}
            and o.hidden_until <= self.clock()
        ]
        return found[-1] if found else None

    def _say(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        for listener in self.listeners:
            with suppress(Deaf):
                listener(what, order, trade)

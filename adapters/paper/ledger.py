"""The books of the paper exchange: accounts, locks, orders and trades, and the matching against the last price.

There is one price at a time: what crosses it trades at it, what rests trades at its own limit when it is reached.
"""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from adapters.paper.prices import PAIRS, Pair, Prices
from domain.amounts import ZERO

FEE_RATE = Decimal("0.001")
_CENT_OF_CENTS = Decimal("0.00000001")


class Refused(Exception):
    """The exchange says no. `reason` is the paper exchange's own word, which each native API translates."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.detail = detail


@dataclass(eq=False)
class Account:
    """One account at one exchange."""

    exchange: str
    key: str
    secret: str
    passphrase: str | None
    number: int
    free: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, amount: Decimal) -> None:
        self.free[currency] = self.free.get(currency, ZERO) + amount

    def lock(self, currency: str, amount: Decimal) -> None:
        if self.free.get(currency, ZERO) < amount:
            raise Refused("insufficient_funds", currency)
        self.free[currency] -= amount
        self.locked[currency] = self.locked.get(currency, ZERO) + amount

    def unlock(self, currency: str, amount: Decimal) -> None:
        self.locked[currency] -= amount
        self.add(currency, amount)


@dataclass(eq=False)
class PaperTrade:
    """One execution."""

    id: int
    order: PaperOrder
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: int
    maker: bool


@dataclass(eq=False)
class PaperOrder:
    """One order. `status` is new, partly, filled, cancelled or expired."""

    id: int
    account: Account
    pair: Pair
    client_order_id: str
    side: str
    type: str
    quantity: Decimal
    quote_quantity: Decimal
    price: Decimal | None
    time_in_force: str
    at: int
    status: str = "new"
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    locked: Decimal = ZERO
    updated: int = 0
    reason: str = ""
    hidden_until: int = 0
    trades: list[PaperTrade] = field(default_factory=list)

    @property
    def rests(self) -> bool:
        """Whether it stands on the book."""
        return self.status in {"new", "partly"}

    @property
    def spends(self) -> str:
        """The currency that it gives away."""
        return self.pair.quote if self.side == "buy" else self.pair.base


Heard = Callable[[str, PaperOrder, PaperTrade | None], None]
"""What happened (new, trade, cancelled, expired), to which order, with which trade."""


class Ledger:
    """All accounts of the paper exchange and everything that happens to their orders."""

    def __init__(self, prices: Prices, clock: Callable[[], int]) -> None:
        self.prices = prices
        self.clock = clock
        self.accounts: dict[tuple[str, str], Account] = {}
        self.orders: dict[int, PaperOrder] = {}
        self._resting: dict[int, PaperOrder] = {}
        self._by_account: dict[Account, list[PaperOrder]] = defaultdict(list)
        self._by_name: dict[tuple[Account, str], list[PaperOrder]] = defaultdict(list)
        self.trades: list[PaperTrade] = []
        self.listeners: list[Heard] = []
        self.order_ids = itertools.count(1001)
        self.trade_ids = itertools.count(50001)
        self.opened: Callable[[Account], None] = lambda _: None
        prices.listeners.append(self._price_moved)

    def open_account(
        self,
        exchange: str,
        balances: dict[str, Decimal],
        key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
    ) -> Account:
        """A new account with these balances; a key that exists already keeps what it has."""
        key = key or secrets.token_urlsafe(48)
        if (known := self.accounts.get((exchange, key))) is not None:
            return known
        account = Account(
            exchange, key, secret or secrets.token_urlsafe(48), passphrase, len(self.accounts) + 1, dict(balances)
        )
        self.accounts[exchange, key] = account
        self.opened(account)
        return account

    def enter(self, order: PaperOrder) -> None:
        """Write an order into the books, where it can be found by its account and by both of its ids."""
        self.orders[order.id] = order
        self._by_account[order.account].append(order)
        self._by_name[order.account, order.client_order_id].append(order)
        if order.rests:
            self._resting[order.id] = order

    def of(self, account: Account, pair: Pair | None = None) -> list[PaperOrder]:
        """All orders of an account, oldest first."""
        return [o for o in self._by_account[account] if pair in {None, o.pair}]

    def resting(self, account: Account, pair: Pair | None = None) -> list[PaperOrder]:
        """Those of an account that stand on the book, oldest first."""
        return [o for o in self._resting.values() if o.account is account and pair in {None, o.pair}]

    def find(
        self, account: Account, pair: Pair, order_id: int | None = None, client_order_id: str | None = None
    ) -> PaperOrder | None:
        """One order by either id; of several with one client id the latest."""
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

    def place(
        self,
        account: Account,
        pair: Pair,
        *,
        client_order_id: str,
        side: str,
        type: str,  # noqa: A002 - the field's word
        quantity: Decimal = ZERO,
        quote_quantity: Decimal = ZERO,
        price: Decimal | None = None,
        time_in_force: str = "GTC",
        partly: bool = False,
    ) -> PaperOrder:
        """Take an order and match it. `partly` lets only half of it find a counterpart. Raises `Refused`."""
        if any(o.rests for o in self._by_name[account, client_order_id]):
            raise Refused("duplicate")
        last = self.prices.last[pair.symbol]
        if type == "market" and not quantity:
            quantity = (quote_quantity / last / pair.step).to_integral_value(ROUND_DOWN) * pair.step
        self._check(pair, quantity, price, last)
        crosses = price is None or (price >= last if side == "buy" else price <= last)
        if time_in_force == "PO" and crosses:
            raise Refused("would_take")
        order = PaperOrder(
            next(self.order_ids), account, pair, client_order_id, side, type, quantity, quote_quantity, price,
            time_in_force, self.clock(),
        )  # fmt: skip
        order.locked = quantity if side == "sell" else (quantity * (price if price is not None else last))
        account.lock(order.spends, order.locked)
        self.enter(order)
        order.updated = order.at
        self._say("new", order, None)
        if crosses:
            if time_in_force == "FOK" and partly:
                self._end(order, "expired", "UNFILLED_FOK_ORDER_EXPIRED")
                return order
            half = (quantity / 2 / pair.step).to_integral_value(ROUND_DOWN) * pair.step
            self._trade(order, half if partly and half else quantity, last, maker=False)
        if order.rests and type == "market":
            self._end(order, "expired", "INSUFFICIENT_LIQUIDITY")
        elif order.rests and time_in_force in {"IOC", "FOK"}:
            self._end(order, "expired", f"UNFILLED_{time_in_force}_QUANTITY_EXPIRED")
        return order

    def _check(self, pair: Pair, quantity: Decimal, price: Decimal | None, last: Decimal) -> None:
        if price is not None and (price <= 0 or price % pair.tick):
            raise Refused("filter", "PRICE_FILTER")
        if quantity <= 0 or quantity % pair.step or quantity > pair.maximum_quantity:
            raise Refused("filter", "LOT_SIZE")
        notional = quantity * (price if price is not None else last)
        if not pair.minimum_notional <= notional <= pair.maximum_notional:
            raise Refused("filter", "NOTIONAL")

    def cancel(self, order: PaperOrder) -> None:
        """Take an order off the book. Raises `Refused` when it rests no more."""
        if not order.rests:
            raise Refused("unknown_order")
        self._end(order, "cancelled", "")

    def _price_moved(self, symbol: str, price: Decimal) -> None:
        for order in [o for o in self._resting.values() if o.pair.symbol == symbol and o.price is not None]:
            assert order.price is not None
            if price <= order.price if order.side == "buy" else price >= order.price:
                self._trade(order, order.quantity - order.filled, order.price, maker=True)

    def _trade(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
        account, pair, cost = order.account, order.pair, quantity * price
        buys = order.side == "buy"
        received, got = (quantity, pair.base) if buys else (cost, pair.quote)
        fee = (received * FEE_RATE).quantize(_CENT_OF_CENTS, rounding=ROUND_DOWN)
        paid = cost if buys else quantity
        account.locked[order.spends] -= paid
        order.locked -= paid
        account.add(got, received - fee)
        order.filled += quantity
        order.cost += cost
        order.updated = self.clock()
        order.status = "filled" if order.filled == order.quantity else "partly"
        trade = PaperTrade(next(self.trade_ids), order, quantity, price, fee, got, self.clock(), maker)
        order.trades.append(trade)
        self.trades.append(trade)
        if order.status == "filled":
            self._release(order)
        self._say("trade", order, trade)

    def _end(self, order: PaperOrder, status: str, reason: str) -> None:
        order.status, order.reason, order.updated = status, reason, self.clock()
        self._release(order)
        self._say(status, order, None)

    def _release(self, order: PaperOrder) -> None:
        self._resting.pop(order.id, None)
        if order.locked:
            order.account.unlock(order.spends, order.locked)
            order.locked = ZERO

    def _say(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        for listener in self.listeners:
            listener(what, order, trade)


def pair_of_native(native: str) -> Pair | None:
    """`BTCUSDT` as Binance and Bitget write it."""
    return next((pair for pair in PAIRS.values() if pair.base + pair.quote == native), None)

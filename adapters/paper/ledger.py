"""The ledger of the paper exchange: locks, matching against the last price, triggers, lists.

There is one price at a time: what crosses it trades at it, what rests trades at its own limit when it is reached, and
a stop trades at the price that triggered it, however far the market jumped.
"""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

from adapters.paper.orders import Account, PaperList, PaperOrder, PaperTrade, Refused
from adapters.paper.prices import PAIRS, Pair, Prices
from domain.amounts import ZERO

FEE_RATE = Decimal("0.001")
_CENT_OF_CENTS = Decimal("0.00000001")

Heard = Callable[[str, PaperOrder, PaperTrade | None], None]
"""What happened (new, triggered, trade, amended, cancelled, expired), to which order, with which trade."""


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
        self.lists: dict[int, PaperList] = {}
        self.order_ids = itertools.count(1001)
        self.list_ids = itertools.count(701)
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
        *,
        may_withdraw: bool = False,
    ) -> Account:
        """A new account with these balances; a key that exists already keeps what it has."""
        key = key or secrets.token_urlsafe(48)
        if (known := self.accounts.get((exchange, key))) is not None:
            return known
        account = Account(
            exchange, key, secret or secrets.token_urlsafe(48), passphrase, len(self.accounts) + 1, dict(balances),
            may_withdraw=may_withdraw,
        )  # fmt: skip
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

    # --- placing -----------------------------------------------------------------------------------------------

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
        stop_price: Decimal | None = None,
        trailing: int | None = None,
        partly: bool = False,
    ) -> PaperOrder:
        """Take an order and match it. `partly` lets only half of it find a counterpart. Raises `Refused`."""
        last = self.prices.last[pair.symbol]
        if type == "market" and not quantity:
            quantity = (quote_quantity / last / pair.step).to_integral_value(ROUND_DOWN) * pair.step
        order = PaperOrder(
            next(self.order_ids), account, pair, client_order_id, side, type, quantity, quote_quantity, price,
            time_in_force, self.clock(), stop_price=stop_price, trailing=trailing,
            triggered=type in {"market", "limit"},
        )  # fmt: skip
        self._check(order, last)
        order.locked = quantity if side == "sell" else quantity * (price or order.trigger or last)
        account.lock(order.spends, order.locked)
        self._enter_new(order)
        if order.triggered:
            self._match(order, last, partly=partly)
        return order

    def place_list(
        self,
        account: Account,
        pair: Pair,
        *,
        client_id: str,
        side: str,
        quantity: Decimal,
        legs: Sequence[Mapping[str, Any]],
    ) -> PaperList:
        """Take two orders of which one cancels the other: a trigger on one side, a limit or trigger on the other.

        Each leg gives type, client_order_id, price, stop_price, trailing and time_in_force. Raises `Refused`.
        """
        last = self.prices.last[pair.symbol]
        orders = [
            PaperOrder(
                next(self.order_ids), account, pair, leg["client_order_id"], side, leg["type"], quantity, ZERO,
                leg.get("price"), leg.get("time_in_force", "GTC"), self.clock(), stop_price=leg.get("stop_price"),
                trailing=leg.get("trailing"), triggered=leg["type"] == "limit",
            )
            for leg in legs
        ]  # fmt: skip
        if len({order.client_order_id for order in orders}) < len(orders):
            raise Refused("duplicate")
        for order in orders:
            self._check(order, last, in_list=True)
            if order.triggered and self._crosses(order, last):
                raise Refused("list_prices")
        made = PaperList(next(self.list_ids), client_id, orders, self.clock())
        costs = [quantity if side == "sell" else quantity * (o.price or o.trigger or last) for o in orders]
        orders[0].locked = max(costs)
        account.lock(orders[0].spends, orders[0].locked)
        self.lists[made.id] = made
        for order in orders:
            order.list_id = made.id
            self._enter_new(order)
        return made

    def _enter_new(self, order: PaperOrder) -> None:
        self.enter(order)
        order.updated = order.at
        self._say("new", order, None)

    def _crosses(self, order: PaperOrder, last: Decimal) -> bool:
        return order.price is None or (order.price >= last if order.side == "buy" else order.price <= last)

    def _match(self, order: PaperOrder, last: Decimal, *, partly: bool = False) -> None:
        """Trade what crosses; end what may not rest."""
        if self._crosses(order, last):
            if order.time_in_force == "FOK" and partly:
                return self._end(order, "expired", "UNFILLED_FOK_ORDER_EXPIRED")
            half = (order.quantity / 2 / order.pair.step).to_integral_value(ROUND_DOWN) * order.pair.step
            self._trade(order, half if partly and half else order.quantity - order.filled, last, maker=False)
        if order.rests and order.price is None:
            self._end(order, "expired", "INSUFFICIENT_LIQUIDITY")
        elif order.rests and order.time_in_force in {"IOC", "FOK"}:
            self._end(order, "expired", f"UNFILLED_{order.time_in_force}_QUANTITY_EXPIRED")
        return None

    def _check(self, order: PaperOrder, last: Decimal, *, in_list: bool = False) -> None:
        pair, price, quantity = order.pair, order.price, order.quantity
        if any(o.rests for o in self._by_name[order.account, order.client_order_id]):
            raise Refused("duplicate")
        for asked in (price, order.stop_price):
            if asked is not None and (asked <= 0 or asked % pair.tick):
                raise Refused("filter", "PRICE_FILTER")
        if quantity <= 0 or quantity % pair.step or quantity > pair.maximum_quantity:
            raise Refused("filter", "LOT_SIZE")
        if not pair.minimum_notional <= quantity * (price or order.stop_price or last) <= pair.maximum_notional:
            raise Refused("filter", "NOTIONAL")
        if order.time_in_force == "PO" and not in_list and self._crosses(order, last):
            raise Refused("would_take")
        if not order.triggered and order.reached(last) and order.trailing is None:
            raise Refused("list_prices" if in_list else "would_trigger")

    # --- changing ----------------------------------------------------------------------------------------------

    def cancel(self, order: PaperOrder) -> None:
        """Take an order off the book, with its whole list. Raises `Refused` when it rests no more."""
        if not order.rests:
            raise Refused("unknown_order")
        others = self.lists[order.list_id].others(order) if order.list_id is not None else []
        for ended in (order, *others):
            self._end(ended, "cancelled", "")

    def amend(self, order: PaperOrder, quantity: Decimal, client_order_id: str) -> None:
        """Make a resting order smaller without losing its place. Raises `Refused`."""
        if not order.rests:
            raise Refused("unknown_order")
        if not order.filled < quantity < order.quantity or quantity % order.pair.step:
            raise Refused("amend")
        if order.locked:
            freed = order.locked * (order.quantity - quantity) / (order.quantity - order.filled)
            order.locked -= freed
            order.account.unlock(order.spends, freed)
        self._by_name[order.account, order.client_order_id].remove(order)
        self._by_name[order.account, client_order_id].append(order)
        order.quantity, order.client_order_id, order.updated = quantity, client_order_id, self.clock()
        self._say("amended", order, None)

    # --- what the market does ----------------------------------------------------------------------------------

    def _price_moved(self, symbol: str, price: Decimal) -> None:
        for order in [o for o in self._resting.values() if o.pair.symbol == symbol]:
            if not order.rests:
                continue  # another leg of its list was faster
            if not order.triggered and order.reached(price):
                self._trigger(order, price)
            elif order.triggered and self._crosses(order, price):
                assert order.price is not None
                self._trade(order, order.quantity - order.filled, order.price, maker=True)

    def _trigger(self, order: PaperOrder, price: Decimal) -> None:
        order.triggered, order.updated = True, self.clock()
        self._win(order)
        self._say("triggered", order, None)
        missing = (order.quantity * price if order.side == "buy" and order.price is None else ZERO) - order.locked
        try:
            # A buy that jumped above its trigger costs more than was set aside for it.
            order.account.lock(order.spends, max(missing, ZERO))
        except Refused:
            self._end(order, "expired", "INSUFFICIENT_BALANCE")
        else:
            order.locked += max(missing, ZERO)
            self._match(order, price)

    def _win(self, order: PaperOrder) -> None:
        """Of a list this leg is carried out: the coins are its own now, and the others expire."""
        if order.list_id is None:
            return
        for other in self.lists[order.list_id].others(order):
            order.locked += other.locked
            other.locked = ZERO
            self._end(other, "expired", "OCO_TRIGGER")

    def _trade(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
        self._win(order)
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

"""The matching engine of the paper exchange: it trades, triggers and ends orders.

An order that crosses trades at once. A resting order trades at its own limit when the price reaches it. A stop becomes
an order at the price that triggered it, however far the market jumped. An infinitely deep market fills every order
completely at the last price; one with a book fills what its levels hold.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from adapters.paper.book import Book, reaches
from adapters.paper.books import Books
from adapters.paper.fees import fee_of
from adapters.paper.markets import Markets
from adapters.paper.orders import PaperOrder, PaperTrade, Refused
from adapters.paper.pairs import Pair
from adapters.paper.prices import Prices
from domain.amounts import ZERO


class Matching(Books):
    """The books, and the effect of the market on the orders in them."""

    def __init__(self, prices: Prices, clock: Callable[[], int], markets: Markets, book: Book) -> None:
        super().__init__(clock)
        self.prices = prices
        self.markets = markets
        self.book = book
        prices.listeners.append(self._price_moved)
        markets.delisted.append(self._delisted)

    def _crosses(self, order: PaperOrder) -> bool:
        best = self.book.best(order.pair, order.side)
        return best is not None and reaches(order.side, order.price, best)

    def _cost(self, order: PaperOrder) -> Decimal:
        """Return what the rest of a market order would pay now, in quote, for all the quantity that it finds."""
        left = order.quantity - order.filled
        return sum((price * taken for price, taken in self.book.fills(order.pair, order.side, left)), ZERO)

    def _match(self, order: PaperOrder, *, partly: bool = False) -> None:
        """Trade what crosses, and end an order whose remainder may not rest."""
        wanted = order.quantity - order.filled
        if partly:
            step = self.markets.rules(order.account.exchange, order.pair).step or order.pair.step
            wanted = (wanted / 2 / step).to_integral_value(ROUND_DOWN) * step or wanted
        fills = self.book.fills(order.pair, order.side, wanted, order.price)
        if order.time_in_force == "FOK" and sum(taken for _, taken in fills) < order.quantity:
            self._end(order, "expired", "UNFILLED_FOK_ORDER_EXPIRED")
            return
        for price, taken in fills:
            self.execute(order, taken, price, maker=False)
        if order.rests and order.price is None:
            self._end(order, "expired", "INSUFFICIENT_LIQUIDITY")
        elif order.rests and order.time_in_force == "IOC":
            self._end(order, "expired", "UNFILLED_IOC_QUANTITY_EXPIRED")

    def _price_moved(self, symbol: str, price: Decimal) -> None:
        for order in [o for o in self._resting.values() if o.pair.symbol == symbol]:
            if not order.rests:
                continue  # another leg of its list has ended it
            if not order.triggered and order.reached(price):
                self._trigger(order)
            elif order.triggered and reaches(order.side, order.price, price):
                assert order.price is not None
                shape, left = self.book.depth(order.pair), order.quantity - order.filled
                taken = left if shape is None else min(left, shape.quantity)
                self.execute(order, taken, order.price, maker=True)

    def _delisted(self, exchange: str, pair: Pair) -> None:
        for order in [o for o in self._resting.values() if (o.account.exchange, o.pair) == (exchange, pair)]:
            self._end(order, "expired", "EXCHANGE_CANCELED")

    def _trigger(self, order: PaperOrder) -> None:
        order.triggered, order.updated = True, self.clock()
        self._win(order)
        self._say("triggered", order, None)
        missing = (self._cost(order) if order.side == "buy" and order.price is None else ZERO) - order.locked
        try:
            # A buy costs more than was locked for it when the price jumped above its trigger.
            order.account.lock(order.spends, max(missing, ZERO))
        except Refused:
            self._end(order, "expired", "INSUFFICIENT_BALANCE")
        else:
            order.locked += max(missing, ZERO)
            self._match(order)

    def _win(self, order: PaperOrder) -> None:
        """Let this leg of a list win: it takes over the locked coins, and the other legs expire."""
        if order.list_id is None:
            return
        for other in self.lists[order.list_id].others(order):
            order.locked += other.locked
            other.locked = ZERO
            self._end(other, "expired", "OCO_TRIGGER")

    def execute(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
        self._win(order)
        account, pair, cost = order.account, order.pair, quantity * price
        buys = order.side == "buy"
        received, got = (quantity, pair.base) if buys else (cost, pair.quote)
        paid = cost if buys else quantity
        account.locked[order.spends] -= paid
        order.locked -= paid
        account.add(got, received)
        fee, fee_currency = fee_of(account, received, got, self.prices)
        account.add(fee_currency, -fee)
        order.filled += quantity
        order.cost += cost
        order.updated = self.clock()
        order.status = "filled" if order.filled == order.quantity else "partly"
        trade = PaperTrade(next(self.trade_ids), order, quantity, price, fee, fee_currency, self.clock(), maker)
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

"""The ledger of the paper exchange: the operations of accounts, and their refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.paper import filters
from adapters.paper.fees import RATE
from adapters.paper.matching import Matching
from adapters.paper.orders import Account, PaperList, PaperOrder, Refused
from adapters.paper.pairs import PAIRS, Pair
from adapters.paper.rules import CANCELS_IN, Rules
from domain.amounts import ZERO

FEE_RATE = RATE
_NUMBERLESS = 0


class Ledger(Matching):
    """All accounts of the paper exchange and every operation on their orders."""

    # --- placing -----------------------------------------------------------------------------------------------

    def place(
        self,
        account: Account,
        pair: Pair,
        *,
        partly: bool = False,
        fate: str = "",
        accepts_takers: bool = False,
        **wanted: Any,
    ) -> PaperOrder:
        """Accept an order and match it; `wanted` holds the arguments of `_order`. Raises `Refused`.

        An order that may only rest is refused when it would trade. With `accepts_takers` it is accepted, and cancelled
        at once. `partly` matches only half of the quantity. `fate` is a fault that strikes the order: `partial_fill`,
        `insufficient` (the coins have not arrived yet), `expire` or `expire_in_match`.
        """
        order = self._order(account, pair, next(self.order_ids), **wanted)
        self._check_rules([order])
        self._check(order)
        takes = order.time_in_force == "PO" and self._crosses(order)
        if takes and not accepts_takers:
            raise Refused("would_take")
        if order.type == "market":
            cost = self._cost(order)
        else:
            cost = order.quantity * (order.price or order.trigger or self.prices.last[pair.symbol])
        order.locked = order.quantity if order.side == "sell" else cost
        if fate == "insufficient":
            raise Refused("insufficient_funds", order.spends)
        account.lock(order.spends, order.locked)
        self._enter_new(order)
        if takes:
            self._end(order, "cancelled", "WOULD_TAKE")
        elif fate == "expire":
            self._end(order, "expired", "INSUFFICIENT_LIQUIDITY")
        elif fate == "expire_in_match":
            self._end(order, "expired_in_match", "")
        elif order.triggered:
            self._match(order, partly=partly or fate == "partial_fill")
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
        fate: str = "",
    ) -> PaperList:
        """Accept two orders that cancel each other (OCO): a trigger on one side, a limit or trigger on the other.

        Each leg gives type, client_order_id, price, stop_price, trailing and time_in_force. Raises `Refused`.
        """
        if not self.markets.rules(account.exchange, pair).oco_allowed:
            raise Refused("lists_not_allowed")
        orders = [self._order(account, pair, next(self.order_ids), side=side, quantity=quantity, **leg) for leg in legs]
        if len({order.client_order_id for order in orders}) < len(orders):
            raise Refused("duplicate")
        self._check_rules(orders)
        for order in orders:
            self._check(order, in_list=True)
            if order.triggered and self._crosses(order):
                raise Refused("list_prices")
        made = PaperList(next(self.list_ids), client_id, orders, self.clock())
        last = self.prices.last[pair.symbol]
        costs = [quantity if side == "sell" else quantity * (o.price or o.trigger or last) for o in orders]
        if fate == "insufficient":
            raise Refused("insufficient_funds", orders[0].spends)
        orders[0].locked = max(costs)
        account.lock(orders[0].spends, orders[0].locked)
        self.lists[made.id] = made
        for order in orders:
            order.list_id = made.id
            self._enter_new(order)
        return made

    def weigh(self, account: Account, pair: Pair, **wanted: Any) -> None:
        """Check an order against the filters alone, before anything is attempted. Raises `Refused`."""
        self._check_rules([self._order(account, pair, _NUMBERLESS, **wanted)])

    def _order(
        self,
        account: Account,
        pair: Pair,
        number: int,
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
        shown: Decimal | None = None,
    ) -> PaperOrder:
        if type == "market" and not quantity:
            step = self.markets.rules(account.exchange, pair).step
            quantity = self.book.affordable(pair, side, quote_quantity, step)
        return PaperOrder(
            number, account, pair, client_order_id, side, type, quantity, quote_quantity, price, time_in_force,
            self.clock(), stop_price=stop_price, trailing=trailing, triggered=type in {"market", "limit"},
            shown=shown,
        )  # fmt: skip

    def _enter_new(self, order: PaperOrder) -> None:
        self.enter(order)
        order.updated = order.at
        self._say("new", order, None)

    def _rules(self, order: PaperOrder) -> Rules:
        return self.markets.rules(order.account.exchange, order.pair)

    def _check_rules(self, orders: list[PaperOrder]) -> None:
        first = orders[0]
        for order in orders:
            filters.check(order, self._rules(order), self.prices.last[order.pair.symbol])
        filters.check_room(orders, self.resting(first.account, first.pair), self._rules(first))

    def _check(self, order: PaperOrder, *, in_list: bool = False) -> None:
        """Refuse what the matching engine refuses. This comes after the filters. Raises `Refused`."""
        rules = self._rules(order)
        if rules.status != "TRADING":
            raise Refused("market_closed")
        if order.word not in rules.order_types:
            raise Refused("type_not_allowed", order.word.replace("_", " ").capitalize())
        if any(o.rests for o in self._by_name[order.account, order.client_order_id]):
            raise Refused("duplicate")
        if not order.triggered and order.reached(self.prices.last[order.pair.symbol]) and order.trailing is None:
            raise Refused("list_prices" if in_list else "would_trigger")

    # --- changing ----------------------------------------------------------------------------------------------

    def cancel(self, order: PaperOrder) -> None:
        """Cancel an order and its whole list. Raises `Refused` when it no longer rests or the market forbids it."""
        if not order.rests:
            raise Refused("unknown_order")
        if self._rules(order).status not in CANCELS_IN:
            raise Refused("cancel_closed")
        others = self.lists[order.list_id].others(order) if order.list_id is not None else []
        for ended in (order, *others):
            self._end(ended, "cancelled", "")

    def amend(self, order: PaperOrder, quantity: Decimal, client_order_id: str) -> None:
        """Reduce a resting order without losing its place in the queue. Raises `Refused`."""
        if not order.rests:
            raise Refused("unknown_order")
        step = self._rules(order).step
        if not order.filled < quantity < order.quantity or (step and quantity % step):
            raise Refused("amend")
        if order.locked:
            freed = order.locked * (order.quantity - quantity) / (order.quantity - order.filled)
            order.locked -= freed
            order.account.unlock(order.spends, freed)
        self._by_name[order.account, order.client_order_id].remove(order)
        self._by_name[order.account, client_order_id].append(order)
        order.quantity, order.client_order_id, order.updated = quantity, client_order_id, self.clock()
        self._say("amended", order, None)


def pair_of_native(native: str) -> Pair | None:
    """Return the pair of a symbol such as `BTCUSDT`, as Binance and Bitget write it, or None."""
    return next((pair for pair in PAIRS.values() if pair.base + pair.quote == native), None)

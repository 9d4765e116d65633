"""Changes: cancelling one broker's resting orders, and reducing them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from application.orders.account import name_of
from application.orders.lookups import LookUps
from application.orders.orders import Orders
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import OrderRequest
from domain.aggregate import Personal
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_state import Amendment
from domain.orders.order_status import LIVE, Status


class Changes:
    """The changes of one broker's orders. Each is requested once; an order left in doubt by it is looked up."""

    def __init__(self, orders: Orders, look_ups: LookUps) -> None:
        self._account, self._orders = orders.account, orders
        self._look_ups = look_ups

    async def _say(self, order_id: UUID, verb: Callable[[Order], None]) -> None:
        await self._orders.say(order_id, verb)

    async def cancel(self, order_id: UUID) -> None:
        """Cancel an order that rests, or refuse one that has not been sent."""
        order = await self._orders.load(order_id)
        if order.status is Status.PLACED:
            reason, detail = "cancelled_before_sending", "cancelled before it was sent"
            await self._say(order_id, lambda o: o.refuse(reason, detail))
            return
        if order.status not in LIVE or not order.cancel_requested:
            return
        market = self._account.markets.get(order.wish.symbol)
        if market is None:
            self._look_ups.begin(order_id)
            return
        try:
            report = await self._account.exchange.cancel(self._account.credentials, market, name_of(order))
        except RefusedByExchange as refused:
            code, raw = refused.code, refused.raw
            await self._say(order_id, lambda o: o.reject_cancel(code, raw))
        except (NoAnswer, NotAccepted, OrderNotFound):
            self._look_ups.begin(order_id)
        else:
            await self._orders.take(order_id, report)

    async def amend(self, order_id: UUID) -> None:
        """Reduce the quantity of a resting order.

        A refusal may answer a repeated request, after a first one whose answer was lost. The state of the order at the
        exchange decides.
        """
        account, order = self._account, await self._orders.load(order_id)
        asked, market = order.amendment, account.markets.get(order.wish.symbol)
        if asked is None or market is None:
            return
        self._orders.know(order)
        if (reason := self._reason_not_to_amend(order, asked)) is not None:
            await self._say(order_id, lambda o: o.reject_amend(reason, Personal(reason)))
            return
        request = OrderRequest(
            asked.client_order_id, market, order.wish.side, order.wish.type, asked.quantity, price=order.price,
            time_in_force=order.wish.time_in_force, stop_price=order.stop_price,
        )  # fmt: skip
        try:
            report = await account.exchange.amend(account.credentials, name_of(order), request)
        except RefusedByExchange as refused:
            await self._amendment_refused(order, market, refused)
        except ExchangeError:
            self._look_ups.begin(order_id)
        else:
            await self._orders.take(order_id, report)

    async def _amendment_refused(self, order: Order, market: Market, refused: RefusedByExchange) -> None:
        try:
            order, _ = await self._orders.take(order.id, await self._account.ask(order, market))
        except ExchangeError:
            self._look_ups.begin(order.id)
            return
        if order.amendment is not None:
            await self._say(order.id, lambda o: o.reject_amend(refused.code, refused.raw))

    def _reason_not_to_amend(self, order: Order, asked: Amendment) -> str | None:
        if order.status is not Status.OPEN:
            return f"order_{order.status}"
        if self._account.clock() > asked.valid_until:
            return "stale"
        smaller = asked.quantity is not None and order.quantity is not None and asked.quantity < order.quantity
        if asked.price is not None or not smaller or not self._account.exchange.capabilities.amend_quantity:
            return "amend_not_possible"
        return None

"""Freeing: taking a position's legs off the book, before another order is sent or in the same call.

A list goes as a whole: the exchange handles it as one thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from application.orders.account import NO_PLACE, name_of
from application.orders.lookups import LookUps
from application.orders.orders import Orders
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import Only, OrderReport, OrderRequest, Replacement
from application.protection.resting import groups_of
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Wish

NO_COINS = "insufficient_funds"
COINS_PROTECTED = "coins_protected"
"""The reason for rejecting an order that was sent to be weighed while its coins were locked under others."""


def is_weighed(error: ExchangeError) -> bool:
    """Return whether an order was refused only for its coins, or for a place beside the orders that lock them."""
    return isinstance(error, RefusedByExchange) and error.code in {NO_COINS, NO_PLACE}


class Freeing:
    """The part of `Legs` that takes resting orders off the book."""

    def __init__(self, orders: Orders, look_ups: LookUps) -> None:
        self._account, self._orders = orders.account, orders
        self._look_ups = look_ups

    async def swap(self, legs: Sequence[Order], request: OrderRequest) -> Replacement:
        """Take one order or list off and send another order, in a single call. Raises as `ExchangeClient.replace`."""
        account, leg = self._account, next((one for one in legs if one.filled), legs[0])
        only = Only.PARTLY_FILLED if leg.filled else Only.UNFILLED
        return await account.exchange.replace(account.credentials, request.market, name_of(leg), request, only=only)

    async def free(self, legs: Sequence[Order]) -> list[Order]:
        """Take the legs off the book and record the exchange's reports. Return the legs in their new state.

        A leg that the exchange did not cancel is still live in what is returned.
        """
        for leg, *_ in groups_of(legs):
            self._account.movements.note(leg.wish.symbol)
            await self._take_off(leg)
        return [await self._orders.load(leg.id) for leg in legs]

    async def _take_off(self, leg: Order) -> None:
        account, market = self._account, self._account.markets[leg.wish.symbol]
        try:
            if leg.wish.list_id is None:
                reports = [await account.exchange.cancel(account.credentials, market, name_of(leg))]
            else:
                reports = [*await account.exchange.cancel_list(account.credentials, market, leg.wish.list_id)]
        except ExchangeError as error:
            # The leg may have just been executed, or the answer was lost. Ask the exchange; never assume.
            self._look_ups.begin(leg.id)
            try:
                reports = [await account.ask(leg, market)]
            except OrderNotFound:
                if leg.status is Status.OPEN:
                    raise
                reports = []  # in doubt, and unknown to the exchange so far
            if isinstance(error, OrderNotFound) and leg.wish.list_id and any(r.state is Status.OPEN for r in reports):
                # One leg has begun to execute: the exchange considers the list done, yet that leg still rests.
                reports = [await account.exchange.cancel(account.credentials, market, name_of(leg))]
        for report in reports:
            await self._orders.hear(report)

    async def amend(self, market: Market, wish: Wish, leg: Order) -> bool:
        """Change one leg to `wish` where it waits, after recording the request.

        Returns False while it is in doubt whether that was done; it is looked up. Raises `RefusedByExchange` or
        `NotAccepted` when it was not.
        """
        account, name = self._account, name_of(leg)
        valid_until = account.valid_until(account.clock())
        quantity = None if wish.quantity == leg.quantity else wish.quantity
        price = None if wish.price == leg.price else wish.price
        await self._orders.say(
            leg.id, lambda o: o.request_amend(o.client_order_id, quantity, price, valid_until, wish.stop_price)
        )
        request = OrderRequest(
            leg.client_order_id, market, wish.side, wish.type, quantity=wish.quantity, price=wish.price,
            stop_price=wish.stop_price,
        )  # fmt: skip
        try:
            report = await account.exchange.amend(account.credentials, name, request)
        except (RefusedByExchange, NotAccepted, OrderNotFound) as error:
            code, raw = error.code, error.raw
            await self._orders.say(leg.id, lambda o: o.reject_amend(code, raw))
            if not isinstance(error, OrderNotFound):
                raise
            await self.ask_again([leg], market)
            return False
        except NoAnswer:
            self._look_ups.begin(leg.id)
            return False
        await self._orders.hear(report)
        return True

    async def taken_off(self, legs: Sequence[Order], reports: Sequence[OrderReport]) -> None:
        """Record the reports of a call that took these legs off. Look up every leg that they do not mention."""
        told = set()
        for report in reports:
            order = await self._orders.hear(report)
            told.add(None if order is None else order.id)
        for leg in legs:
            if leg.id not in told:
                self._look_ups.begin(leg.id)

    async def ask_again(self, legs: Sequence[Order], market: Market) -> None:
        """Query legs that are no longer as recorded, and record the answers. Raises as `ExchangeClient.query`."""
        for leg in legs:
            await self._orders.hear(await self._account.ask(leg, market))

"""Freeing: taking what protects a position off the book, before something else is sent or in the very call that does.

A list goes as a whole: it is one thing on the exchange, and so is an order of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from application.orders.account import NO_PLACE, Account, name_of
from application.orders.lookups import LookUps
from application.ports.exchange import (
    ExchangeError,
    Only,
    OrderNotFound,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
    Replacement,
)
from application.protection.resting import groups_of
from domain.market import Market
from domain.order import Order, Status

NO_COINS = "insufficient_funds"
COINS_PROTECTED = "coins_protected"
"""Why an order was not taken that was sent while its coins rested under others, to have it weighed."""


def is_weighed(error: ExchangeError) -> bool:
    """Return whether this answers an order that misses nothing but its coins, or a place beside what holds them."""
    return isinstance(error, RefusedByExchange) and error.code in {NO_COINS, NO_PLACE}


class Freeing:
    """Takes orders that rest for positions of one broker off the book."""

    def __init__(self, account: Account, look_ups: LookUps) -> None:
        self._account = account
        self._look_ups = look_ups

    async def swap(self, legs: Sequence[Order], request: OrderRequest) -> Replacement:
        """Take one order or one list off and send another order, in one call. Raises as `ExchangeClient.replace`."""
        account, leg = self._account, next((one for one in legs if one.filled), legs[0])
        only = Only.PARTLY_FILLED if leg.filled else Only.UNFILLED
        return await account.exchange.replace(account.credentials, request.market, name_of(leg), request, only=only)

    async def free(self, legs: Sequence[Order]) -> list[Order]:
        """Take the legs off the book and see it confirmed; return them as they stand then."""
        for leg, *_ in groups_of(legs):
            self._account.movements.note(leg.wish.symbol)
            await self._take_off(leg)
        return [await self._account.recording.load(leg.id) for leg in legs]

    async def _take_off(self, leg: Order) -> None:
        account, market = self._account, self._account.markets[leg.wish.symbol]
        try:
            if leg.wish.list_id is None:
                reports = [await account.exchange.cancel(account.credentials, market, name_of(leg))]
            else:
                reports = [*await account.exchange.cancel_list(account.credentials, market, leg.wish.list_id)]
        except ExchangeError as error:
            # It may have been carried out this very moment, or the answer is lost: it is asked for, never assumed.
            self._look_ups.begin(leg.id)
            try:
                reports = [await account.ask(leg, market)]
            except OrderNotFound:
                if leg.status is Status.OPEN:
                    raise
                reports = []  # in doubt, and not there as far as anybody can see
            if isinstance(error, OrderNotFound) and leg.wish.list_id and any(r.state is Status.OPEN for r in reports):
                # For the exchange the list is done, because one leg has begun to be executed, which rests all the same.
                reports = [await account.exchange.cancel(account.credentials, market, name_of(leg))]
        for report in reports:
            await account.hear(report)

    async def taken_off(self, legs: Sequence[Order], reports: Sequence[OrderReport]) -> None:
        """Record that one call took these legs off; one of which its answer does not speak is asked for."""
        told = set()
        for report in reports:
            order = await self._account.hear(report)
            told.add(None if order is None else order.id)
        for leg in legs:
            if leg.id not in told:
                self._look_ups.begin(leg.id)

    async def ask_again(self, legs: Sequence[Order], market: Market) -> None:
        """Learn what has become of legs that are no longer as we knew them. Raises as `ExchangeClient.query`."""
        for leg in legs:
            await self._account.hear(await self._account.ask(leg, market))

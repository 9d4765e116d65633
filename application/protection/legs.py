"""Legs: placing, replacing and taking off the orders that protect the positions of one broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from itertools import chain
from typing import TypeVar
from uuid import UUID, uuid4

from application.orders.lookups import LookUps
from application.orders.orders import Orders
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import ListRequest, OrderReport, OrderRequest, Replacement
from application.ports.stores import Store
from application.protection.freeing import COINS_PROTECTED, Freeing, is_weighed
from application.protection.target import STOPS, is_spent
from domain.aggregate import carrying
from domain.market import Market
from domain.orders.execution import key_of
from domain.orders.names import leg_name, list_name
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Source, Type, Wish
from domain.refusals import Conflict
from domain.trading.position import Position

T = TypeVar("T")


class Legs(Freeing):
    """The legs of one broker's positions that this process knows."""

    def __init__(self, orders: Orders, look_ups: LookUps) -> None:
        super().__init__(orders, look_ups)
        self._known: dict[UUID, set[UUID]] = {}
        self._ended: dict[UUID, list[Order]] = {}

    def adopt(self, order: Order) -> None:
        """Remember a leg whose intent was recorded by this process or an earlier one."""
        if _is_leg(order) and order.cause is not None:
            self._known.setdefault(order.cause, set()).add(order.id)

    async def of(self, position_id: UUID, counted: Container[str] = (), rested: Collection[UUID] = ()) -> list[Order]:
        """Return the legs of the running trade, ended or not, the stops first.

        Leave out ended legs whose executions are all in `counted`, the ones that the position knows. `rested` names the
        legs that the position knows: one may have ended before this process began, and not be counted yet.
        """
        # Live orders include those that a correction has reopened.
        live = {o.id for o in self._orders.live.values() if _is_leg(o) and o.cause == position_id}
        ids = self._known.get(position_id, set()) | live | {*rested}
        legs = [await self._orders.load(order_id) for order_id in ids]
        resting = {leg.wish.list_id for leg in legs if leg.status not in ENDED} - {None}
        # An ended leg that is counted no longer matters, unless the other leg of its list still rests.
        gone = {
            leg.id
            for leg in legs
            if leg.status in ENDED and leg.wish.list_id not in resting
            and all(key_of(leg.id, trade) in counted for trade in leg.fills)
        }  # fmt: skip
        _keep(self._known, position_id, {leg.id for leg in legs} - gone)
        _keep(self._ended, position_id, [leg for leg in legs if _has_ended_by_exchange(leg, legs)])
        return sorted((leg for leg in legs if leg.id not in gone), key=lambda leg: leg.wish.type not in STOPS)

    def positions_in(self, currency: str) -> set[UUID]:
        """Return the positions in a currency that have legs which have not ended."""
        legs = (order for order in self._orders.live.values() if _is_leg(order))
        return {leg.cause for leg in legs if leg.cause is not None and leg.wish.symbol.startswith(f"{currency}/")}

    def ended_by_exchange(self, position_id: UUID) -> Sequence[Order]:
        """Return the stops that the exchange had ended by itself when the position's legs were last loaded."""
        return self._ended.get(position_id, ())

    async def shown(self, legs: Sequence[Order]) -> list[Order]:
        """Return the legs, without those in doubt that the exchange does not know and can no longer carry out.

        Also leave out unknown legs in doubt that were only sent to be weighed. The coins of either are free or locked
        under other orders, although their absence is proven only later. Raises as `ExchangeClient.query`, except
        `OrderNotFound`.
        """
        found = []
        for leg in legs:
            market = self._account.markets.get(leg.wish.symbol)
            if market is None or not (is_spent(leg, self._account.clock()) or (leg.is_in_doubt and leg.asks_first)):
                found.append(leg)
                continue
            with suppress(OrderNotFound):
                found.append(await self._orders.hear(await self._account.ask(leg, market)) or leg)
        return found

    # --- placing -----------------------------------------------------------------------------------------------

    async def place(
        self, position: Position, market: Market, wishes: Sequence[Wish], *, asks_first: bool = False
    ) -> bool:
        """Record the intent of the legs, then send each once. A list goes in one call.

        Returns True when every call was answered. Legs left in doubt are looked up. Raises `RefusedByExchange` or
        `NotAccepted` for the first call that was not taken; the legs of later calls are not sent and count as rejected.
        With `asks_first`, the coins are locked and the legs are sent to be weighed.
        """
        list_id = list_name(position.user, uuid4())
        named = [replace(wish, list_id=wish.list_id and list_id) for wish in wishes]
        orders = await self._intended(position, named, asks_first=asks_first)
        pair = [order for order in orders if order.wish.list_id is not None]
        batches = [batch for batch in (pair, *([order] for order in orders if order not in pair)) if batch]
        all_rest = True
        for number, batch in enumerate(batches):
            try:
                call = self._call([_request(order, market) for order in batch], list_id)
                all_rest = await self._sent(batch, call) and all_rest
            except (RefusedByExchange, NotAccepted) as error:
                for order in chain.from_iterable(batches[number + 1 :]):
                    await self._rejected(order, error)  # certainly not sent
                raise
        return all_rest

    async def replace(self, position: Position, market: Market, wish: Wish, legs: Sequence[Order]) -> bool:
        """Replace what rests with one order in a single call, so that the coins always have one or the other.

        `legs` are one order or one list. Returns False when the exchange no longer has them as recorded; they have then
        been queried. Without an answer the orders are in doubt and looked up: True. Raises `RefusedByExchange` or
        `NotAccepted`; the legs then tell whether they still rest.
        """
        [order] = await self._intended(position, [wish], takes_off=[one.id for one in legs])
        self._account.movements.note(position.symbol)
        try:
            done = await self.swap(legs, _request(order, market))
        except (RefusedByExchange, NotAccepted) as error:
            await self._rejected(order, error)
            raise
        except OrderNotFound as error:
            await self._rejected(order, error)
            await self.ask_again(legs, market)
            return False
        except NoAnswer as error:
            await self._doubt([order], error)
            for one in legs:
                self._look_ups.begin(one.id)
            return True
        await self._replaced(order, legs, done)
        return True

    async def _replaced(self, order: Order, legs: Sequence[Order], done: Replacement) -> None:
        """Record both halves, the placed order first, so that no reader sees the position without either.

        Raises the refusal of the new order after recording it.
        """
        if done.placed is not None:
            await self._orders.hear(done.placed)
        await self.taken_off(legs, done.taken_off)
        if done.refused is not None:
            if isinstance(done.refused, RefusedByExchange | NotAccepted):
                await self._rejected(order, done.refused)
                raise done.refused
            await self._doubt([order], done.refused)

    async def _intended(
        self, position: Position, wishes: Sequence[Wish], takes_off: Sequence[UUID] = (), *, asks_first: bool = False
    ) -> list[Order]:
        """Record the intent of the orders in one commit. Nothing has been sent, whatever it raises."""
        orders = [self.order(position, wish) for wish in wishes]
        account = self._account
        now = account.clock()
        with said_of(position):
            for order in orders:
                order.submit(
                    self._orders.sender, now=now, valid_until=account.valid_until(now), quantity=order.wish.quantity,
                    cost=None, price=order.wish.price, takes_off=takes_off, asks_first=asks_first,
                )  # fmt: skip
                self._orders.know(order)
        try:
            await self._orders.intend(*orders)
        except Exception:
            for order in orders:
                self._look_ups.begin(order.id)  # nothing was sent, but the intent may have been recorded
            raise
        for order in orders:
            self.adopt(order)
        return orders

    async def _call(self, requests: Sequence[OrderRequest], list_id: str) -> Sequence[OrderReport]:
        account = self._account
        if len(requests) > 1:
            return await account.exchange.place_list(account.credentials, ListRequest(list_id, *requests))
        return [await account.exchange.place(account.credentials, requests[0])]

    async def _sent(self, orders: Sequence[Order], call: Awaitable[Sequence[OrderReport]]) -> bool:
        """Record the answer to a call. Return False when there was none and the orders are in doubt.

        Raises `RefusedByExchange` or `NotAccepted` after recording it.
        """
        try:
            reports = await call
        except (RefusedByExchange, NotAccepted) as error:
            for order in orders:
                await self._rejected(order, error, COINS_PROTECTED if order.asks_first and is_weighed(error) else None)
            raise
        except (NoAnswer, OrderNotFound) as error:
            await self._doubt(orders, error)
            return False
        for report in reports:
            await self._orders.hear(report)
        return True

    async def _rejected(self, order: Order, error: ExchangeError, reason: str | None = None) -> None:
        code, raw = reason or error.code, error.raw
        await self._orders.say(order.id, lambda o: o.reject(code, raw))

    async def _doubt(self, orders: Sequence[Order], error: ExchangeError) -> None:
        for order in orders:
            await self._orders.doubted(order, error)
            self._look_ups.begin(order.id)

    def order(self, position: Position, wish: Wish) -> Order:
        """Return a new order that protects a position, placed but not yet saved."""
        order_id, source = uuid4(), Source(position.owner)
        with said_of(position):
            return Order.place(
                order_id=order_id,
                user=position.user,
                broker=position.broker,
                wish=wish,
                source=source,
                requester=PROTECTION,
                client_order_id=leg_name(position.user, order_id),
                cause=position.id,
            )


def _has_ended_by_exchange(leg: Order, legs: Sequence[Order]) -> bool:
    """Return whether a leg is a stop that expired without a cancellation.

    Return False when it or the other leg of its list has sold anything.
    """
    if leg.wish.type not in STOPS or leg.status is not Status.EXPIRED or leg.filled:
        return False
    return not any(one.filled for one in legs if leg.wish.list_id and one.wish.list_id == leg.wish.list_id)


def _keep(kept: dict[UUID, T], key: UUID, value: T) -> None:
    """Keep a value under its key, or drop the key when the value is empty."""
    if value:
        kept[key] = value
    else:
        kept.pop(key, None)


def _is_leg(order: Order) -> bool:
    """Return whether an order rests for a position. The sale after a passed price trades at once and is no leg."""
    immediate = order.wish.type is Type.MARKET or order.wish.time_in_force == "IOC"
    return order.requester == PROTECTION and not immediate


def _request(order: Order, market: Market) -> OrderRequest:
    wish = order.wish
    return OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity=wish.quantity, price=wish.price,
        time_in_force=wish.time_in_force, stop_price=wish.stop_price,
    )  # fmt: skip


def said_of(position: Position) -> AbstractContextManager[None]:
    """Return the context that adds the metadata to whatever is recorded on a position and its legs."""
    correlation, cause = str(position.request or position.id), str(position.id)
    return carrying(user=str(position.user), source="gateway", correlation_id=correlation, causation_id=cause)


async def say(store: Store, seen: Position, verb: Callable[[Position], None]) -> None:
    """Apply `verb` to the position and save it. Retry on fresh state when another process saved first.

    Do nothing when the request or the wanted protection has changed since the position was `seen`: the finding answers
    the old request, and the new one gets its own look anyway.
    """
    while True:
        position = await asyncio.to_thread(store.get, Position, seen.id)
        if (position.request, position.wanted) != (seen.request, seen.wanted):
            return
        with said_of(position):
            verb(position)
            try:
                await asyncio.to_thread(store.save, position)
            except Conflict:
                continue
        return

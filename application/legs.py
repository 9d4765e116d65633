"""Legs: the orders that protect the positions of one broker. Placing them, taking them off, finding them again."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Container, Sequence
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from application.desk import Desk, name_of
from application.exchange import (
    ExchangeError,
    ListRequest,
    NoAnswer,
    NotAccepted,
    OrderNotFound,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
)
from application.lookups import LookUps
from application.protection import STOPS, Target, alone, as_rested, wishes_of
from domain.aggregate import carrying
from domain.market import Market
from domain.order import ENDED, PROTECTION, Order, Status
from domain.position import Position, key_of
from domain.wish import Source, Type, Wish


class Legs:
    """What this process knows of the orders that rest for positions."""

    def __init__(self, desk: Desk, look_ups: LookUps) -> None:
        self._desk = desk
        self._look_ups = look_ups
        self._known: dict[UUID, set[UUID]] = {}
        self._refused: dict[UUID, Target] = {}
        """The last target of each position whose stop was taken and whose take-profit was not."""

    def adopt(self, order: Order) -> None:
        """A leg whose intent is recorded, by this process or by one before it."""
        if _is_leg(order) and order.cause is not None:
            self._known.setdefault(order.cause, set()).add(order.id)

    async def of(self, position_id: UUID, counted: Container[str] = (), rested: Collection[UUID] = ()) -> list[Order]:
        """The legs of the running trade, ended or not, the stops first. `counted` are executions its position knows.

        `rested` are those of which it knows: one may have ended before this process began, and not be counted yet.
        """
        live = {o.id for o in self._desk.recording.live.values() if _is_leg(o) and o.cause == position_id}
        ids = self._known.get(position_id, set()) | live | {*rested}  # an end that was corrected is none
        legs = [await self._desk.recording.load(order_id) for order_id in ids]
        resting = {leg.wish.list_id for leg in legs if leg.status not in ENDED}
        # What ended and is counted has nothing more to say, unless the other leg of its list has.
        gone = {
            leg.id
            for leg in legs
            if leg.status in ENDED and leg.wish.list_id not in resting
            and all(key_of(leg.id, trade) in counted for trade in leg.fills)
        }  # fmt: skip
        self._known[position_id] = {leg.id for leg in legs} - gone
        return sorted((leg for leg in legs if leg.id not in gone), key=lambda leg: leg.wish.type not in STOPS)

    def possible(self, position_id: UUID, target: Target) -> Target:
        """What of a target can rest here: the stop alone where the exchange or its last answer allows no more."""
        target = as_rested(target, self._desk.exchange.capabilities)
        return alone(target) if self._refused.get(position_id) == target else target

    # --- taking off --------------------------------------------------------------------------------------------

    async def free(self, legs: Sequence[Order]) -> list[Order]:
        """Take the legs off the book and see it confirmed; answers them as they stand then."""
        groups: dict[str | UUID, Order] = {}
        for leg in legs:
            groups.setdefault(leg.wish.list_id or leg.id, leg)  # a list goes as a whole with its first leg
        for leg in groups.values():
            await self._take_off(leg)
        return [await self._desk.recording.load(leg.id) for leg in legs]

    async def _take_off(self, leg: Order) -> None:
        desk, market = self._desk, self._desk.markets[leg.wish.symbol]
        try:
            if leg.wish.list_id is None:
                reports = [await desk.exchange.cancel(desk.credentials, market, name_of(leg))]
            else:
                reports = [*await desk.exchange.cancel_list(desk.credentials, market, leg.wish.list_id)]
        except ExchangeError as error:
            # It may have been carried out this very moment, or the answer is lost: it is asked for, never assumed.
            self._look_ups.begin(leg.id)
            try:
                reports = [await desk.ask(leg, market)]
            except OrderNotFound:
                if leg.status is Status.OPEN:
                    raise
                reports = []  # in doubt, and not there as far as anybody can see
            if isinstance(error, OrderNotFound) and leg.wish.list_id and any(r.state is Status.OPEN for r in reports):
                # For the exchange the list is done, because one leg has begun to be executed, which rests all the same.
                reports = [await desk.exchange.cancel(desk.credentials, market, name_of(leg))]
        for report in reports:
            await desk.hear(report)

    # --- placing -----------------------------------------------------------------------------------------------

    async def place(self, position: Position, market: Market, target: Target) -> bool:
        """Record the legs as about to be sent, then send them, once; answers whether they rest or may rest."""
        list_id = f"ARISTO_{position.user}_OCO_{uuid4().hex[:12]}"
        wishes = wishes_of(target, position.symbol, self._desk.exchange.capabilities, list_id)
        orders = [self.order(position, wish) for wish in wishes]
        now = self._desk.clock()
        with said_of(position):
            for order in orders:
                order.submit(
                    self._desk.sender, now=now, valid_until=self._desk.valid_until(now),
                    quantity=order.wish.quantity, cost=None, price=order.wish.price,
                )  # fmt: skip
                self._desk.know(order)
        try:
            await self._desk.recording.intend(*orders)
        except Exception:
            for order in orders:
                self._look_ups.begin(order.id)  # nothing was sent, but the intent may have been recorded
            raise
        for order in orders:
            self.adopt(order)
        requests = [_request(order, market) for order in orders]
        desk = self._desk
        if all(order.wish.list_id is not None for order in orders):
            call = desk.exchange.place_list(desk.credentials, ListRequest(list_id, *requests))
            return await self._sent(orders, call)
        stop, *others = [await self._sent([o], self._one(r)) for o, r in zip(orders, requests, strict=True)]
        if stop and not all(others):
            self._refused[position.id] = target
        return stop

    async def _one(self, request: OrderRequest) -> list[OrderReport]:
        return [await self._desk.exchange.place(self._desk.credentials, request)]

    async def _sent(self, orders: Sequence[Order], call: Awaitable[Sequence[OrderReport]]) -> bool:
        try:
            reports = await call
        except (RefusedByExchange, NotAccepted) as error:
            code, raw = error.code or "refused_by_exchange", error.raw
            for order in orders:
                await self._desk.recording.say(order.id, lambda o: o.reject(code, raw))
            return False
        except (NoAnswer, OrderNotFound) as error:
            for order in orders:
                await self._desk.doubted(order, str(error))
                self._look_ups.begin(order.id)
            return True
        for report in reports:
            await self._desk.hear(report)
        return True

    def order(self, position: Position, wish: Wish) -> Order:
        """An order that protects a position, placed and not yet saved."""
        order_id, source = uuid4(), Source(position.owner)
        with said_of(position):
            return Order.place(
                order_id=order_id,
                user=position.user,
                broker=position.broker,
                wish=wish,
                source=source,
                requester=PROTECTION,
                client_order_id=f"ARISTO_{position.user}_P_{order_id.hex[:16]}",
                cause=position.id,
            )


def _is_leg(order: Order) -> bool:
    """Whether it rests for a position: what sells at once because a price was passed does not."""
    return order.requester == PROTECTION and order.wish.type is not Type.MARKET


def _request(order: Order, market: Market) -> OrderRequest:
    wish = order.wish
    return OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity=wish.quantity, price=wish.price,
        time_in_force=wish.time_in_force, stop_price=wish.stop_price,
    )  # fmt: skip


def said_of(position: Position) -> AbstractContextManager[None]:
    """The metadata of whatever is said to a position and its legs."""
    correlation, cause = str(position.request or position.id), str(position.id)
    return carrying(user=str(position.user), source="gateway", correlation_id=correlation, causation_id=cause)

"""The guard: drives the resting orders of one broker's positions to what their protection wants, the stop first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Protocol
from uuid import UUID, uuid4

from application.desk import Desk
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
from application.positions import PROTECTION, RECENT_ENTRIES, position_id_of
from application.protection import (
    STOPS,
    Standing,
    Target,
    alone,
    as_rested,
    protection_of,
    rests,
    standing_of,
    target_of,
    target_with,
    wishes_of,
)
from domain.aggregate import carrying
from domain.market import Market
from domain.order import ENDED, Order, Status
from domain.position import Position, key_of
from domain.refusals import Conflict, Impossible
from domain.wish import Side, Source, Type, Wish

COUNTED_WITHIN = 0.02
AT_MOST_EVERY = 1.0
"""Seconds between two changes of one position's protection."""


class Later(Protocol):
    """How the guard puts something into the lane's queue."""

    def __call__(self, what: str, subject: UUID, seconds: float = ...) -> None:
        """`guard` a position or `send` an order, after some seconds."""


class Guard:
    """Everything that protects positions at one broker. It works inside the broker's lane, never beside it."""

    def __init__(self, desk: Desk, look_ups: LookUps, later: Later) -> None:
        self._desk = desk
        self._look_ups = look_ups
        self._later = later
        self._legs: dict[UUID, set[UUID]] = {}
        self._changed_at: dict[UUID, float] = {}
        self._refused: dict[UUID, Target] = {}
        """The last target of each position whose stop was taken and whose take-profit was not."""

    def adopt(self, order: Order) -> None:
        """A leg that another process placed, found unfinished at the start."""
        if order.requester == PROTECTION and order.cause is not None:
            self._legs.setdefault(order.cause, set()).add(order.id)

    # --- driving -----------------------------------------------------------------------------------------------

    async def drive(self, position_id: UUID) -> None:
        """Bring what rests to what is wanted, at most once a second."""
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None:
            return None  # a sale of coins that no position knows
        legs = await self._legs_of(position_id)
        exits = [await self._desk.recording.load(order_id) for order_id in position.exits]
        wait = await self._unsettled(position, legs, exits)
        if wait is not None:
            return self._later("guard", position_id, wait)
        resting = [leg for leg in legs if leg.status not in ENDED]
        market = self._desk.markets.get(position.symbol)
        target = None if market is None else target_of(position, market, exits, self._desk.broker.stop_style)
        if market is None or target is None:
            return await self._unprotected(position, market, resting)
        target = as_rested(target, self._desk.exchange.capabilities)
        if self._refused.get(position_id) == target:
            target = alone(target)  # its take-profit was refused: the stop rests, and rests undisturbed
        if rests(target, resting, self._desk.exchange.capabilities):
            return await self._say(position_id, lambda p: p.rest([leg.id for leg in resting], target.quantity))
        wait = self._changed_at.get(position_id, 0.0) + AT_MOST_EVERY - asyncio.get_running_loop().time()
        if wait > 0:
            return self._later("guard", position_id, wait)
        return await self._change(position, market, target, resting)

    async def _unsettled(self, position: Position, legs: Sequence[Order], exits: Sequence[Order]) -> float | None:
        """How many seconds to wait for facts that are on their way, None when all are there."""
        if not _counted(position, [*legs, *exits]):
            return COUNTED_WITHIN  # the engine has not counted all fills yet
        if any(leg.status in {Status.SUBMITTED, Status.UNKNOWN} for leg in legs):
            return AT_MOST_EVERY  # in doubt, and being looked up: until then coins may be locked
        widowed = [leg for leg in legs if leg.status is Status.OPEN and _is_about_to_end(leg, legs)]
        for leg in widowed:
            # Of a list one leg ends the other: what has become of it is on its way, and asked for meanwhile.
            market = self._desk.markets[leg.wish.symbol]
            await self._desk.hear(await self._desk.exchange.query(self._desk.credentials, market, leg.client_order_id))
        return COUNTED_WITHIN if widowed else None

    async def _unprotected(self, position: Position, market: Market | None, resting: Sequence[Order]) -> None:
        """Nothing can rest: nothing is wanted any more, or what is left is dust or stands in an exit."""
        await self._free(resting)
        covered = position.covered if market is None else market.round_quantity(position.covered)
        if position.is_open and position.wanted is not None and covered:
            await self._say(position.id, lambda p: p.lose_protection("not_protectable"))

    async def _change(self, position: Position, market: Market, target: Target, legs: Sequence[Order]) -> None:
        last = (await self._desk.exchange.tickers([market]))[market.symbol].last
        standing = standing_of(target, last)
        if standing is not Standing.BETWEEN:
            return await self._passed(position, target, legs, standing)
        self._changed_at[position.id] = asyncio.get_running_loop().time()
        freed = await self._free(legs)
        if not _all_ended(freed) or any(leg.filled for leg in freed):
            return self._later("guard", position.id)  # what it is now is looked at anew
        if await self._place(position, market, target):
            return self._later("guard", position.id, 0.0)  # which says that it rests, or waits for a doubt
        kept = protection_of(legs)
        if kept is not None:
            # What rested goes back: less than what was asked for, but never nothing.
            style = self._desk.broker.stop_style
            await self._place(position, market, target_with(target.quantity, kept, market, style))
            await self._say(position.id, lambda p: p.refuse_protection("protection_refused", kept))
        else:
            await self._say(position.id, lambda p: p.lose_protection("protection_refused"))
        return self._later("guard", position.id)

    async def _passed(self, position: Position, target: Target, legs: Sequence[Order], standing: Standing) -> None:
        """The market has passed a wanted price: a move is refused, what should have been sold by now is sold."""
        kept = protection_of(legs)
        if kept is not None and position.request == position.answered:
            return self._later("guard", position.id, AT_MOST_EVERY)  # it rests, and is about to be carried out
        if kept is not None:
            await self._say(position.id, lambda p: p.refuse_protection(f"market_{standing}", kept))
            return self._later("guard", position.id, 0.0)
        wish = Wish(position.symbol, Side.SELL, Type.MARKET, quantity=target.quantity)
        order = self._order(position, wish)
        position.leave(order.id)
        with self._carrying(position):
            await asyncio.to_thread(self._desk.store.save, position, order)
        self._desk.log.warning("protection_passed", position=str(position.id), standing=standing)
        return self._later("send", order.id, 0.0)

    # --- exits -------------------------------------------------------------------------------------------------

    async def free_for(self, order: Order) -> Decimal | None:
        """Free the coins that a sell is to reduce; answers what its position holds, None without a position.

        Raises `NoAnswer` while it cannot be told whether they are free, `Impossible` when the webhooks have sold what
        they had bought: an alert that comes after a stop must not sell a trader's other coins.
        """
        if order.wish.side is not Side.SELL:
            return None
        position_id = position_id_of(order)
        legs = await self._legs_of(position_id)
        if not _all_ended(await self._free([leg for leg in legs if leg.status not in ENDED])):
            raise NoAnswer("the protection of these coins is not off the book yet", code="coins_protected")
        position = await asyncio.to_thread(self._desk.store.find, Position, position_id)
        if position is None or not position.is_open:
            await self._check_foreign(position, order)
            return None
        self._later("guard", position_id)  # whatever becomes of the sale, what is left is protected again
        return position.held

    async def _check_foreign(self, position: Position | None, order: Order) -> None:
        """Nothing is held: coins that no webhook ever bought may be sold by one, others are the trader's own."""
        if order.source is not Source.WEBHOOK or position is None or not position.executions:
            return
        entries = [await self._desk.recording.load(entry) for entry in [*position.entries][-RECENT_ENTRIES:]]
        if not _counted(position, entries):
            raise NoAnswer("a buy is not counted yet", code="not_counted")
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")

    async def _free(self, legs: Sequence[Order]) -> list[Order]:
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
                reports = [await desk.exchange.cancel(desk.credentials, market, leg.client_order_id)]
            else:
                reports = [*await desk.exchange.cancel_list(desk.credentials, market, leg.wish.list_id)]
        except ExchangeError:
            # It may have been carried out this very moment, or the answer is lost: it is asked for, never assumed.
            self._look_ups.begin(leg.id)
            reports = [await desk.exchange.query(desk.credentials, market, leg.client_order_id)]
        for report in reports:
            await desk.hear(report)

    # --- placing -----------------------------------------------------------------------------------------------

    async def _place(self, position: Position, market: Market, target: Target) -> bool:
        """Record the legs as about to be sent, then send them, once; answers whether they rest or may rest."""
        list_id = f"ARISTO_{position.user}_OCO_{uuid4().hex[:12]}"
        wishes = wishes_of(target, position.symbol, self._desk.exchange.capabilities, list_id)
        orders = [self._order(position, wish) for wish in wishes]
        now = self._desk.clock()
        with self._carrying(position):
            for order in orders:
                order.submit(
                    self._desk.sender, now=now, valid_until=self._desk.valid_until(now),
                    quantity=order.wish.quantity, cost=None, price=order.wish.price,
                )  # fmt: skip
                self._desk.know(order)
                self.adopt(order)
        await self._desk.recording.intend(*orders)
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

    def _order(self, position: Position, wish: Wish) -> Order:
        order_id, source = uuid4(), Source(position.owner)
        with self._carrying(position):
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

    # --- the log -----------------------------------------------------------------------------------------------

    async def _legs_of(self, position_id: UUID) -> list[Order]:
        """The legs of the running trade, ended or not, the stops first."""
        legs = [await self._desk.recording.load(order_id) for order_id in self._legs.get(position_id, ())]
        resting = {leg.wish.list_id for leg in legs if leg.status not in ENDED}
        # What ended without a fill has nothing more to say, unless the other leg of its list has.
        gone = {leg.id for leg in legs if leg.status in ENDED and not leg.fills and leg.wish.list_id not in resting}
        self._legs[position_id] = {leg.id for leg in legs} - gone
        return sorted((leg for leg in legs if leg.id not in gone), key=lambda leg: leg.wish.type not in STOPS)

    async def _say(self, position_id: UUID, verb: Callable[[Position], None]) -> None:
        """Say something to the position, again on fresh state when the engine was faster."""
        while True:
            position = await asyncio.to_thread(self._desk.store.get, Position, position_id)
            with self._carrying(position):
                verb(position)
                try:
                    await asyncio.to_thread(self._desk.store.save, position)
                except Conflict:
                    continue
            return

    def _carrying(self, position: Position) -> AbstractContextManager[None]:
        correlation, cause = str(position.request or position.id), str(position.id)
        return carrying(user=str(position.user), source="gateway", correlation_id=correlation, causation_id=cause)


def _request(order: Order, market: Market) -> OrderRequest:
    wish = order.wish
    return OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity=wish.quantity, price=wish.price,
        time_in_force=wish.time_in_force, stop_price=wish.stop_price,
    )  # fmt: skip


def _is_about_to_end(leg: Order, legs: Sequence[Order]) -> bool:
    """Whether the other leg of its list has ended, which ends this one: unless it is a triggered stop at a limit.

    Such a stop has taken the place of both and waits on the book for its price.
    """
    others = [o for o in legs if o.id != leg.id and leg.wish.list_id is not None and o.wish.list_id == leg.wish.list_id]
    waits = leg.wish.type is Type.STOP_LOSS_LIMIT and not any(other.filled for other in others)
    return not waits and any(other.status in ENDED for other in others)


def _all_ended(orders: Sequence[Order]) -> bool:
    return all(order.status in ENDED for order in orders)


def _counted(position: Position, orders: Sequence[Order]) -> bool:
    """Whether the position knows of every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)

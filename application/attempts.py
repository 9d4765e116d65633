"""Attempts: one order sent once for each recorded intent, and what its answer means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from application.desk import NO_PLACE, Desk, name_of
from application.exchange import (
    ExchangeError,
    NotAccepted,
    Only,
    OrderNotFound,
    OrderRequest,
    RefusedByExchange,
    Replacement,
)
from application.legs import Legs, is_one_thing
from application.lookups import LookUps
from application.positions import INSISTED
from application.recording import as_gateway, request_id
from application.turns import SINGLE, Rank
from domain.aggregate import Aggregate, Personal
from domain.order import ENDED, Order, Status
from domain.wish import Side

SHORT_PAUSE, PAUSE = 0.1, 1.0
"""Seconds before a wish is tried again that the exchange has certainly not taken."""


class Attempts:
    """Records what is about to be sent, sends it, and records what the exchange said.

    What was certainly not taken, for a reason that will pass, waits for another attempt until it is stale. Silence is
    looked up.
    """

    def __init__(self, desk: Desk, look_ups: LookUps, legs: Legs) -> None:
        self._desk = desk
        self._look_ups = look_ups
        self._legs = legs
        self._lags: Counter[UUID] = Counter()
        """How often the exchange said of each order that coins are missing which had just moved."""
        self._no_place: set[UUID] = set()
        """The sales that found no place beside what protects their coins: that is taken off before them."""

    async def send(
        self, order: Order, request: OrderRequest, legs: Sequence[Order], besides: Sequence[Aggregate]
    ) -> float | None:
        """Send one order, and take off what protects the coins that it sells, in one call where that is possible.

        `besides` is recorded in the commit of the intent. Returns how many seconds to wait before another attempt,
        None when there is none.
        """
        in_one_call = bool(legs) and self._replaces(request, legs) and order.id not in self._no_place
        if legs and not in_one_call:
            try:
                wait = await self._freed(order, legs)
            except ExchangeError as error:
                self._desk.log.warning("not_freed", request_id=request_id(order), error=str(error))
                wait = PAUSE
            if wait is not None:
                return wait
            self._no_place.discard(order.id)
        if not await self._intent_recorded(order, request, legs if in_one_call else [], besides):
            return PAUSE
        desk = self._desk
        if order.wish.side is Side.SELL:
            desk.movements.note(order.wish.symbol)
        try:
            if in_one_call:
                await self._replaced(order, legs, await self._replace(request, legs))
            else:
                report = await desk.exchange.place(desk.credentials, request)
                desk.log.info("order_answered", request_id=request_id(order), native=report.native_status)
                await desk.recording.take(order.id, report)
        except ExchangeError as error:
            return await self._not_taken(order, legs if in_one_call else [], error)
        return None

    def _replaces(self, request: OrderRequest, legs: Sequence[Order]) -> bool:
        able = self._desk.exchange.capabilities.replace and request.market.replaces
        return able and is_one_thing(legs)

    async def _replace(self, request: OrderRequest, legs: Sequence[Order]) -> Replacement:
        desk, leg = self._desk, next((one for one in legs if one.filled), legs[0])
        only = Only.PARTLY_FILLED if leg.filled else Only.UNFILLED
        return await desk.exchange.replace(desk.credentials, request.market, name_of(leg), request, only=only)

    async def _replaced(self, order: Order, legs: Sequence[Order], done: Replacement) -> None:
        """Record both halves. Raises why the sale was refused although its coins were freed."""
        if done.placed is not None:
            await self._desk.recording.take(order.id, done.placed)
        await self._legs.taken_off(legs, done.taken_off)
        if done.refused is not None:
            raise done.refused

    async def _freed(self, order: Order, legs: Sequence[Order]) -> float | None:
        """Take the legs off before the sale, as late as possible; return how long to wait when that cannot be done yet.

        Nothing is taken off while no order can be placed. A leg that was carried out instead has sold these coins:
        what is left is asked anew. An insisted exit goes out whatever rests.
        """
        await self._desk.exchange.count_orders(self._desk.credentials)
        if wait := self._desk.turns.wait(Rank.EXIT, SINGLE):
            return min(wait, PAUSE)
        known = {leg.id: leg.filled for leg in legs}
        freed = await self._legs.free(legs)
        if any(leg.filled > known[leg.id] for leg in freed):
            return SHORT_PAUSE
        gone = all(leg.status in ENDED for leg in freed) or order.requester == INSISTED
        return None if gone else SHORT_PAUSE

    async def _intent_recorded(
        self, order: Order, request: OrderRequest, legs: Sequence[Order], besides: Sequence[Aggregate]
    ) -> bool:
        """Whether our own append committed: only then may we send. A lost answer means look up, not send."""
        desk, now = self._desk, self._desk.clock()
        with as_gateway(order):
            order.submit(
                desk.sender, now=now, valid_until=desk.valid_until(now), quantity=request.quantity, cost=request.cost,
                price=request.price, takes_off=[leg.id for leg in legs],
            )  # fmt: skip
        desk.know(order)
        try:
            await desk.recording.intend(order, *besides)
        except Exception as error:
            desk.log.warning("intent_not_recorded", request_id=request_id(order), error=str(error))
            self._look_ups.begin(order.id)
            return False
        return True

    # --- what was not taken --------------------------------------------------------------------------------------

    async def _not_taken(self, order: Order, legs: Sequence[Order], error: ExchangeError) -> float | None:
        if isinstance(error, NotAccepted):
            return await self._deferred(order, error, await self._pause_after(error))
        if isinstance(error, OrderNotFound) and legs:
            # Nothing was changed: what rests under the coins is not as we knew it.
            with suppress(ExchangeError):
                await self._legs.ask_again(legs, self._desk.markets[order.wish.symbol])
            return await self._deferred(order, error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code == NO_PLACE and legs:
            self._no_place.add(order.id)
            return await self._deferred(order, error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code != "client_order_id_taken":
            return await self._refused(order, error)
        # Silence, or an id that is taken, for then an order of ours may rest under it.
        await self._desk.doubted(order, str(error))
        self._look_ups.begin(order.id)
        for leg in legs:
            self._look_ups.begin(leg.id)
        return None

    async def _refused(self, order: Order, refused: RefusedByExchange) -> float | None:
        spends = self._desk.markets[order.wish.symbol].spends(order.wish.side)
        if refused.code == "insufficient_funds":
            pause = self._desk.movements.pause(spends, self._lags[order.id])
            self._lags[order.id] += 1
            if pause is not None:
                return await self._deferred(order, refused, pause)
        self._lags.pop(order.id, None)
        self._no_place.discard(order.id)
        self._desk.doubt_rules(refused.code)
        code, raw = refused.code or "refused_by_exchange", refused.raw
        await self._desk.recording.say(order.id, lambda o: o.reject(code, raw))
        return None

    async def _pause_after(self, error: NotAccepted) -> float:
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self._desk.exchange.server_time()  # measured before anything is signed again
            return SHORT_PAUSE
        room = self._desk.exchange.order_room(self._desk.credentials)
        return max(room.seconds, SHORT_PAUSE) if room.left == 0 else PAUSE

    async def _deferred(self, order: Order, error: ExchangeError, pause: float) -> float | None:
        """It waits for another attempt, unless the stream has told meanwhile that it came through after all."""

        def defer(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.defer(error.code or "not_accepted", Personal(error.raw))

        known = await self._desk.recording.say(order.id, defer)
        if known.status is Status.PLACED:
            return pause
        self._look_ups.begin(order.id)
        return None

"""Attempts: sending an order once for each recorded intent, and acting on the answer.

A sale whose coins are locked by legs cancels them in the call that sells. Where a single call cannot do that, the sale
is sent first to be weighed: an exchange that refuses it only for its coins has accepted everything else. Only then are
the legs taken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from application.lane.sale import Sale
from application.orders.account import NO_PLACE
from application.orders.agenda import Agenda, Task
from application.orders.lookups import LookUps
from application.orders.orders import Orders, as_gateway, request_id
from application.orders.turns import SINGLE, Rank
from application.ports.errors import ExchangeError, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import OrderRequest, Replacement
from application.protection.freeing import COINS_PROTECTED, NO_COINS, is_weighed
from application.protection.legs import Legs, say
from application.protection.resting import go_in_one_call
from application.protection.target import STOPS
from application.protection.trouble import DOUBT_BEFORE_ALARM
from application.trading.positions import INSISTENT
from application.trading.sizing import Sized, left_out
from domain.aggregate import Aggregate, Personal
from domain.amounts import ZERO
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Side

SHORT_PAUSE, PAUSE = 0.1, 1.0
"""Seconds before another attempt of a wish that the exchange certainly did not take."""
MOST_DOUBLINGS = 3
"""The most times that the pause doubles while stops are taken off in vain."""


@dataclass
class _Tried:
    """The attempts to send one order, remembered until it is taken or has ended."""

    lags: int = 0
    """The number of times that the exchange called coins missing that had just moved."""
    no_place: bool = False
    """True when the order found no place beside the legs that lock its coins: they are taken off before it."""
    in_vain: int = 0
    """The number of times that stops were taken off for the order and it was not taken."""
    since: datetime | None = None
    """The first of those times."""
    told: bool = False
    """True once its owner has been told."""


@dataclass(frozen=True)
class _Way:
    """The way a sale gets its coins: the legs `in_call` go in the call that sells, those in `before` go before it."""

    sale: Sale
    in_call: Sequence[Order] = ()
    before: Sequence[Order] = ()
    asks_first: bool = False
    """True when the sale is sent to be weighed while its coins are locked."""
    has_freed: bool = False
    """True when legs were taken off before this attempt."""

    @property
    def taken_off(self) -> Sequence[Order]:
        """The legs that the call itself takes off; none when the sale is only weighed."""
        return () if self.asks_first else self.in_call


class Attempts:
    """The attempts at one broker. Each records its intent, sends the order and records the exchange's answer.

    An order that was certainly not taken, for a reason that will pass, waits for another attempt until it is stale. An
    order without an answer is looked up.
    """

    def __init__(self, orders: Orders, look_ups: LookUps, legs: Legs, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._look_ups = look_ups
        self._legs = legs
        self._agenda = agenda
        self._tried: defaultdict[UUID, _Tried] = defaultdict(_Tried)

    async def send(self, order: Order, sale: Sale, sized: Sized, besides: Sequence[Aggregate]) -> float | None:
        """Send one order and take off the legs that lock its coins, in a single call where that is possible.

        `besides` is saved in the same commit as the intent. Returns the seconds to wait before another attempt, None
        when there will be none.
        """
        request, way = sized.request, self._way_of(order, sale, sized)
        if way.before and not way.asks_first:
            return await self._free_and_send(order, request, way, besides)
        return await self._send(order, request, way, besides)

    def _way_of(self, order: Order, sale: Sale, sized: Sized) -> _Way:
        """Return which legs go, and when.

        A sale is weighed only while the account's free coins do not cover it: otherwise it would be executed.
        """
        if not sale.legs:
            return _Way(sale)
        request = sized.request
        quantity, unlocked = request.quantity or ZERO, sized.unlocked
        waiting = all(leg.wish.type in STOPS for leg in sale.legs)
        if waiting and unlocked >= quantity and not self._account.exchange.capabilities.triggers_lock:
            return _Way(sale)  # the coins are free already: sell first, and the guard takes off what waits for them
        first, *others = sale.going(quantity, unlocked)
        in_call = first if self._goes_in_one_call(order, first, request) else []
        before = [*chain.from_iterable(reversed(others)), *([] if in_call else first)]
        return _Way(sale, in_call, before, asks_first=bool(before) and unlocked < quantity)

    def _goes_in_one_call(self, order: Order, legs: Sequence[Order], request: OrderRequest) -> bool:
        no_place = order.id in self._tried and self._tried[order.id].no_place
        return go_in_one_call(legs, request.market, self._account.exchange.capabilities) and not no_place

    async def _send(self, order: Order, request: OrderRequest, way: _Way, besides: Sequence[Aggregate]) -> float | None:
        """Record the intent, then send once. Return the seconds to wait before another attempt, None for none."""
        if not await self._intent_recorded(order, request, way, besides):
            return PAUSE
        account = self._account
        if order.wish.side is Side.SELL:
            account.movements.note(order.wish.symbol)
        try:
            if way.taken_off:
                await self._replaced(order, way.taken_off, await self._legs.swap(way.taken_off, request))
            else:
                report = await account.exchange.place(account.credentials, request)
                account.log.info("order_answered", request_id=request_id(order), native=report.native_status)
                await self._orders.take(order.id, report)
        except ExchangeError as error:
            if way.asks_first and is_weighed(error):
                return await self._weighed(order, request, way, error)
            return await self._not_taken(order, way, error)
        self._tried.pop(order.id, None)
        if way.sale.legs:
            self._protect_again(way)
        return None

    async def _replaced(self, order: Order, legs: Sequence[Order], done: Replacement) -> None:
        """Record both halves of the call. Raises the refusal of the sale when its coins were freed all the same."""
        if done.placed is not None:
            await self._orders.take(order.id, done.placed)
        await self._legs.taken_off(legs, done.taken_off)
        if done.refused is not None:
            raise done.refused

    # --- before the sale -----------------------------------------------------------------------------------------

    async def _weighed(self, order: Order, request: OrderRequest, way: _Way, error: ExchangeError) -> float | None:
        """Free the coins and send the sale again: the exchange refused it only for them."""
        pause = await self._deferred(order, COINS_PROTECTED, error, SHORT_PAUSE)
        if pause is None:
            return None
        return await self._free_and_send(await self._orders.load(order.id), request, way, ())

    async def _free_and_send(
        self, order: Order, request: OrderRequest, way: _Way, besides: Sequence[Aggregate]
    ) -> float | None:
        try:
            wait = await self._wait_for_room(way) or await self._freed(order, way)
        except ExchangeError as error:
            self._account.log.warning("not_freed", request_id=request_id(order), error=str(error))
            return PAUSE
        if wait is not None:
            return wait
        self._tried[order.id].no_place = False
        return await self._send(order, request, _Way(way.sale, way.in_call, has_freed=True), besides)

    async def _wait_for_room(self, way: _Way) -> float:
        """Return the seconds to wait before legs are taken off, at most `PAUSE`, and 0 for none.

        Nothing is taken off while no order can be placed: the coins would have neither a stop nor a sale.
        """
        if not way.asks_first:
            await self._account.exchange.count_orders(self._account.credentials)
        return min(self._account.turns.wait(Rank.EXIT, SINGLE), PAUSE)

    async def _freed(self, order: Order, way: _Way) -> float | None:
        """Take the legs off just before the sale. Return the seconds to wait when it cannot go yet, None when it can.

        A leg that was executed instead has sold some of the coins, so the sale is prepared anew. An insisted exit goes
        out even if legs still rest.
        """
        known = {leg.id: leg.filled for leg in way.before}
        try:
            freed = await self._legs.free(way.before)
        except ExchangeError as error:
            return await self._in_vain(order, way, error)
        if any(leg.filled > known[leg.id] for leg in freed):
            return SHORT_PAUSE
        gone = all(leg.status in ENDED for leg in freed) or order.requester in INSISTENT
        return None if gone else SHORT_PAUSE

    async def _in_vain(self, order: Order, way: _Way, error: ExchangeError) -> float:
        """Put the stops back at once, as they were taken off and nothing was sold.

        The owner is told once, if this still happens `DOUBT_BEFORE_ALARM` after the first time. Returns the seconds
        before the next attempt, doubled each time up to a limit.
        """
        tried, now = self._tried[order.id], self._account.clock()
        tried.in_vain, tried.since = tried.in_vain + 1, tried.since or now
        position, detail = way.sale.position, str(error)
        if position is not None and now - tried.since >= DOUBT_BEFORE_ALARM and not tried.told:
            tried.told = True
            await say(self._orders.store, position, lambda p: p.lose_protection("exit_not_sent", detail))
        self._protect_again(way)
        return PAUSE * float(2 ** min(tried.in_vain - 1, MOST_DOUBLINGS))

    def _protect_again(self, way: _Way) -> None:
        if way.sale.position is not None:
            self._agenda.put(Task.GUARD, way.sale.position.id)

    async def _intent_recorded(
        self, order: Order, request: OrderRequest, way: _Way, besides: Sequence[Aggregate]
    ) -> bool:
        """Record the intent; return True when our own append has committed, as only then may the order be sent.

        After any error it is looked up, not sent: the append may have committed without its answer reaching us.
        """
        account, now, ignored = self._account, self._account.clock(), left_out(order.wish, request)
        if ignored:
            account.log.warning(
                "parameters_ignored", request_id=request_id(order), exchange=request.market.exchange, parameters=ignored
            )
        with as_gateway(order):
            order.submit(
                self._orders.sender, now=now, valid_until=account.valid_until(now), quantity=request.quantity,
                cost=request.cost, price=request.price, takes_off=[leg.id for leg in way.taken_off],
                asks_first=way.asks_first, ignored=ignored,
            )  # fmt: skip
        self._orders.know(order)
        try:
            await self._orders.intend(order, *besides)
        except Exception as error:
            account.log.warning("intent_not_recorded", request_id=request_id(order), error=str(error))
            self._look_ups.begin(order.id)
            return False
        return True

    # --- attempts that were not taken ----------------------------------------------------------------------------

    async def _not_taken(self, order: Order, way: _Way, error: ExchangeError) -> float | None:
        legs = way.taken_off
        if isinstance(error, NotAccepted):
            pause = await self._pause_after(error)
            if way.has_freed:
                pause = max(pause, await self._in_vain(order, way, error))
            return await self._deferred(order, error.code, error, pause)
        if isinstance(error, OrderNotFound) and legs:
            # Nothing was changed: the legs are not in the state that we have recorded.
            with suppress(ExchangeError):
                await self._legs.ask_again(legs, self._account.markets[order.wish.symbol])
            return await self._deferred(order, error.code, error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code == NO_PLACE and legs:
            self._tried[order.id].no_place = True
            return await self._deferred(order, error.code, error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code != "client_order_id_taken":
            return await self._refused(order, way, error)
        # No answer, or a client id that is taken: an order of ours may rest under it.
        self._tried.pop(order.id, None)
        await self._orders.doubted(order, error)
        self._look_ups.begin(order.id)
        for leg in legs:
            self._look_ups.begin(leg.id)
        return None

    async def _refused(self, order: Order, way: _Way, refused: RefusedByExchange) -> float | None:
        spends, tried = self._account.markets[order.wish.symbol].spends(order.wish.side), self._tried[order.id]
        if refused.code == NO_COINS:
            pause = self._account.movements.pause(spends, tried.lags)
            tried.lags += 1
            if pause is not None:
                return await self._deferred(order, refused.code, refused, pause)
        del self._tried[order.id]
        self._account.doubt_rules(refused.code)
        code, raw = refused.code, refused.raw
        await self._orders.say(order.id, lambda o: o.reject(code, raw))
        self._protect_again(way)
        return None

    async def _pause_after(self, error: NotAccepted) -> float:
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self._account.exchange.server_time()  # measure the offset before anything is signed again
            return SHORT_PAUSE
        room = self._account.exchange.order_room(self._account.credentials)
        return max(room.seconds, SHORT_PAUSE) if room.left == 0 else PAUSE

    async def _deferred(self, order: Order, reason: str, error: ExchangeError, pause: float) -> float | None:
        """Record that the order waits for another attempt, and return the pause.

        If the stream has reported meanwhile that the order arrived after all, look it up and return None.
        """

        def defer(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.defer(reason, Personal(error.raw))

        known = await self._orders.say(order.id, defer)
        if known.status is Status.PLACED:
            return pause
        self._look_ups.begin(order.id)
        return None

"""Attempts: one order sent once for each recorded intent, and what its answer means.

A sale whose coins rest under stops takes them off in the call that sells. Where one call cannot, the sale itself is
asked for first: an exchange that misses nothing but the coins has weighed everything else, and only then they are
freed.
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
from application.lane.sizing import Sized
from application.orders.account import NO_PLACE, Account
from application.orders.agenda import Agenda, Task
from application.orders.lookups import LookUps
from application.orders.recording import as_gateway, request_id
from application.orders.turns import SINGLE, Rank
from application.ports.exchange import (
    ExchangeError,
    NotAccepted,
    OrderNotFound,
    OrderRequest,
    RefusedByExchange,
    Replacement,
)
from application.protection.freeing import COINS_PROTECTED, NO_COINS, is_weighed
from application.protection.legs import Legs
from application.protection.resting import go_in_one_call, locked_in
from application.protection.sayings import say
from application.protection.trouble import DOUBT_BEFORE_ALARM
from application.trading.positions import INSISTED
from domain.aggregate import Aggregate, Personal
from domain.amounts import ZERO, difference
from domain.order import ENDED, Order, Status
from domain.wish import Side

SHORT_PAUSE, PAUSE = 0.1, 1.0
"""Seconds before a wish is tried again that the exchange has certainly not taken."""
MOST_DOUBLINGS = 3
"""How often that pause is doubled while stops were taken off for nothing."""


@dataclass
class _Tried:
    """What is remembered of an order until it is taken or has ended."""

    lags: int = 0
    """How often the exchange said that coins are missing which had just moved."""
    no_place: bool = False
    """It found no place beside what protects its coins: that is taken off before it."""
    in_vain: int = 0
    """How often stops were taken off for it and it was not taken, since when, and whether its owner has heard."""
    since: datetime | None = None
    told: bool = False


@dataclass(frozen=True)
class _Way:
    """How a sale comes by its coins: these legs go in the call that sells, those before it."""

    sale: Sale
    in_call: Sequence[Order] = ()
    before: Sequence[Order] = ()
    asks_first: bool = False
    """Whether the sale is sent although its coins are locked, to have it weighed."""
    has_freed: bool = False

    @property
    def taken_off(self) -> Sequence[Order]:
        """The legs that the call itself takes off, none while it only asks."""
        return () if self.asks_first else self.in_call


class Attempts:
    """Records what is about to be sent, sends it, and records what the exchange said.

    What was certainly not taken, for a reason that will pass, waits for another attempt until it is stale. Silence is
    looked up.
    """

    def __init__(self, account: Account, look_ups: LookUps, legs: Legs, agenda: Agenda) -> None:
        self._account = account
        self._look_ups = look_ups
        self._legs = legs
        self._agenda = agenda
        self._tried: defaultdict[UUID, _Tried] = defaultdict(_Tried)

    async def send(self, order: Order, sale: Sale, sized: Sized, besides: Sequence[Aggregate]) -> float | None:
        """Send one order, and take off what protects the coins that it sells, in one call where that is possible.

        `besides` is recorded in the commit of the intent. Returns how many seconds to wait before another attempt,
        None when there is none.
        """
        request, way = sized.request, self._way_of(order, sale, sized)
        if way.before and not way.asks_first:
            return await self._free_and_send(order, request, way, besides)
        return await self._send(order, request, way, besides)

    def _way_of(self, order: Order, sale: Sale, sized: Sized) -> _Way:
        """Return what goes, and when. A sale for which coins of others are free would be taken: it asks nothing."""
        if not sale.legs:
            return _Way(sale)
        request = sized.request
        quantity, unlocked = request.quantity or ZERO, max(difference(sized.free, locked_in(sale.legs)), ZERO)
        first, *others = sale.going(quantity, unlocked)
        in_call = first if self._goes_in_one_call(order, first, request) else []
        before = [*chain.from_iterable(reversed(others)), *([] if in_call else first)]
        return _Way(sale, in_call, before, asks_first=bool(before) and unlocked < quantity)

    def _goes_in_one_call(self, order: Order, legs: Sequence[Order], request: OrderRequest) -> bool:
        no_place = order.id in self._tried and self._tried[order.id].no_place
        return go_in_one_call(legs, request.market, self._account.exchange.capabilities) and not no_place

    async def _send(self, order: Order, request: OrderRequest, way: _Way, besides: Sequence[Aggregate]) -> float | None:
        """Record the intent, then send once."""
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
                await account.recording.take(order.id, report)
        except ExchangeError as error:
            if way.asks_first and is_weighed(error):
                return await self._weighed(order, request, way, error)
            return await self._not_taken(order, way, error)
        self._tried.pop(order.id, None)
        return None

    async def _replaced(self, order: Order, legs: Sequence[Order], done: Replacement) -> None:
        """Record both halves. Raises why the sale was refused although its coins were freed."""
        if done.placed is not None:
            await self._account.recording.take(order.id, done.placed)
        await self._legs.taken_off(legs, done.taken_off)
        if done.refused is not None:
            raise done.refused

    # --- what goes before the sale -------------------------------------------------------------------------------

    async def _weighed(self, order: Order, request: OrderRequest, way: _Way, error: ExchangeError) -> float | None:
        """The sale would be taken now, if it had its coins: free them and send it again."""
        pause = await self._deferred(order, COINS_PROTECTED, error, SHORT_PAUSE)
        if pause is None:
            return None
        return await self._free_and_send(await self._account.recording.load(order.id), request, way, ())

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
        """Return how many seconds nothing is taken off for, because no order can be placed."""
        if not way.asks_first:
            await self._account.exchange.count_orders(self._account.credentials)
        return min(self._account.turns.wait(Rank.EXIT, SINGLE), PAUSE)

    async def _freed(self, order: Order, way: _Way) -> float | None:
        """Take the legs off before the sale, as late as possible; return how long to wait when that cannot be done yet.

        A leg that was carried out instead has sold these coins: what is left is asked anew. An insisted exit goes out
        whatever rests.
        """
        known = {leg.id: leg.filled for leg in way.before}
        try:
            freed = await self._legs.free(way.before)
        except ExchangeError as error:
            return await self._in_vain(order, way, error)
        if any(leg.filled > known[leg.id] for leg in freed):
            return SHORT_PAUSE
        gone = all(leg.status in ENDED for leg in freed) or order.requester == INSISTED
        return None if gone else SHORT_PAUSE

    async def _in_vain(self, order: Order, way: _Way, error: ExchangeError) -> float:
        """Stops were taken off and nothing was sold: they go back at once, and the next time is later and later.

        While that goes on its owner hears of it. Returns how many seconds nothing is taken off for.
        """
        tried, now = self._tried[order.id], self._account.clock()
        tried.in_vain, tried.since = tried.in_vain + 1, tried.since or now
        position, detail = way.sale.position, str(error)
        if position is not None and now - tried.since >= DOUBT_BEFORE_ALARM and not tried.told:
            tried.told = True
            await say(self._account, position, lambda p: p.lose_protection("exit_not_sent", detail))
        self._protect_again(way)
        return PAUSE * float(2 ** min(tried.in_vain - 1, MOST_DOUBLINGS))

    def _protect_again(self, way: _Way) -> None:
        if way.sale.position is not None:
            self._agenda.put(Task.GUARD, way.sale.position.id)

    async def _intent_recorded(
        self, order: Order, request: OrderRequest, way: _Way, besides: Sequence[Aggregate]
    ) -> bool:
        """Whether our own append committed: only then may we send. A lost answer means look up, not send."""
        account, now = self._account, self._account.clock()
        with as_gateway(order):
            order.submit(
                account.sender, now=now, valid_until=account.valid_until(now), quantity=request.quantity,
                cost=request.cost, price=request.price, takes_off=[leg.id for leg in way.taken_off],
                asks_first=way.asks_first,
            )  # fmt: skip
        account.know(order)
        try:
            await account.recording.intend(order, *besides)
        except Exception as error:
            account.log.warning("intent_not_recorded", request_id=request_id(order), error=str(error))
            self._look_ups.begin(order.id)
            return False
        return True

    # --- what was not taken --------------------------------------------------------------------------------------

    async def _not_taken(self, order: Order, way: _Way, error: ExchangeError) -> float | None:
        legs = way.taken_off
        if isinstance(error, NotAccepted):
            pause = await self._pause_after(error)
            if way.has_freed:
                pause = max(pause, await self._in_vain(order, way, error))
            return await self._deferred(order, error.code or "not_accepted", error, pause)
        if isinstance(error, OrderNotFound) and legs:
            # Nothing was changed: what rests under the coins is not as we knew it.
            with suppress(ExchangeError):
                await self._legs.ask_again(legs, self._account.markets[order.wish.symbol])
            return await self._deferred(order, error.code or "not_accepted", error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code == NO_PLACE and legs:
            self._tried[order.id].no_place = True
            return await self._deferred(order, error.code, error, SHORT_PAUSE)
        if isinstance(error, RefusedByExchange) and error.code != "client_order_id_taken":
            return await self._refused(order, way, error)
        # Silence, or an id that is taken, for then an order of ours may rest under it.
        self._tried.pop(order.id, None)
        await self._account.doubted(order, str(error))
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
        code, raw = refused.code or "refused_by_exchange", refused.raw
        await self._account.recording.say(order.id, lambda o: o.reject(code, raw))
        self._protect_again(way)
        return None

    async def _pause_after(self, error: NotAccepted) -> float:
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self._account.exchange.server_time()  # measured before anything is signed again
            return SHORT_PAUSE
        room = self._account.exchange.order_room(self._account.credentials)
        return max(room.seconds, SHORT_PAUSE) if room.left == 0 else PAUSE

    async def _deferred(self, order: Order, reason: str, error: ExchangeError, pause: float) -> float | None:
        """It waits for another attempt, unless the stream has told meanwhile that it came through after all."""

        def defer(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.defer(reason, Personal(error.raw))

        known = await self._account.recording.say(order.id, defer)
        if known.status is Status.PLACED:
            return pause
        self._look_ups.begin(order.id)
        return None

"""One broker's lane in the gateway: the only place that sends its orders, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from application.doubts import Doubts
from application.exchange import (
    Credentials,
    Exchange,
    ExchangeError,
    NoAnswer,
    NotAccepted,
    OrderNotFound,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
)
from application.lookups import LookUps
from application.ports import Store
from application.recording import Recording, request_id
from application.sizing import SpendingUnknown, size
from domain.aggregate import Personal
from domain.broker import Broker
from domain.market import Market
from domain.order import LIVE, Order, Status
from domain.refusals import Invalid
from domain.user import User
from domain.wish import Source

ATTEMPTS = 3
WAIT_SECONDS = 1.0
"""How long an entry waits before it is looked at again, while a doubt or a silent exchange stands in its way."""


class Log(Protocol):
    """Where the lane says what it does."""

    def info(self, event: str, **values: Any) -> Any:
        """An ordinary step."""

    def warning(self, event: str, **values: Any) -> Any:
        """Something that somebody should look at."""


class Lane:
    """Everything that changes something at one broker goes through here in the order it came."""

    def __init__(
        self,
        broker: Broker,
        exchange: Exchange,
        credentials: Credentials,
        markets: dict[str, Market],
        store: Store,
        sender: UUID,
        clock: Callable[[], datetime],
        log: Log,
    ) -> None:
        self.broker = broker
        self.exchange = exchange
        self.credentials = credentials
        self._markets = markets
        self._store = store
        self._sender = sender
        self._clock = clock
        self._log = log
        self._queue: asyncio.Queue[tuple[str, UUID]] = asyncio.Queue()
        self._ids: dict[str, UUID] = {}
        self._doubts = Doubts()
        self._recording = Recording(exchange, credentials, markets, store, self._doubts)
        self._look_ups = LookUps(exchange, credentials, markets, self._recording, self._doubts, clock, self.unwish, log)
        self.heard_at: float | None = None
        """When the private stream last said something (Unix time)."""
        self.streaming = False

    @property
    def doubts(self) -> int:
        """How many orders may or may not exist."""
        return len(self._doubts)

    # --- what the gateway says to a lane -----------------------------------------------------------------------

    def wish(self, order_id: UUID) -> None:
        """A placed order is to be sent."""
        self._queue.put_nowait(("send", order_id))

    def unwish(self, order_id: UUID) -> None:
        """An order is to be cancelled."""
        self._queue.put_nowait(("cancel", order_id))

    def resume(self, order: Order) -> None:
        """An order that another process sent: until it is known, its symbol waits and sizing reckons with it."""
        if order.status in {Status.SUBMITTED, Status.UNKNOWN}:
            self._doubts.begin(order)
        self._know(order)
        self.look_up(order.id)

    def look_up(self, order_id: UUID) -> None:
        """An unfinished order is to be asked about until its state is known."""
        self._look_ups.begin(order_id)

    def _know(self, order: Order) -> None:
        """The private stream speaks of it by this id."""
        self._ids[order.client_order_id] = order.id

    async def work(self) -> None:
        """Carry out what is queued, for ever."""
        while True:
            what, order_id = await self._queue.get()
            try:
                await (self._send(order_id) if what == "send" else self._cancel(order_id))
            except Exception as error:
                # One order's trouble stops no other. What was sent is looked up, what was not is tried until it is
                # stale; a cancel is asked for again by the look-up.
                self._log.warning("lane_failed", what=what, order=str(order_id), error=repr(error))
                self.look_up(order_id)
                if what == "send":
                    self._later(order_id)

    async def follow_stream(self) -> None:
        """Record what the private stream reports, and connect again with growing pauses when it ends."""
        pause = 1.0
        while True:
            try:
                async for report in self.exchange.reports(self.credentials):
                    pause, self.streaming, self.heard_at = 1.0, True, self._clock().timestamp()
                    if report is None:
                        self._look_all_up()  # what was reported while nobody listened
                    else:
                        await self.hear(report)
            except Exception as error:
                # Also what cannot be recorded: a new connection begins with a look at all orders.
                self._log.warning("stream_ended", broker=self.broker.number, error=repr(error), pause=pause)
            self.streaming = False
            self._look_all_up()  # the other way may be open
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)

    def _look_all_up(self) -> None:
        for order_id in [*self._recording.live]:
            self.look_up(order_id)

    async def hear(self, report: OrderReport) -> None:
        """One report of the private stream; orders that are not ours are the monitor's business."""
        order_id = self._ids.get(report.client_order_id)
        if order_id is not None:
            await self._recording.take(order_id, report)

    def stop(self) -> None:
        """End the look-ups."""
        self._look_ups.stop()

    # --- sending -----------------------------------------------------------------------------------------------

    async def _send(self, order_id: UUID) -> None:
        order = await self._recording.load(order_id)
        if order.status is not Status.PLACED:
            return None
        if (reason := await self._reason_not_to_send(order)) is not None:
            return await self._refuse(order, reason, reason)
        if self._doubts.about(order.wish.symbol):
            return self._later(order_id)
        market = self._markets[order.wish.symbol]
        try:
            request = await size(order, market, self.exchange, self.credentials, self._doubts)
        except (Invalid, RefusedByExchange) as refused:
            return await self._refuse(order, refused.code, str(refused))
        except (ExchangeError, SpendingUnknown) as error:
            self._log.warning("balance_unknown", request_id=request_id(order), error=str(error))
            return self._later(order_id)
        return await self._attempts(order, request)

    def _later(self, order_id: UUID) -> None:
        """Look at it again in a moment; it grows stale meanwhile."""
        asyncio.get_running_loop().call_later(WAIT_SECONDS, self.wish, order_id)

    async def _reason_not_to_send(self, order: Order) -> str | None:
        if order.not_after is not None and self._clock() > order.not_after:
            return "stale"
        if order.cancel_requested:
            return "cancelled_before_sending"
        if order.wish.symbol not in self._markets:
            return "symbol_unknown"
        if order.source is not Source.MANUAL:
            user = await asyncio.to_thread(self._store.get, User, User.create_id(order.user))
            broker = await asyncio.to_thread(self._store.get, Broker, self.broker.id)
            if user.trading_stopped or broker.trading_stopped:
                return "paused"
        return None

    async def _attempts(self, order: Order, request: OrderRequest) -> None:
        proof = ""
        for attempt in range(1, ATTEMPTS + 1):
            # Sizing and the pauses take their time: what was allowed a moment ago may not be now.
            if (reason := await self._reason_not_to_send(order)) is not None:
                return await self._given_up(order, reason, proof)
            now = self._clock()
            order.submit(
                self._sender,
                now=now,
                valid_until=now + timedelta(seconds=self.exchange.valid_for),
                quantity=request.quantity,
                cost=request.cost,
                price=request.price,
                proof=proof,
            )
            self._know(order)
            if not await self._intent_recorded(order):
                return None
            try:
                report = await self.exchange.place(self.credentials, request)
            except NotAccepted as error:
                proof = str(error)
                if attempt == ATTEMPTS:
                    return await self._rejected(order.id, error, "not_accepted")
                await self._before_another_attempt(error, 0.5 * attempt)
            except ExchangeError as error:
                return await self._unplaced(order, error)
            else:
                self._log.info("order_answered", request_id=request_id(order), native=report.native_status)
                await self._recording.take(order.id, report)
                return None

    async def _before_another_attempt(self, error: NotAccepted, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self.exchange.server_time()

    async def _unplaced(self, order: Order, error: ExchangeError) -> None:
        """A definite no, or a doubt: silence, and an id that is taken, for then an order of ours may rest under it."""
        if isinstance(error, RefusedByExchange) and error.code != "client_order_id_taken":
            return await self._rejected(order.id, error, "refused_by_exchange")
        return await self._doubted(order, str(error))

    async def _intent_recorded(self, order: Order) -> bool:
        """Whether our own append committed: only then may we send. A lost answer means look up, not send."""
        try:
            await self._recording.intend(order)
        except Exception as error:
            self._log.warning("intent_not_recorded", request_id=request_id(order), error=str(error))
            self.look_up(order.id)
            self._later(order.id)  # which does nothing if it was recorded after all
            return False
        return True

    async def _rejected(self, order_id: UUID, error: ExchangeError, otherwise: str) -> None:
        await self._recording.say(order_id, lambda o: o.reject(error.code or otherwise, error.raw))

    async def _given_up(self, order: Order, reason: str, proof: str) -> None:
        """Not sent, or sent and proven not to have been accepted."""
        if not proof:
            return await self._refuse(order, reason, reason)
        await self._recording.say(order.id, lambda o: o.reject(reason, Personal(proof)))
        return None

    async def _refuse(self, order: Order, reason: str, detail: str) -> None:
        await self._recording.say(order.id, lambda o: o.refuse(reason, detail))

    async def _doubted(self, order: Order, reason: str) -> None:
        """Silence is no rejection: until the truth is known, sizing reckons with the worst cost."""
        self._doubts.begin(order)
        await self._recording.say(order.id, lambda o: o.doubt(reason))
        self.look_up(order.id)

    # --- cancelling --------------------------------------------------------------------------------------------

    async def _cancel(self, order_id: UUID) -> None:
        order = await self._recording.load(order_id)
        if order.status is Status.PLACED:
            return await self._refuse(order, "cancelled_before_sending", "cancelled before it was sent")
        if order.status not in LIVE or not order.cancel_requested:
            return None
        market = self._markets.get(order.wish.symbol)
        if market is None:
            return self.look_up(order_id)
        try:
            report = await self.exchange.cancel(self.credentials, market, order.client_order_id)
        except RefusedByExchange as refused:
            code, raw = refused.code, refused.raw
            await self._recording.say(order_id, lambda o: o.reject_cancel(code, raw))
        except (NoAnswer, NotAccepted, OrderNotFound):
            self.look_up(order_id)
        else:
            await self._recording.take(order_id, report)
        return None

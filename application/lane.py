"""One broker's lane in the gateway: the only place that sends its orders, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from application.changes import Changes
from application.comparisons import Comparisons
from application.desk import Desk
from application.exchange import (
    Credentials,
    ExchangeError,
    NotAccepted,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
)
from application.guard import Guard
from application.legs import Legs
from application.limits import reserve
from application.lookups import PROOF_AFTER, LookUps
from application.positions import INSISTED
from application.reconciliation import Reconciler
from application.recording import as_gateway, request_id
from application.runs import Run
from application.sizing import SpendingUnknown, size
from domain.aggregate import Personal
from domain.broker import Broker, Usage
from domain.market import Market
from domain.order import PROTECTION, Order, Status
from domain.reconciliation import Occasion
from domain.refusals import Impossible, Invalid
from domain.spending import Spending
from domain.user import User
from domain.wish import Side, Source

ATTEMPTS = 3
AUTOMATIC = {Source.WEBHOOK: Usage.WEBHOOKS, Source.STRATEGY: Usage.STRATEGIES}
"""What a broker has to be used for, by who wants the order without a person."""
UNHINDERED = frozenset({PROTECTION, INSISTED})
"""Who wants orders that no doubt holds up."""
WAIT_SECONDS = 1.0
"""How long an entry waits before it is looked at again, while a doubt or a silent exchange stands in its way."""


class Lane:
    """Everything that changes something at one broker goes through here in the order it came."""

    def __init__(self, desk: Desk) -> None:
        self.broker = desk.broker
        self._desk = desk
        self._queue: asyncio.Queue[tuple[str, UUID]] = asyncio.Queue()
        self._look_ups = LookUps(self._desk, self.unwish)
        self._legs = Legs(self._desk, self._look_ups)
        self._guard = Guard(self._desk, self._legs, self._later)
        self._comparisons = Comparisons(desk, Reconciler(desk, self._look_ups, self.unwish))
        self.heard_at: float | None = None
        """When the private stream last said something (Unix time)."""
        self.streaming = False

    @property
    def doubts(self) -> int:
        """How many orders may or may not exist."""
        return len(self._desk.doubts)

    @property
    def comparing(self) -> bool:
        """Whether the orders are being compared because of the stream."""
        return self._comparisons.under_way

    @property
    def reconciled(self) -> asyncio.Event:
        """Set once the orders have been compared with the exchange: nothing is sent before."""
        return self._comparisons.first_ended

    # --- what the gateway says to a lane -----------------------------------------------------------------------

    def wish(self, order_id: UUID) -> None:
        """A placed order is to be sent."""
        self._queue.put_nowait(("send", order_id))

    def unwish(self, order_id: UUID) -> None:
        """An order is to be cancelled."""
        self._queue.put_nowait(("cancel", order_id))

    def alter(self, order_id: UUID) -> None:
        """A resting order is to be changed."""
        self._queue.put_nowait(("amend", order_id))

    def guard(self, position_id: UUID) -> None:
        """A position's protection is to be brought to what is wanted."""
        self._queue.put_nowait(("guard", position_id))

    def resume(self, order: Order) -> None:
        """An order that another process sent: until it is known, its symbol waits and sizing reckons with it."""
        if order.status in {Status.SUBMITTED, Status.UNKNOWN}:
            self._desk.doubts.begin(order)
        self._desk.know(order)
        self._desk.recording.meet(order)
        self._legs.adopt(order)
        if order.status is not Status.OPEN or order.cancel_requested or order.amendment is not None:
            self.look_up(order.id)  # what rests is met by the comparison of all orders, in one question

    def look_up(self, order_id: UUID) -> None:
        """An unfinished order is to be asked about until its state is known."""
        self._look_ups.begin(order_id)

    async def work(self) -> None:
        """Compare with the exchange until that has worked once, then carry out what is queued, for ever."""
        await self._comparisons.first()
        changes = Changes(self._desk, self._look_ups)
        carry_out = {
            "send": self._send, "cancel": changes.cancel, "amend": changes.amend, "guard": self._guard.drive,
        }  # fmt: skip
        while True:
            what, subject = await self._queue.get()
            try:
                await carry_out[what](subject)
            except Exception as error:
                # One order's trouble stops no other. What was sent is looked up, what was not is tried until it is
                # stale; a cancel is asked for again by the look-up, a protection until it rests.
                self._desk.log.warning("lane_failed", what=what, subject=str(subject), error=repr(error))
                if what != "guard":
                    self.look_up(subject)
                if what in {"send", "guard"}:
                    self._later(what, subject)

    async def follow_stream(self) -> None:
        """Record what the private stream reports, and connect again with growing pauses when it ends."""
        pause, lost = 1.0, False
        while True:
            try:
                async for report in self._desk.exchange.reports(self._desk.credentials):
                    pause, self.streaming, self.heard_at = 1.0, True, self._desk.clock().timestamp()
                    if report is None:
                        self._comparisons.begin(Occasion.RECONNECTION if lost else Occasion.SWEEP)  # what nobody heard
                        lost = False
                    else:
                        await self.hear(report)
            except Exception as error:
                # Also what cannot be recorded: a new connection begins with a look at all orders.
                self._desk.log.warning("stream_ended", broker=self.broker.number, error=repr(error), pause=pause)
            lost = lost or self.streaming
            self.streaming = False
            self._comparisons.begin(Occasion.SWEEP)  # the other way may be open
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)

    async def look(self, order_id: UUID) -> OrderReport:
        """What the exchange says of an order now; nothing is recorded. Raises as `Exchange.query`, or `Impossible`."""
        order = await self._desk.recording.load(order_id)
        market = self._desk.markets.get(order.wish.symbol)
        if market is None or order.broker != self.broker.number:
            raise Impossible(f"{order.wish.symbol} is not listed", code="symbol_unknown")
        return await self._desk.ask(order, market)

    async def reconcile(self, occasion: Occasion, *, dry: bool = False) -> Run | None:
        """Compare all orders of this broker with what its exchange says; None for a poll that can wait."""
        return await self._comparisons.once(occasion, dry=dry)

    async def hear(self, report: OrderReport) -> None:
        """One report of the private stream; orders that are not ours are the monitor's business."""
        await self._desk.hear(report)

    def renew(self, broker: Broker, credentials: Credentials) -> None:
        """The broker was changed or has new keys: what is done next is done with them."""
        self.broker, self._desk.broker, self._desk.credentials = broker, broker, credentials
        self.streaming = False

    def know_markets(self, markets: Mapping[str, Market]) -> None:
        """The exchange's markets, by symbol, as they are now."""
        self._desk.markets.clear()
        self._desk.markets.update(markets)

    def stop(self) -> None:
        """End the look-ups and the comparison under way."""
        self._look_ups.stop()
        self._comparisons.stop()

    # --- sending -----------------------------------------------------------------------------------------------

    async def _send(self, order_id: UUID) -> None:
        desk = self._desk
        order = await desk.recording.load(order_id)
        if order.status is not Status.PLACED:
            return None
        if (reason := await self._reason_not_to_send(order)) is not None:
            return await self._refuse(order, reason, reason)
        if self._doubt_stands_before(order):
            return self._later("send", order_id)
        market = desk.markets[order.wish.symbol]
        try:
            held = await self._guard.free_for(order)
            request = await size(order, market, desk.exchange, desk.credentials, desk.doubts, held)
            spending = None if order.requester == PROTECTION else await reserve(desk, order, request)
        except (Impossible, Invalid, RefusedByExchange) as refused:
            return await self._refuse(order, refused.code, str(refused))
        except (ExchangeError, SpendingUnknown) as error:
            desk.log.warning("balance_unknown", request_id=request_id(order), error=str(error))
            return self._later("send", order_id)
        return await self._attempts(order, request, spending)

    def _doubt_stands_before(self, order: Order) -> bool:
        """Entries wait for a doubt about their symbol and grow stale, protection and what a person insists on never."""
        return order.requester not in UNHINDERED and self._desk.doubts.about(order.wish.symbol)

    def _may_be_proven(self, order: Order) -> bool:
        """Whether a doubt is young enough to end by itself: exits wait so long, then their owner decides."""
        return self._desk.doubts.about(order.wish.symbol, self._desk.clock() - PROOF_AFTER)

    def _later(self, what: str, subject: UUID, seconds: float = WAIT_SECONDS) -> None:
        """Look at it again in a moment; an entry grows stale meanwhile."""
        asyncio.get_running_loop().call_later(seconds, self._queue.put_nowait, (what, subject))

    async def _reason_not_to_send(self, order: Order) -> str | None:
        if order.not_after is not None and self._desk.clock() > order.not_after:
            return "stale"
        if order.cancel_requested:
            return "cancelled_before_sending"
        if order.wish.symbol not in self._desk.markets:
            return "symbol_unknown"
        if order.wish.side is Side.SELL and self._doubt_stands_before(order) and not self._may_be_proven(order):
            return "exit_in_doubt"
        return None if order.requester == PROTECTION else await self._reason_of_the_broker(order)

    async def _reason_of_the_broker(self, order: Order) -> str | None:
        broker = await asyncio.to_thread(self._desk.store.get, Broker, self.broker.id)
        if broker.removed or broker.usage is Usage.OFF:
            return "broker_removed" if broker.removed else "broker_off"
        if order.source is Source.MANUAL or order.requester == INSISTED:
            return None
        user = await asyncio.to_thread(self._desk.store.get, User, User.create_id(order.user))
        if user.trading_stopped or not user.enabled or broker.trading_stopped:
            return "paused"
        wanted = AUTOMATIC[order.source]
        return None if broker.usage is wanted else f"broker_not_for_{wanted}"

    async def _attempts(self, order: Order, request: OrderRequest, spending: Spending | None) -> None:
        proof = ""
        for attempt in range(1, ATTEMPTS + 1):
            # Sizing and the pauses take their time: what was allowed a moment ago may not be now.
            if (reason := await self._reason_not_to_send(order)) is not None:
                return await self._given_up(order, reason, proof)
            now = self._desk.clock()
            with as_gateway(order):
                order.submit(
                    self._desk.sender,
                    now=now,
                    valid_until=self._desk.valid_until(now),
                    quantity=request.quantity,
                    cost=request.cost,
                    price=request.price,
                    proof=proof,
                )
            self._desk.know(order)
            reserved = [spending] if spending is not None and attempt == 1 else []
            if not await self._intent_recorded(order, reserved):
                return None
            try:
                report = await self._desk.exchange.place(self._desk.credentials, request)
            except NotAccepted as error:
                proof = str(error)
                if attempt < ATTEMPTS:
                    await self._before_another_attempt(error, 0.5 * attempt)
                order = await self._desk.recording.load(order.id)  # its cancel may have been asked for meanwhile
                if order.status is not Status.SUBMITTED:
                    return self.look_up(order.id)  # the stream has told of it: it came through after all
                if attempt == ATTEMPTS:
                    return await self._rejected(order.id, error, "not_accepted")
            except ExchangeError as error:
                return await self._unplaced(order, error)
            else:
                self._desk.log.info("order_answered", request_id=request_id(order), native=report.native_status)
                await self._desk.recording.take(order.id, report)
                return None

    async def _before_another_attempt(self, error: NotAccepted, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if error.code == "clock_skewed":
            with suppress(ExchangeError):
                await self._desk.exchange.server_time()

    async def _unplaced(self, order: Order, error: ExchangeError) -> None:
        """A definite no, or a doubt: silence, and an id that is taken, for then an order of ours may rest under it."""
        if isinstance(error, RefusedByExchange) and error.code != "client_order_id_taken":
            return await self._rejected(order.id, error, "refused_by_exchange")
        return await self._doubted(order, str(error))

    async def _intent_recorded(self, order: Order, besides: Sequence[Spending]) -> bool:
        """Whether our own append committed: only then may we send. A lost answer means look up, not send."""
        try:
            await self._desk.recording.intend(order, *besides)
        except Exception as error:
            self._desk.log.warning("intent_not_recorded", request_id=request_id(order), error=str(error))
            self.look_up(order.id)
            self._later("send", order.id)  # which does nothing if it was recorded after all
            return False
        return True

    async def _rejected(self, order_id: UUID, error: ExchangeError, otherwise: str) -> None:
        await self._desk.recording.say(order_id, lambda o: o.reject(error.code or otherwise, error.raw))

    async def _given_up(self, order: Order, reason: str, proof: str) -> None:
        """Not sent, or sent and proven not to have been accepted."""
        if not proof:
            return await self._refuse(order, reason, reason)
        await self._desk.recording.say(order.id, lambda o: o.reject(reason, Personal(proof)))
        return None

    async def _refuse(self, order: Order, reason: str, detail: str) -> None:
        await self._desk.recording.say(order.id, lambda o: o.refuse(reason, detail))

    async def _doubted(self, order: Order, reason: str) -> None:
        await self._desk.doubted(order, reason)
        self.look_up(order.id)

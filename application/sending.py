"""Sending: carrying out one broker's wishes, each of them at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from application.desk import Desk, Later
from application.exchange import ExchangeError, NotAccepted, OrderRequest, RefusedByExchange
from application.guard import Guard
from application.limits import reserve
from application.lookups import PROOF_AFTER, LookUps
from application.positions import INSISTED, UNHINDERED
from application.recording import as_gateway, request_id
from application.sizing import SpendingUnknown, size
from domain.aggregate import Personal
from domain.broker import Broker, Usage
from domain.order import PROTECTION, Order, Status
from domain.refusals import Impossible, Invalid
from domain.spending import Spending
from domain.user import User
from domain.wish import Side, Source

ATTEMPTS = 3
AUTOMATIC = {Source.WEBHOOK: Usage.WEBHOOKS, Source.STRATEGY: Usage.STRATEGIES}
"""What a broker has to be used for, by who wants the order without a person."""


class Sending:
    """The intent is recorded before anything is sent; silence and whatever else is in doubt is looked up."""

    def __init__(self, desk: Desk, look_ups: LookUps, guard: Guard, later: Later) -> None:
        self._desk = desk
        self._look_ups = look_ups
        self._guard = guard
        self._later = later

    async def send(self, order_id: UUID) -> None:
        """Carry out a wish, or say why not; what stands in its way only for a moment is looked at again."""
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
        broker = await asyncio.to_thread(self._desk.store.get, Broker, self._desk.broker.id)
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
                    return self._look_ups.begin(order.id)  # the stream has told of it: it came through after all
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
            self._look_ups.begin(order.id)
            self._later("send", order.id)  # which does nothing if it was recorded after all
            return False
        return True

    async def _rejected(self, order_id: UUID, error: ExchangeError, otherwise: str) -> None:
        await self._desk.recording.say(order_id, lambda o: o.reject(error.code or otherwise, error.raw))

    async def _given_up(self, order: Order, reason: str, proof: str) -> None:
        """Not sent, or sent and proven not to have been accepted."""
        if not proof:
            return await self._refuse(order, reason, reason)
        await self._desk.recording.say(order.id, lambda o: o.prove_absent(reason, Personal(proof)))
        return None

    async def _refuse(self, order: Order, reason: str, detail: str) -> None:
        await self._desk.recording.say(order.id, lambda o: o.refuse(reason, detail))

    async def _doubted(self, order: Order, reason: str) -> None:
        await self._desk.doubted(order, reason)
        self._look_ups.begin(order.id)

"""Look-ups: asking the exchange about an unfinished order until its state is known, or its absence is proven."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from application.orders.account import Account
from application.orders.agenda import Agenda, Task
from application.orders.recording import request_id
from application.ports.exchange import ExchangeError, OrderNotFound
from domain.aggregate import Personal
from domain.amounts import plain, total
from domain.market import Market
from domain.order import ENDED, Order, Status
from domain.refusals import NotFound

CLOCKS_JUMP = timedelta(minutes=10)
"""By how much a clock may have been set right since an order was sent: its lists begin that much earlier."""
PROOF_AFTER = timedelta(seconds=60)
"""How long after `valid_until` complete lists without the order prove that it never arrived."""
ANSWERED_WITHIN = timedelta(seconds=2)
"""How much later than its validity what the exchange did about a request shows."""
EXPLAINED_WITHIN = timedelta(seconds=30)
"""How long after its progress an order's executions may be missing from the exchange's list of them."""
PAUSES = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class LookUps:
    """The look-ups of one broker. An order that rests although its cancel was asked for is put on the agenda again."""

    def __init__(self, account: Account, agenda: Agenda) -> None:
        self._account = account
        self._agenda = agenda
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._once_more: set[UUID] = set()
        self._bells: dict[UUID, asyncio.Event] = {}
        """Rung for an order that is to be asked about again without a pause."""

    def __len__(self) -> int:
        """How many orders are being asked about."""
        return len(self._tasks)

    def __contains__(self, order_id: UUID) -> bool:
        """Whether an order is being asked about."""
        return order_id in self._tasks

    def begin(self, order_id: UUID, *, at_once: bool = False) -> None:
        """Ask about an order until its state is known; one that is being asked about is asked about once more.

        The question under way may have been answered before what happened since; `at_once` cuts the pause short.
        """
        if order_id in self._tasks:
            self._once_more.add(order_id)
            if at_once:
                self._bells[order_id].set()
        else:
            self._bells[order_id] = asyncio.Event()
            self._tasks[order_id] = asyncio.create_task(self._until_known(order_id))

    def close(self) -> None:
        """Ask no more."""
        for task in self._tasks.values():
            task.cancel()

    async def _until_known(self, order_id: UUID) -> None:
        attempt, bell = 0, self._bells[order_id]
        while True:
            self._once_more.discard(order_id)
            bell.clear()
            try:
                known = await self._known(order_id)
            except Exception as error:
                # Whatever it was, the doubt has not ended: a look-up that gave up would leave it for ever.
                self._account.log.warning("look_up_failed", order=str(order_id), error=str(error))
                known = False
            if not known:
                pause = min(PAUSES[min(attempt, len(PAUSES) - 1)], self._until_provable(order_id))
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), pause)
                attempt += 1
            elif order_id not in self._once_more:
                del self._tasks[order_id], self._bells[order_id]  # here nothing can come between the look and the end
                return

    def _until_provable(self, order_id: UUID) -> float:
        """Seconds until a doubt may be ended by proof: the look at that moment is not slept over."""
        order = self._account.recording.live.get(order_id)
        provable = None if order is None else provable_at(order)
        if provable is None:
            return PAUSES[-1]
        left = (provable - self._account.clock()).total_seconds()
        return left if left > 0 else PAUSES[-1]

    async def _known(self, order_id: UUID) -> bool:
        try:
            order = await self._account.recording.load(order_id)
        except NotFound:
            return True  # its intent was never recorded, so nothing was sent
        if order.status in ENDED or order.status is Status.PLACED:
            self._account.doubts.end(order_id)
            if not order.is_unexplained:
                return True
        market = self._account.markets.get(order.wish.symbol)
        if market is None:
            self._account.log.warning("market_gone", request_id=request_id(order), symbol=order.wish.symbol)
            return False
        asked_at = self._account.clock()
        try:
            report = await self._account.ask(order, market)
        except OrderNotFound as unseen:
            if order.is_unexplained:
                await self._tell_unexplained(order, unseen.raw)
            return await self._proven_absent(order, market, asked_at)
        except ExchangeError as silence:
            if order.status is Status.SUBMITTED and order.valid_until is not None and asked_at > order.valid_until:
                await self._account.doubted(order, str(silence))  # whoever sent it has died before the answer
            raise
        order, _ = await self._account.recording.take(order_id, report)
        settled = await self._settled(order, asked_at)
        if order.is_unexplained:
            await self._tell_unexplained(order, report.raw)
        return settled and report.state is not None and not order.is_unexplained

    async def _settled(self, order: Order, asked_at: datetime) -> bool:
        """Whether what was asked of the order has been answered as well."""
        if order.amendment is not None:
            return await self._amended(order, asked_at)
        if order.cancel_requested and order.status is Status.OPEN:
            self._agenda.put(Task.CANCEL, order.id)
            return False
        return True

    async def _tell_unexplained(self, order: Order, raw: Personal) -> None:
        """The executions are not listed yet, as they may be a moment after the order: that it lasts is told."""
        if self._account.clock() - order.modified_on > EXPLAINED_WITHIN:
            known = total(order.fills.values())
            detail = f"{plain(order.filled)} executed, {plain(known)} listed"
            await self._account.recording.say(order.id, lambda o: o.contradict("executions_missing", detail, raw))

    async def _amended(self, order: Order, asked_at: datetime) -> bool:
        """The exchange still shows the order as it was: final once the request cannot be carried out any more."""
        asked = order.amendment
        if order.status not in ENDED and asked is not None and asked_at < asked.valid_until + ANSWERED_WITHIN:
            return False
        raw = Personal(f"the exchange shows it unchanged at {asked_at.isoformat()}")
        await self._account.recording.say(order.id, lambda o: o.reject_amend("not_carried_out", raw))
        return True

    async def _proven_absent(self, order: Order, market: Market, asked_at: datetime) -> bool:
        """That it is not found proves nothing until the request is long dead and complete lists lack the order too."""
        if not order.is_in_doubt or order.exchange_order_ids or order.fills:
            self._account.log.warning("known_but_not_found", request_id=request_id(order))
            return False
        if order.status is Status.SUBMITTED:
            self._account.doubts.begin(order)
            await self._account.recording.say(order.id, lambda o: o.doubt("the exchange does not show it"))
        provable = provable_at(order)
        if provable is None or order.submitted_at is None or asked_at < provable:
            return False
        mine = set(order.client_order_ids)
        exchange, credentials = self._account.exchange, self._account.credentials
        since = min(order.submitted_at, self._account.clock()) + exchange.clock_offset - CLOCKS_JUMP
        listed = [
            *await exchange.open_orders(credentials, market, urgent=True),
            *await exchange.orders_since(credentials, market, since, urgent=True),
        ]
        for report in listed:
            if report.client_order_id in mine:
                await self._account.recording.take(order.id, report)
                return True
        raw = Personal(f"no order {order.client_order_id} among {len(listed)} orders listed at {asked_at.isoformat()}")
        order = await self._account.recording.say(order.id, lambda o: o.prove_absent("never_reached_the_exchange", raw))
        if order.status is not Status.REJECTED:
            return False  # the stream has shown it in this very moment
        self._account.log.warning("never_reached_the_exchange", request_id=request_id(order))
        return True


def provable_at(order: Order) -> datetime | None:
    """Return from when on complete lists without an order prove that it never arrived, None while nothing was sent.

    One that was sent to be weighed could not be taken, for its coins rested under others: nothing is left to wait for
    once its request is dead.
    """
    if order.valid_until is None:
        return None
    return order.valid_until + (ANSWERED_WITHIN if order.asks_first else PROOF_AFTER)

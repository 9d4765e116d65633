"""Look-ups: querying the exchange for an unfinished order until its state is known or its absence is proven."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from application.orders.agenda import Agenda, Task
from application.orders.orders import Orders, request_id
from application.ports.errors import ExchangeError, OrderNotFound
from domain.aggregate import Personal
from domain.amounts import plain, total
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.refusals import NotFound

CLOCKS_JUMP = timedelta(minutes=10)
"""The most that a clock may have been corrected since an order was sent: its lists begin that much earlier."""
PROOF_AFTER = timedelta(seconds=60)
"""Time after `valid_until` from which complete lists without the order prove that it never arrived."""
ANSWERED_WITHIN = timedelta(seconds=2)
"""Time after a request's validity by which its effect shows at the exchange."""
EXPLAINED_WITHIN = timedelta(seconds=30)
"""Time after an order's last change during which its executions may be missing from the exchange's list."""
PAUSES = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class LookUps:
    """The look-ups of one broker. An order that still rests after a cancel request has its cancel put on the agenda."""

    def __init__(self, orders: Orders, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._agenda = agenda
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._once_more: set[UUID] = set()
        self._bells: dict[UUID, asyncio.Event] = {}
        """The bell of each look-up, rung to query again without a pause."""

    def __len__(self) -> int:
        """Return the number of orders being looked up."""
        return len(self._tasks)

    def __contains__(self, order_id: UUID) -> bool:
        """Return True while an order is being looked up."""
        return order_id in self._tasks

    def begin(self, order_id: UUID, *, at_once: bool = False) -> None:
        """Look up an order until its state is known; an order being looked up is queried once more.

        The query under way may have been answered before the latest event. `at_once` cuts the pause before the next
        query short.
        """
        if order_id in self._tasks:
            self._once_more.add(order_id)
            if at_once:
                self._bells[order_id].set()
        else:
            self._bells[order_id] = asyncio.Event()
            self._tasks[order_id] = asyncio.create_task(self._until_known(order_id))

    def close(self) -> None:
        """Cancel all look-ups."""
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
                # Whatever failed, the doubt has not ended, and a look-up that gave up would leave it open for ever.
                self._account.log.warning("look_up_failed", order=str(order_id), error=str(error))
                known = False
            if not known:
                pause = min(PAUSES[min(attempt, len(PAUSES) - 1)], self._until_provable(order_id))
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), pause)
                attempt += 1
            elif order_id not in self._once_more:
                del self._tasks[order_id], self._bells[order_id]  # no await lies between the check and this
                return

    def _until_provable(self, order_id: UUID) -> float:
        """Return the seconds until absence can be proven, so that no pause outlasts that moment.

        Return the longest pause when there is no such moment ahead.
        """
        order = self._orders.live.get(order_id)
        provable = None if order is None else provable_at(order)
        if provable is None:
            return PAUSES[-1]
        left = (provable - self._account.clock()).total_seconds()
        return left if left > 0 else PAUSES[-1]

    async def _known(self, order_id: UUID) -> bool:
        try:
            order = await self._orders.load(order_id)
        except NotFound:
            return True  # its intent was never recorded, so nothing was sent
        if order.status in ENDED or order.status is Status.PLACED:
            self._orders.doubts.end(order_id)
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
                await self._orders.doubted(order, silence)  # its sender died before the answer
            raise
        order, _ = await self._orders.take(order_id, report)
        settled = await self._settled(order, asked_at)
        if order.is_unexplained:
            await self._tell_unexplained(order, report.raw)
        return settled and report.state is not None and not order.is_unexplained

    async def _settled(self, order: Order, asked_at: datetime) -> bool:
        """Return True when the amendment or cancel asked of an order is settled; put an open cancel on the agenda."""
        if order.amendment is not None:
            return await self._amended(order, asked_at)
        if order.cancel_requested and order.status is Status.OPEN:
            self._agenda.put(Task.CANCEL, order.id)
            return False
        return True

    async def _tell_unexplained(self, order: Order, raw: Personal) -> None:
        """Record a contradiction when executions are still not listed after `EXPLAINED_WITHIN`.

        Until then they may be missing, as the exchange may list them a moment after the order.
        """
        if self._account.clock() - order.modified_on > EXPLAINED_WITHIN:
            known = total(order.fills.values())
            values = {"filled": plain(order.filled), "listed": plain(known)}
            await self._orders.say(order.id, lambda o: o.contradict("executions_missing", values, raw))

    async def _amended(self, order: Order, asked_at: datetime) -> bool:
        """Reject an amendment that the exchange does not show, once it can no longer be carried out.

        Return False while it still can.
        """
        asked = order.amendment
        if order.status not in ENDED and asked is not None and asked_at < asked.valid_until + ANSWERED_WITHIN:
            return False
        raw = Personal(f"the exchange shows it unchanged at {asked_at.isoformat()}")
        await self._orders.say(order.id, lambda o: o.reject_amend("not_carried_out", raw))
        return True

    async def _proven_absent(self, order: Order, market: Market, asked_at: datetime) -> bool:
        """Reject an order in doubt that is proven absent; return True when its state is known.

        Not being found proves nothing until the request is long dead and complete lists lack the order too. An order
        found in a list is recorded instead.
        """
        if not order.is_in_doubt or order.exchange_order_ids or order.fills:
            self._account.log.warning("known_but_not_found", request_id=request_id(order))
            return False
        if order.status is Status.SUBMITTED:
            self._orders.doubts.begin(order)
            await self._orders.say(order.id, lambda o: o.doubt("not_shown"))
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
                await self._orders.take(order.id, report)
                return True
        raw = Personal(f"no order {order.client_order_id} among {len(listed)} orders listed at {asked_at.isoformat()}")
        order = await self._orders.say(order.id, lambda o: o.prove_absent("never_reached_the_exchange", raw))
        if order.status is not Status.REJECTED:
            return False  # the stream has just shown it
        self._account.log.warning("never_reached_the_exchange", request_id=request_id(order))
        return True


def provable_at(order: Order) -> datetime | None:
    """Return the time from which complete lists prove that an order never arrived, None while nothing was sent.

    An order sent to be weighed could not be accepted, as other orders locked its coins: once its request is dead,
    there is nothing left to wait for.
    """
    if order.valid_until is None:
        return None
    return order.valid_until + (ANSWERED_WITHIN if order.asks_first else PROOF_AFTER)

"""Orders: loading and recording the orders of one broker as they stand, whichever other process records too."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Container
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from application.orders.account import Account
from application.orders.differences import Difference, differences, is_complete
from application.orders.doubts import Doubts
from application.orders.fees import FeeValues
from application.ports.errors import ExchangeError
from application.ports.statements import Fill, OrderReport, Scrap
from application.ports.stores import Store
from domain.aggregate import Aggregate, carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.refusals import Conflict, Refused
from domain.trading.spending import Spending

MOST_ENDED = 500
"""The most ended orders kept in memory."""
MOST_NAMES = 20_000
"""The most order ids kept in memory; those of live orders are never dropped.

A report about an order that ended long before is matched by reconciliation.
"""


class Taken(NamedTuple):
    """The result of taking a report: the order now, and the differences that were recorded on it."""

    order: Order
    recorded: list[Difference]


class Orders:
    """The orders of one broker in the log, and the ids by which its exchange knows them."""

    def __init__(self, account: Account, store: Store, sender: UUID) -> None:
        self.account = account
        self.store = store
        self.sender = sender
        """The process that sends them."""
        self.doubts = Doubts()
        self._names: OrderedDict[str | tuple[str, str], UUID] = OrderedDict()
        self._fee_values = FeeValues(account.exchange, account.markets, account.price, account.clock, account.log)
        self._one_at_a_time = asyncio.Lock()
        self.live: dict[UUID, Order] = {}
        """The orders that this process has met and that have not ended, in the state last met."""
        self._ended: OrderedDict[UUID, Order] = OrderedDict()
        """The orders that ended lately: the stream reports of them what an answer has reported a moment before."""
        self.unexplained: set[UUID] = set()
        """Orders of which more was executed than their fills explain.

        No position holds the unexplained coins until the fills are known.
        """

    def know(self, order: Order) -> None:
        """Index an order under every id that a report may name; exchange ids are unique within one market only."""
        amended = [order.amendment.client_order_id] if order.amendment is not None else []
        names: list[str | tuple[str, str]] = [*order.client_order_ids, *amended]
        market = self.account.markets.get(order.wish.symbol)
        if market is not None:
            names += [(market.native, exchange_id) for exchange_id in order.exchange_order_ids]
        self._names.update(dict.fromkeys(names, order.id))
        for _ in range(len(self._names) - MOST_NAMES):
            name, order_id = self._names.popitem(last=False)
            if order_id in self.live:
                self._names[name] = order_id

    def order_of(self, said: OrderReport | Scrap) -> UUID | None:
        """Return the id of the order that a report is about, None for one that this process has not met."""
        by_exchange = self._names.get((said.native_symbol, said.exchange_order_id))
        return self._names.get(said.client_order_id) or by_exchange

    async def load(self, order_id: UUID) -> Order:
        """Load an order from the log, and return a copy to work on."""
        order = await self._fresh(order_id)
        self.meet(order)
        return order.copy()

    async def _met(self, order_id: UUID) -> Order:
        """Return the order as last met; another process may have recorded something since."""
        return self._at_hand(order_id) or await self.load(order_id)

    def _at_hand(self, order_id: UUID) -> Order | None:
        return self.live.get(order_id) or self._ended.get(order_id)

    async def _fresh(self, order_id: UUID) -> Order:
        return await asyncio.to_thread(self.store.get, Order, order_id)

    def meet(self, order: Order) -> None:
        """Keep an order that was just loaded or saved. A caller that goes on to change it must take a copy."""
        known = self._at_hand(order.id)
        if known is not None and known.version > order.version:
            return  # what was recorded meanwhile is newer than this load
        self.know(order)
        self.live.pop(order.id, None)
        self._ended.pop(order.id, None)
        if order.status in ENDED:
            self._ended[order.id] = order
            if len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)
        else:
            self.live[order.id] = order
        if order.is_unexplained:
            self.unexplained.add(order.id)
        else:
            self.unexplained.discard(order.id)

    async def say(self, order_id: UUID, verb: Callable[[Order], None]) -> Order:
        """Call a verb on an order, save the order and return it.

        When the kept state is refused or another process was faster, the verb is called again on fresh state. Raises
        `Refused` when fresh state refuses it too.
        """
        async with self._one_at_a_time:
            order, is_fresh = (await self._met(order_id)).copy(), False
            while True:
                try:
                    with as_gateway(order):
                        verb(order)
                        await asyncio.to_thread(self.store.save, order)
                except Refused as refused:
                    if is_fresh and not isinstance(refused, Conflict):
                        raise
                    order, is_fresh = await self._fresh(order_id), True  # another process may have recorded something
                    continue
                self.meet(order)  # only after saving: what was not recorded is not kept
                if order.status in ENDED:
                    self.doubts.end(order_id)
                    if not order.filled:
                        self.account.turns.release(order_id)
                if order.status in {Status.REJECTED, Status.REFUSED}:
                    await self._release(order)
                return order

    async def _release(self, order: Order) -> None:
        """Release the share of the day's spending limit of an order that the exchange never took."""
        if order.submitted_at is None:
            return
        stream = Spending.create_id(order.broker, order.submitted_at.date())
        spending = await asyncio.to_thread(self.store.find, Spending, stream)
        if spending is not None:
            with as_gateway(order):
                spending.release(order.id)
                await asyncio.to_thread(self.store.save, spending)

    async def take(self, order_id: UUID, report: OrderReport, agreed: Container[Difference] = ()) -> Taken:
        """Take a report into the order's history, fetching the fills that it does not contain.

        `agreed` holds differences that an earlier report has stated. Raises as `ExchangeClient.fills_of` and `say`.
        """
        fills, recorded = list[Fill](), list[Difference]()
        order = await self._met(order_id)
        market = self.account.markets.get(order.wish.symbol)  # an order may outlive its market
        if market is not None and not is_complete(order, report):
            fills = [*await self.account.exchange.fills_of(self.account.credentials, market, report.exchange_order_id)]

        values = dict[str, Decimal]()
        new_fills = [fill for fill in (*report.fills, *fills) if fill.trade_id not in order.fills]
        if market is not None:
            values = await self._fee_values.of(market, new_fills)

        def new_to(known: Order) -> list[Difference]:
            native = report.native_symbol if market is None else market.native
            return differences(known, report, native, fills, values).believed(agreed)

        def record(known: Order) -> None:
            recorded[:] = new_to(known)
            for difference in recorded:
                difference.record(known)

        if new_to(order):  # most reports of the stream repeat an answer
            order = await self.say(order_id, record)
        if not order.is_in_doubt:
            self.doubts.end(order_id)
        if any(difference.event == "Filled" for difference in recorded):
            self.account.movements.note(order.wish.symbol)
        if recorded:
            self.account.hearing.learn(order, report, new_fills)
        return Taken(order, recorded)

    async def hear(self, report: OrderReport) -> Order | None:
        """Take a report into the history of its order and return the order, None for a stranger's report."""
        order_id = self.order_of(report)
        return None if order_id is None else (await self.take(order_id, report)).order

    async def doubted(self, order: Order, silence: ExchangeError) -> None:
        """Record that an order is in doubt, as the exchange has not answered.

        Silence is not a rejection: until the truth is known, sizing counts the worst cost. The private stream may have
        reported the order before its answer was lost; then there is no doubt.
        """

        def doubt(known: Order) -> None:
            if known.status is Status.SUBMITTED:
                known.doubt(silence.code, str(silence))

        order = await self.say(order.id, doubt)
        if order.status is Status.UNKNOWN:
            self.doubts.begin(order)

    async def intend(self, *aggregates: Aggregate) -> None:
        """Append what is about to be sent, once. Whatever error it raises, the caller must look up, not send."""
        await asyncio.to_thread(lambda: self.store.save(*aggregates, retry=False))
        for one in aggregates:
            if isinstance(one, Order):
                self.meet(one)


def as_gateway(order: Order) -> AbstractContextManager[None]:
    """Return a context in which events carry the metadata of the gateway's work on this order."""
    return carrying(
        user=str(order.user), source="gateway", correlation_id=request_id(order), causation_id=str(order.id)
    )


def request_id(order: Order) -> str:
    """Return the id that all logs and events of one flow carry: the order's cause (its webhook), or its own id."""
    return str(order.cause or order.id)

"""Recording: facts recorded on one broker's orders as they stand, whichever process is recording others."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from application.orders.differences import Difference, differences, is_complete
from application.orders.doubts import Doubts
from application.orders.fees import FeeValues
from application.orders.movements import Movements
from application.orders.turns import Turns
from application.ports.exchange import ExchangeClient
from application.ports.statements import Credentials, Fill, OrderReport
from application.ports.stores import Store
from domain.aggregate import Aggregate, carrying
from domain.market import Market
from domain.order import ENDED, Order, Status
from domain.refusals import Conflict, Refused
from domain.spending import Spending

MOST_ENDED = 500
"""The most ended orders kept in memory."""


class Taken(NamedTuple):
    """The result of taking a report: the order now, and the differences that were recorded on it."""

    order: Order
    recorded: list[Difference]


class Recording:
    """The orders of one broker in the log."""

    def __init__(
        self,
        exchange: ExchangeClient,
        credentials: Callable[[], Credentials],
        markets: Mapping[str, Market],
        store: Store,
        doubts: Doubts,
        turns: Turns,
        movements: Movements,
        know: Callable[[Order], None],
        learn: Callable[[Order, OrderReport, Sequence[Fill]], None],
        fee_values: FeeValues,
    ) -> None:
        self._exchange = exchange
        self._credentials = credentials
        self._markets = markets
        self._store = store
        self._doubts = doubts
        self._turns = turns
        self._movements = movements
        self._know = know
        self._learn = learn
        self._fee_values = fee_values
        self._one_at_a_time = asyncio.Lock()
        self.live: dict[UUID, Order] = {}
        """The orders that this process has met and that have not ended, in the state last met."""
        self._ended: OrderedDict[UUID, Order] = OrderedDict()
        """The orders that ended lately: the stream reports of them what an answer has reported a moment before."""
        self.unexplained: set[UUID] = set()
        """Orders of which more was executed than their fills explain.

        No position holds the unexplained coins until the fills are known.
        """

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
        return await asyncio.to_thread(self._store.get, Order, order_id)

    def meet(self, order: Order) -> None:
        """Keep an order that was just loaded or saved. A caller that goes on to change it must take a copy."""
        known = self._at_hand(order.id)
        if known is not None and known.version > order.version:
            return  # what was recorded meanwhile is newer than this load
        self._know(order)
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
                        await asyncio.to_thread(self._store.save, order)
                except Refused as refused:
                    if is_fresh and not isinstance(refused, Conflict):
                        raise
                    order, is_fresh = await self._fresh(order_id), True  # another process may have recorded something
                    continue
                self.meet(order)  # only after saving: what was not recorded is not kept
                if order.status in ENDED:
                    self._doubts.end(order_id)
                    if not order.filled:
                        self._turns.release(order_id)
                if order.status in {Status.REJECTED, Status.REFUSED}:
                    await self._release(order)
                return order

    async def _release(self, order: Order) -> None:
        """Release the share of the day's spending limit of an order that the exchange never took."""
        if order.submitted_at is None:
            return
        stream = Spending.create_id(order.broker, order.submitted_at.date())
        spending = await asyncio.to_thread(self._store.find, Spending, stream)
        if spending is not None:
            with as_gateway(order):
                spending.release(order.id)
                await asyncio.to_thread(self._store.save, spending)

    async def take(self, order_id: UUID, report: OrderReport, agreed: Container[Difference] = ()) -> Taken:
        """Take a report into the order's history, fetching the fills that it does not contain.

        `agreed` holds differences that an earlier report has stated. Raises as `ExchangeClient.fills_of` and `say`.
        """
        fills, recorded = list[Fill](), list[Difference]()
        order = await self._met(order_id)
        market = self._markets.get(order.wish.symbol)  # an order may outlive its market
        if market is not None and not is_complete(order, report):
            fills = [*await self._exchange.fills_of(self._credentials(), market, report.exchange_order_id)]

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
            self._doubts.end(order_id)
        if any(difference.event == "Filled" for difference in recorded):
            self._movements.note(order.wish.symbol)
        if recorded:
            self._learn(order, report, new_fills)
        return Taken(order, recorded)

    async def intend(self, *aggregates: Aggregate) -> None:
        """Append what is about to be sent, once. Whatever error it raises, the caller must look up, not send."""
        await asyncio.to_thread(lambda: self._store.save(*aggregates, retry=False))
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

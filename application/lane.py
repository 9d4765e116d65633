"""One broker's lane in the gateway: the only place that sends its orders, one at a time, and ends doubts about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from application.exchange import (
    Credentials,
    Exchange,
    ExchangeError,
    Fill,
    NoAnswer,
    NotAccepted,
    OrderNotFound,
    OrderReport,
    OrderRequest,
    RefusedByExchange,
)
from application.ports import Store
from application.reports import is_complete, record
from domain.aggregate import Personal, carrying
from domain.amounts import ZERO
from domain.broker import Broker
from domain.market import Market
from domain.order import ENDED, LIVE, Order, Status
from domain.refusals import Conflict, Invalid, Refused
from domain.user import User
from domain.wish import Side, Source

HUNDRED = Decimal(100)
PROOF_AFTER = timedelta(seconds=60)
"""How long after `valid_until` complete lists without the order prove that it never arrived."""
ATTEMPTS = 3
LOOK_UP_PAUSES = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


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
        self._doubts: dict[UUID, tuple[str, str, Decimal]] = {}
        self._look_ups: dict[UUID, asyncio.Task[None]] = {}
        self._recording = asyncio.Lock()
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
            side, market = order.wish.side, self._markets[order.wish.symbol]
            worst = order.cost if order.cost is not None else self._spent(side, order.quantity, order.price)
            self._doubts[order.id] = (market.symbol, market.spends(side), worst)
        self.look_up(order.id)

    def look_up(self, order_id: UUID) -> None:
        """An unfinished order is to be asked about until its state is known."""
        if order_id not in self._look_ups:
            task = asyncio.create_task(self._until_known(order_id))
            self._look_ups[order_id] = task
            task.add_done_callback(lambda _: self._look_ups.pop(order_id, None))

    async def work(self) -> None:
        """Carry out what is queued, for ever."""
        while True:
            what, order_id = await self._queue.get()
            try:
                await (self._send(order_id) if what == "send" else self._cancel(order_id))
            except (ExchangeError, Refused) as error:
                self._log.warning("lane_failed", what=what, order=str(order_id), error=str(error))
                self.look_up(order_id)

    async def follow_stream(self) -> None:
        """Record what the private stream reports, and connect again with growing pauses when it ends."""
        pause = 1.0
        while True:
            try:
                async for report in self.exchange.reports(self.credentials):
                    pause, self.streaming, self.heard_at = 1.0, True, self._clock().timestamp()
                    await self.hear(report)
            except (ExchangeError, Refused) as error:
                self.streaming = False
                self._log.warning("stream_ended", broker=self.broker.number, error=str(error), pause=pause)
            for order_id in [*self._ids.values()]:
                self.look_up(order_id)  # what was reported while nobody listened
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)

    async def hear(self, report: OrderReport) -> None:
        """One report of the private stream; orders that are not ours are the monitor's business."""
        order_id = self._ids.get(report.client_order_id)
        if order_id is not None:
            await self._record(order_id, report)

    def stop(self) -> None:
        """End the look-ups."""
        for task in self._look_ups.values():
            task.cancel()

    # --- sending -----------------------------------------------------------------------------------------------

    async def _send(self, order_id: UUID) -> None:
        order = await self._load(order_id)
        if order.status is not Status.PLACED:
            return None
        if (reason := await self._reason_not_to_send(order)) is not None:
            return await self._refuse(order, reason, reason)
        if any(symbol == order.wish.symbol for symbol, _, _ in self._doubts.values()):
            # Entries wait for the doubt to end, and grow stale meanwhile.
            asyncio.get_running_loop().call_later(1.0, self.wish, order_id)
            return None
        try:
            request = await self._sized(order)
        except Invalid as refused:
            return await self._refuse(order, refused.code, str(refused))
        except ExchangeError as error:
            self._log.warning("balance_unknown", request_id=_request_id(order), error=str(error))
            asyncio.get_running_loop().call_later(1.0, self.wish, order_id)
            return None
        return await self._attempts(order, request)

    async def _reason_not_to_send(self, order: Order) -> str | None:
        if order.not_after is not None and self._clock() > order.not_after:
            return "stale"
        if order.cancel_requested:
            return "cancelled_before_sending"
        if order.source is not Source.MANUAL:
            user = await asyncio.to_thread(self._store.get, User, User.create_id(order.user))
            broker = await asyncio.to_thread(self._store.get, Broker, self.broker.id)
            if user.trading_stopped or broker.trading_stopped:
                return "paused"
        return None

    async def _sized(self, order: Order) -> OrderRequest:
        """What is really sent: from the live balance less what doubtful orders may have cost. Raises `Invalid`."""
        wish = order.wish
        market = self._markets.get(wish.symbol)
        if market is None:
            raise Invalid(f"{wish.symbol} is no market of this broker", code="symbol_unknown", field="symbol")
        balances, tickers = await asyncio.gather(
            self.exchange.balances(self.credentials), self.exchange.tickers([market])
        )
        currency = market.spends(wish.side)
        held = balances.get(currency)
        free = (held.free if held else ZERO) - sum(
            (worst for _, spent, worst in self._doubts.values() if spent == currency), ZERO
        )
        price = market.round_price(wish.price) if wish.price is not None else None
        quantity, cost = wish.quantity, wish.cost
        if wish.percent is not None:
            share = max(free, ZERO) * wish.percent / HUNDRED
            if wish.side is Side.SELL:
                quantity = share
            elif price is not None:
                quantity = share / price
            else:
                cost = share
        quantity = None if quantity is None else market.round_quantity(quantity)
        cost = None if cost is None else market.round_cost(cost)
        last = tickers[market.symbol].last
        if free <= 0 or (cost or ZERO) > free or self._spent(wish.side, quantity, price) > free:
            raise Invalid(f"{max(free, ZERO):f} {currency} is free", code="insufficient_funds", field="quantity")
        market.check(wish.type, quantity, cost, price, last)
        return OrderRequest(
            order.client_order_id, market, wish.side, wish.type, quantity, cost, price, wish.time_in_force
        )

    def _spent(self, side: Side, quantity: Decimal | None, price: Decimal | None) -> Decimal:
        if quantity is None:
            return ZERO
        return quantity if side is Side.SELL else quantity * (price or ZERO)

    async def _attempts(self, order: Order, request: OrderRequest) -> None:
        proof = ""
        for attempt in range(1, ATTEMPTS + 1):
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
            self._ids[order.client_order_id] = order.id
            if not await self._intent_recorded(order):
                return None
            try:
                report = await self.exchange.place(self.credentials, request)
            except RefusedByExchange as refused:
                return await self._rejected(order.id, refused, "refused_by_exchange")
            except NotAccepted as error:
                proof = str(error)
                if attempt == ATTEMPTS or (order.not_after and self._clock() > order.not_after):
                    return await self._rejected(order.id, error, "not_accepted")
                await asyncio.sleep(0.5 * attempt)
            except (NoAnswer, OrderNotFound) as error:
                return await self._doubted(order, request, str(error))
            else:
                self._log.info("order_answered", request_id=_request_id(order), native=report.native_status)
                return await self._record(order.id, report)

    async def _intent_recorded(self, order: Order) -> bool:
        """Whether our own append committed: only then may we send. A lost answer means look up, not send."""
        try:
            with self._carrying(order):
                await asyncio.to_thread(self._store.save, order, retry=False)
        except Exception as error:
            self._log.warning("intent_not_recorded", request_id=_request_id(order), error=str(error))
            self.look_up(order.id)
            return False
        return True

    async def _rejected(self, order_id: UUID, error: ExchangeError, otherwise: str) -> None:
        await self._say(order_id, lambda o: o.reject(error.code or otherwise, error.raw))

    async def _doubted(self, order: Order, request: OrderRequest, reason: str) -> None:
        """Silence is no rejection: until the truth is known, sizing reckons with the worst cost."""
        worst = (
            request.cost if request.cost is not None else self._spent(order.wish.side, request.quantity, request.price)
        )
        self._doubts[order.id] = (order.wish.symbol, request.market.spends(order.wish.side), worst)
        await self._say(order.id, lambda o: o.doubt(reason))
        self.look_up(order.id)

    async def _cancel(self, order_id: UUID) -> None:
        order = await self._load(order_id)
        if order.status is Status.PLACED:
            return await self._refuse(order, "cancelled_before_sending", "cancelled before it was sent")
        if order.status not in LIVE or not order.cancel_requested:
            return None
        market = self._markets[order.wish.symbol]
        try:
            report = await self.exchange.cancel(self.credentials, market, order.client_order_id)
        except RefusedByExchange as refused:
            return await self._cancel_rejected(order_id, refused)
        except (NoAnswer, NotAccepted, OrderNotFound):
            return self.look_up(order_id)
        return await self._record(order_id, report)

    async def _cancel_rejected(self, order_id: UUID, refused: RefusedByExchange) -> None:
        await self._say(order_id, lambda o: o.reject_cancel(refused.code, refused.raw))

    # --- doubts ------------------------------------------------------------------------------------------------

    async def _until_known(self, order_id: UUID) -> None:
        """Ask with growing pauses until the exchange has said what the order is, or that it never arrived."""
        attempt = 0
        while True:
            try:
                if await self._known(order_id):
                    return
            except Exception as error:
                # Whatever it was, the doubt has not ended: a look-up that gave up would leave it for ever.
                self._log.warning("look_up_failed", order=str(order_id), error=str(error))
            await asyncio.sleep(LOOK_UP_PAUSES[min(attempt, len(LOOK_UP_PAUSES) - 1)])
            attempt += 1

    async def _known(self, order_id: UUID) -> bool:
        order = await self._load(order_id)
        self._ids[order.client_order_id] = order_id
        if order.status in ENDED or order.status is Status.PLACED:
            self._doubts.pop(order_id, None)
            return True
        market = self._markets[order.wish.symbol]
        asked_at = self._clock()
        try:
            report = await self.exchange.query(self.credentials, market, order.client_order_id)
        except OrderNotFound:
            return await self._proven_absent(order, market, asked_at)
        await self._record(order_id, report)
        if order.cancel_requested and report.state is Status.OPEN:
            self.unwish(order_id)
        return report.state is not None

    async def _proven_absent(self, order: Order, market: Market, asked_at: datetime) -> bool:
        """That it is not found proves nothing until the request is long dead and complete lists lack the order too."""
        if order.status is Status.SUBMITTED:
            await self._say(order.id, lambda o: o.doubt("the exchange does not show it"))
        if order.valid_until is None or order.submitted_at is None or asked_at < order.valid_until + PROOF_AFTER:
            return False
        mine = set(order.client_order_ids)
        listed = [
            *await self.exchange.open_orders(self.credentials, market),
            *await self.exchange.orders_since(self.credentials, market, order.submitted_at - timedelta(minutes=1)),
        ]
        for report in listed:
            if report.client_order_id in mine:
                await self._record(order.id, report)
                return True
        raw = Personal(f"no order {order.client_order_id} among {len(listed)} orders listed at {asked_at.isoformat()}")
        await self._say(order.id, lambda o: o.reject("never_reached_the_exchange", raw))
        self._doubts.pop(order.id, None)
        return True

    # --- recording ---------------------------------------------------------------------------------------------

    async def _record(self, order_id: UUID, report: OrderReport) -> None:
        fills: list[Fill] = []
        order = await self._load(order_id)
        if not is_complete(order, report):
            market = self._markets[order.wish.symbol]
            fills = [*await self.exchange.fills_of(self.credentials, market, report.exchange_order_id)]
        await self._say(order_id, lambda o: record(o, report, fills))
        self._doubts.pop(order_id, None)

    async def _say(self, order_id: UUID, verb: Callable[[Order], None]) -> None:
        """Say something to the order as it is now, again on fresh state when another process was faster."""
        async with self._recording:
            while True:
                order = await self._load(order_id)
                with self._carrying(order):
                    verb(order)
                    try:
                        await asyncio.to_thread(self._store.save, order)
                    except Conflict:
                        continue
                if order.status in ENDED:
                    self._doubts.pop(order_id, None)
                return

    async def _refuse(self, order: Order, reason: str, detail: str) -> None:
        await self._say(order.id, lambda o: o.refuse(reason, detail))

    async def _load(self, order_id: UUID) -> Order:
        return await asyncio.to_thread(self._store.get, Order, order_id)

    def _carrying(self, order: Order) -> Any:
        return carrying(
            user=str(order.user),
            source="gateway",
            correlation_id=_request_id(order),
            causation_id=str(order.id),
        )


def _request_id(order: Order) -> str:
    """What all logs and events of one flow carry: the webhook's id, or the order's own."""
    return str(order.cause or order.id)
